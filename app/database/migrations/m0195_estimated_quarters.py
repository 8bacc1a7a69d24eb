"""Quarter-hours that a grid operator has estimated."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0195_estimated_quarters"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Estimated amounts of quarter-hours told apart")
