"""Who may charge: badges in every state, private and shared places, partners' customers, groups, and one badge at a time."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from app.charging.authorisation import authorise, group_of
from app.charging.guest_requests import request_guest_start, why_no_guest
from app.charging.intents import V16, V201
from app.charging.lost_stops import match_lost_stops
from app.charging.missing_stops import GRACE, close_missing_stops
from app.charging.model import Station
from app.charging.requests import request_start
from app.database.transaction import as_owner, execute
from app.kernel.errors import Refused
from app.kernel.identifiers import keyed_hash
from tests.charging.house import (
    BADGE_ANNA,
    BADGE_BEN,
    BADGE_BLOCKED,
    BADGE_EXPIRED,
    BADGE_LEFT,
    COMMISSIONED,
    NOW,
    SECRET,
)
from tests.ocpp_server.conftest import rows
from tests.ocpp_server.raw_station import start_payload, stop_payload
from tests.ocpp_server.speaking import Charge
from tests.ocpp_server.test_money import quarantined, sessions

AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
LATER = AT + timedelta(minutes=30)
SECOND_BADGE, FOREIGN = "04A2A2A2A2A2A2", "04F0F0F0F0F0F0"


async def change(sql: str, *args) -> None:
    async with as_owner():
        await execute(sql, *args)


async def second_badge(site) -> None:
    await change("INSERT INTO badge (account_id, person_id, uid_hash, uid_tail, valid_from) VALUES ($1, $2, $3, 'A2A2', '2026-01-01')",
                 site.house.account_id, site.house.anna, keyed_hash(SECRET, SECOND_BADGE))  # fmt: skip


async def partner(site, *, allowed: bool = True, open_station: str | None = "CP-1") -> None:
    await change("INSERT INTO roaming_token (account_id, uid_hash, uid_tail, issuer, allowed, changed_at)"
                 " VALUES ($1, $2, 'F0F0', 'DE*ABC', $3, $4)",
                 site.house.account_id, keyed_hash(SECRET, FOREIGN), allowed, NOW)  # fmt: skip
    await change("UPDATE station SET roaming_allowed = true WHERE identity = $1", open_station)


async def status_of(station, uid: str) -> str:
    if station.protocol == V201:
        return (await station.said("Authorize", {"idToken": {"idToken": uid, "type": "ISO14443"}}))["idTokenInfo"]["status"]
    return (await station.said("Authorize", {"idTag": uid}))["idTagInfo"]["status"]


async def tapped(site, identity="CP-3") -> str:
    """What becomes of Anna's start in the app."""
    try:
        asked, _ = await request_start(site.house.account_id, site.house.anna, site.house.login, site.house.codes[identity, 1], uuid4(),
                                       SECRET, datetime.now(UTC))  # fmt: skip
    except Refused as refused:
        return refused.code
    return asked.state


@pytest.mark.row("M05")
@pytest.mark.parametrize("version", [V16, V201])
async def test_tc_023_1_csms_tc_023_2_csms_tc_023_3_csms_a_badge_is_judged_by_its_state_its_account_its_flat_and_the_stations_roaming_rule(
    site, version
):
    station, other = await site.connected("CP-1", version), await site.connected("CP-3", version)
    expected = {BADGE_ANNA: "Accepted", BADGE_BLOCKED: "Blocked", BADGE_EXPIRED: "Expired", BADGE_LEFT: "Invalid", FOREIGN: "Invalid"}
    assert {uid: await status_of(station, uid) for uid in expected} == expected
    await change("UPDATE person SET charging_allowed = false WHERE id = $1", site.house.anna)
    assert await status_of(station, BADGE_ANNA) == "Blocked"
    assert await tapped(site) == "charging_stopped"
    await change("UPDATE person SET charging_allowed = true WHERE id = $1", site.house.anna)
    await change("UPDATE connector SET billing_point_id = $1", site.house.flat_ben)
    assert await tapped(site) == "not_allowed"
    await change("UPDATE connector SET billing_point_id = NULL")
    assert await tapped(site) == "asked"
    await partner(site, open_station=None)
    assert await status_of(station, FOREIGN) == "Invalid"
    await change("UPDATE station SET roaming_allowed = true WHERE identity = 'CP-1'")
    assert await status_of(station, FOREIGN) == "Accepted"
    assert await status_of(other, FOREIGN) == "Invalid"
    await change("UPDATE roaming_token SET allowed = false")
    assert await status_of(station, FOREIGN) == "Blocked"
    await change("UPDATE connector SET billing_point_id = $1", site.house.flat_anna)
    assert (await status_of(station, BADGE_BEN), await status_of(station, BADGE_ANNA)) == ("Invalid", "Accepted")


@pytest.mark.row("M06")
@pytest.mark.parametrize("version", [V16, V201])
async def test_the_class_is_fixed_at_authorisation_and_stays_with_the_session(site, version):
    station = await site.connected("CP-1", version)
    await partner(site)
    assert await status_of(station, FOREIGN) == "Accepted"
    # Between the badge and the start the token becomes a resident's: the class of its authorisation stands.
    await change("INSERT INTO badge (account_id, person_id, uid_hash, uid_tail, valid_from) VALUES ($1, $2, $3, 'F0F0', '2026-01-01')",
                 site.house.account_id, site.house.ben, keyed_hash(SECRET, FOREIGN))  # fmt: skip
    now = datetime.now(UTC).replace(microsecond=0)
    for minute, tag in ((0, FOREIGN), (2, BADGE_ANNA)):
        begun, charge = now + timedelta(minutes=minute), Charge(station, tag=tag, tx=f"tx-{minute}")
        assert await charge.begin(begun, 1000 + 50 * minute) == "Accepted"
        await charge.end(begun + timedelta(minutes=1), 1100 + 50 * minute)
    first, second = await sessions()
    assert (first["class"], first["issuer"], second["class"], second["issuer"]) == ("external", "DE*ABC", "internal", None)
    await change("DELETE FROM token_authorisation")
    await change("DELETE FROM roaming_token")
    assert [one["class"] for one in await sessions()] == ["external", "internal"]


async def test_a_partners_customer_is_charged_to_no_resident(site):
    station = await site.connected()
    await partner(site)
    number = await station.start(AT, tag=FOREIGN)
    await station.said("StopTransaction", stop_payload(number, LATER, 3000))
    (session,) = await sessions()
    assert (session["class"], session["issuer"], session["person_id"], session["tag_status"]) == ("external", "DE*ABC", None, "Accepted")


@pytest.mark.row("M08")
@pytest.mark.parametrize("version", [V16, V201])
async def test_a_private_place_takes_its_holders_badges_and_a_shared_one_every_active_badge_of_the_site(site, version):
    await second_badge(site)
    place = await site.connected("CP-2", version)
    tries = [(BADGE_ANNA, 1, "Accepted"), (SECOND_BADGE, 1, "Accepted"), (BADGE_BEN, 1, "Invalid"), (BADGE_BLOCKED, 1, "Blocked"),
             (BADGE_ANNA, 2, "Accepted"), (BADGE_BEN, 2, "Accepted"), (BADGE_BLOCKED, 2, "Blocked"), (BADGE_LEFT, 2, "Invalid")]  # fmt: skip
    for minute, (uid, connector, expected) in enumerate(tries):
        begun = AT + timedelta(minutes=minute)
        charge = Charge(place, tag=uid, connector=connector, tx=f"tx-{minute}")
        assert (uid, connector, await charge.begin(begun, 1000 + minute)) == (uid, connector, expected)
        await charge.end(begun, 1000 + minute)


async def test_all_badges_of_a_resident_share_a_group_and_nobody_elses(site):
    await second_badge(site)
    station = await site.connected()
    groups = {}
    for uid in (BADGE_ANNA, SECOND_BADGE, BADGE_BEN):
        groups[uid] = (await station.said("Authorize", {"idTag": uid}))["idTagInfo"]["parentIdTag"]
    assert groups[BADGE_ANNA] == groups[SECOND_BADGE] == group_of(site.house.anna) != groups[BADGE_BEN]
    assert len(groups[BADGE_ANNA]) == 20
    answer = await station.said("StartTransaction", start_payload(AT))
    assert answer["idTagInfo"]["parentIdTag"] == groups[BADGE_ANNA]
    refused = await station.said("Authorize", {"idTag": BADGE_BLOCKED})
    assert refused == {"idTagInfo": {"status": "Blocked"}}


async def test_a_badge_that_charges_elsewhere_is_answered_concurrent_and_stays_its_holders(site):
    await second_badge(site)
    now = datetime.now(UTC).replace(microsecond=0)
    first, second = await site.connected("CP-1"), await site.connected("CP-3")
    number = await first.start(now)
    answer = await second.said("StartTransaction", start_payload(now))
    assert answer["idTagInfo"]["status"] == "ConcurrentTx"
    assert [one["person_id"] for one in await sessions()] == [site.house.anna] * 2
    other = await second.said("StartTransaction", start_payload(now, 1000, SECOND_BADGE, connector=2))
    assert other["idTagInfo"]["status"] == "Accepted"
    await first.said("StopTransaction", stop_payload(number, now + timedelta(minutes=1), 1100))
    await second.said("StopTransaction", stop_payload(answer["transactionId"], now + timedelta(minutes=1), 1000))
    again = await first.said("StartTransaction", start_payload(now + timedelta(minutes=2), 1100))
    assert again["idTagInfo"]["status"] == "Accepted"


async def test_a_resident_with_two_cars_may_be_given_two_charges_at_once(site):
    await change("UPDATE badge SET sessions_at_once = 2 WHERE uid_tail = $1", BADGE_ANNA[-4:])
    now = datetime.now(UTC).replace(microsecond=0)
    first, second = await site.connected("CP-1"), await site.connected("CP-3")
    await first.start(now)
    answers = [await second.said("StartTransaction", start_payload(now, connector=number)) for number in (1, 2)]
    assert [one["idTagInfo"]["status"] for one in answers] == ["Accepted", "ConcurrentTx"]


@pytest.mark.row("M10")
@pytest.mark.parametrize("version", [V16, V201])
async def test_what_is_billed_is_stop_minus_start_whatever_the_power_integrates_to(site, version):
    charge = Charge(await site.connected("CP-1", version))
    await charge.begin(AT, 1000)
    for minute in range(1, 30, 5):
        await charge.values([(AT + timedelta(minutes=minute), 1000 + minute)], power_w=11_000)
    await charge.end(LATER, 3210)
    (session,) = await sessions()
    assert (session["energy_wh"], session["meter_start_wh"], session["meter_stop_wh"]) == (2210, 1000, 3210)
    assert (session["started_at"], session["stopped_at"]) == (AT, LATER)
    assert {one["power_w"] for one in await rows("SELECT power_w FROM meter_value WHERE power_w IS NOT NULL")} == {11_000}


@pytest.mark.row("M11")
@pytest.mark.parametrize("version", [V16, V201])
async def test_a_stop_without_a_badge_closes_and_a_missing_one_is_estimated_and_the_badge_is_free_again(site, version):
    now = datetime.now(UTC).replace(microsecond=0)
    station, other = await site.connected("CP-1", version), await site.connected("CP-3", version)
    for minutes, reason in ((4, "EVDisconnected"), (2, "PowerLoss")):
        at, charge = now - timedelta(minutes=minutes), Charge(station, tx=f"tx-{minutes}")
        assert await charge.begin(at, 1000) == "Accepted"
        assert await charge.end(at + timedelta(minutes=1), 1100, reason=reason) == {}
        assert await status_of(other, BADGE_ANNA) == "Accepted"
    lost = Charge(station, tx="lost")
    await lost.begin(now, 1100)
    await lost.values([(now + timedelta(seconds=1), 1150)], power_w=3000)
    busy = Charge(other, tx="elsewhere")
    assert await busy.begin(datetime.now(UTC), 1000) == "ConcurrentTx"
    await busy.end(datetime.now(UTC), 1000)
    station.cut()
    await site.connected("CP-1", version)
    await close_missing_stops(datetime.now(UTC) + GRACE + timedelta(minutes=1))
    closed = next(one for one in await sessions() if one["meter_start_wh"] == 1100)
    assert (closed["state"], closed["energy_wh"], closed["estimated"]) == ("ended", 50, True)
    assert await Charge(other, tx="free").begin(datetime.now(UTC), 1000) == "Accepted"


@pytest.mark.row("M12")
@pytest.mark.parametrize("version", [V16, V201])
async def test_replays_change_nothing_and_a_stop_for_nobody_is_parked(site, version):
    station = await site.connected("CP-1", version)
    tries = [Charge(station) for _ in range(3)]
    assert [await one.begin(AT, 1000) for one in tries] == ["Accepted"] * 3
    assert len({one.name for one in tries}) == 1
    for one in tries:
        await one.end(LATER, 3000)
    assert [(one["state"], one["energy_wh"]) for one in await sessions()] == [("ended", 2000)]
    nobody = Charge(station, tx="nobody's") if version == V201 else Charge(station, tx=123_456)
    for _ in range(2):
        nobody.seq = 7
        await nobody.end(LATER, 9000)
    await match_lost_stops(datetime.now(UTC) + timedelta(hours=1))
    if version == V201:
        # Stored under its own name and held for a person: its start may still come.
        parked = (await sessions())[-1]
        assert (parked["state"], parked["held_reason"], parked["energy_wh"]) == ("held", "start_missing", None)
        assert await quarantined() == []
        return
    (parked,) = await quarantined()
    assert (parked["kind"], parked["reason"]) == ("stop", "unknown_transaction")
    assert await rows("SELECT settled_at FROM quarantine") == [{"settled_at": None}]


@pytest.mark.row("M13")
@pytest.mark.parametrize("version", [V16, V201])
@pytest.mark.parametrize("new_transaction", [False, True])
async def test_a_pause_without_unplugging_never_counts_energy_twice(site, new_transaction, version):
    station = await site.connected("CP-1", version)
    charge = Charge(station)
    await charge.begin(AT, 1000)
    await charge.values([(AT + timedelta(minutes=5), 1800)], power_w=9000)
    paused, resumed = AT + timedelta(minutes=6), AT + timedelta(minutes=20)
    await charge.suspended(paused)
    if new_transaction:
        await charge.end(paused, 1900)
        charge = Charge(station, tx="tx-2")
        await charge.begin(resumed, 1900)
    await charge.resumed(resumed)
    await charge.end(LATER, 3000)
    found = await sessions()
    assert [one["state"] for one in found] == ["ended"] * (2 if new_transaction else 1)
    assert sum(one["energy_wh"] for one in found) == 2000


@pytest.mark.row("M13")
@pytest.mark.parametrize("version", [V16, V201])
async def test_two_sessions_that_count_the_same_energy_at_the_same_time_are_not_both_charged(site, version):
    station = await site.connected("CP-1", version)
    first, second = Charge(station), Charge(station, tx="tx-2")
    await first.begin(AT, 1000)
    await second.begin(AT + timedelta(minutes=10), 1800)
    await first.end(AT + timedelta(minutes=25), 2500)
    await second.end(AT + timedelta(minutes=26), 2600)
    found = [(one["state"], one["held_reason"]) for one in await sessions()]
    assert ("held", "overlaps") in found


async def test_the_status_alone_can_be_asked_for(site):
    station = Station(account_id=site.house.account_id, id=site.house.stations["CP-1"], identity="CP-1", site_id=site.house.site_id,
                      name="1", max_power_w=11_000, commissioned_at=COMMISSIONED)  # fmt: skip
    assert await authorise(station, BADGE_BEN, SECRET, NOW) == "Accepted"


async def as_guest(site, identity="CP-1", connector=1, guest=None, key=None):
    """What becomes of a guest's start: the request, or the reason why not."""
    house = site.house
    try:
        asked, _ = await request_guest_start(house.account_id, guest or uuid4(), house.codes[identity, connector], key or uuid4(), SECRET,
                                             datetime.now(UTC))  # fmt: skip
    except Refused as refused:
        return refused.code
    return asked


async def begun_by_request(station, number: int, meter: int) -> Charge:
    """The charge that a remote start leads to, with the one-time tag that it carries."""
    _, _, _, payload = await station.next_call()
    tag = payload["idToken"]["idToken"] if station.protocol == V201 else payload["idTag"]
    charge = Charge(station, tag=tag, tx=f"tx-{number}")
    assert await charge.begin(datetime.now(UTC), meter) == "Accepted"
    return charge


@pytest.mark.row("M07")
@pytest.mark.parametrize("version", [V16, V201])
async def test_a_signed_in_start_is_internal_and_a_guests_by_the_code_alone_is_external(site, version):
    station = await site.connected("CP-1", version)
    await change("UPDATE station SET guests_allowed = true WHERE identity = 'CP-1'")
    assert await tapped(site, "CP-1") == "asked"
    await site.wake("CP-1")
    own = await begun_by_request(station, 1, 1000)
    await own.end(datetime.now(UTC), 1100)
    guest, key = uuid4(), uuid4()
    asked, again = [await as_guest(site, guest=guest, key=key) for _ in range(2)]
    assert asked == again and (asked.state, asked.guest_id, asked.person_id) == ("asked", guest, None)
    await site.wake("CP-1")
    theirs = await begun_by_request(station, 2, 1100)
    assert await tapped(site, "CP-1") == await as_guest(site) == "connector_occupied"
    await theirs.end(datetime.now(UTC), 1300)
    first, second = await sessions()
    assert (first["class"], first["person_id"], first["energy_wh"]) == ("internal", site.house.anna, 100)
    assert (second["class"], second["person_id"], second["billing_point_id"], second["energy_wh"]) == ("external", None, None, 200)
    assert (second["request_id"], second["tag_status"]) == (asked.id, "Accepted")
    (kept,) = await rows("SELECT class, state, session_id FROM charge_request WHERE guest_id = $1", guest)
    assert (kept["class"], kept["state"], kept["session_id"]) == ("external", "started", second["id"])


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("UPDATE station SET guests_allowed = false", "guests_not_allowed"),
        ("UPDATE connector SET billing_point_id = (SELECT billing_point_id FROM occupancy LIMIT 1)", "guests_not_allowed"),
        ("UPDATE station SET online = false", "station_offline"),
        ("UPDATE connector SET status = 'Faulted'", "station_faulted"),
        ("UPDATE connector SET status = 'Unavailable'", "connector_unavailable"),
    ],
)
async def test_a_guest_is_told_why_nothing_can_be_started_before_any_money_is_touched(site, sql, code):
    await site.connected("CP-1")
    await change("UPDATE station SET guests_allowed = true")
    assert await why_no_guest(site.house.account_id, site.house.codes["CP-1", 1]) is None
    await change(sql)
    assert await why_no_guest(site.house.account_id, site.house.codes["CP-1", 1]) == code
    assert await as_guest(site) == code
    assert await rows("SELECT 1 FROM charge_request") == []
    with pytest.raises(Refused, match="No place has this code"):
        await why_no_guest(site.house.account_id, "XXXXXXXX")
