"""A migration step that is a file of SQL, run as the owner of the tables."""

from pathlib import Path

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from app.database.engine import DB, OWNER_ROLE

SQL_FOLDER = Path(__file__).parent / "migrations" / "sql"


def sql_migration(migration_id: str, description: str) -> MigrationManager:
    """The Piccolo migration that runs `sql/<migration_id>.sql` in one transaction."""
    manager = MigrationManager(migration_id=migration_id, app_name="hofstrom", description=description)
    statements = (SQL_FOLDER / f"{migration_id}.sql").read_text()

    async def run() -> None:
        transaction = DB.current_transaction.get()
        if transaction is None:
            raise RuntimeError("a migration step runs inside a transaction")
        await transaction.connection.execute(f"SET LOCAL ROLE {OWNER_ROLE}")
        await transaction.connection.execute(statements)
        await transaction.connection.execute("RESET ROLE")

    manager.add_raw(run)
    return manager
