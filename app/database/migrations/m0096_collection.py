"""What follows a bill: credit notes, credit, reminders, disputes, refunds."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0096_collection"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "What follows a bill: credit notes, credit, reminders, disputes, refunds")
