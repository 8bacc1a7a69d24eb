"""Two versions of OCPP: a station may be pinned to one, and a transaction may bear its station's own name for it."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0025_two_versions"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Two versions of OCPP")
