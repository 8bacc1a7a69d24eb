"""Charges, bills, payments, payouts, deliveries."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0006_billing"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Charges, bills, payments, payouts, deliveries")
