"""Entries and photos of installers, outcomes of meter checks, searches of buses."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0230_installing"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Entries and photos of installers, outcomes of meter checks, searches of buses")
