"""The listener as a process of its own: killed, stopped, started again."""

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.charging.house import make_house
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.listener import Listener, connect, deliver
from tests.ocpp_server.raw_station import start_payload, stop_payload

AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=5)


@pytest.fixture
async def listener(database: str, redis_url: str) -> AsyncIterator[Listener]:
    made = Listener(database, redis_url)
    await made.start()
    yield made
    await made.stop()


async def test_nothing_acknowledged_is_lost_or_doubled_when_the_server_is_killed(listener, database):
    house = await make_house(stations=3)
    acknowledged: dict[int, int] = {}

    async def charge(identity: str) -> None:
        def line():
            return connect(listener, house, identity)

        station = await line()
        for n in range(12):
            begun = AT + timedelta(minutes=20 * n)
            start = start_payload(begun, meter=1000 * n)
            station, answer = await deliver(line, station, "StartTransaction", start)
            stop = stop_payload(answer["transactionId"], begun + timedelta(minutes=15), 1000 * n + 500)
            station, _ = await deliver(line, station, "StopTransaction", stop)
            acknowledged[answer["transactionId"]] = 500
        station.cut()

    async def kill() -> None:
        for seconds in (0.05, 0.1, 0.2):
            await asyncio.sleep(seconds)
            await listener.end(signal.SIGKILL)
            await listener.start()

    await asyncio.gather(kill(), *(charge(f"CP-{n}") for n in (1, 2, 3)))
    kept = await rows("SELECT transaction_no, state, energy_wh FROM charging_session")
    assert len(kept) == 36
    assert {row["transaction_no"]: row["energy_wh"] for row in kept} == acknowledged
    assert {row["state"] for row in kept} == {"ended"}
    assert await rows("SELECT 1 FROM quarantine") == []


async def test_presence_left_by_a_killed_process_is_cleared_when_it_comes_back(listener, database):
    house = await make_house(stations=1)
    station = await connect(listener, house, "CP-1")
    await station.boot()
    await listener.end(signal.SIGKILL)
    assert await rows("SELECT 1 FROM station WHERE online")
    await listener.start()
    await eventually(lambda: rows("SELECT 1 FROM station WHERE NOT online"))
    station.cut()


async def test_sigterm_closes_the_sockets_and_leaves_nobody_online(listener, database):
    house = await make_house(stations=1)
    station = await connect(listener, house, "CP-1")
    await station.boot()
    assert await listener.end(signal.SIGTERM) == 0
    assert await station.closed() == 1012
    assert await rows("SELECT 1 FROM station WHERE online") == []
