"""Letters of reminders."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0261_reminder_letters"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Letters of reminders")
