"""Zones: their meters, what feeds them, their safe current, and who has the sun first."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0170_zones"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Meters, breaker, safe current and battery order of circuits")
