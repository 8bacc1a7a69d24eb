"""The gateway's process: a composition root. Stations come on the local network; nothing listens towards the internet."""

import asyncio
import http
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import unquote

import structlog
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from app.kernel.tasks import ended
from ocpp_server.gateway.relay import AWAY, Platform, Refused, Relay
from ocpp_server.gateway.remote import Remote
from ocpp_server.gateway.store import Store
from ocpp_server.gateway.uplink import Uplink

log = structlog.get_logger()


class Door:
    """Lets in the stations that the platform lets in; while it is away, those that it let in before, with the same key."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.relays: dict[str, Relay] = {}
        self._chosen: dict[ServerConnection, tuple[str, str, str, object]] = {}

    async def judge(self, socket: ServerConnection, request: Request) -> Response | None:
        """Before the upgrade. None: come in."""
        identity = unquote(request.path.split("?")[0].rsplit("/", 1)[-1])
        authorization = request.headers.get("Authorization", "")
        offered = [one.strip() for line in request.headers.get_all("Sec-WebSocket-Protocol") for one in line.split(",")]
        up = None
        try:
            up = await self.platform.open(identity, authorization, offered)
            protocol: str | None = str(up.subprotocol)
        except Refused as refused:
            return socket.respond(http.HTTPStatus(int(str(refused))), "refused\n")
        except AWAY:
            protocol = self.platform.store.protocol_of(identity, authorization)
        if protocol is None or protocol not in offered:
            return socket.respond(http.HTTPStatus.UNAUTHORIZED, "refused\n")
        self._chosen[socket] = (identity, authorization, protocol, up)
        return None

    def choose(self, socket: ServerConnection, _: object) -> Subprotocol | None:
        """The protocol that the platform chose."""
        return Subprotocol(self._chosen[socket][2])

    async def serve(self, socket: ServerConnection) -> None:
        """The life of one connection; a newer one of the same station wins."""
        identity, authorization, _, up = self._chosen.pop(socket)
        relay = Relay(socket, self.platform, identity, authorization, up)  # type: ignore[arg-type]
        old, self.relays[identity] = self.relays.get(identity), relay
        if old is not None:
            await old.station.close(1008, "replaced by a newer connection")
        try:
            await relay.run()
        finally:
            if self.relays.get(identity) is relay:
                del self.relays[identity]


@asynccontextmanager
async def running_gateway(platform: Platform, host: str, port: int) -> AsyncIterator[tuple[Door, int]]:
    """A gateway that listens while the block runs. Yields its door and port."""
    door = Door(platform)
    async with serve(
        door.serve, host, port, process_request=door.judge, select_subprotocol=door.choose, max_size=2**17, close_timeout=1
    ) as server:
        yield door, next(iter(server.sockets)).getsockname()[1]


async def run(url: str, web: str, token: str, folder: Path, host: str, port: int) -> None:
    """Until SIGTERM or SIGINT. `url`: where stations connect; `web`: the platform's pages, for readings (no token: none)."""
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    store = Store(folder / "gateway.sqlite")
    side: list[asyncio.Task[None]] = []
    try:
        async with running_gateway(Platform(url, store), host, port) as (door, taken):
            if token:
                uplink = Uplink(web, token, store, folder / "readings")
                remote = Remote(uplink, lambda: {"stations": sorted(door.relays)}, stop.set)
                side = [asyncio.create_task(one.work()) for one in (uplink, remote)]
            log.info("listening for stations of the house", port=taken, platform=url)
            await stop.wait()
    finally:
        await ended(side)
        store.close()
