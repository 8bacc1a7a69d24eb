"""The listener: a composition root. `run` serves until it is told to stop."""

import asyncio
import contextlib
import json
import signal
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.charging import stations
from app.charging.model import Changed, Station
from app.database.engine import close_database, open_database
from app.kernel.clock import Clock, shifted_clock, utc_now
from app.kernel.settings import Settings
from app.outbox.wake import COMMANDS, live_channel, publish
from ocpp_server.connection import Connection
from ocpp_server.door import Door
from ocpp_server.transport import HANDSHAKE_SECONDS, PING_SECONDS, POLICY_VIOLATION, VERSION_16, Socket, listen

log = structlog.get_logger()


class Node:
    """One listening process and the stations connected to it."""

    def __init__(self, name: str, secret: bytes, clock: Clock, redis: "Redis | None") -> None:
        self.name = name
        self._secret = secret
        self._clock = clock
        self._redis = redis
        self.connections: dict[UUID, Connection] = {}
        self.door = Door(secret, clock)

    async def serve_station(self, socket: Socket, guest: object) -> None:
        """The life of one connection. A newcomer with the same identity wins over the old socket."""
        if not isinstance(guest, Station):
            raise TypeError("only an admitted station gets here")
        connection = Connection(socket, guest, self._secret, self._clock, self.announce)
        old = self.connections.get(guest.id)
        self.connections[guest.id] = connection
        number = await stations.connect(guest, self.name, VERSION_16, self._clock())
        if old is not None:
            detail = "a second socket took over"
            await stations.security_event(guest, guest.identity, "second_connection", detail, self._clock())
            await old.socket.close(POLICY_VIOLATION, "replaced by a newer connection")
        await self.announce([Changed(account_id=guest.account_id, kind="connector", station_id=guest.id)])
        try:
            await connection.run()
        finally:
            await self._leave(connection, guest, number)

    async def _leave(self, connection: Connection, station: Station, number: int) -> None:
        if self.connections.get(station.id) is connection:
            del self.connections[station.id]
        try:
            if await stations.disconnect(station, number, self._clock()):
                await self.announce([Changed(account_id=station.account_id, kind="connector", station_id=station.id)])
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            log.error("presence not stored", station=station.identity, error=str(error))

    async def announce(self, changed: list[Changed]) -> None:
        """Tell open pages what has been committed."""
        for change in changed:
            body = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not None}
            await publish(self._redis, live_channel(change.account_id), body)

    async def listen_for_commands(self) -> None:
        """Wake the connection whose station has a new command; while Redis is away its own poll does it."""
        if self._redis is None:
            return
        while True:
            try:
                async with self._redis.pubsub() as subscription:
                    await subscription.subscribe(COMMANDS)
                    async for message in subscription.listen():
                        if message["type"] == "message":
                            self._wake(message["data"])
            except (RedisError, OSError) as error:
                log.warning("no wake-ups", error=str(error))
                await asyncio.sleep(1)

    def _wake(self, data: bytes) -> None:
        connection = self.connections.get(UUID(json.loads(data)["station_id"]))
        if connection is not None:
            connection.wake.set()


@asynccontextmanager
async def running_node(
    settings: Settings, clock: Clock, *, port: int | None = None, ping_s: float = PING_SECONDS,
    handshake_s: float = HANDSHAKE_SECONDS,
) -> AsyncIterator[tuple[Node, int]]:  # fmt: skip
    """A node that listens while the block runs; the database pool is the caller's. Yields the node and its port."""
    redis = Redis.from_url(settings.redis_url, socket_timeout=None) if settings.redis_url else None
    name = f"{sockets.gethostname()}:{settings.ocpp_port}"
    node = Node(name, settings.secret_key, clock, redis)
    await stations.forget_connections(name, clock())
    commands = asyncio.create_task(node.listen_for_commands())
    chosen = settings.ocpp_port if port is None else port
    try:
        async with listen(settings.host, chosen, node.door.admit, node.serve_station, ping_s=ping_s,
                          handshake_s=handshake_s) as bound:  # fmt: skip
            yield node, bound
    finally:
        commands.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await commands
        if redis is not None:
            await redis.aclose()


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    clock = utc_now if settings.test_clock is None else shifted_clock(settings.test_clock)
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    await open_database(settings.database_url, max_size=20)
    try:
        async with running_node(settings, clock) as (_, port):
            log.info("listening for stations", port=port)
            await stop.wait()
    finally:
        await close_database()


def run(settings: Settings) -> None:
    """The process of `hofstrom ocpp`."""
    import uvloop

    uvloop.run(serve(settings))
