"""Messages that move money, from a raw station over a real socket into a real database."""

from datetime import UTC, datetime, timedelta

import pytest

from app.charging.lost_stops import PATIENCE, match_lost_stops
from app.charging.missing_stops import GRACE, close_missing_stops
from tests.charging.house import BADGE_ANNA, BADGE_BEN, BADGE_BLOCKED, BADGE_EXPIRED, BADGE_LEFT
from tests.ocpp_server.conftest import rows
from tests.ocpp_server.raw_station import start_payload, stop_payload

AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
LATER = AT + timedelta(minutes=30)
MORE = [{"timestamp": "2026-11-24T09:00:00Z", "sampledValue": [{"value": "1500"}]}]


async def sessions():
    return await rows("SELECT * FROM charging_session ORDER BY transaction_no")


async def quarantined():
    return await rows("SELECT kind, reason, body FROM quarantine ORDER BY received_at")


def reading(at, wh, power=None, **more):
    samples = [{"value": str(wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}]
    if power is not None:
        samples.append({"value": str(power), "measurand": "Power.Active.Import", "unit": "W"})
    return {"connectorId": 1, "meterValue": [{"timestamp": at.isoformat(), "sampledValue": samples}], **more}


async def test_st01_a_start_sent_again_keeps_its_transaction(site):
    station = await site.connected()
    numbers = [await station.start(AT, message_id=message_id) for message_id in ("same", "same", "other")]
    station.cut()
    station = await site.connected()
    numbers.append(await station.start(AT))
    assert len(set(numbers)) == 1
    assert len(await sessions()) == 1


async def test_st02_the_same_message_id_with_another_body_is_a_new_message(site):
    station = await site.connected()
    first = await station.start(AT, message_id="same")
    second = await station.start(AT + timedelta(seconds=2), meter=1100, message_id="same")
    assert first != second
    assert len(await sessions()) == 2


async def test_st03_a_resent_stop_changes_nothing(site):
    station = await site.connected()
    number = await station.start(AT)
    for _ in range(3):
        assert await station.said("StopTransaction", stop_payload(number, LATER, 3000)) == {}
    (ended,) = await sessions()
    assert (ended["state"], ended["energy_wh"]) == ("ended", 2000)
    assert (await site.jobs()).count("SessionEnded") == 1
    assert await quarantined() == []


async def test_st03_a_later_stop_with_another_register_is_kept_for_review(site):
    station = await site.connected()
    number = await station.start(AT)
    await station.said("StopTransaction", stop_payload(number, LATER, 3000))
    await station.said("StopTransaction", stop_payload(number, LATER, 4000))
    (ended,) = await sessions()
    assert ended["energy_wh"] == 2000
    assert [one["kind"] for one in await quarantined()] == ["later_stop"]


async def test_st04_tc_037_1_csms_tc_039_csms_a_session_charged_offline_is_kept_with_the_stations_times(site):
    station = await site.connected()
    begun = AT - timedelta(days=3)
    number = await station.start(begun)
    await station.said("MeterValues", reading(begun + timedelta(minutes=5), 1500, transactionId=number))
    await station.said("StopTransaction", stop_payload(number, begun + timedelta(minutes=30), 3000))
    (ended,) = await sessions()
    assert (ended["started_at"], ended["stopped_at"]) == (begun, begun + timedelta(minutes=30))
    assert (ended["state"], ended["person_id"], ended["billing_point_id"]) == ("ended", site.house.anna, site.house.flat_anna)


@pytest.mark.parametrize(
    ("uid", "status"),
    [("0400000000FFFF", "Invalid"), (BADGE_BLOCKED, "Blocked"), (BADGE_LEFT, "Invalid"), (BADGE_EXPIRED, "Expired")],
)
async def test_st04_tc_037_3_csms_a_badge_that_may_not_charge_is_recorded_and_charged_to_nobody(site, uid, status):
    station = await site.connected()
    assert await station.said("Authorize", {"idTag": uid}) == {"idTagInfo": {"status": status}}
    answer = await station.said("StartTransaction", start_payload(AT, tag=uid))
    assert answer["idTagInfo"]["status"] == status
    assert answer["transactionId"] > 0
    (session,) = await sessions()
    assert (session["person_id"], session["billing_point_id"], session["source"]) == (None, None, "unknown")


async def test_st04_a_private_place_is_its_occupants_alone(site):
    station = await site.connected("CP-2")
    asked = await station.said("Authorize", {"idTag": BADGE_BEN})
    assert asked["idTagInfo"]["status"] == "Accepted"
    refused = await station.said("StartTransaction", start_payload(AT, tag=BADGE_BEN, connector=1))
    shared = await station.said("StartTransaction", start_payload(AT, tag=BADGE_BEN, connector=2))
    owner = await station.said("StartTransaction", start_payload(AT, tag=BADGE_ANNA, connector=1))
    assert [one["idTagInfo"]["status"] for one in (refused, shared, owner)] == ["Invalid", "Accepted", "Accepted"]


async def test_a_badge_is_read_in_either_case_and_never_kept_in_full(site):
    station = await site.connected()
    await station.start(AT, tag=BADGE_ANNA.lower())
    (session,) = await sessions()
    assert session["person_id"] == site.house.anna
    kept = await rows("SELECT body FROM station_message WHERE action = 'StartTransaction'")
    assert BADGE_ANNA not in kept[0]["body"].upper()
    assert session["tag_tail"] == BADGE_ANNA[-4:]


async def test_st05_values_after_the_stop_belong_to_the_session_and_leave_the_bill(site):
    station = await site.connected()
    number = await station.start(AT)
    await station.said("StopTransaction", stop_payload(number, LATER, 3000))
    before = await sessions()
    await station.said("MeterValues", reading(AT + timedelta(minutes=10), 9000, transactionId=number))
    assert await sessions() == before
    values = await rows("SELECT session_id, energy_wh FROM meter_value")
    assert values == [{"session_id": before[0]["id"], "energy_wh": 9000}]


async def test_st05_values_out_of_order_do_not_turn_the_figures_back(site):
    station = await site.connected()
    number = await station.start(AT)
    await station.said("MeterValues", reading(AT + timedelta(minutes=10), 2000, 7000, transactionId=number))
    await station.said("MeterValues", reading(AT + timedelta(minutes=5), 1500, 3000, transactionId=number))
    (session,) = await sessions()
    assert (session["last_meter_wh"], session["last_power_w"]) == (2000, 7000)
    assert len(await rows("SELECT 1 FROM meter_value")) == 2


async def test_st06_values_without_a_transaction_are_building_data(site):
    station = await site.connected()
    await station.said("MeterValues", reading(AT, 500))
    await station.said("MeterValues", reading(AT, 500, transactionId=0))
    await station.said("MeterValues", {**reading(AT, 500), "connectorId": 0})
    values = await rows("SELECT session_id, connector_no FROM meter_value ORDER BY connector_no")
    assert [(one["session_id"], one["connector_no"]) for one in values] == [(None, 0), (None, 1), (None, 1)]
    assert await sessions() == []


@pytest.mark.parametrize("number", [0, -1, 987_654_321, 2**31, 2**63])
async def test_st07_a_stop_for_an_unknown_transaction_is_acknowledged_and_kept(site, number):
    station = await site.connected()
    await station.start(AT)
    assert await station.said("StopTransaction", stop_payload(number, LATER, 3000)) == {}
    await station.said("StopTransaction", stop_payload(number, LATER, 3000))
    (kept,) = await quarantined()
    assert (kept["kind"], kept["reason"]) == ("stop", "unknown_transaction")
    assert str(number) in kept["body"]
    assert [one["state"] for one in await sessions()] == ["open"]


async def test_st08_a_stop_with_another_stations_transaction_ends_nothing(site):
    mine, other = await site.connected("CP-1"), await site.connected("CP-2")
    number = await mine.start(AT)
    assert await other.said("StopTransaction", stop_payload(number, LATER, 999_999)) == {}
    (session,) = await sessions()
    assert session["state"] == "open"
    assert [one["reason"] for one in await quarantined()] == ["transaction_of_another_station"]
    assert await rows("SELECT kind, identity FROM security_event") == [{"kind": "foreign_stop", "identity": "CP-2"}]
    await mine.said("StopTransaction", stop_payload(number, LATER, 3000))
    assert [one["state"] for one in await sessions()] == ["ended"]


async def test_st09_a_start_while_a_session_is_open_makes_the_old_one_miss_its_stop(site):
    station = await site.connected()
    first = await station.start(AT)
    await station.start(AT + timedelta(minutes=10), meter=2000)
    assert [one["state"] for one in await sessions()] == ["stop_missing", "open"]
    await station.said("StopTransaction", stop_payload(first, AT + timedelta(minutes=9), 1900))
    assert [one["state"] for one in await sessions()] == ["ended", "open"]


async def test_st10_tc_032_1_csms_a_reboot_does_not_close_the_session(site):
    station = await site.connected()
    number = await station.start(AT)
    station.cut()
    station = await site.connected()
    assert [one["state"] for one in await sessions()] == ["open"]
    await station.said("StopTransaction", stop_payload(number, LATER, 3000))
    assert [one["state"] for one in await sessions()] == ["ended"]


@pytest.mark.parametrize(
    ("begun", "reason"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), "before_commissioning"),
        (datetime.now(UTC) + timedelta(days=400), "clock_ahead"),
    ],
)
async def test_st11_a_session_by_an_impossible_clock_is_held_with_its_raw_time(site, begun, reason):
    station = await site.connected()
    number = await station.start(begun)
    assert number > 0
    await station.said("StopTransaction", stop_payload(number, begun + timedelta(minutes=30), 3000))
    (session,) = await sessions()
    assert (session["state"], session["held_reason"], session["energy_wh"]) == ("held", reason, None)
    assert session["started_raw"].startswith(str(begun.year))
    assert session["person_id"] == site.house.anna
    assert "SessionEnded" not in await site.jobs()


async def test_st11_a_time_without_a_zone_is_taken_for_utc(site):
    station = await site.connected()
    answer = await station.said("StartTransaction", start_payload(AT) | {"timestamp": AT.replace(tzinfo=None).isoformat()})
    assert answer["transactionId"] > 0
    (session,) = await sessions()
    assert session["started_at"] == AT


async def test_st11_tc_001_csms_boot_and_heartbeat_answer_with_milliseconds(site):
    station = await site.station().open()
    boot, beat = await station.boot(), await station.said("Heartbeat", {})
    for said in (boot["currentTime"], beat["currentTime"]):
        assert said.endswith("Z")
        assert len(said) == len("2026-11-24T10:00:00.000Z")
    assert 270 <= boot["interval"] <= 330


@pytest.mark.parametrize("meter", [999, 0, -5])
async def test_st12_a_register_that_fell_is_held(site, meter):
    station = await site.connected()
    number = await station.start(AT)
    assert await station.said("StopTransaction", stop_payload(number, LATER, meter)) == {}
    (session,) = await sessions()
    assert (session["state"], session["held_reason"], session["energy_wh"]) == ("held", "register_fell", None)
    assert "SessionHeld" in await site.jobs()


async def test_st13_more_energy_than_the_station_can_give_is_held(site):
    station = await site.connected()
    possible = 11_000 * 30 // 60 * 11 // 10 + 1000
    first = await station.start(AT)
    await station.said("StopTransaction", stop_payload(first, LATER, 1000 + possible))
    second = await station.start(LATER, meter=10_000)
    await station.said("StopTransaction", stop_payload(second, LATER + timedelta(minutes=30), 10_000 + possible + 1))
    assert [(one["state"], one["held_reason"]) for one in await sessions()] == [
        ("ended", None),
        ("held", "more_than_possible"),
    ]


async def test_st14_values_counted_from_the_session_never_show_less_than_the_start(site):
    station = await site.connected()
    number = await station.start(AT, meter=5000)
    await station.said("MeterValues", reading(AT + timedelta(minutes=1), 12, transactionId=number))
    (session,) = await sessions()
    assert session["last_meter_wh"] == 5000


@pytest.mark.parametrize(
    ("value", "unit", "energy_wh", "flagged"),
    [("1,5", "kWh", 1500, False), ("1500", None, 1500, False), ("NaN", "Wh", None, True), ("1e400", "Wh", None, True)],
)
async def test_st15_untidy_registers_are_read_exactly_or_flagged(site, value, unit, energy_wh, flagged):
    station = await site.connected()
    sample = {"value": value} | ({"unit": unit} if unit else {})
    moment = {"timestamp": AT.isoformat(), "sampledValue": [sample]}
    assert await station.said("MeterValues", {"connectorId": 1, "meterValue": [moment]}) == {}
    (kept,) = await rows("SELECT energy_wh, flags, raw FROM meter_value")
    assert (kept["energy_wh"], bool(kept["flags"])) == (energy_wh, flagged)
    assert value in kept["raw"]


async def test_st17_two_starts_within_a_second_get_two_positive_numbers(site):
    station = await site.connected()
    waiting = [await station.send("StartTransaction", start_payload(AT + timedelta(milliseconds=n), connector=n)) for n in (1, 2)]
    numbers = [(await future)[2]["transactionId"] for future in waiting]
    assert len(set(numbers)) == 2
    assert min(numbers) > 0


@pytest.mark.parametrize(
    "payload",
    [
        {"connectorId": 1, "idTag": "x" * 300, "meterStart": 2**70, "timestamp": "yesterday"},
        {"connectorId": -1, "idTag": "x", "meterStart": 1, "timestamp": "2026-11-24T10:00:00Z"},
        {"connectorId": 1, "idTag": "x"},
        {"connectorId": 1, "idTag": "x", "meterStart": "NaN", "timestamp": "2026-11-24T10:00:00Z"},
        [],
    ],
)
async def test_a_start_that_makes_no_sense_is_kept_and_not_repeated_for_ever(site, payload):
    station = await site.connected()
    answer = await station.said("StartTransaction", payload)
    assert answer == {"transactionId": 0, "idTagInfo": {"status": "Invalid"}}
    assert len(await quarantined()) == 1
    assert await sessions() == []


async def test_a_start_of_the_wrong_form_but_clear_meaning_is_recorded(site):
    station = await site.connected()
    untidy = start_payload(AT) | {"meterStart": "1000.0", "vendorField": {"x": 1}, "reservationId": None}
    answer = await station.said("StartTransaction", untidy)
    assert answer["idTagInfo"]["status"] == "Accepted"
    await station.said("StopTransaction", stop_payload(answer["transactionId"], LATER, 3000, reason="Whatever", extra=1))
    (session,) = await sessions()
    assert (session["state"], session["energy_wh"], session["stop_reason"]) == ("ended", 2000, "Whatever")


async def test_values_inside_a_stop_are_kept_with_the_session(site):
    station = await site.connected()
    number = await station.start(AT)
    await station.said("StopTransaction", stop_payload(number, LATER, 3000, transactionData=MORE))
    (session,) = await sessions()
    assert await rows("SELECT session_id, energy_wh FROM meter_value") == [{"session_id": session["id"], "energy_wh": 1500}]


async def test_nul_and_unpaired_surrogates_hurt_nobody(site):
    station = await site.connected()
    answer = await station.said("StartTransaction", start_payload(AT, tag="04A1\x00B2"), message_id="a\x00b")
    assert answer["idTagInfo"]["status"] == "Invalid"
    await station.text('[2,"lone","StartTransaction",{"idTag":"\\ud800","connectorId":1,"meterStart":1,"timestamp":"now"}]')
    assert (await station.said("Heartbeat", {}))["currentTime"]


async def test_a_session_on_a_connector_that_does_not_exist_is_held(site):
    station = await site.connected()
    answer = await station.said("StartTransaction", start_payload(AT, connector=9))
    await station.said("StopTransaction", stop_payload(answer["transactionId"], LATER, 3000))
    (session,) = await sessions()
    assert (session["state"], session["held_reason"]) == ("held", "unknown_connector")


async def test_st09_a_lost_stop_is_estimated_from_the_last_value_after_the_grace(site):
    station = await site.connected()
    first = await station.start(AT)
    await station.said("MeterValues", reading(AT + timedelta(minutes=10), 2500, 9000, transactionId=first))
    await station.start(AT + timedelta(minutes=20), meter=2600)
    now = datetime.now(UTC)
    assert await close_missing_stops(now) == []
    changed = await close_missing_stops(now + GRACE + timedelta(minutes=1))
    assert {one.kind for one in changed} == {"session", "connector"}
    assert await close_missing_stops(now + GRACE + timedelta(minutes=2)) == []
    closed, still_open = await sessions()
    assert (closed["state"], closed["energy_wh"], closed["estimated"]) == ("ended", 1500, True)
    assert closed["stopped_at"] == AT + timedelta(minutes=10)
    assert still_open["state"] == "open"
    assert (await site.jobs()).count("SessionEnded") == 1


async def test_st09_a_lost_stop_without_any_value_is_held(site):
    station = await site.connected()
    await station.start(AT)
    await station.start(AT + timedelta(minutes=20), meter=2600)
    await close_missing_stops(datetime.now(UTC) + GRACE + timedelta(minutes=1))
    closed, _ = await sessions()
    assert (closed["state"], closed["held_reason"], closed["energy_wh"]) == ("held", "no_values", None)


async def test_st10_a_session_that_a_reboot_ended_is_estimated_after_the_grace(site):
    station = await site.connected()
    number = await station.start(AT)
    await station.said("MeterValues", reading(AT + timedelta(minutes=10), 2500, transactionId=number))
    station.cut()
    await site.connected()
    later = datetime.now(UTC) + GRACE + timedelta(minutes=1)
    assert await close_missing_stops(datetime.now(UTC)) == []
    await close_missing_stops(later)
    (closed,) = await sessions()
    assert (closed["state"], closed["energy_wh"], closed["estimated"]) == ("ended", 1500, True)


async def estimated(site):
    """A session that was closed from its last value (2500 Wh); the station is back."""
    station = await site.connected()
    number = await station.start(AT)
    await station.said("MeterValues", reading(AT + timedelta(minutes=10), 2500, transactionId=number))
    station.cut()
    station = await site.connected()
    await close_missing_stops(datetime.now(UTC) + GRACE + timedelta(minutes=1))
    return station, number


async def test_st10_a_real_stop_after_the_estimate_corrects_the_session(site):
    station, number = await estimated(site)
    for _ in range(2):
        assert await station.said("StopTransaction", stop_payload(number, LATER, 3000, reason="PowerLoss")) == {}
    (closed,) = await sessions()
    assert (closed["state"], closed["energy_wh"], closed["estimated"], closed["stopped_at"]) == ("ended", 2000, False, LATER)
    jobs = await site.jobs()
    assert (jobs.count("SessionEnded"), jobs.count("SessionCorrected")) == (1, 1)
    assert await quarantined() == []
    await station.said("StopTransaction", stop_payload(number, LATER, 3500))
    assert [one["kind"] for one in await quarantined()] == ["later_stop"]


@pytest.mark.parametrize(
    ("meter", "at"),
    [(2400, LATER), (900, LATER), (900_000, LATER), (3000, AT - timedelta(minutes=1)), (3000, datetime(2031, 1, 1, tzinfo=UTC))],
)
async def test_st10_a_stop_after_the_estimate_that_cannot_be_true_is_kept_for_review(site, meter, at):
    station, number = await estimated(site)
    await station.said("StopTransaction", stop_payload(number, at, meter))
    (closed,) = await sessions()
    assert (closed["energy_wh"], closed["estimated"]) == (1500, True)
    assert [one["kind"] for one in await quarantined()] == ["stop_after_estimate"]
    assert "SessionCorrected" not in await site.jobs()


async def test_st10_a_session_that_goes_on_after_the_reboot_stays_open(site):
    station = await site.connected()
    number = await station.start(AT)
    station.cut()
    station = await site.connected()
    await station.said("MeterValues", reading(datetime.now(UTC) + timedelta(seconds=1), 2500, transactionId=number))
    await close_missing_stops(datetime.now(UTC) + GRACE + timedelta(minutes=1))
    assert [one["state"] for one in await sessions()] == ["open"]


async def test_st07_an_unknown_stop_is_matched_later_where_one_session_alone_can_be_meant(site):
    station = await site.connected()
    await station.start(AT)
    await station.said("StopTransaction", stop_payload(-1, LATER, 3000))
    assert await match_lost_stops(datetime.now(UTC)) == []
    later = datetime.now(UTC) + PATIENCE + timedelta(minutes=1)
    assert {one.kind for one in await match_lost_stops(later)} == {"session", "connector"}
    assert await match_lost_stops(later) == []
    (session,) = await sessions()
    assert (session["state"], session["energy_wh"], session["stopped_at"]) == ("ended", 2000, LATER)
    assert await rows("SELECT 1 FROM quarantine WHERE settled_at IS NULL") == []


@pytest.mark.parametrize(
    ("second", "meter", "at"),
    [(2, 3000, LATER), (None, 999, LATER), (None, 3000, AT - timedelta(minutes=1)), (None, 900_000, LATER)],
)
async def test_st07_an_unknown_stop_that_fits_two_sessions_or_none_waits_for_a_person(site, second, meter, at):
    station = await site.connected()
    await station.start(AT)
    if second:
        await station.said("StartTransaction", start_payload(AT, tag=BADGE_BEN, connector=second))
    await station.said("StopTransaction", stop_payload(-1, at, meter))
    assert await match_lost_stops(datetime.now(UTC) + PATIENCE + timedelta(minutes=1)) == []
    assert {one["state"] for one in await sessions()} == {"open"}
    assert len(await rows("SELECT 1 FROM quarantine WHERE settled_at IS NULL")) == 1
