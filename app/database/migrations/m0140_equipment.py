"""Gateways, the meter in full, dated links to billing points, rule meters and live values."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0140_equipment"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Gateways, meters in full, dated links, rule meters, live values")
