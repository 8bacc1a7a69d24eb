"""The second writer of a node: plain starts, updates and stops of many stations, committed together, then answered.

Each flush is of one kind. What is not plain is handed back and worked by itself.
"""

import asyncio
from uuid import UUID

import asyncpg

from app.charging.model import Changed, StartAnswer
from app.charging.plain_events import SaidUpdate, update_all
from app.charging.plain_sessions import SaidStart, SaidStop, end_all, start_all
from ocpp_server.writer import BREAKS, LARGEST_BATCH, Announce, Entry, Writer

SPACING_SECONDS = 0.012  # between two flushes under load; the first after a pause goes at once


class SessionEntry(Entry, kw_only=True):
    """A start, an update or a stop that waits for its commit."""

    message_id: str
    start: SaidStart | None = None
    stop: SaidStop | None = None
    update: SaidUpdate | None = None

    @property
    def kind(self) -> str:
        """Which statement stores it."""
        return "start" if self.start is not None else "stop" if self.stop is not None else "update"


class SessionWriter(Writer):
    """Stores what changes a session."""

    def __init__(self, dsn: str, announce: Announce, secret: bytes) -> None:
        super().__init__(dsn, announce)
        self._secret = secret
        self._last = 0.0

    async def _gather(self) -> None:
        """Leave the other writer its share."""
        loop = asyncio.get_running_loop()
        if (early := self._last + SPACING_SECONDS - loop.time()) > 0:
            await asyncio.sleep(early)
        self._last = loop.time()

    def _next_batch(self) -> list[Entry]:
        """The oldest of one kind; of a badge one start at a time, since each looks at what the badge has begun elsewhere."""
        taken: list[Entry] = []
        later: list[Entry] = []
        badges: set[tuple[UUID, str]] = set()
        kind: str | None = None
        while self._waiting and len(taken) < LARGEST_BATCH:
            entry = self._waiting.popleft()
            if not isinstance(entry, SessionEntry):
                raise TypeError("only what changes a session is stored here")
            badge = None if entry.start is None else (entry.start.station.account_id, entry.start.report.id_tag.upper())
            if kind not in (None, entry.kind) or badge in badges:
                later.append(entry)
                continue
            kind = entry.kind
            if badge is not None:
                badges.add(badge)
            taken.append(entry)
        self._waiting.extendleft(reversed(later))
        return taken

    async def _store(self, entries: list[Entry]) -> list[Changed]:
        """Commit once. What breaks on the way is stored or not: the long way finds out which, or tells the station to come again."""
        kept = [entry for entry in entries if isinstance(entry, SessionEntry)]
        try:
            line = await self._connection()
            store = {"start": self._start, "update": self._update, "stop": self._end}[kept[0].kind]
            return await store(kept, line)
        except BREAKS as error:
            self._broken(error)
            return []

    async def _start(self, entries: list[SessionEntry], line: asyncpg.Connection) -> list[Changed]:
        answers, changed = await start_all(line, [entry.start for entry in entries if entry.start is not None], self._secret)
        for entry, answer in zip(entries, answers, strict=True):
            if answer is not None:
                entry.answer = started(entry.message_id, answer)
        return changed

    async def _update(self, entries: list[SessionEntry], line: asyncpg.Connection) -> list[Changed]:
        answers, changed = await update_all(line, [entry.update for entry in entries if entry.update is not None], self._secret)
        for entry, answer in zip(entries, answers, strict=True):
            if answer is not None:
                entry.answer = f'[3,"{entry.message_id}",{answer.display_text or "{}"}]'.encode()
        return changed

    async def _end(self, entries: list[SessionEntry], line: asyncpg.Connection) -> list[Changed]:
        said = [entry.stop for entry in entries if entry.stop is not None]
        stored, changed = await end_all(line, said)
        for entry, stop, is_stored in zip(entries, said, stored, strict=True):
            if is_stored:
                entry.answer = ended(entry.message_id, tagged=stop.report.id_tag is not None)
        return changed


def started(message_id: str, answer: StartAnswer) -> bytes:
    """The answer to a start; the id has no escapes."""
    group = "" if answer.group is None else f',"parentIdTag":"{answer.group}"'
    return f'[3,"{message_id}",{{"transactionId":{answer.transaction_no},"idTagInfo":{{"status":"{answer.tag_status}"{group}}}}}]'.encode()


def ended(message_id: str, *, tagged: bool) -> bytes:
    """The answer to a stop."""
    return f'[3,"{message_id}",{{"idTagInfo":{{"status":"Accepted"}}}}]'.encode() if tagged else f'[3,"{message_id}",{{}}]'.encode()
