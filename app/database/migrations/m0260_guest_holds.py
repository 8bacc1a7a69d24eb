"""Guests' holds that ended."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0260_guest_holds"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Guests' holds that ended")
