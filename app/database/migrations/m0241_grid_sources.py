"""Folders of grid operators on SFTP servers, and the files that were taken from them."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0241_grid_sources"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Grid operators' folders on SFTP servers")
