"""Platform accounts under contract: licences, requests, reminders."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0051_licences"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Platform accounts under contract: licences, requests, reminders")
