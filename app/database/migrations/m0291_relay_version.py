"""A relay counts how often it was set anew."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0291_relay_version"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "A relay counts how often it was set anew")
