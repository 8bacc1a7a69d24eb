"""The writer: many stations in one commit, the same result as one by one, nothing answered before, nothing stored twice."""

import asyncio
import json
import random
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from app.charging import batch as batches
from app.database.engine import MACHINE_ROLE
from app.kernel.identifiers import new_id
from ocpp_server import lane as lane_module
from ocpp_server.main import running_node
from ocpp_server.writer import _is_row_error, _passes
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.raw_station import iso, stop_payload
from tests.ocpp_server.test_sockets import database_away

AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)


def moment(at, energy=None, power=None, **more):
    samples = []
    if energy is not None:
        samples.append({"value": str(energy), "measurand": "Energy.Active.Import.Register", "unit": "Wh", **more})
    if power is not None:
        samples.append({"value": str(power), "measurand": "Power.Active.Import", "unit": "W", "context": "Sample.Periodic"})
    samples.append({"value": "16.1", "measurand": "Current.Import", "unit": "A", "phase": "L1"})
    return {"timestamp": iso(at), "sampledValue": samples}


def values(number, *moments, connector=1):
    inside = {} if number is None else {"transactionId": number}
    return {"connectorId": connector, **inside, "meterValue": list(moments)}


def status(state, at, connector=1, error="NoError", **more):
    return {"connectorId": connector, "errorCode": error, "status": state, "timestamp": iso(at), **more}


def conversation(seed):
    """Routine messages of a session, some old, some twice, some with several moments; None stands for its number."""
    chance, said = random.Random(seed), []
    for n in range(30):
        at = AT + timedelta(minutes=n) - timedelta(minutes=chance.choice([0, 0, 0, 5, 40]))
        if chance.random() < 0.5:
            state = chance.choice(["Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Faulted", "Available"])
            said.append(("StatusNotification", status(state, at, chance.choice([0, 1, 1, 1, 2, 7, 400]), info="door")))
            continue
        moments = [
            moment(at + timedelta(seconds=k), chance.choice([None, 100, 1000 + 50 * n, 900]), chance.choice([None, 0, 60, 7400]))
            for k in range(chance.choice([1, 1, 3]))
        ]
        said.append(("MeterValues", values(chance.choice(["own", "own", "own", None, 2**31 - 5]), *moments)))
    return said


OF_STATION = "station_id = (SELECT id FROM station WHERE identity = $1)"
KEPT = {
    "session": f"SELECT state, last_meter_wh, last_power_w, last_value_at, idle_since FROM charging_session WHERE {OF_STATION}",
    "connector": f"SELECT number, status, error_code, status_info, status_at FROM connector WHERE {OF_STATION} ORDER BY number",
    "value": "SELECT connector_no, taken_at, session_id IS NULL AS outside, energy_wh, power_w, context, flags, raw"
    f" FROM meter_value WHERE {OF_STATION}",
    "message": f"SELECT action, body FROM station_message WHERE {OF_STATION} ORDER BY received_at, id",
}  # fmt: skip


async def outcome(site, identity, said):
    """What the database holds after a conversation."""
    station = await site.connected(identity)
    number = await station.start(AT - timedelta(hours=1), meter=950)
    for action, payload in said:
        if payload.get("transactionId") == "own":
            payload = {**payload, "transactionId": number}
        assert await station.said(action, payload) == {}
    return {name: await rows(sql, identity) for name, sql in KEPT.items()}


def comparable(held):
    """Without what two runs cannot share: fields left empty in the raw text, the order of values, times of receipt."""
    for row in held["value"]:
        raw = json.loads(row["raw"])
        raw["sampledValue"] = [{name: one for name, one in sample.items() if one is not None} for sample in raw["sampledValue"]]
        row["raw"] = raw
    held["value"] = sorted(json.dumps(row, default=str, sort_keys=True) for row in held["value"])
    held["message"] = [(row["action"], row["body"]) for row in held["message"] if row["action"] == "StatusNotification"]
    held["connector"] = [
        row | {"status_at": row["status_at"] if row["status_at"] < AT + timedelta(hours=2) else None} for row in held["connector"]
    ]
    return held


@pytest.mark.parametrize("seed", range(4))
async def test_together_comes_to_the_same_as_one_by_one(site, seed, monkeypatch):
    fast = comparable(await outcome(site, "CP-1", conversation(seed)))
    assert site.node.writer.stored >= 30
    monkeypatch.setattr(lane_module.Lane, "take", lambda self, data: False)
    before = site.node.writer.stored
    slow = comparable(await outcome(site, "CP-3", conversation(seed)))
    assert site.node.writer.stored == before
    assert len(slow["message"]) > 10
    assert len(slow["value"]) > 10
    assert slow == fast


def running_owner(dsn):
    class Line:
        async def __aenter__(self):
            self.line = await asyncpg.connect(dsn)
            return self.line

        async def __aexit__(self, *_):
            await self.line.close()

    return Line()


async def test_messages_of_many_stations_share_commits(site, monkeypatch):
    stations = [await site.connected(f"CP-{n}") for n in (1, 2, 3)]
    held = asyncio.Event()
    first = site.node.writer.flushes
    store = batches.store

    async def slow(*args, **how):
        await held.wait()
        return await store(*args, **how)

    monkeypatch.setattr(batches, "store", slow)
    waiting = [await one.send("StatusNotification", status("Preparing", AT)) for one in stations for _ in range(5)]
    await asyncio.sleep(0.2)
    assert not any(one.done() for one in waiting)  # nothing is answered before its commit
    held.set()
    answers = await asyncio.wait_for(asyncio.gather(*waiting), 10)
    assert {one[0] for one in answers} == {3}
    assert site.node.writer.flushes - first <= 7
    assert len(await rows("SELECT 1 FROM station_message WHERE action = 'StatusNotification'")) >= 15


async def test_the_answers_of_one_station_keep_the_order_of_its_messages(site):
    station = await site.connected()
    order = []
    number = await station.start(AT)
    said = []
    for n in range(40):
        kind = ("StatusNotification", status("Charging", AT)) if n % 4 == 0 else ("Heartbeat", {})
        if n % 7 == 3:
            kind = ("MeterValues", values(number, moment(AT, 1000 + n)))
        if n % 10 == 9:
            kind = ("Authorize", {"idTag": "04A1B2C3D4E5F6"})
        answer = await station.send(*kind)
        answer.add_done_callback(lambda _, n=n: order.append(n))
        said.append(answer)
    await asyncio.wait_for(asyncio.gather(*said), 10)
    assert order == list(range(40))


async def test_a_message_that_breaks_a_batch_hurts_no_other(site, monkeypatch):
    stations = [await site.connected(f"CP-{n}") for n in (1, 2, 3)]
    async with running_owner(site.dsn) as line:
        await line.execute("ALTER TABLE station_message ADD CHECK (body NOT LIKE '%poison%') NOT VALID")
    payloads = [status("Preparing", AT), status("Preparing", AT, vendorErrorCode="poison"), status("Preparing", AT)]
    waiting = [await one.send("StatusNotification", payload) for one, payload in zip(stations, payloads, strict=True)]
    answers = await asyncio.wait_for(asyncio.gather(*waiting), 10)
    assert [one[0] for one in answers] == [3, 4, 3]
    assert await stations[1].said("StatusNotification", status("Available", AT)) == {}


async def test_a_fault_of_the_system_stops_the_node_and_answers_nothing(site):
    station = await site.connected()
    async with running_owner(site.dsn) as line:
        await line.execute(f"REVOKE INSERT ON station_message FROM {MACHINE_ROLE}")
    waiting = await station.send("StatusNotification", status("Preparing", AT))
    await asyncio.wait_for(site.node.failed.wait(), 10)
    assert not waiting.done()
    await station.send("DataTransfer", {"vendorId": "org.example"})  # waits its turn, which never comes: the socket is let go
    await asyncio.wait_for(station.closed(), 10)


async def test_the_writer_waits_out_a_database_that_is_away(site, postgres):
    station = await site.connected()
    with database_away(postgres, site.dsn):
        waiting = await station.send("StatusNotification", status("Preparing", AT))
        await asyncio.sleep(0.5)
        assert not waiting.done()
    assert (await asyncio.wait_for(waiting, 10))[0] == 3
    (row,) = await rows("SELECT count(*) AS n FROM station_message WHERE body LIKE '%Preparing%'")
    assert row["n"] == 1


async def test_a_batch_offered_again_adds_nothing(site):
    station = await site.connected()
    number = await station.start(AT)
    house, at = site.house, AT.timestamp()
    batch = batches.Batch(new_id())
    own, other = (house.account_id, house.stations["CP-1"]), (house.account_id, house.stations["CP-2"])
    batch.statuses.append((*other, at, "m", "{}", 1, "Faulted", "NoError", None, at, None))
    batch.values.append((*own, 1, number, at, at, 1500, 7000, None, "{}"))
    batch.more.append([(*own, 1, number, at + 1, at + 1, 1600, 7000, None, "{}")])
    batch.boots.append((house.account_id, house.stations["CP-3"], at, "b", "{}", "V", "M", None, None))
    line = await asyncpg.connect(site.dsn, server_settings={"role": MACHINE_ROLE})
    await batches.store(line, batch)
    counts = "SELECT (SELECT count(*) FROM meter_value) AS v, (SELECT count(*) FROM station_message) AS m"
    before = await rows(counts)
    await batches.store(line, batch, again=True)
    assert await rows(counts) == before
    (session,) = await rows("SELECT last_meter_wh FROM charging_session")
    assert session["last_meter_wh"] == 1600
    await line.close()


async def test_a_stop_finds_the_figures_of_the_values_sent_before_it(site):
    station = await site.connected()
    number = await station.start(AT, meter=1000)
    waiting = [await station.send("MeterValues", values(number, moment(AT + timedelta(minutes=n), 1000 + 10 * n))) for n in range(1, 9)]
    waiting.append(await station.send("StopTransaction", stop_payload(number, AT + timedelta(minutes=9), 1090)))
    assert {one[0] for one in await asyncio.gather(*waiting)} == {3}
    (session,) = await rows("SELECT last_meter_wh, energy_wh FROM charging_session")
    assert (session["last_meter_wh"], session["energy_wh"]) == (1080, 90)


async def test_heartbeats_are_answered_from_memory_and_stored_together(site, monkeypatch):
    monkeypatch.setattr("ocpp_server.writer.SEEN_SECONDS", 0.2)
    station = await site.connected()
    before = site.node.writer.stored
    for _ in range(5):
        assert (await station.said("Heartbeat", {}))["currentTime"].endswith("Z")
    assert site.node.writer.stored == before
    (old,) = await rows("SELECT last_message_at FROM station WHERE identity = 'CP-1'")

    async def later():
        (row,) = await rows("SELECT last_message_at FROM station WHERE identity = 'CP-1'")
        return old["last_message_at"] is None or row["last_message_at"] >= old["last_message_at"]

    assert await eventually(later)


async def test_a_writer_that_ends_stores_what_waits(site, settings_for):
    async with running_node(settings_for(HOFSTROM_OCPP_PORT="1"), lambda: datetime.now(UTC), port=0) as (node, _):
        node.writer.seen(station_of(site), AT.timestamp() + 99_999)
    (row,) = await rows("SELECT last_message_at FROM station WHERE identity = 'CP-1'")
    assert row["last_message_at"] == AT + timedelta(seconds=99_999)


def station_of(site):
    class Named:
        id = site.house.stations["CP-1"]
        account_id = site.house.account_id

    return Named()


def test_row_errors_are_told_from_faults_of_the_system():
    made = asyncpg.PostgresError.new
    assert _is_row_error(made({"C": "22021", "M": "NUL"}))
    assert _is_row_error(made({"C": "23505", "M": "twice"}))
    assert not _is_row_error(made({"C": "23514", "M": 'no partition of relation "meter_value" found for row'}))
    assert not _is_row_error(made({"C": "42501", "M": "permission denied"}))
    assert _passes(made({"C": "40P01", "M": "deadlock"}))
    assert _passes(made({"C": "57P01", "M": "going down"}))
    assert not _passes(made({"C": "42P01", "M": "no table"}))


async def test_a_message_refused_after_its_station_has_left_stops_nobody(site):
    station, other = await site.connected("CP-1"), await site.connected("CP-2")
    lane = site.node.connections[site.house.stations["CP-1"]].lane
    station.cut()

    async def left():
        return site.house.stations["CP-1"] not in site.node.connections

    await eventually(left)
    lane.refused(b"[]")
    assert (await other.said("Heartbeat", {}))["currentTime"]
