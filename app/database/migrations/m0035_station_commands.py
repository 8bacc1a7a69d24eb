"""Commands of any kind, and what stations tell of their settings."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0035_station_commands"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Commands of any kind, and what stations tell of their settings")
