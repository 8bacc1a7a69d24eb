"""Updates of OCPP 2.0.1's transactions stored together: the same as one by one, each once, none answered before its commit."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from app.database.transaction import as_owner, execute
from ocpp_server import session_writer
from ocpp_server.lane import Lane
from tests.charging.house import BADGE_ANNA, BADGE_BEN
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.raw_station import event_payload, iso, moment201

V201 = "ocpp2.0.1"
AT = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
STATES = [None, None, "Charging", "Charging", "SuspendedEV", "SuspendedEVSE", "EVConnected", "Idle"]

OF_STATION = "station_id = (SELECT id FROM station WHERE identity = $1)"
SESSIONS = f"""
SELECT connector_no, tag_tail, tag_status, source, class, badge_id, person_id, billing_point_id, state, started_at, started_raw,
    meter_start_wh, stopped_at, meter_stop_wh, stop_reason, energy_wh, held_reason, estimated, first_seq, last_seq, seen_events,
    start_seq, meter_start_seq, stop_seq, charging_state, last_value_at, last_meter_wh, last_power_w, idle_since, transaction_ref
FROM charging_session WHERE {OF_STATION} ORDER BY transaction_no
"""
EVENTS = f"SELECT transaction_ref, seq_no, kind, at, offline, body, body_hash FROM transaction_event WHERE {OF_STATION} ORDER BY 1, 2"
VALUES = (
    f"SELECT connector_no, taken_at, energy_wh, power_w, context, flags, raw FROM meter_value WHERE {OF_STATION} ORDER BY taken_at, raw"
)
PLACES = f"SELECT number, status, error_code, status_at FROM connector WHERE {OF_STATION} ORDER BY number"
REVIEW = f"SELECT kind, reason FROM quarantine WHERE {OF_STATION} ORDER BY received_at, id"
ASKED = f"SELECT payload FROM station_command WHERE {OF_STATION} AND action = 'GetTransactionStatus' ORDER BY id"


def moment(chance, at, meter):
    """What a meter shows: register and power, or less."""
    power = {"value": chance.choice([0, 0, 30, 7400, 11_000]), "measurand": "Power.Active.Import"}
    register = {"value": meter, "unitOfMeasure": {"unit": "Wh"}}
    samples = chance.choice([[register, power]] * 4 + [[register], [power], [{"value": 55, "measurand": "SoC"}]])
    return {"timestamp": iso(at), "sampledValue": samples}


def odd_values(chance, at, meter):
    """Values that take the long way."""
    two = [moment(chance, at, meter), moment(chance, at + timedelta(seconds=20), meter + 10)]
    signed = {"signedMeterData": "T0NNRnx7fXx7fQ==", "signingMethod": "", "encodingMethod": "OCMF", "publicKey": ""}
    return chance.choice([
        two, [moment201(at, 10.0**17)], [{"timestamp": iso(at), "sampledValue": [{"value": meter, "signedMeterValue": signed}]}],
    ])  # fmt: skip


def said_by(seed):
    """Transactions of two places, most in order, some with what may go wrong on the way."""
    chance, at, meter, said = random.Random(seed), AT, 1000, []
    for n in range(5):
        tx, evse, seq = f"tx-{n}", chance.choice([1, 2]), 0
        said.append(event_payload("Started", 0, at, meter, tx=tx, tag=chance.choice([BADGE_ANNA, None]), evse=evse, state="EVConnected"))
        for _ in range(chance.randrange(2, 9)):
            seq += chance.choice([1] * 12 + [2])
            at += timedelta(seconds=chance.choice([30, 60, 60, -20]))
            meter += chance.choice([0, 0, 90, 180, -400])
            shown = chance.choice([[moment(chance, at, meter)]] * 8 + [None, odd_values(chance, at, meter)])
            more = chance.choice([{}] * 9 + [{"tag": BADGE_BEN}])
            place = chance.choice([evse] * 6 + [None, 3 - evse])
            event = event_payload("Updated", seq, at, tx=tx, evse=place, state=chance.choice(STATES), values=shown, **more)
            said += [event] * chance.choice([1] * 9 + [2])
            if chance.random() < 0.05:
                said.append({**event, "triggerReason": "Trigger"})
        at += timedelta(minutes=2)
        meter += 200
        if chance.random() < 0.8:
            said.append(event_payload("Ended", seq + 1, at, meter, tx=tx, evse=evse))
            said.append(event_payload("Updated", seq + 2, at, meter, tx=tx, evse=evse))
        at += timedelta(hours=1)
    return said


async def outcome(site, identity, said):
    """The answers, and what is stored."""
    station = await site.connected(identity, V201)
    async with as_owner():  # what it said of its places when it came is newer than all that follows
        await execute(f"UPDATE connector SET status_at = $2 WHERE {OF_STATION}", identity, AT - timedelta(days=1))
    answers = [await station.said("TransactionEvent", payload, f"m{n}") for n, payload in enumerate(said)]
    stored = [await rows(sql, identity) for sql in (SESSIONS, EVENTS, VALUES, PLACES, REVIEW, ASKED)]
    station.cut()
    assert await eventually(lambda: rows("SELECT 1 FROM station WHERE identity = $1 AND NOT online", identity))
    return answers, stored


@pytest.mark.parametrize("seed", range(6))
async def test_st16_updates_together_come_to_the_same_as_one_by_one(site, seed, monkeypatch):
    said = said_by(seed)
    fast = await outcome(site, "CP-1", said)
    assert site.node.sessions.stored > len(said) // 3
    monkeypatch.setattr(Lane, "take", lambda self, data: False)
    slow = await outcome(site, "CP-3", said)
    assert len(slow[1][1]) > 15
    assert slow[0] == fast[0]
    for one, other in zip(slow[1], fast[1], strict=True):
        assert one == other


async def test_st16_a_plain_update_takes_no_other_way_and_tells_the_price_that_is_shown(site, monkeypatch):
    station = await site.connected("CP-1", V201)
    await station.event("Started", 0, AT, 1000, tag=BADGE_ANNA)

    async def never(*_):
        raise AssertionError("the long way")

    monkeypatch.setattr("ocpp_server.v201.record_event", never)
    assert await station.event("Updated", 1, AT + timedelta(minutes=1), 1100) == {}
    async with as_owner():
        await execute("UPDATE charging_session SET display_text = $1", '{"totalCost":1.25}')
    assert await station.event("Updated", 2, AT + timedelta(minutes=2), 1200) == {"totalCost": 1.25}
    assert await rows("SELECT last_seq, seen_events, last_meter_wh FROM charging_session") == [
        {"last_seq": 2, "seen_events": 3, "last_meter_wh": 1200}
    ]


async def test_st16_updates_of_many_stations_share_a_commit_and_none_is_answered_before_it(site, monkeypatch):
    stations = [await site.connected(f"CP-{n}", V201) for n in (1, 3)]
    for one in stations:
        await one.event("Started", 0, AT, 1000, tag=BADGE_ANNA)
    held, store, sizes = asyncio.Event(), session_writer.update_all, []

    async def slow(line, said, secret):
        await held.wait()
        sizes.append(len(said))
        return await store(line, said, secret)

    monkeypatch.setattr(session_writer, "update_all", slow)
    first = await stations[0].send("TransactionEvent", event_payload("Updated", 1, AT + timedelta(minutes=1), 1100))
    second = await stations[1].send("TransactionEvent", event_payload("Updated", 1, AT + timedelta(minutes=1), 1100))
    behind = await stations[0].send("TransactionEvent", event_payload("Updated", 2, AT + timedelta(minutes=2), 1200))
    await asyncio.sleep(0.2)
    assert not any(one.done() for one in (first, second, behind))
    assert await rows("SELECT 1 FROM transaction_event WHERE kind = 'Updated'") == []
    held.set()
    answers = await asyncio.wait_for(asyncio.gather(first, second, behind), 10)
    assert [one[2] for one in answers] == [{}, {}, {}]
    assert sum(sizes) == 2  # the third came while its station waited, and went the long way
    assert await rows("SELECT seen_events FROM charging_session ORDER BY seen_events") == [{"seen_events": 2}, {"seen_events": 3}]


@pytest.mark.parametrize("commits", [True, False])
async def test_st16_an_update_whose_commit_is_in_doubt_is_stored_once(site, monkeypatch, commits):
    station = await site.connected("CP-1", V201)
    await station.event("Started", 0, AT, 1000, tag=BADGE_ANNA)
    store, broken = session_writer.update_all, []

    async def once(*args):
        if not broken:
            broken.append(1)
            if commits:
                await store(*args)
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        return await store(*args)

    monkeypatch.setattr(session_writer, "update_all", once)
    assert await station.event("Updated", 1, AT + timedelta(minutes=1), 1100) == {}
    assert await station.event("Ended", 2, AT + timedelta(hours=1), 5000) == {}
    assert await rows("SELECT state, energy_wh, seen_events FROM charging_session") == [
        {"state": "ended", "energy_wh": 4000, "seen_events": 3}
    ]
    assert await rows("SELECT count(*) FROM meter_value") == [{"count": 3}]
    assert await rows("SELECT 1 FROM quarantine") == []


async def test_values_outside_a_transaction_are_stored_together(site):
    station = await site.connected("CP-1", V201)
    before = site.node.writer.stored
    moments = [moment201(AT + timedelta(minutes=n), 100 + n) for n in (1, 0)]
    assert await station.said("MeterValues", {"evseId": 2, "meterValue": moments}) == {}
    assert site.node.writer.stored == before + 1
    assert await rows("SELECT connector_no, energy_wh, session_id FROM meter_value ORDER BY taken_at") == [
        {"connector_no": 2, "energy_wh": 100, "session_id": None}, {"connector_no": 2, "energy_wh": 101, "session_id": None},
    ]  # fmt: skip
