"""The one file that knows the WebSocket library: a listener, and sockets with recv, send, close."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from ssl import SSLContext
from typing import Any
from weakref import WeakKeyDictionary

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode, apply_mask
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

LARGEST_FRAME = 128 * 1024
HANDSHAKE_SECONDS = 10.0
PING_SECONDS = 30.0
BACKLOG = 4096  # all stations may return at once

POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011
NOTHING = None


class Gone(Exception):
    """The socket is closed."""


@dataclass(frozen=True)
class Knock:
    """Who is at the door: what the upgrade request says."""

    path: str
    authorization: str
    protocols: tuple[str, ...]
    address: str
    tls: bool = False
    certificate: bytes | None = None  # the client's, DER; its signature has been checked


Take = Callable[[bytes], bool]


class StationConnection(ServerConnection):
    """A connection whose whole text frames may be taken as they come, before they queue for `recv`.

    This relies on `data_received` and `process_event` of websockets (pinned). Nearly always what arrives is one text frame: it
    is read here. Anything else, and a frame that is not taken, goes the library's way with its own flow control, and nothing is
    taken while a frame is queued or being worked.
    """

    take: Take | None = None
    queued = 0
    _between = False  # the library is between two frames, so that the next octet begins one
    _declined = False

    def data_received(self, data: bytes) -> None:
        """Octets have arrived."""
        if self._between and self.take is not None and self.queued == 0 and not self.paused:
            text = whole_text(data)
            if text is not None and self.protocol.state is State.OPEN:
                if self.take(text):
                    return
                self._declined = True
        super().data_received(data)
        self._declined = False
        self._between = self.protocol.current_size is None and _at_a_start(self.protocol)

    def process_event(self, event: Any) -> None:
        """A frame has arrived."""
        if self.request is not None:  # the first event is the handshake
            opcode = event.opcode
            open_lane = self.take is not None and self.queued == 0 and not self.paused and not self._declined
            if open_lane and opcode is Opcode.TEXT and event.fin and self.take(bytes(event.data)):  # type: ignore[misc]
                return
            if opcode is Opcode.TEXT or opcode is Opcode.BINARY:
                self.queued += 1
        super().process_event(event)


def _at_a_start(protocol: ServerProtocol) -> bool:
    """Whether the library has read all that came and waits for the first octet of a frame."""
    waits_in: Any = protocol.parser
    while (deeper := waits_in.gi_yieldfrom) is not None:
        waits_in = deeper
    return waits_in.__name__ == "at_eof" and not protocol.reader.buffer


def whole_text(data: bytes) -> bytes | None:
    """The text where these octets are exactly one masked text frame below 64 KiB, else None."""
    if len(data) < 6 or data[0] != 0x81:
        return None
    size, at = data[1], 2
    if size == 0xFE:
        size, at = 0x80 + int.from_bytes(data[2:4], "big"), 4
    elif size == 0xFF:
        return None
    if size < 0x80 or len(data) != at + 4 + size - 0x80:
        return None
    return apply_mask(data[at + 4 :], data[at : at + 4])


class Socket:
    """An accepted station's socket."""

    __slots__ = ("_connection", "_nudges", "_working")

    def __init__(self, connection: StationConnection) -> None:
        self._connection = connection
        self._working = False
        self._nudges = 0

    def offer(self, take: Take) -> None:
        """Offer whole text frames to `take` first, from now on; what it declines is received as usual."""
        self._connection.take = take

    async def recv(self) -> str | bytes | None:
        """The next frame, or NOTHING after a nudge. Raises Gone."""
        try:
            frame = await self._connection.recv()
        except ConnectionClosed as closed:
            raise Gone(str(closed)) from None
        self._working = True
        if not frame and self._nudges:
            self._nudges -= 1
            return NOTHING
        return frame

    def worked(self) -> None:
        """The frame received last has been worked: later ones need not wait for it. Saying so again changes nothing."""
        if self._working:
            self._working = False
            self._connection.queued -= 1

    def nudge(self) -> None:
        """Let `recv` return NOTHING once, after what is queued. A closed socket stays closed."""
        try:
            self._connection.recv_messages.put(Frame(Opcode.TEXT, b""))
        except EOFError:
            return  # the station has left meanwhile: nobody receives any more, and it keeps what was not answered
        self._nudges += 1
        self._connection.queued += 1

    def send_now(self, text: bytes) -> None:
        """Send one short text frame without waiting; a closed socket drops it."""
        connection = self._connection
        if connection.protocol.state is State.OPEN and not connection.transport.is_closing():
            size = len(text)
            head = bytes((0x81, size)) if size < 126 else b"\x81\x7e" + size.to_bytes(2, "big")
            connection.transport.write(head + text)

    async def send(self, text: str) -> None:
        """Send one frame. Raises Gone."""
        try:
            await self._connection.send(text)
        except ConnectionClosed as closed:
            raise Gone(str(closed)) from None

    async def close(self, code: int, reason: str) -> None:
        """Close with a code; a closed socket stays closed."""
        await self._connection.close(code, reason)


# The status, the guest, and the subprotocol chosen among those that were offered.
Admit = Callable[[Knock], Awaitable[tuple[int, object, str]]]
Serve = Callable[[Socket, object, str], Awaitable[None]]


@asynccontextmanager
async def listen(
    host: str, port: int, admit: Admit, serve_station: Serve, *, ping_s: float = PING_SECONDS,
    handshake_s: float = HANDSHAKE_SECONDS, tls: SSLContext | None = None, shared: bool = False,
) -> AsyncIterator[int]:  # fmt: skip
    """Listen while the block runs; yields the port. `admit` answers (101, guest, subprotocol) or (status, None, "") before the upgrade.

    `shared`: other processes may listen on the same port; the kernel gives each newcomer to one of them.
    """

    guests: WeakKeyDictionary[ServerConnection, tuple[object, str]] = WeakKeyDictionary()

    async def at_the_door(connection: ServerConnection, request: Request) -> Response | None:
        status, guest, protocol = await admit(_knock(connection, request))
        if status != HTTPStatus.SWITCHING_PROTOCOLS:
            return _refusal(connection, status)
        guests[connection] = guest, protocol
        return None

    def chosen(connection: ServerConnection, _: Sequence[Subprotocol]) -> Subprotocol:
        return Subprotocol(guests[connection][1])

    async def inside(connection: ServerConnection) -> None:
        if not isinstance(connection, StationConnection):
            raise TypeError("the server was told to make station connections")
        await serve_station(Socket(connection), *guests.pop(connection))

    server: Server = await serve(
        inside, host, port, select_subprotocol=chosen, process_request=at_the_door, compression=None,
        max_size=LARGEST_FRAME, open_timeout=handshake_s, ping_interval=ping_s, ping_timeout=ping_s, close_timeout=2,
        server_header=None, ssl=tls, ssl_handshake_timeout=None if tls is None else handshake_s,
        create_connection=StationConnection, backlog=BACKLOG, reuse_port=shared or None,
    )  # fmt: skip
    try:
        yield next(iter(server.sockets)).getsockname()[1]
    finally:
        server.close(code=1012, reason="restarting")
        await server.wait_closed()


def _knock(connection: ServerConnection, request: Request) -> Knock:
    offered = ",".join(request.headers.get_all("Sec-WebSocket-Protocol"))
    peer, line = connection.remote_address, connection.transport.get_extra_info("ssl_object")
    return Knock(
        path=request.path,
        authorization=request.headers.get("Authorization", ""),
        protocols=tuple(part.strip() for part in offered.split(",") if part.strip()),
        address=str(peer[0]) if peer else "",
        tls=line is not None,
        certificate=None if line is None else line.getpeercert(binary_form=True),
    )


def _refusal(connection: ServerConnection, status: int) -> Response:
    response = connection.respond(HTTPStatus(status), f"{HTTPStatus(status).phrase}\n")
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Basic realm="station", charset="UTF-8"'
    return response
