"""The fast lane of one connection: routine messages straight from the frame into the writer's batch.

A message takes it only while nothing of its station is being worked the long way, so answers keep the order of messages.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from datetime import datetime

import msgspec

from app.charging.model import Station
from app.kernel.clock import Clock
from ocpp_server import lane16, lane201
from ocpp_server import translate as t
from ocpp_server.frames import LONGEST_ID
from ocpp_server.lane16 import Read, Reader
from ocpp_server.session_writer import SessionEntry, SessionWriter
from ocpp_server.transport import Gone, Socket
from ocpp_server.writer import Entry, Writer

READERS: dict[str, Mapping[str, Reader]] = {"ocpp1.6": lane16.READERS, "ocpp2.0.1": lane201.READERS}
MOST_WAITING = 16  # of one station; the rest waits in its socket


class Writers(msgspec.Struct, frozen=True):
    """The two writers of a node."""

    routine: Writer
    sessions: SessionWriter


CALL = msgspec.json.Decoder(tuple[int, str, str, msgspec.Raw])


class Lane:
    """Between a socket and the writer. `redo` works a message the long way."""

    __slots__ = ("_clock", "_closed", "_readers", "_settled", "_socket", "_waiting", "_writers", "booted", "odd", "station")

    def __init__(
        self, socket: Socket, station: Station, readers: Mapping[str, Reader], writers: Writers, clock: Clock
    ) -> None:  # fmt: skip
        self.station = station
        self.booted = False
        self.odd: deque[bytes] = deque()  # what a writer gave back: to be worked before anything that came later
        self._socket = socket
        self._readers = readers
        self._writers = writers
        self._clock = clock
        self._waiting = 0
        self._closed = False  # while a start, an update or a stop is being stored
        self._settled: asyncio.Future[None] | None = None

    def take(self, data: bytes) -> bool:
        """A whole text frame. False: it has to go the long way."""
        # Without escapes the id is its own JSON, and no NUL or lone surrogate can hide.
        if self._closed or self.odd or self._waiting >= MOST_WAITING or b"\\" in data:
            return False
        try:
            kind, message_id, action, payload = CALL.decode(data)
            reader = self._readers.get(action)
            if kind != 2 or reader is None or not 0 < len(message_id) <= LONGEST_ID:
                return False
            now = self._clock()
            read = reader(self.station, message_id, payload, now)
        except (msgspec.DecodeError, t.Unreadable, RecursionError, UnicodeError, OverflowError):
            return False
        if read is None:
            return False
        if read.start is not None or read.stop is not None or read.update is not None:
            return self._take_session(message_id, data, read, now)
        self._writers.routine.seen(self.station, now.timestamp())
        answer = f'[3,"{message_id}",{read.payload}]'.encode()
        if read.values is None and read.status is None and read.boot is None and self._waiting == 0:
            self._socket.send_now(answer)
            return True
        self.booted = self.booted or read.boot is not None
        self._waiting += 1
        self._writers.routine.put(Entry(self, answer, data, read.status, read.values, read.boot))
        return True

    def _take_session(self, message_id: str, data: bytes, read: Read, now: datetime) -> bool:
        """What changes a session goes alone, since another writer stores it."""
        if self._waiting:
            return False
        self._writers.routine.seen(self.station, now.timestamp())
        self._closed = True
        self._waiting += 1
        self._writers.sessions.put(
            SessionEntry(self, b"", data, message_id=message_id, start=read.start, stop=read.stop, update=read.update)
        )
        return True

    def answered(self, answer: bytes) -> None:
        """The message is stored."""
        self._socket.send_now(answer)
        self._done()

    def refused(self, data: bytes) -> None:
        """The message cannot be stored with others: it goes the long way."""
        self.odd.append(data)
        self._socket.nudge()
        self._done()

    async def settled(self) -> None:
        """When all that took the lane is answered. Raises Gone where nobody stores any more."""
        if self._waiting:
            if self._writers.routine.stopped:
                raise Gone("nobody stores messages any more")
            self._settled = asyncio.get_running_loop().create_future()
            await self._settled

    def give_up(self) -> None:
        """Nobody stores any more: whoever waits for it goes."""
        if self._settled is not None and not self._settled.done():
            self._settled.set_exception(Gone("nobody stores messages any more"))

    def _done(self) -> None:
        self._waiting -= 1
        self._closed = False
        if self._waiting == 0 and self._settled is not None:
            if not self._settled.done():
                self._settled.set_result(None)
            self._settled = None
