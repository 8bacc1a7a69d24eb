"""One Piccolo engine a process, with a transaction that cannot leak its connection."""

import asyncio
from types import TracebackType
from typing import Any

import asyncpg
import structlog
from piccolo.engine.postgres import PostgresEngine, PostgresTransaction

log = structlog.get_logger()

WAIT_SECONDS = 0.5
# A server that is not there, still starting, going down, or full.
AWAY = (OSError, asyncpg.OperatorInterventionError, asyncpg.PostgresConnectionError, asyncpg.TooManyConnectionsError)
OWNER_ROLE = "hofstrom_owner"
APP_ROLE = "hofstrom_app"
MACHINE_ROLE = "hofstrom_machine"
ROLES = (OWNER_ROLE, APP_ROLE, MACHINE_ROLE)


class SafeTransaction(PostgresTransaction):
    """Piccolo's transaction keeps the connection and its context variable when COMMIT fails; this one lets go of both.

    Without it, later queries of the same task would run on the leaked connection, outside any account.
    """

    async def __aenter__(self) -> "SafeTransaction":
        self.connection = await self.get_connection()
        try:
            self.transaction = self.connection.transaction()
            await self.begin()
        except BaseException:
            await self._let_go()
            raise
        self.context = self.engine.current_transaction.set(self)
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        try:
            if exception is not None:
                await self.rollback()
            else:
                await self.commit()
        finally:
            self.engine.current_transaction.reset(self.context)
            await self._let_go()
        return False

    async def _let_go(self) -> None:
        if self.engine.pool:
            await self.engine.pool.release(self.connection)
        else:
            await self.connection.close()


class HofstromEngine(PostgresEngine):
    """Piccolo's engine, configured when the process knows its settings."""

    async def check_version(self) -> None:
        """Nothing: the engine is made before its address is known; `hofstrom check` asks for the version."""

    def transaction(self, allow_nested: bool = False) -> SafeTransaction:
        """A transaction; a second one inside it is an error, since it would silently be nothing."""
        return SafeTransaction(engine=self, allow_nested=allow_nested)


DB = HofstromEngine(config={}, extensions=())


def configure(dsn: str, role: str | None = APP_ROLE) -> None:
    """Point the engine at a database; new connections begin in `role` (None: the login's own)."""
    server_settings: dict[str, str] = {"application_name": "hofstrom", "timezone": "UTC"}
    if role is not None:
        server_settings["role"] = role
    DB.config = {"dsn": dsn, "server_settings": server_settings}


async def _leave_as_it_is(_: object) -> None:
    """Nothing to put back: transactions set role and account for themselves alone, and nobody changes a session."""


async def open_database(dsn: str, *, min_size: int = 1, max_size: int = 10, **options: Any) -> None:
    """Open this process's pool of connections. Each begins in the application's role, which sees nothing by itself."""
    configure(dsn)
    # asyncpg's own reset is a round trip after each transaction, before its answer goes out.
    await DB.start_connection_pool(min_size=min_size, max_size=max_size, reset=_leave_as_it_is, **options)


async def open_when_it_answers(dsn: str, **options: Any) -> None:
    """The same for a part that is started with the database, or while it is away: it is waited for. Whatever else is wrong
    (a password, a name) raises at once."""
    while True:
        try:
            return await open_database(dsn, **options)
        except AWAY as error:
            log.warning("waiting for the database", error=str(error))
            await asyncio.sleep(WAIT_SECONDS)


async def close_database() -> None:
    """Close the pool; open transactions are waited for."""
    if DB.pool:
        await DB.close_connection_pool()
