"""What changes in an account's series, told by the database itself, so that answers kept in memory are forgotten in time.

Triggers notify at each commit that touches what a series is made of. A process keeps answers only while it hears: the line is
tried with an echo every few seconds, and whatever is kept is void when it falls silent.
"""

import asyncio
from uuid import UUID

import asyncpg
import structlog

log = structlog.get_logger()
CHANNEL = "series_changed"
ECHO = "echo"
ECHO_S = 5.0
AGAIN_S = 1.0
Mark = tuple[int, int]


class Changes:
    """Marks of accounts: as long as an account's mark is the same, nothing has changed."""

    def __init__(self) -> None:
        self._hears = False
        self._all = 0
        self._own: dict[str, int] = {}
        self._echo = asyncio.Event()

    def mark(self, account_id: UUID) -> Mark | None:
        """The present mark; None: nobody listens, so nothing may be kept."""
        return (self._all, self._own.get(str(account_id), 0)) if self._hears else None

    def heard(self, payload: str) -> None:
        """A message: an account, or '' where the change was made across accounts."""
        if payload == ECHO:
            self._echo.set()
        elif payload:
            self._own[payload] = self._own.get(payload, 0) + 1
        else:
            self._all += 1

    async def listen(self, dsn: str) -> None:
        """Hear until cancelled; a line that breaks or falls silent is opened again."""
        while True:
            try:
                await self._hear(dsn)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                log.warning("answers are not kept: the database is not heard", error=repr(error)[:200])
            finally:
                self._deaf()
            await asyncio.sleep(AGAIN_S)

    def _deaf(self) -> None:
        """What may have been missed makes everything void."""
        self._hears = False
        self._all += 1

    async def _hear(self, dsn: str) -> None:
        line = await asyncpg.connect(dsn, timeout=ECHO_S)
        try:
            line.add_termination_listener(lambda _: self._deaf())
            await line.add_listener(CHANNEL, lambda *said: self.heard(str(said[3])))
            while True:
                self._echo.clear()
                await line.execute("SELECT pg_notify($1, $2)", CHANNEL, ECHO, timeout=ECHO_S)
                await asyncio.wait_for(self._echo.wait(), ECHO_S)
                self._hears = True
                await asyncio.sleep(ECHO_S)
        finally:
            line.terminate()
