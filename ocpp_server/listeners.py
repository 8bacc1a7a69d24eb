"""The listening sockets of a node: plain where that is allowed, TLS where it is set."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from app.kernel.clock import Clock
from app.kernel.settings import Settings
from ocpp_server.door import Door
from ocpp_server.tls import StationTls
from ocpp_server.transport import Serve, listen

LOOK_SECONDS = 10.0


@dataclass(frozen=True)
class Ports:
    """Where it listens; None: not at all."""

    plain: int | None
    tls: int | None


@asynccontextmanager
async def open_listeners(
    settings: Settings, door: Door, serve: Serve, clock: Clock, *, port: int, ping_s: float, handshake_s: float
) -> AsyncIterator[Ports]:
    """Listen while the block runs. `port`: for the plain socket."""
    plain = tls = None
    shared = settings.ocpp_nodes > 1
    async with AsyncExitStack() as open_ones:
        if settings.ocpp_tls_port is not None:
            secured = StationTls(settings, clock, _foreign(door))
            tls = await open_ones.enter_async_context(
                listen(settings.host, settings.ocpp_tls_port, door.admit, serve, ping_s=ping_s, handshake_s=handshake_s,
                       tls=secured.context, shared=shared)
            )  # fmt: skip
            await open_ones.enter_async_context(_looking(secured))
        if settings.plain_host is not None:
            plain = await open_ones.enter_async_context(
                listen(settings.plain_host, port, door.admit, serve, ping_s=ping_s, handshake_s=handshake_s, shared=shared)
            )
        yield Ports(plain, tls)


def _foreign(door: Door) -> Callable[[str], None]:
    """Tell the door of a foreign certificate; the handshake does not wait for it."""
    telling: set[asyncio.Task[None]] = set()

    def refused(reason: str) -> None:
        task = asyncio.get_running_loop().create_task(door.foreign_certificate(reason))
        telling.add(task)
        task.add_done_callback(telling.discard)

    return refused


@asynccontextmanager
async def _looking(secured: StationTls) -> AsyncIterator[None]:
    """Look for renewed certificates while the block runs."""

    async def look() -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await asyncio.to_thread(secured.look)

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
