"""Credentials for the API, and the consent of owner and operator to it."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0066_api_rights"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Credentials for the API, and the consent of owner and operator to it")
