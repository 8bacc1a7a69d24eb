"""Energy communities: members, connections, dated configurations, and what was fed in."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.sql_migration import sql_migration

ID = "0141_communities"


async def forwards() -> MigrationManager:
    """The step as Piccolo runs it."""
    return sql_migration(ID, "Communities, members, connections, configurations, feed")
