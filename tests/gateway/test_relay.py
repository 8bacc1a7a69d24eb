"""Sessions through a gateway while the internet comes and goes: in order, by their own times, each once, nothing lost."""

from datetime import UTC, datetime, timedelta

import pytest

from app.charging.intents import V16, V201
from app.charging.requests import request_stop
from ocpp_server.gateway.store import FIRST_LOCAL, Store
from tests.charging.house import BADGE_ANNA, BADGE_BEN
from tests.gateway.conftest import Behind
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.raw_station import RefusedUpgrade
from tests.ocpp_server.speaking import Charge

AT = datetime.now(UTC).replace(microsecond=0) - timedelta(days=9)
SESSIONS = "SELECT * FROM charging_session ORDER BY started_at"


async def holds(station, uid):
    """What becomes of a badge that is held to a station."""
    if station.protocol == V201:
        return (await station.said("Authorize", {"idToken": {"idToken": uid, "type": "ISO14443"}}))["idTokenInfo"]["status"]
    return (await station.said("Authorize", {"idTag": uid}))["idTagInfo"]["status"]


async def test_with_the_internet_the_platform_answers(behind, version):
    station = await behind.station(version)
    assert (await station.boot())["status"] == "Accepted"
    assert await holds(station, BADGE_BEN) == "Accepted"
    charge = Charge(station)
    await charge.begin(AT, 1000)
    await charge.end(AT + timedelta(hours=1), 4000)
    (session,) = await rows(SESSIONS)
    assert (session["state"], session["energy_wh"], session["started_at"]) == ("ended", 3000, AT)
    assert charge.name == (session["transaction_ref"] or session["transaction_no"])


@pytest.mark.row("M45")
async def test_seven_days_without_the_internet_come_in_order_by_their_own_times(behind, version):
    station = await behind.station(version)
    await station.boot()
    running = Charge(station, tx="tx-0")
    await running.begin(AT, 1000)
    await behind.without()
    # The charge that runs ends without the internet; one follows each day; the last one still runs when it is back.
    await running.values([(AT + timedelta(hours=1), 1500)])
    await running.end(AT + timedelta(hours=2), 2000)
    for day in range(1, 8):
        begun, charge = AT + timedelta(days=day), Charge(station, tx=f"tx-{day}")
        behind.now = begun.timestamp()
        assert (await station.said("Heartbeat", {}))["currentTime"].startswith(begun.isoformat()[:16])
        if day < 7:  # a week after the platform let the badge charge it counts no longer
            assert await charge.begin(begun, 1000 + 1000 * day) == "Accepted"
            await charge.values([(begun + timedelta(minutes=30), 1500 + 1000 * day)])
            await charge.end(begun + timedelta(hours=1), 2000 + 1000 * day)
    behind.now = (AT + timedelta(days=6, hours=2)).timestamp()
    last = Charge(station, tx="last")
    assert await last.begin(AT + timedelta(days=6, hours=2), 8000) == "Accepted"
    assert len(await rows(SESSIONS)) == 1
    assert behind.platform.store.waiting()["messages"] == 2 + 6 * 3 + 1
    await behind.mend()
    await last.end(AT + timedelta(days=6, hours=3), 8500)
    await eventually(lambda: rows("SELECT 1 FROM charging_session WHERE meter_stop_wh = 8500"))
    found = await rows(SESSIONS)
    assert [(one["state"], one["energy_wh"], one["started_at"]) for one in found] == [
        ("ended", 1000, AT), *(("ended", 1000, AT + timedelta(days=day)) for day in range(1, 7)),
        ("ended", 500, AT + timedelta(days=6, hours=2)),
    ]  # fmt: skip
    assert {one["person_id"] for one in found} == {behind.site.house.anna}
    assert await rows("SELECT 1 FROM quarantine") == []
    assert behind.platform.store.waiting() == {"messages": 0, "refused": 0, "readings": 0}


async def test_without_the_internet_an_unknown_badge_is_refused_and_what_it_charged_is_told(behind, version):
    station = await behind.station(version)
    await holds(station, BADGE_ANNA)
    await behind.without()
    assert (await holds(station, BADGE_ANNA), await holds(station, BADGE_BEN)) == ("Accepted", "Invalid")
    charge = Charge(station, tag=BADGE_BEN)
    assert await charge.begin(AT, 1000) == "Invalid"
    await charge.end(AT + timedelta(minutes=1), 1000)
    await behind.mend()
    assert len(await rows(SESSIONS)) == 1


async def test_a_gateway_that_is_killed_sends_what_it_has_kept_and_nothing_twice(site, tmp_path, version):
    behind = Behind(site, tmp_path / "gateway.sqlite", AT.timestamp())
    async with behind.running():
        station = await behind.station(version)
        await station.boot()
        await holds(station, BADGE_ANNA)
        await behind.without()
        charge = Charge(station)
        assert await charge.begin(AT, 1000) == "Accepted"
        again = Charge(station)
        assert await again.begin(AT, 1000) == "Accepted"  # the station has not seen the answer
        assert again.name == charge.name == (FIRST_LOCAL if version == V16 else "tx-1")
        station.cut()
        assert [behind.platform.store.next_message("CP-1").action] == [("StartTransaction" if version == V16 else "TransactionEvent")]
    async with behind.running():
        behind.cut()
        with pytest.raises(RefusedUpgrade):
            await behind.station(version, password="guessed")
        station = await behind.station(version)  # let in by what the platform let in before
        charge.station = station
        await charge.end(AT + timedelta(hours=1), 3000)
        await behind.mend()
    assert [(one["state"], one["energy_wh"]) for one in await rows(SESSIONS)] == [("ended", 2000)]


async def test_a_message_whose_answer_was_lost_with_the_line_counts_once(behind, version):
    station = await behind.station(version)
    await holds(station, BADGE_ANNA)
    charge = Charge(station)
    (relay,) = behind.door.relays.values()
    heard = relay._from_platform

    async def lost(_):
        behind.platform.url = "ws://127.0.0.1:9/ocpp"
        relay.up.transport.abort()

    relay._from_platform = lost
    assert await charge.begin(AT, 1000) == "Accepted"
    relay._from_platform = heard
    assert len(await rows(SESSIONS)) == 1  # the platform has it, and the gateway does not know
    await behind.mend()
    await charge.end(AT + timedelta(hours=1), 3000)
    await behind.mend()
    assert [(one["state"], one["energy_wh"]) for one in await rows(SESSIONS)] == [("ended", 2000)]


@pytest.mark.parametrize("version", [V16])
async def test_a_stop_from_the_platform_names_the_number_that_the_station_knows(behind, version):
    house = behind.site.house
    station = await behind.station(version)
    await holds(station, BADGE_ANNA)
    await behind.without()
    charge = Charge(station)
    await charge.begin(datetime.now(UTC), 1000)
    await behind.mend()
    (session,) = await rows(SESSIONS)
    assert session["transaction_no"] != charge.name == FIRST_LOCAL
    await request_stop(house.account_id, house.anna, house.login, session["id"], datetime.now(UTC))
    await behind.site.wake("CP-1")
    call = await station.next_call()
    assert call[2:] == ["RemoteStopTransaction", {"transactionId": charge.name}]


async def test_a_stranger_is_refused_as_the_platform_refuses_it(behind, version):
    for identity, password in (("CP-1", "wrong"), ("NOBODY", "x")):
        with pytest.raises(RefusedUpgrade) as caught:
            await behind.station(version, identity, password)
        assert caught.value.status in (401, 404)


def test_what_is_kept_is_readable_by_its_owner_only(tmp_path):
    store = Store(tmp_path / "g.sqlite")
    assert (tmp_path / "g.sqlite").stat().st_mode & 0o077 == 0
    store.close()
