"""Rates beyond charging: origins, bands, seasons, tiers, several rates a site."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0095_rates"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Rates beyond charging: origins, bands, seasons, tiers, several rates a site")
