"""The listener: a composition root. `run` serves until it is told to stop."""

import asyncio
import gc
import json
import os
import signal
import socket as sockets
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.billing.told_prices import final_cost
from app.charging import local_lists, nodes, shown_prices, station_commands, stations
from app.charging.model import Changed, Station
from app.database.engine import close_database, open_when_it_answers
from app.kernel.clock import Clock, shifted_clock, utc_now
from app.kernel.settings import Settings
from app.kernel.tasks import ended
from app.outbox.wake import COMMANDS
from ocpp_server.announcer import Announcer
from ocpp_server.commands_in import DATABASE_ERRORS
from ocpp_server.connection import Connection
from ocpp_server.door import Door
from ocpp_server.lane import Writers
from ocpp_server.listeners import Ports, open_listeners
from ocpp_server.protocols import PROTOCOLS
from ocpp_server.session_writer import SessionWriter
from ocpp_server.together import Together
from ocpp_server.transport import (
    HANDSHAKE_SECONDS,
    INTERNAL_ERROR,
    POLICY_VIOLATION,
    Socket,
)
from ocpp_server.writer import SystemFault, Writer

log = structlog.get_logger()

POLL_SECONDS = 1.0
LIFE_SECONDS = 10.0


class Node:
    """One listening process and the stations connected to it."""

    def __init__(self, name: str, secret: bytes, clock: Clock, redis: "Redis | None", dsn: str) -> None:
        self.name = name
        self._secret = secret
        self._clock = clock
        self._redis = redis
        self.connections: dict[UUID, Connection] = {}
        self.failed = asyncio.Event()
        self.door = Door(secret, clock)
        self.ports = Ports(None, None)
        self.announcer = Announcer(redis)
        self.writer = Writer(dsn, self.announcer.soon)
        self.sessions = SessionWriter(dsn, self.announcer.at_once, secret)
        self._arrivals: Together[tuple[Station, str], tuple[int, bool]] = Together(
            lambda arrivals: stations.connect_all(arrivals, name, clock())
        )
        self._departures: Together[Station, bool] = Together(lambda gone: stations.disconnect_all(gone, clock()))
        self._closing: deque[asyncio.Task[None]] = deque(maxlen=100)  # holds the tasks while they run

    async def serve_station(self, socket: Socket, guest: object, version: str) -> None:
        """The life of one connection. A newcomer with the same identity wins over the old socket."""
        if not isinstance(guest, Station):
            raise TypeError("only an admitted station gets here")
        try:
            number, left = await self._arrivals.ask((guest, version))
        except DATABASE_ERRORS as error:
            log.error("presence not stored", station=guest.identity, error=repr(error))
            await socket.close(INTERNAL_ERROR, "try again")
            return
        station = msgspec.structs.replace(guest, connection_no=number, ocpp_version=version)
        connection = Connection(socket, station, PROTOCOLS[version], self._secret, self._clock, self.announce,
                                Writers(self.writer, self.sessions))  # fmt: skip
        old = self.connections.get(station.id)
        if old is None or old.station.connection_no < number:
            self.connections[station.id] = connection
        try:
            await self._replace(old, station)
            if left and old is None:
                await self.announce(await station_commands.lost_with_connection(station, self._clock()))
            if left:
                connection.commands.wake()
            self.announcer.soon([Changed(account_id=station.account_id, kind="connector", station_id=station.id)])
            await connection.run()
        except DATABASE_ERRORS as error:
            log.error("takeover not stored", station=station.identity, error=repr(error))
            await socket.close(INTERNAL_ERROR, "try again")
        finally:
            await self._leave(connection)

    async def _replace(self, old: Connection | None, station: Station) -> None:
        """Close the socket that the station had before, here or at another node."""
        self.announcer.hint(COMMANDS, {"station_id": station.id, "connection_no": station.connection_no})
        if old is not None:
            await stations.security_event(station, station.identity, "second_connection", "a newer socket took over", self._clock())
            await old.socket.close(POLICY_VIOLATION, "replaced by a newer connection")

    async def _leave(self, connection: Connection) -> None:
        station = connection.station
        if self.connections.get(station.id) is connection:
            del self.connections[station.id]
        try:
            if await self._departures.ask(station):
                self.announcer.soon([Changed(account_id=station.account_id, kind="connector", station_id=station.id)])
        except DATABASE_ERRORS as error:
            log.error("presence not stored", station=station.identity, error=repr(error))

    async def write(self) -> None:
        """Store and answer messages. A fault of the system stops the node, loudly: its stations keep what was not
        answered, and whoever watches over the processes sees this one end."""
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self.writer.run())
                both.create_task(self.sessions.run())
        except* Exception as faults:  # whatever it is: without a writer a node is of no use
            log.critical("the writer stopped", reason=repr(faults.exceptions[0]))
            self.writer.stopped = True
            for connection in self.connections.values():
                connection.lane.give_up()
            self.failed.set()

    async def look_for_commands(self) -> None:
        """The poll behind the wake-ups: a lost one costs a second, never a command."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                now = self._clock()
                await self.announce(await station_commands.give_up_overdue(now))
                await local_lists.plan_due(self.name, now)
                for station_id in await station_commands.waiting_stations(now):
                    if station_id in self.connections:
                        self.connections[station_id].commands.wake()
            except DATABASE_ERRORS as error:
                log.error("commands not read", error=repr(error))

    async def show_life(self) -> None:
        """Keep this node's presence true, clear that of dead ones, and let go what a newer connection elsewhere has replaced:
        the word of it may have been lost with Redis."""
        while True:
            try:
                held = [(one.station.id, one.station.connection_no) for one in self.connections.values()]
                now = self._clock()
                changed, replaced = await nodes.node_lives(self.name, held, now)
                for station_id in replaced:
                    self._close_older(station_id, dict(held)[station_id])
                await self.announce(changed)
            except DATABASE_ERRORS as error:
                log.error("sign of life not stored", error=repr(error))
            await asyncio.sleep(LIFE_SECONDS)

    async def announce(self, changed: list[Changed]) -> None:
        """Tell open pages what has been committed, at once."""
        if changed:
            await self.announcer.now(changed)

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
        hint = json.loads(data)
        connection = self.connections.get(UUID(hint["station_id"]))
        if connection is None:
            return
        if "connection_no" not in hint:
            connection.commands.wake()
        else:
            self._close_older(connection.station.id, hint["connection_no"] - 1)

    def _close_older(self, station_id: UUID, number: int) -> None:
        """Close a station's connection here if its number is not beyond this one."""
        connection = self.connections.get(station_id)
        if connection is not None and connection.station.connection_no <= number:
            self._closing.append(asyncio.create_task(connection.socket.close(POLICY_VIOLATION, "replaced by a newer connection")))


def _is_gone(pid: int) -> bool:
    """Whether no other process of this machine has the number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return pid == os.getpid()


@asynccontextmanager
async def running_node(
    settings: Settings, clock: Clock, *, port: int | None = None, ping_s: float | None = None,
    handshake_s: float = HANDSHAKE_SECONDS,
) -> AsyncIterator[tuple[Node, int]]:  # fmt: skip
    """A node that listens while the block runs; the database pool is the caller's. Yields the node and the plain port (0: none)."""
    redis = Redis.from_url(settings.redis_url, socket_timeout=None) if settings.redis_url else None
    # Nodes that share a port have names of their own; the next to start clears at once what a killed one left behind.
    place = f"{sockets.gethostname()}:{settings.ocpp_port}"
    name = f"{place}:{os.getpid()}"
    shown_prices.pricing["final_cost"] = final_cost
    node = Node(name, settings.secret_key, clock, redis, settings.database_url)
    await nodes.replace_dead(place, name, _is_gone, clock())
    side = [
        asyncio.create_task(work())
        for work in (node.listen_for_commands, node.look_for_commands, node.show_life, node.announcer.run, node.write)
    ]
    chosen = settings.ocpp_port if port is None else port
    try:
        async with open_listeners(settings, node.door, node.serve_station, clock, port=chosen, ping_s=ping_s or settings.ocpp_ping_s,
                                  handshake_s=handshake_s) as ports:  # fmt: skip
            node.ports = ports
            yield node, ports.plain or 0
    finally:
        await ended(side)
        await node.sessions.close()
        await node.writer.close()
        if redis is not None:
            await redis.aclose()


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    clock = utc_now if settings.test_clock is None else shifted_clock(settings.test_clock)
    await open_when_it_answers(settings.database_url, max_size=20)
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    try:
        async with running_node(settings, clock) as (node, _):
            rest_from_collecting()
            log.info("listening for stations", port=node.ports.plain, tls_port=node.ports.tls)
            ends = [asyncio.create_task(stop.wait()), asyncio.create_task(node.failed.wait())]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for end in ends:
                end.cancel()
            if node.failed.is_set():
                raise SystemFault("the database refuses the stations' messages; the log says why")
    finally:
        await close_database()


def rest_from_collecting() -> None:
    """What a message leaves behind goes by its references; rows that wait for their commit are not worth being searched for
    cycles every few messages. What has been made by now stays for good."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def run(settings: Settings) -> None:
    """The process of `hofstrom ocpp`."""
    import uvloop

    uvloop.run(serve(settings))
