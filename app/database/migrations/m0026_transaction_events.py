"""Transaction events of OCPP 2.0.1, the device model of stations, and the last that they told of themselves."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0026_transaction_events"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Transaction events of OCPP 2.0.1 and the device model of stations")
