"""Places kept for a resident: only the holder charges there, until it is used, cancelled or over."""

from datetime import UTC, datetime, timedelta

import pytest

from app.charging import requests
from app.charging.authorisation import group_of
from app.charging.intents import V16, V201
from app.charging.reservations import expire
from app.kernel.errors import Refused
from app.kernel.identifiers import new_id
from tests.charging.house import BADGE_ANNA, BADGE_BEN, SECRET
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.speaking import Charge


def utc():
    return datetime.now(UTC)


async def kept(staff, state="reserved", connector=1, hours=1, person=None):
    """Keep a place for Anna; the reservation once the station has answered."""
    until = (utc() + timedelta(hours=hours)).isoformat()
    command = {"kind": "Reserve", "person_id": str(person or staff.site.house.anna), "until": until}
    answer = await staff.ask(command | ({"connector": connector} if connector else {}))
    assert answer.status_code == 202, answer.text

    async def there():
        found = (await staff.detail())["reservations"]
        return found[0] if found and found[0]["state"] == state else None

    return await eventually(there)


async def authorized(station, uid):
    if station.protocol == V16:
        return (await station.said("Authorize", {"idTag": uid}))["idTagInfo"]["status"]
    return (await station.said("Authorize", {"idToken": {"idToken": uid, "type": "ISO14443"}}))["idTokenInfo"]["status"]


async def start(site, person, connector=1):
    house = site.house
    try:
        asked, _ = await requests.request_start(
            house.account_id, person, house.login, house.codes["CP-1", connector], new_id(), SECRET, utc()
        )
    except Refused as refused:
        return refused.code
    await site.wake("CP-1")
    return asked.state


async def test_tc_046_csms_tc_053_csms_tc_h_01_csms_tc_h_19_csms_a_kept_place_refuses_another_badge_and_takes_its_holders(staff, version):
    site = staff.site
    station = await site.connected("CP-1", version)
    await kept(staff)
    _, _, action, payload = await station.next_call()
    group = group_of(site.house.anna)
    assert action == "ReserveNow"
    if version == V16:
        assert (payload["connectorId"], payload["idTag"], payload["parentIdTag"]) == (1, group, group)
    else:
        assert (payload["evseId"], payload["idToken"]["idToken"], payload["groupIdToken"]["idToken"]) == (1, group, group)
    assert await start(site, site.house.ben) == "place_reserved"
    other = Charge(station, tag=BADGE_BEN, tx="other")
    assert await other.begin(utc(), 1000) == "ConcurrentTx"
    await other.end(utc(), 1000)
    # The other place of the station is anybody's.
    assert await authorized(station, BADGE_BEN) == "Accepted"
    beside = Charge(station, tag=BADGE_BEN, connector=2, tx="beside")
    assert await beside.begin(utc(), 1000) == "Accepted"
    # Now the kept one is the only one left: who charges may stop, a third badge gets nothing.
    assert await authorized(station, BADGE_BEN) == "Accepted"
    assert await Charge(station, tag=BADGE_ANNA, tx="hers").begin(utc(), 1001) == "Accepted"
    assert [one["state"] for one in (await staff.detail())["reservations"]] == ["used"]


async def test_tc_049_csms_tc_h_08_csms_a_kept_station_leaves_one_place_to_its_holder(staff, version):
    site = staff.site
    station = await site.connected("CP-1", version)
    await kept(staff, connector=None, person=site.house.ben)
    assert await authorized(station, BADGE_ANNA) == "Accepted"
    assert await Charge(station, tag=BADGE_ANNA).begin(utc(), 1000) == "Accepted"
    second = Charge(station, tag=BADGE_ANNA, connector=2, tx="second")
    assert await second.begin(utc(), 1000) == "ConcurrentTx"
    await second.end(utc(), 1000)
    assert await Charge(station, tag=BADGE_BEN, connector=2, tx="his").begin(utc() + timedelta(seconds=1), 1001) == "Accepted"


@pytest.mark.parametrize("word", ["Faulted", "Occupied", "Unavailable", "Rejected"])
async def test_tc_048_1_csms_tc_048_2_csms_tc_048_3_csms_tc_048_4_csms_tc_h_22_csms_a_station_that_cannot_keep_a_place_says_so_and_nothing_is_kept(
    staff, version, word
):
    station = await staff.site.connected("CP-1", version)
    station.answers["ReserveNow"] = {"status": word}
    assert (await kept(staff, "refused"))["reason"] == word
    assert await authorized(station, BADGE_BEN) == "Accepted"
    assert await start(staff.site, staff.site.house.ben) == "asked"


async def test_an_error_or_silence_of_the_station_keeps_nothing(staff, version):
    station = await staff.site.connected("CP-1", version)
    station.answers["ReserveNow"] = ["NotImplemented", "", {}]
    assert (await kept(staff, "refused"))["reason"] == "not_supported"


@pytest.mark.parametrize("answer", ["Accepted", "Rejected"])
async def test_tc_051_csms_tc_052_csms_tc_h_17_csms_a_cancelled_place_is_free_again(staff, version, answer):
    station = await staff.site.connected("CP-1", version)
    station.answers["CancelReservation"] = {"status": answer}
    one = await kept(staff)
    await station.next_call()
    assert (await staff.ask({"kind": "CancelReservation", "reservation_id": one["id"]})).status_code == 202
    assert (await station.next_call())[2] == "CancelReservation"

    async def free():
        return (await staff.detail())["reservations"][0]["state"] == "cancelled"

    await eventually(free)
    assert await start(staff.site, staff.site.house.ben) == "asked"


async def test_tc_047_csms_tc_h_07_csms_a_place_is_free_again_when_the_time_is_over_or_the_station_says_so(staff, version):
    station = await staff.site.connected("CP-1", version)
    await kept(staff)
    assert await expire(utc()) == []
    assert {one.kind for one in await expire(utc() + timedelta(hours=2))} == {"connector"}
    assert [one["state"] for one in (await staff.detail())["reservations"]] == ["expired"]
    if version == V201:
        await kept(staff)
        (number,) = await rows("SELECT number FROM reservation WHERE state = 'reserved'")
        await station.said("ReservationStatusUpdate", {"reservationId": number["number"], "reservationUpdateStatus": "Expired"})
        assert [one["state"] for one in (await staff.detail())["reservations"]] == ["expired", "expired"]


async def test_the_holder_starts_from_the_page_and_the_place_is_given_free_for_it(staff, version):
    site = staff.site
    station = await site.connected("CP-1", version)
    await kept(staff)
    await station.said("StatusNotification", station.status("Reserved"))
    assert await start(site, site.house.anna) == "asked"
    actions = [(await station.next_call())[2] for _ in range(3)]
    assert actions[:2] == ["ReserveNow", "CancelReservation"]
    assert actions[2] == ("RemoteStartTransaction" if version == V16 else "RequestStartTransaction")


async def test_who_may_not_charge_there_gets_nothing_kept_and_no_place_is_kept_twice(staff, version):
    house = staff.site.house
    await staff.site.connected("CP-2", version)
    until = (utc() + timedelta(hours=1)).isoformat()

    async def refused(connector, person, until=until):
        command = {"kind": "Reserve", "connector": connector, "person_id": str(person), "until": until}
        answer = await staff.ask(command, identity="CP-2")
        return answer.status_code, answer.json().get("code")

    assert await refused(1, house.ben) == (409, "not_allowed")  # Anna's own place
    assert await refused(2, house.stranger) == (409, "not_allowed")
    assert await refused(2, new_id()) == (404, "not_found")
    assert await refused(2, house.ben, (utc() + timedelta(days=2)).isoformat()) == (422, "invalid_input")
    assert await refused(2, house.ben) == (202, None)
    assert await refused(2, house.anna) == (409, "place_reserved")
