"""What a licence counts: monitored variables."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0121_monitored_variables"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "A view of monitored variables, which licences count")
