"""Routers, converters, relay modules, readers, PV and batteries; what meters and stations have besides."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0220_devices"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Devices, outputs, readers' targets, more of meters and stations")
