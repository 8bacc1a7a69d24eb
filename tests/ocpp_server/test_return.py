"""All stations of a node come back at the same moment, as after a restart (ST-41)."""

import asyncio

import pytest

from app.charging.intents import V16, V201
from app.kernel.clock import utc_now
from ocpp_server.main import running_node
from ocpp_server.pace import HEARTBEAT_SECONDS, JITTER_SECONDS
from tests.charging.house import make_house
from tests.ocpp_server.conftest import Site, rows

MANY = 40


async def back(site, identity, version):
    """Connect, boot and tell the state of a connector; the answers, of which none may be an error."""
    station = await site.station(identity).open(protocols=(version,))
    boot = await station.boot()
    await station.said("StatusNotification", station.status("Available"))
    return boot


@pytest.mark.parametrize("version", [V16, V201])
async def test_st41_all_stations_return_at_once_after_a_restart_and_nobody_gets_an_error(database, settings_for, version):
    house = await make_house(stations=MANY)
    identities = sorted(house.stations)
    for _ in range(2):  # the second time after the node has ended
        async with running_node(settings_for(), utc_now, port=0) as (node, port):
            site = Site(house, node, port, [], database)
            boots = await asyncio.gather(*(back(site, identity, version) for identity in identities))
            assert {one["status"] for one in boots} == {"Accepted"}
            intervals = {one["interval"] for one in boots}
            assert len(intervals) > MANY // 4, "stations that came together must not speak together"
            assert all(abs(one - HEARTBEAT_SECONDS) <= JITTER_SECONDS for one in intervals)
            assert (await rows("SELECT count(*) AS n FROM station WHERE online AND last_boot_at IS NOT NULL"))[0]["n"] == MANY
            for station in site.opened:
                station.cut()


async def test_st41_boots_of_one_moment_are_stored_together(database, settings_for):
    house = await make_house(stations=MANY)
    async with running_node(settings_for(), utc_now, port=0) as (node, port):
        site = Site(house, node, port, [], database)
        stations = await asyncio.gather(*(site.station(identity).open(protocols=(V16,)) for identity in sorted(house.stations)))
        flushes, stored = node.writer.flushes, node.writer.stored
        await asyncio.gather(*(station.boot() for station in stations))
        assert node.writer.stored - stored == MANY
        assert node.writer.flushes - flushes < MANY / 2
        for station in stations:
            station.cut()
