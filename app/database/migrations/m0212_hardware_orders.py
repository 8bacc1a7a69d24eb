"""Orders of hardware, and the terms that they follow."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0212_hardware_orders"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Orders of hardware, and the terms that they follow")
