"""One writer a node: routine messages of all stations committed together, then answered. Nothing is answered before.

It flushes as soon as it is idle and something waits; while a flush is under way the next batch gathers by itself.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

import asyncpg
import msgspec
import structlog

from app.charging import batch as batches
from app.charging.model import Changed, Station
from app.database.engine import MACHINE_ROLE
from app.kernel.identifiers import new_id

log = structlog.get_logger()

LARGEST_BATCH = 500
GATHER_SECONDS = 0.004  # how long a flush may wait for company
SEEN_SECONDS = 5.0
LONGEST_PAUSE = 1.0
STATEMENT_SECONDS = 30.0
# A statement as large as these costs more to plan than to run, and its plan is the same for one row and for five hundred.
SESSION = {"timezone": "UTC", "role": MACHINE_ROLE, "plan_cache_mode": "force_generic_plan", "jit": "off"}
# By the first two signs of PostgreSQL's code: what is wrong with a row, and what passes by itself.
ROW_CLASSES = ("22", "23", "21")
PASSING_CLASSES = ("40", "53", "57", "08")
# What a connection that breaks in the middle of a statement can raise.
BREAKS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
REFUSED_CLASSES = ("28", "3D", "42")  # of a connection: password, database, role; any other refusal is waited out


class SystemFault(RuntimeError):
    """The database refuses what no single message is to blame for: a missing table, right or partition."""


class Sender(Protocol):
    """Who waits for an answer: the lane of one connection."""

    station: Station

    def answered(self, answer: bytes) -> None:
        """The message is stored: answer it."""

    def refused(self, data: bytes) -> None:
        """The message cannot be stored in a batch: it is to be worked by itself."""


class Entry(msgspec.Struct):
    """A message that waits for its commit. All rows empty: only its turn is waited for. No answer when it is stored: it was not."""

    sender: Sender
    answer: bytes
    data: bytes
    status: batches.StatusRow | None = None
    values: list[batches.ValueRow] | None = None
    boot: batches.BootRow | None = None


Announce = Callable[[list[Changed]], None]


class Writer:
    """`put` takes a message; `run` commits and answers until cancelled. Raises SystemFault out of `run`."""

    def __init__(self, dsn: str, announce: Announce) -> None:
        self._dsn = dsn
        self._announce = announce
        self._waiting: deque[Entry] = deque()
        self._seen: dict[UUID, batches.SeenRow] = {}
        self._something = asyncio.Event()
        self._line: asyncpg.Connection | None = None
        self._last_size = 0
        self._wanted = 1
        self.stopped = False
        self.flushes = 0
        self.stored = 0

    def put(self, entry: Entry) -> None:
        """Take a message; its answer follows the commit."""
        self._waiting.append(entry)
        if len(self._waiting) >= self._wanted:
            self._something.set()

    def seen(self, station: Station, at: float) -> None:
        """A station was heard (epoch seconds): kept in memory, stored every few seconds."""
        self._seen[station.id] = (station.account_id, station.id, at)

    async def run(self) -> None:
        """Until cancelled; `close` then stores what waits."""
        loop = asyncio.get_running_loop()
        look = loop.time() + SEEN_SECONDS
        loop.call_at(look, self._something.set)
        while True:
            await self._something.wait()
            if self._waiting:
                await self._gather()
                await self._flush(self._next_batch())
            if not self._waiting:
                self._something.clear()
            if loop.time() >= look:
                await self._store_seen()
                look = loop.time() + SEEN_SECONDS
                loop.call_at(look, self._something.set)

    async def close(self) -> None:
        """Store what waits and who was seen, then let the database go."""
        try:
            async with asyncio.timeout(5):
                while self._waiting:
                    await self._flush(self._next_batch())
                await self._store_seen()
        except TimeoutError:
            log.warning("stopped before all was stored; the stations keep what was not answered", waiting=len(self._waiting))
        if self._line is not None:
            self._line.terminate()

    async def _gather(self) -> None:
        """Wait a moment for company where the last flush was large: few large commits cost less than many small ones."""
        self._wanted = self._last_size // 2
        if len(self._waiting) < self._wanted:
            self._something.clear()
            timer = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._something.set)
            await self._something.wait()
            timer.cancel()
        self._wanted = 1

    def _next_batch(self) -> list[Entry]:
        """The oldest messages, at most one a station; what a station sent after it waits its turn."""
        taken: list[Entry] = []
        later: list[Entry] = []
        stations: set[UUID] = set()
        while self._waiting and len(taken) < LARGEST_BATCH:
            entry = self._waiting.popleft()
            station = entry.sender.station.id
            if station in stations:
                later.append(entry)
            else:
                stations.add(station)
                taken.append(entry)
        self._waiting.extendleft(reversed(later))
        self._last_size = len(taken)
        return taken

    async def _flush(self, entries: list[Entry]) -> None:
        """Store and answer. What cannot be stored with the others is found by halves and handed back."""
        try:
            changed = await self._store(entries)
        except (asyncpg.PostgresError, ValueError) as error:
            if not _is_row_error(error):
                raise SystemFault(f"{type(error).__name__}: {error}") from error
            if len(entries) == 1:
                log.warning("a message cannot be stored in a batch", station=entries[0].sender.station.identity, error=str(error))
                entries[0].sender.refused(entries[0].data)
                return
            middle = len(entries) // 2
            await self._flush(entries[:middle])
            await self._flush(entries[middle:])
            return
        self.flushes += 1
        self.stored += len(entries)
        self._answer(entries)
        if changed:
            self._announce(changed)

    def _answer(self, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.answer:
                entry.sender.answered(entry.answer)
            else:
                entry.sender.refused(entry.data)

    async def _store(self, entries: list[Entry]) -> list[Changed]:
        """Commit, for as long as it takes. After a broken connection the same batch is offered again: it adds nothing twice."""
        if not any(one.status or one.values or one.boot for one in entries):
            return []
        batch = _batch(entries)
        pause, again = 0.05, False
        while True:
            try:
                return await batches.store(await self._connection(), batch, again=again)
            except BREAKS as error:
                self._broken(error)
                again = True
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _broken(self, error: Exception) -> None:
        """Let go of a connection that is broken. Raises the error again where it does not pass by itself."""
        if isinstance(error, asyncpg.PostgresError) and not _passes(error):
            raise error
        log.error("batch not stored yet", error=repr(error))
        if self._line is not None and not isinstance(error, asyncpg.TransactionRollbackError):
            self._line.terminate()

    async def _store_seen(self) -> None:
        if not self._seen:
            return
        seen, self._seen = self._seen, {}
        try:
            await batches.store_seen(await self._connection(), sorted(seen.values()))
        except BREAKS as error:
            if isinstance(error, asyncpg.PostgresError) and not _passes(error):
                raise SystemFault(f"{type(error).__name__}: {error}") from error
            log.error("signs of life not stored yet", error=repr(error))
            self._seen = {**seen, **self._seen}

    async def _connection(self) -> asyncpg.Connection:
        if self._line is None or self._line.is_closed():
            settings = {"application_name": f"hofstrom {type(self).__name__}", **SESSION}
            try:
                self._line = await asyncpg.connect(self._dsn, timeout=5, command_timeout=STATEMENT_SECONDS, server_settings=settings)
            except asyncpg.PostgresError as error:
                if str(error.sqlstate or "")[:2] in REFUSED_CLASSES:
                    raise SystemFault(f"{type(error).__name__}: {error}") from error
                raise ConnectionError(str(error)) from error
        return self._line


def _batch(entries: list[Entry]) -> batches.Batch:
    made = batches.Batch(new_id())
    for entry in entries:
        if entry.values is not None:
            made.values.append(entry.values[0])
            for step, row in enumerate(entry.values[1:]):
                if step == len(made.more):
                    made.more.append([])
                made.more[step].append(row)
        elif entry.status is not None:
            made.statuses.append(entry.status)
        elif entry.boot is not None:
            made.boots.append(entry.boot)
    return made


def _is_row_error(error: Exception) -> bool:
    code = str(getattr(error, "sqlstate", None) or "22")
    return code[:2] in ROW_CLASSES and "no partition of relation" not in str(error)


def _passes(error: asyncpg.PostgresError) -> bool:
    return str(error.sqlstate or "")[:2] in PASSING_CLASSES
