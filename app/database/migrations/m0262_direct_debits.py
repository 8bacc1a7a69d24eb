"""SEPA direct debits."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0262_direct_debits"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "SEPA direct debits")
