"""The fast lane of one connection: routine messages straight from the frame into the writer's batch.

A message takes it only while nothing of its station is being worked the long way, so answers keep the order of messages.
"""

import asyncio
from collections.abc import Mapping

import msgspec

from app.charging.model import Station
from app.kernel.clock import Clock
from ocpp_server import lane16
from ocpp_server.frames import LONGEST_ID
from ocpp_server.lane16 import Reader
from ocpp_server.transport import Socket
from ocpp_server.writer import Entry, Writer

# Of 2.0.1 heartbeats only: a boot asks for transactions, a status counts among its EVSE's connectors, and events of a
# transaction have an identity to check.
READERS: dict[str, Mapping[str, Reader]] = {"ocpp1.6": lane16.READERS, "ocpp2.0.1": {"Heartbeat": lane16.heartbeat}}
MOST_WAITING = 16  # of one station; the rest waits in its socket
CALL = msgspec.json.Decoder(tuple[int, str, str, msgspec.Raw])


class Lane:
    """Between a socket and the writer. `redo` works a message the long way."""

    __slots__ = ("_clock", "_odd", "_readers", "_settled", "_socket", "_waiting", "_writer", "booted", "station")

    def __init__(self, socket: Socket, station: Station, readers: Mapping[str, Reader], writer: Writer, clock: Clock) -> None:
        self.station = station
        self.booted = False
        self._odd: list[bytes] = []  # what the writer gave back
        self._socket = socket
        self._readers = readers
        self._writer = writer
        self._clock = clock
        self._waiting = 0
        self._settled: asyncio.Future[None] | None = None

    def take(self, data: bytes) -> bool:
        """A whole text frame. False: it has to go the long way."""
        # Without escapes the id is its own JSON, and no NUL or lone surrogate can hide.
        if self._waiting >= MOST_WAITING or b"\\" in data:
            return False
        if data in self._odd:
            self._odd.remove(data)
            return False
        try:
            kind, message_id, action, payload = CALL.decode(data)
            reader = self._readers.get(action)
            if kind != 2 or reader is None or not 0 < len(message_id) <= LONGEST_ID:
                return False
            now = self._clock()
            read = reader(self.station, message_id, payload, now)
        except (msgspec.DecodeError, RecursionError, UnicodeError, OverflowError):
            return False
        if read is None:
            return False
        self._writer.seen(self.station, now.timestamp())
        answer = f'[3,"{message_id}",{read.payload}]'.encode()
        if read.values is None and read.status is None and read.boot is None and self._waiting == 0:
            self._socket.send_now(answer)
            return True
        self.booted = self.booted or read.boot is not None
        self._waiting += 1
        self._writer.put(Entry(self, answer, data, read.status, read.values, read.boot))
        return True

    def answered(self, answer: bytes) -> None:
        """The message is stored."""
        self._socket.send_now(answer)
        self._done()

    def refused(self, data: bytes) -> None:
        """The message cannot be stored with others: it goes the long way."""
        self._odd.append(data)
        self._socket.put_back(data)
        self._done()

    async def settled(self) -> None:
        """When all that took the lane is answered."""
        if self._waiting:
            self._settled = asyncio.get_running_loop().create_future()
            await self._settled

    def _done(self) -> None:
        self._waiting -= 1
        if self._waiting == 0 and self._settled is not None:
            if not self._settled.done():
                self._settled.set_result(None)
            self._settled = None
