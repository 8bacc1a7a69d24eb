"""Sites, points, people and occupancy as they are administered; the trail of changes."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0050_house"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Sites, points, people and occupancy as they are administered; the trail of changes")
