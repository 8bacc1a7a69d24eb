"""Several listeners behind one address: real processes, killed, with a Redis that forgets everything in between."""

import asyncio
import itertools
import json
import signal
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from app.charging import requests
from app.kernel.identifiers import new_id
from app.outbox.wake import COMMANDS, live_channel, publish
from tests.charging.house import SECRET, House, make_house
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.listener import Listener, connect, deliver, free_port
from tests.ocpp_server.raw_station import RawStation, event_payload, start_payload, stop_payload

AT = datetime.now(UTC).replace(microsecond=0) - timedelta(days=60)
VERSIONS = {"CP-1": "ocpp1.6", "CP-2": "ocpp2.0.1", "CP-3": "ocpp1.6", "CP-4": "ocpp2.0.1"}
REMOTE_START = {"ocpp1.6": "RemoteStartTransaction", "ocpp2.0.1": "RequestStartTransaction"}


@pytest.fixture
async def pair(database: str, redis_url: str) -> AsyncIterator[tuple[Listener, Listener]]:
    """Two nodes, each on a port of its own, so that a test says which one a station comes to."""
    made = await asyncio.gather(*(Listener(database, redis_url).start() for _ in range(2)))
    yield made[0], made[1]
    for one in made:
        await one.stop()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


async def ask(house: House, redis: Redis, identity: str, connector: int = 1, person=None):
    """What the web does for a tap: one row, one wake-up."""
    request, _ = await requests.request_start(
        house.account_id, person or house.anna, house.login, house.codes[identity, connector], new_id(), SECRET, datetime.now(UTC)
    )
    await publish(redis, COMMANDS, {"station_id": house.stations[identity]})
    return request


async def command(state: str) -> dict:
    async def there():
        found = await rows("SELECT * FROM station_command WHERE action = 'RemoteStart' AND state = $1 ORDER BY created_at", state)
        return found[0] if found else None

    return await eventually(there, 20)


async def ready(node: Listener, house: House, identity: str, version: str) -> RawStation:
    station = await connect(node, house, identity, version)
    await station.boot()
    for connector in (1, 2):
        await station.said("StatusNotification", station.status("Available", connector))
    return station


async def next_remote_start(station: RawStation) -> list:
    while True:
        call = await station.next_call()
        if call[2] == REMOTE_START[station.protocol]:
            return call


@pytest.mark.parametrize("version", REMOTE_START)
async def test_a_command_reaches_the_node_that_holds_the_socket_and_its_answer_comes_back_by_its_id(pair, redis, version):
    house = await make_house(stations=2)
    others = await ready(pair[0], house, "CP-2", version)
    station = await ready(pair[1], house, "CP-1", version)
    async with redis.pubsub() as page:
        await page.subscribe(live_channel(house.account_id))
        await ask(house, redis, "CP-1")
        _, message_id, *_ = await next_remote_start(station)
        told: list[dict] = []

        async def answer_told():
            message = await page.get_message(ignore_subscribe_messages=True, timeout=1)
            told.extend([json.loads(message["data"])] if message else [])
            return [one for one in told if one["kind"] == "command" and one["id"] == message_id]

        await eventually(answer_told)
    row = await command("answered")
    assert (str(row["id"]), row["verdict"]) == (message_id, "accepted")
    assert others.calls.empty()
    for one in (station, others):
        one.cut()


@pytest.mark.parametrize("version", REMOTE_START)
async def test_when_the_node_with_a_pending_command_is_killed_the_command_fails_and_the_next_goes_by_the_other(pair, redis, version):
    house = await make_house(stations=1)
    station = await ready(pair[0], house, "CP-1", version)
    station.answers[REMOTE_START[version]] = None
    first = await ask(house, redis, "CP-1", 1)
    _, lost_id, *_ = await next_remote_start(station)
    await ask(house, redis, "CP-1", 2, house.ben)  # waits behind the first: it was never sent
    await pair[0].end(signal.SIGKILL)
    station.cut()
    again = await ready(pair[1], house, "CP-1", version)
    _, next_id, *_ = await next_remote_start(again)
    assert next_id != lost_id
    assert str((await command("answered"))["id"]) == next_id
    failed = await command("failed")
    assert (str(failed["id"]), failed["error"]) == (lost_id, "connection_lost")
    (request,) = await rows("SELECT state, reason FROM charge_request WHERE id = $1", first.id)
    assert (request["state"], request["reason"]) == ("failed", "connection_lost")
    again.cut()


async def test_a_late_answer_over_the_new_connection_still_tells_the_truth(pair, redis):
    house = await make_house(stations=1)
    station = await ready(pair[0], house, "CP-1", "ocpp1.6")
    station.answers["RemoteStartTransaction"] = None
    await ask(house, redis, "CP-1")
    _, message_id, *_ = await next_remote_start(station)
    await pair[0].end(signal.SIGKILL)
    station.cut()
    again = await ready(pair[1], house, "CP-1", "ocpp1.6")
    await command("failed")
    await again.text(json.dumps([3, message_id, {"status": "Accepted"}]))
    assert str((await command("answered"))["id"]) == message_id
    again.cut()


async def charge(line: Callable[[], "asyncio.Future[RawStation]"], version: str, enough: asyncio.Event, journal: dict) -> None:
    """Whole sessions until it is enough, each message sent until it is answered."""
    station = await line()
    for n in itertools.takewhile(lambda _: not enough.is_set(), itertools.count()):
        begun, meter = AT + timedelta(minutes=20 * n), 10_000 * n
        ended, tx = begun + timedelta(minutes=15), f"tx-{n}"
        if version == "ocpp1.6":
            station, answer = await deliver(line, station, "StartTransaction", start_payload(begun, meter))
            stop = stop_payload(answer["transactionId"], ended, meter + 500 + n)
            station, _ = await deliver(line, station, "StopTransaction", stop)
        else:
            start = event_payload("Started", 0, begun, meter, tx=tx, tag="04A1B2C3D4E5F6")
            station, _ = await deliver(line, station, "TransactionEvent", start)
            stop = event_payload("Ended", 1, ended, meter + 500 + n, tx=tx)
            station, _ = await deliver(line, station, "TransactionEvent", stop)
        journal[station.identity, begun] = 500 + n
    station.cut()


async def stored() -> dict:
    found = await rows(
        "SELECT s.identity, x.started_at, x.energy_wh, x.state FROM charging_session x JOIN station s ON s.id = x.station_id"
    )
    assert {row["state"] for row in found} == {"ended"}
    kept = {(row["identity"], row["started_at"]): row["energy_wh"] for row in found}
    assert len(kept) == len(found)
    return kept


async def more(journal: dict) -> None:
    """When stations have got on."""
    seen = len(journal)
    await eventually(lambda: asyncio.sleep(0, len(journal) > seen + 3), 60)


async def test_what_a_killed_node_acknowledged_is_stored_and_its_stations_go_on_at_the_other(database, redis_url):
    house = await make_house(stations=4)
    port = free_port()
    first, second = await asyncio.gather(*(Listener(database, redis_url, port, nodes=2).start() for _ in range(2)))
    journal: dict = {}
    enough = asyncio.Event()
    try:
        line = {i: (lambda i=i, v=v: connect(first, house, i, v)) for i, v in VERSIONS.items()}
        work = [asyncio.create_task(charge(line[i], v, enough, journal)) for i, v in VERSIONS.items()]
        for victim in (first, second, first):
            await more(journal)
            await victim.end(signal.SIGKILL)
            await more(journal)  # nobody starts it before the other has served its stations
            await victim.start()
        enough.set()
        await asyncio.gather(*work)
    finally:
        await first.stop()
        await second.stop()
    assert await stored() == journal
    assert await rows("SELECT 1 FROM quarantine") == []


async def test_a_redis_that_forgets_everything_in_mid_load_loses_nothing_and_pages_are_told_again(pair, redis):
    house = await make_house(stations=4)
    journal: dict = {}
    places = {"CP-1": pair[0], "CP-2": pair[0], "CP-3": pair[1], "CP-4": pair[1]}

    async def forget() -> None:
        while True:
            await redis.flushall()
            await asyncio.sleep(0.01)

    forgetting = asyncio.create_task(forget())
    enough = asyncio.Event()
    line = {i: (lambda i=i, v=v: connect(places[i], house, i, v)) for i, v in VERSIONS.items()}
    work = [asyncio.create_task(charge(line[i], v, enough, journal)) for i, v in VERSIONS.items()]
    await eventually(lambda: asyncio.sleep(0, len(journal) > 30), 60)
    enough.set()
    await asyncio.gather(*work)
    station = await ready(pair[1], house, "CP-1", "ocpp1.6")
    await ask(house, redis, "CP-1")
    await next_remote_start(station)
    await command("answered")
    forgetting.cancel()
    assert await stored() == journal
    async with redis.pubsub() as page:
        await page.subscribe(live_channel(house.account_id))
        await station.said("StatusNotification", station.status("Faulted"))
        await eventually(lambda: page.get_message(ignore_subscribe_messages=True, timeout=1))
    station.cut()
