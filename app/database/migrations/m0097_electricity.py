"""A house's electricity: meters, quarter-hours, runs."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0097_electricity"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "A house's electricity: meters, quarter-hours, runs")
