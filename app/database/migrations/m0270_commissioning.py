"""Commissioning runs, and what meters measure on each phase."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0270_commissioning"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Commissioning runs, and what meters measure on each phase")
