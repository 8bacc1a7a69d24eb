"""A listening node on a free port, with a house of stations, in the test's own process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import msgspec
import pytest

from app.charging.intents import V16, V201
from app.database.transaction import as_owner, fetch
from app.kernel.clock import utc_now
from app.kernel.settings import settings_from
from ocpp_server.main import Node, running_node
from tests.charging.house import SECRET, House, make_house
from tests.ocpp_server.raw_station import RawStation

OWN = "the station's own password"


class Site(msgspec.Struct):
    """What a test of the server works with."""

    house: House
    node: Node
    port: int
    opened: list[RawStation]
    dsn: str

    async def wake(self, identity: str) -> None:
        """The wake-up that the web sends after it has committed a command."""
        if self.house.stations[identity] in self.node.connections:
            self.node.connections[self.house.stations[identity]].commands.wake()

    async def jobs(self) -> list[str]:
        """The events in the outbox, in order; only the cluster's own login may look at the queue's tables."""
        line = await asyncpg.connect(self.dsn)
        try:
            found = await line.fetch("SELECT task_name FROM procrastinate.procrastinate_jobs ORDER BY id")
        finally:
            await line.close()
        return [row["task_name"] for row in found]

    def station(self, identity: str = "CP-1", password: str | None = OWN) -> RawStation:
        """A station that is not connected yet."""
        raw = RawStation(self.port, identity, self.house.passwords.get(identity, "x") if password == OWN else password)
        self.opened.append(raw)
        return raw

    async def connected(self, identity: str = "CP-1", version: str = "ocpp1.6") -> RawStation:
        """A connected station that has booted."""
        raw = await self.station(identity).open(protocols=(version,))
        await raw.boot()
        for connector in (1, 2):
            await raw.said("StatusNotification", raw.status("Available", connector))
        return raw


async def rows(sql: str, *args: Any) -> list[dict[str, Any]]:
    """What the database holds, seen by its owner."""
    async with as_owner():
        return [dict(row) for row in await fetch(sql, *args)]


@pytest.fixture
async def site(database: str, redis_url: str, settings_for: Callable[..., Any]) -> AsyncIterator[Site]:
    """A house and a node with quick pings."""
    house = await make_house()
    async with running_node(settings_for(), utc_now, port=0) as (node, port):
        place = Site(house, node, port, [], database)
        yield place
        for raw in place.opened:
            if raw.reading is not None:
                raw.cut()


@pytest.fixture
def settings_for(dsn: str, redis_url: str) -> Callable[..., Any]:
    """Settings of a test, with changes."""

    def make(**changes: str) -> Any:
        return settings_from(
            {"DATABASE_URL": dsn, "REDIS_URL": redis_url, "HOFSTROM_SECRET_KEY": SECRET.decode(),
             "HOFSTROM_OCPP_PORT": "0", **changes}
        )  # fmt: skip

    return make


async def eventually(check: Callable[[], Any], seconds: float = 10) -> Any:
    """The first answer of `check` that says yes."""
    async with asyncio.timeout(seconds):
        while True:
            found = await check()
            if found:
                return found
            await asyncio.sleep(0.05)


@pytest.fixture
async def secured(database, redis_url, settings_for, tmp_path) -> AsyncIterator[Site]:
    """A node that listens plain and over TLS."""
    from tests.ocpp_server.secure import SecureSite, authority_in

    house = await make_house()
    settings = settings_for(HOFSTROM_OCPP_TLS_PORT="0", HOFSTROM_CA=str(tmp_path / "ca"))
    async with running_node(settings, utc_now, port=0) as (node, port):
        place = SecureSite(house, node, port, [], database, authority_in(tmp_path / "ca"), tmp_path)
        yield place
        for raw in place.opened:
            if raw.reading is not None:
                raw.cut()


@pytest.fixture(params=("ocpp1.6", "ocpp2.0.1"))
def protocols(request) -> tuple[str, ...]:
    """The subprotocol that a station offers."""
    return (request.param,)


@pytest.fixture(params=[V16, V201])
def version(request) -> str:
    """Each version in turn."""
    return str(request.param)


@pytest.fixture
async def staff(site, settings_for, tmp_path) -> AsyncIterator[Any]:
    """The site with people who sign in over HTTP."""
    from tests.ocpp_server.staff import staffed

    async with staffed(site, settings_for(), tmp_path) as made:
        yield made
