"""Access of staff to gateways: for a while, with a reason, and what was asked."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0159_gateway_access"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Staff reach a gateway for a while, and what they asked is kept")
