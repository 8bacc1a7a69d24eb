"""Load balancing: circuits, where stations hang, who owns a site's loop, and why a car has what it has."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0110_load_balancing"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Circuits, wiring of stations, leases of sites, wishes, and the reasons of currents")
