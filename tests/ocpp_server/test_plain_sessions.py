"""Starts and stops stored together: the same as one by one, each once, none answered before its commit."""

import asyncio
import json
import random
from datetime import UTC, datetime, timedelta, timezone

import asyncpg
import pytest

from app.charging.doubts import SLACK
from app.database.transaction import as_owner, execute
from ocpp_server import session_writer
from ocpp_server.lane import Lane
from tests.charging.house import BADGE_ANNA, BADGE_BEN, BADGE_BLOCKED, BADGE_EXPIRED, BADGE_LEFT
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.raw_station import start_payload, stop_payload

NOW = datetime.now(UTC).replace(microsecond=0)
AT = NOW - timedelta(days=3)
BADGES = [BADGE_ANNA] * 6 + [BADGE_BEN, BADGE_BLOCKED, BADGE_EXPIRED, BADGE_LEFT, "04FFFF", BADGE_ANNA.lower()]

OF_STATION = "station_id = (SELECT id FROM station WHERE identity = $1)"
SESSIONS = f"""
SELECT connector_no, tag_hash, tag_tail, tag_status, source, class, issuer, badge_id, person_id, billing_point_id, state, started_at,
    started_raw, meter_start_wh, stopped_at, meter_stop_wh, stop_reason, energy_wh, held_reason, last_power_w,
    start_received_at IS NULL AS never_begun, stop_received_at IS NULL AS never_ended
FROM charging_session WHERE {OF_STATION} ORDER BY transaction_no
"""
MESSAGES = f"SELECT action, message_id FROM station_message WHERE {OF_STATION} AND action LIKE '%Transaction' ORDER BY received_at, id"
REVIEW = f"SELECT kind, reason FROM quarantine WHERE {OF_STATION} ORDER BY received_at, id"


def said_by(seed):
    """Starts and stops, most in order. A stop names its start by place; -1: the start of nobody."""
    chance, at, meter, said = random.Random(seed), AT, 1000, []
    for n in range(16):
        at += timedelta(minutes=chance.choice([1, 30, 90]))
        odd = chance.choice([timedelta(0)] * 6 + [timedelta(hours=-5), timedelta(days=300), timedelta(days=-3000)])
        start = start_payload(at + odd, meter, chance.choice(BADGES), chance.choice([1, 1, 1, 2, 9]))
        said.append(("StartTransaction", start))
        if chance.random() < 0.15:
            said.append(("StartTransaction", start))
        if chance.random() < 0.1:
            continue
        at += timedelta(minutes=chance.choice([20, 60, -1]))
        meter += chance.choice([0, 3000, 3000, 3000, 90_000, -50])
        more = chance.choice([{}, {}, {"idTag": BADGE_ANNA, "reason": "Local"}, {"transactionData": []}])
        stop = stop_payload(chance.choice([n] * 8 + [max(0, n - 1), -1]), at, meter, **more)
        said.append(("StopTransaction", stop))
        if chance.random() < 0.1:
            said.append(("StopTransaction", stop))
    return said


async def outcome(site, identity, said):
    """The answers, and what is stored, without what two runs cannot share."""
    station = await site.connected(identity)
    jobs, answers, numbers = len(await site.jobs()), [], []
    for n, (action, payload) in enumerate(said):
        if action == "StopTransaction":
            named = payload["transactionId"]
            payload = {**payload, "transactionId": numbers[named] if 0 <= named < len(numbers) else 2**31 - 7}
        answer = await station.said(action, payload, f"m{n}")
        if action == "StartTransaction":
            number = answer.pop("transactionId")
            if number not in numbers:
                numbers.append(number)
            answer["place"] = numbers.index(number)
        answers.append(answer)
    stored = [await rows(sql, identity) for sql in (SESSIONS, MESSAGES, REVIEW)]
    station.cut()
    gone = "SELECT 1 FROM station WHERE identity = $1 AND NOT online"
    assert await eventually(lambda: rows(gone, identity))
    return answers, stored, (await site.jobs())[jobs:]


@pytest.mark.parametrize("seed", range(6))
async def test_together_comes_to_the_same_as_one_by_one(site, seed, monkeypatch):
    said = said_by(seed)
    fast = await outcome(site, "CP-1", said)
    assert site.node.sessions.stored > 0
    monkeypatch.setattr(Lane, "take", lambda self, data: False)
    before = site.node.sessions.stored
    slow = await outcome(site, "CP-3", said)
    assert site.node.sessions.stored == before
    assert len(slow[1][0]) > 5
    for one, other in zip(slow, fast, strict=True):
        assert one == other


async def test_a_plain_start_and_stop_take_no_other_way(site, monkeypatch):
    async def never(*_):
        raise AssertionError("the long way")

    monkeypatch.setattr("app.charging.transactions.start_session", never)
    monkeypatch.setattr("app.charging.transactions.end_session", never)
    station = await site.connected()
    for n in range(3):
        number = await station.start(AT + timedelta(hours=n), 1000 + 10 * n)
        assert await station.said("StopTransaction", stop_payload(number, AT + timedelta(hours=n, minutes=30), 1005 + 10 * n)) == {}
    assert (await site.jobs()).count("SessionEnded") == 3


@pytest.mark.parametrize("late", [-1, 0, 1])
async def test_a_start_before_the_last_end_is_in_doubt_to_the_second(site, late):
    station = await site.connected()
    number = await station.start(AT, 1000)
    await station.said("StopTransaction", stop_payload(number, AT + timedelta(hours=1), 2000))
    await station.start(AT + timedelta(hours=1) - SLACK + timedelta(seconds=late), 2000)
    held = await rows("SELECT held_reason FROM charging_session ORDER BY transaction_no DESC LIMIT 1")
    assert held == [{"held_reason": "clock_behind" if late < 0 else None}]


async def test_starts_of_many_stations_share_a_commit_and_none_is_answered_before_it(site, monkeypatch):
    stations = [await site.connected(f"CP-{n}") for n in (1, 2, 3)]
    held, store = asyncio.Event(), session_writer.start_all

    async def slow(*args):
        await held.wait()
        return await store(*args)

    monkeypatch.setattr(session_writer, "start_all", slow)
    badges = (BADGE_ANNA, BADGE_BEN, BADGE_ANNA)
    waiting = [await one.send("StartTransaction", start_payload(AT, 1000, tag)) for one, tag in zip(stations, badges, strict=True)]
    behind = await stations[0].send("Heartbeat", {})
    await asyncio.sleep(0.2)
    assert not any(one.done() for one in (*waiting, behind))
    assert await rows("SELECT 1 FROM charging_session") == []
    held.set()
    answers = await asyncio.wait_for(asyncio.gather(*waiting), 10)
    assert len({one[2]["transactionId"] for one in answers}) == 3
    assert (await asyncio.wait_for(behind, 10))[0] == 3


async def test_one_badge_at_two_stations_at_once_is_accepted_at_one(site):
    stations = [await site.connected(f"CP-{n}") for n in (1, 2, 3)]
    now = datetime.now(UTC)
    waiting = [await one.send("StartTransaction", start_payload(now, 1000, BADGE_BEN)) for one in stations]
    answers = await asyncio.wait_for(asyncio.gather(*waiting), 10)
    said = sorted(one[2]["idTagInfo"]["status"] for one in answers)
    # CP-2's first place is Anna's alone; of the other two one comes first.
    assert said == ["Accepted", "ConcurrentTx", "Invalid"]


@pytest.mark.parametrize("commits", [True, False])
async def test_a_start_and_a_stop_whose_commit_is_in_doubt_are_stored_once(site, monkeypatch, commits):
    station = await site.connected()
    broken = []

    def breaking(store):
        async def once(*args):
            if store in broken:
                return await store(*args)
            broken.append(store)
            if commits:
                await store(*args)
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

        return once

    for name in ("start_all", "end_all"):
        monkeypatch.setattr(session_writer, name, breaking(getattr(session_writer, name)))
    number = await station.start(AT, 1000)
    assert await station.said("StopTransaction", stop_payload(number, AT + timedelta(hours=1), 5000)) == {}
    assert len(broken) == 2
    assert await rows("SELECT transaction_no, state, energy_wh FROM charging_session") == [
        {"transaction_no": number, "state": "ended", "energy_wh": 4000}
    ]
    assert (await site.jobs()).count("SessionEnded") == 1


async def test_what_is_handed_back_keeps_its_place_before_what_came_later(site):
    """A start with a blocked badge goes the long way; the stop of a transaction and the rest behind it wait for it."""
    station = await site.connected()
    order, waiting = [], []
    frames = [("StartTransaction", start_payload(AT + timedelta(hours=n), 1000 + n, badge)) for n, badge in enumerate(BADGES)]
    for n, (action, payload) in enumerate([one for frame in frames for one in (frame, ("Heartbeat", {}))]):
        future = asyncio.get_running_loop().create_future()
        station.waiting[f"m{n}"] = future
        future.add_done_callback(lambda _, n=n: order.append(n))
        waiting.append(future)
        await station.text(json.dumps([2, f"m{n}", action, payload]))
    answers = await asyncio.wait_for(asyncio.gather(*waiting), 20)
    assert {one[0] for one in answers} == {3}
    assert order == list(range(len(waiting)))


async def test_a_start_with_a_strange_time_zone_is_read_as_the_moment_it_is(site):
    station = await site.connected()
    there = AT.astimezone(timezone(timedelta(hours=5, minutes=45))).isoformat()
    payload = {**start_payload(AT, 1000), "timestamp": there}
    await station.said("StartTransaction", payload)
    assert await rows("SELECT started_at, started_raw FROM charging_session") == [{"started_at": AT, "started_raw": there}]


@pytest.mark.parametrize(("badge", "status", "state"), [(BADGE_ANNA, "Accepted", "used"), (BADGE_BEN, "ConcurrentTx", "reserved")])
async def test_a_start_at_a_place_that_is_kept_serves_its_holder_and_nobody_else(site, badge, status, state):
    station, house, now = await site.connected(), site.house, datetime.now(UTC)
    async with as_owner():
        await execute(
            "INSERT INTO reservation (account_id, number, station_id, connector_no, person_id, until, state, command_id, asked_by,"
            " created_at, changed_at) VALUES ($1, 1, $2, 1, $3, $4, 'reserved', $5, $5, $6, $6)",
            house.account_id, house.stations["CP-1"], house.anna, now + timedelta(hours=1), house.login, now,
        )  # fmt: skip
    answer = await station.said("StartTransaction", start_payload(now, 1000, badge))
    assert answer["idTagInfo"]["status"] == status
    assert await rows("SELECT state FROM reservation") == [{"state": state}]
