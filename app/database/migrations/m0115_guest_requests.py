"""Requests of guests: who are nobody here, and whose charges are external."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0115_guest_requests"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "A start may be a guest's, without person and flat")
