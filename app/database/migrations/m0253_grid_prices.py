"""What the grid operator takes for a kWh at a building."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0253_grid_prices"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "What the grid operator takes for a kWh at a building")
