"""A listening node on a free port, with a house of stations, in the test's own process."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec
import pytest

from app.database.transaction import as_owner, fetch
from app.kernel.clock import utc_now
from app.kernel.settings import settings_from
from ocpp_server.main import Node, running_node
from tests.charging.house import SECRET, House, make_house
from tests.ocpp_server.raw_station import RawStation


class Site(msgspec.Struct):
    """What a test of the server works with."""

    house: House
    node: Node
    port: int
    opened: list[RawStation]

    def station(self, identity: str = "CP-1", password: str | None = "") -> RawStation:
        """A station that is not connected yet."""
        raw = RawStation(self.port, identity, self.house.passwords.get(identity, "x") if password == "" else password)
        self.opened.append(raw)
        return raw

    async def connected(self, identity: str = "CP-1") -> RawStation:
        """A connected station that has booted."""
        raw = await self.station(identity).open()
        await raw.boot()
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
        place = Site(house, node, port, [])
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


Clockwork = Callable[[], Awaitable[datetime]]
