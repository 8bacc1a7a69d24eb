"""What has happened at other operators, in the order of public reports: here none of it may charge anybody."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from app.billing.commands import charge_session
from app.charging.intents import V16, V201
from app.database.transaction import as_owner, execute, fetch
from app.kernel.clock import utc_now
from app.kernel.identifiers import keyed_hash, new_id
from app.tariffs.commands import enter_tariff
from app.tariffs.model import Component
from ocpp_server.main import running_node
from tests.charging.house import BADGE_ANNA, BADGE_BEN, BADGE_BLOCKED, SECRET, make_house
from tests.ocpp_server.conftest import Site, rows
from tests.ocpp_server.raw_station import RefusedUpgrade, iso, stop_payload
from tests.ocpp_server.speaking import Charge, building_values
from tests.ocpp_server.staff import staffed

AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=5)
FOREIGN = "DEABCC00F0F0"


@pytest.fixture(params=[V16, V201])
def version(request):
    return request.param


@pytest.fixture
async def station(site, version):
    """It has said nothing of its connectors yet, so what it says of the past is news."""
    station = await site.station().open(protocols=(version,))
    await station.boot()
    return station


async def sessions():
    return await rows("SELECT * FROM charging_session ORDER BY transaction_no")


async def nothing_charged(site, reason):
    (session,) = await sessions()
    assert (session["state"], session["held_reason"], session["energy_wh"]) == ("held", reason, None)
    jobs = await site.jobs()
    assert "SessionHeld" in jobs and "SessionEnded" not in jobs


async def test_incident_energy_of_6_82_mwh_in_20_minutes_is_held(site, station):
    charge = Charge(station)
    await charge.begin(AT, 1000)
    await charge.end(AT + timedelta(minutes=20), 6_821_000)
    await nothing_charged(site, "more_than_possible")


async def test_incident_a_session_dated_1970_is_held_with_the_time_as_said(site, station):
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    charge = Charge(station)
    await charge.begin(epoch, 1000)
    await charge.end(AT, 3000)
    await nothing_charged(site, "before_commissioning")
    (session,) = await sessions()
    assert session["started_raw"] == iso(epoch)
    assert session["start_received_at"] > AT


async def test_incident_3_wh_on_a_stuck_plug_cost_no_more_than_the_cap_of_the_idle_fee(site, station):
    house = site.house
    async with as_owner():
        prices = (Component(dimension="kwh", unit_price=Decimal("0.30")),
                  Component(dimension="idle_minute", unit_price=Decimal("0.10"), grace_minutes=15, cap_minor=600))  # fmt: skip
        await enter_tariff(house.account_id, house.site_id, "t", "CHF", Decimal("0.081"), date(2026, 1, 1), prices)
    charge = Charge(station)
    await charge.begin(AT - timedelta(days=2), 1000)
    await charge.values([(AT - timedelta(days=2) + timedelta(minutes=1), 1003)])
    await charge.suspended(AT - timedelta(days=2) + timedelta(minutes=2))
    await charge.end(AT, 1003)
    (session,) = await sessions()
    assert (session["state"], session["energy_wh"]) == ("ended", 3)
    await charge_session(house.account_id, session["id"], datetime.now(UTC))
    (charged,) = await rows("SELECT lines FROM charge")
    lines = {line["dimension"]: line["amount_minor"] for line in json.loads(charged["lines"])}
    assert lines == {"kwh": 0, "idle_minute": 600}


async def test_incident_negative_energy_is_never_stored(site, station):
    charge = Charge(station)
    await charge.begin(AT, 3000)
    await charge.values([(AT + timedelta(minutes=1), 2000)])
    assert (await sessions())[0]["last_meter_wh"] >= 3000
    await charge.end(AT + timedelta(minutes=20), 1000)
    await nothing_charged(site, "register_fell")


async def test_incident_a_stop_by_a_random_number_ends_nobodys_session(site, station):
    mine, other = Charge(station), await site.connected("CP-3", station.protocol)
    await mine.begin(AT, 1000)
    theirs = Charge(other, tx="tx-2")
    await theirs.begin(AT, 5000)
    if station.protocol == V16:
        for number in (mine.name, 123_456_789, 0, -1):
            assert await other.said("StopTransaction", stop_payload(number, AT + timedelta(minutes=5), 9000)) == {}
    else:
        for name in (mine.name, "guessed"):
            await other.event("Ended", 7, AT + timedelta(minutes=5), 9000, tx=name)
    open_ = await rows("SELECT x.id FROM charging_session x WHERE x.state = 'open'")
    assert len(open_) == 2
    assert len(await rows("SELECT 1 FROM security_event WHERE kind = 'foreign_stop'")) == 1
    assert "SessionEnded" not in await site.jobs()


async def test_incident_no_api_and_no_table_gives_a_badge_away(site, version, station, settings_for, tmp_path):
    uids = (BADGE_ANNA, BADGE_BEN, BADGE_BLOCKED, FOREIGN)
    for number, uid in enumerate(uids):
        payload = {"idTag": uid} if version == V16 else {"idToken": {"idToken": uid, "type": "ISO14443"}}
        await station.said("Authorize", payload)
        charge = Charge(station, tag=uid, tx=f"tx-{number}")
        await charge.begin(AT + timedelta(minutes=number * 10), 1000 + number)
        await charge.end(AT + timedelta(minutes=number * 10 + 5), 1000 + number)
    async with staffed(site, settings_for(), tmp_path) as staff:
        said = (await staff.clients["operator"].get(staff.path())).text
        document = (await staff.clients["operator"].get("/schema/openapi.json")).json()
        plain = [path for path, verbs in document["paths"].items() if "get" in verbs and "{" not in path and "events" not in path]
        assert len(plain) > 20
        for path in plain:
            said += (await staff.clients["operator"].get(path)).text
        for uid in uids:
            assert uid not in said
    async with as_owner():
        tables = await fetch(
            "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
        for table in tables:
            found = await fetch(f'SELECT t::text AS said FROM "{table["name"]}" t WHERE t::text LIKE ANY($1)', [f"%{uid}%" for uid in uids])
            assert found == [], table["name"]


async def test_incident_a_sticker_that_is_not_ours_starts_nothing_and_ours_tells_no_station_id(site, settings_for, tmp_path):
    async with staffed(site, settings_for(), tmp_path) as staff:
        resident = staff.clients["resident"]
        fake = await resident.post("/api/c/FAKECODE/start", json={"idempotency_key": str(new_id())})
        assert (fake.status_code, fake.json()["code"]) == (404, "unknown_code")
        assert (await resident.get("/api/c/FAKECODE")).status_code == 404
        # What a person sees before a start is the name of the house and of the place, so a moved sticker shows.
        place = (await resident.get(f"/api/c/{site.house.codes['CP-1', 1]}")).json()
        assert "Place 1" in str(place) and "Lindenhof" in str(place)
    assert all(identity not in code for (identity, _), code in site.house.codes.items())
    assert await rows("SELECT 1 FROM charge_request") == []


async def test_incident_a_second_socket_takes_over_only_with_the_stations_own_key(site, version, station):
    for password in (None, "", "guessed", site.house.passwords["CP-2"]):
        with pytest.raises(RefusedUpgrade):
            await site.station("CP-1", password).open(protocols=(version,))
    charge = Charge(station)
    assert await charge.begin(AT, 1000) == "Accepted"
    await charge.end(AT + timedelta(minutes=20), 2000)
    kinds = {one["kind"] for one in await rows("SELECT kind FROM security_event")}
    assert "refused" in kinds and "second_connection" not in kinds


async def test_incident_all_of_2525_values_without_a_transaction_are_kept(station):
    begun = AT.replace(second=0)
    for batch in range(25):
        moments = [(begun + timedelta(seconds=batch * 101 + second), batch * 101 + second) for second in range(101)]
        assert await building_values(station, moments) == {}
    (kept,) = await rows("SELECT count(*) AS n, count(DISTINCT energy_wh) AS different, count(session_id) AS inside FROM meter_value")
    assert (kept["n"], kept["different"], kept["inside"]) == (2525, 2525, 0)
    assert await sessions() == []


async def test_incident_a_partners_outage_keeps_no_stop_from_being_stored(database, settings_for, version):
    """Everything beyond the database is away: the bus, the worker, the partner. A stop needs none of them."""
    house = await make_house()
    async with as_owner():
        await execute("UPDATE station SET roaming_allowed = true")
        await execute("INSERT INTO roaming_token (account_id, uid_hash, uid_tail, issuer, allowed, changed_at)"
                      " VALUES ($1, $2, 'F0F0', 'DE*ABC', true, now())", house.account_id, keyed_hash(SECRET, FOREIGN))  # fmt: skip
    async with running_node(settings_for(REDIS_URL="unix:///nowhere/redis.sock"), utc_now, port=0) as (node, port):
        site = Site(house, node, port, [], database)
        station = await site.connected("CP-1", version)
        charge = Charge(station, tag=FOREIGN)
        assert await charge.begin(AT, 1000) == "Accepted"
        async with as_owner():
            await execute("DELETE FROM roaming_token")
        await charge.end(AT + timedelta(minutes=20), 2000)
        (session,) = await sessions()
        assert (session["state"], session["energy_wh"], session["class"], session["issuer"]) == ("ended", 1000, "external", "DE*ABC")
        assert (await site.jobs()).count("SessionEnded") == 1
        station.cut()
