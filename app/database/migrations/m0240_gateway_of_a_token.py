"""A gateway's token belongs to an installed device, and an MQTT broker can check it."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0240_gateway_of_a_token"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Tokens of gateways tied to the device, and known to a broker")
