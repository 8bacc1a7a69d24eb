"""Invitations by one-time link, and tokens that end and say when they were used."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0065_invitations"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Invitations, and tokens that end and say when they were used")
