"""Messages of OCPP 2.0.1 that move money, from a raw station over a real socket into a real database."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from app.charging.missing_stops import GRACE, close_missing_stops
from tests.charging.house import BADGE_ANNA, BADGE_BEN, BADGE_BLOCKED, BADGE_EXPIRED, BADGE_LEFT
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.raw_station import event_payload, iso, moment201

AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
LATER = AT + timedelta(minutes=30)
V201 = "ocpp2.0.1"


async def sessions():
    return await rows("SELECT * FROM charging_session ORDER BY transaction_no")


async def quarantined():
    return await rows("SELECT kind, reason, body FROM quarantine ORDER BY received_at")


async def asked_for_missing():
    return await rows("SELECT payload FROM station_command WHERE action = 'GetTransactionStatus'")


@pytest.fixture
async def station(site):
    return await site.connected("CP-1", V201)


async def charge(station, begun=AT, ended=LATER, meters=(1000, 3000), **more):
    """A whole transaction; returns the answer to its start."""
    answer = await station.event("Started", 0, begun, meters[0], tag=BADGE_ANNA, **more)
    await station.event("Ended", 1, ended, meters[1], **more)
    return answer


async def test_st16_tc_e_03_csms_tc_e_15_csms_tc_j_07_csms_tc_j_09_csms_tc_j_10_csms_a_transaction_is_one_session_with_the_energy_between_its_registers(
    site, station
):
    answer = await station.event("Started", 0, AT, 1000, tag=BADGE_ANNA, state="EVConnected")
    assert answer["idTokenInfo"]["status"] == "Accepted"
    assert await station.event("Updated", 1, AT + timedelta(minutes=5), 1800, state="Charging") == {}
    assert await station.event("Ended", 2, LATER, 3000, reason="Local") == {}
    (session,) = await sessions()
    assert (session["state"], session["energy_wh"], session["stop_reason"]) == ("ended", 2000, "Local")
    assert (session["transaction_ref"], session["person_id"], session["source"]) == ("tx-1", site.house.anna, "badge")
    assert (session["started_at"], session["stopped_at"]) == (AT, LATER)
    assert (await site.jobs()).count("SessionEnded") == 1
    assert await quarantined() == []
    assert await asked_for_missing() == []


async def test_st01_st16_an_event_sent_again_changes_nothing_and_is_answered_alike(site, station):
    start = event_payload("Started", 0, AT, 1000, tag=BADGE_ANNA)
    first = await station.said("TransactionEvent", start, "same")
    again = [await station.said("TransactionEvent", start, message_id) for message_id in ("same", "other")]
    again.append(await station.said("TransactionEvent", {**start, "offline": True}))
    station.cut()
    station = await site.connected("CP-1", V201)
    again.append(await station.said("TransactionEvent", json.loads(json.dumps(start, sort_keys=True))))
    assert all(one == first for one in again)
    for _ in range(3):
        await station.event("Ended", 1, LATER, 3000)
    assert [(one["state"], one["energy_wh"]) for one in await sessions()] == [("ended", 2000)]
    assert (await site.jobs()).count("SessionEnded") == 1
    assert len(await rows("SELECT 1 FROM transaction_event")) == 2
    assert len(await rows("SELECT 1 FROM meter_value")) == 2
    assert await quarantined() == []


async def test_st02_the_same_message_id_with_another_event_is_a_new_message(station):
    await station.event("Started", 0, AT, 1000, tx="tx-1", message_id="same")
    await station.event("Started", 0, AT, 1000, tx="tx-2", evse=2, message_id="same")
    assert len(await sessions()) == 2


async def test_st16_the_same_number_with_another_body_is_held_and_the_first_counts(site, station):
    await charge(station)
    assert await station.event("Ended", 1, LATER, 4000) == {}
    (session,) = await sessions()
    assert session["energy_wh"] == 2000
    (kept,) = await quarantined()
    assert (kept["kind"], kept["reason"]) == ("transaction_event", "same_number_other_body")
    assert "4000" in kept["body"]


async def test_st03_a_second_end_under_another_number_leaves_the_bill(site, station):
    await charge(station)
    await station.event("Ended", 2, LATER, 3000)
    assert await quarantined() == []
    await station.event("Ended", 3, LATER, 4000)
    assert [one["energy_wh"] for one in await sessions()] == [2000]
    assert [one["kind"] for one in await quarantined()] == ["later_stop"]


async def test_st16_tc_e_29_csms_a_gap_asks_the_station_once_whether_more_is_on_its_way(site, station):
    await station.event("Started", 0, AT, 1000, tag=BADGE_ANNA)
    await station.event("Updated", 2, AT + timedelta(minutes=2), 1200)
    await station.event("Updated", 3, AT + timedelta(minutes=3), 1300)
    call = await station.next_call()
    assert call[2:] == ["GetTransactionStatus", {"transactionId": "tx-1"}]
    assert len(await asked_for_missing()) == 1
    await station.event("Updated", 1, AT + timedelta(minutes=1), 1100)
    await station.event("Ended", 4, LATER, 3000)
    assert [(one["state"], one["energy_wh"]) for one in await sessions()] == [("ended", 2000)]


async def test_st16_an_end_before_its_start_is_stored_and_completed_later(site, station):
    assert await station.event("Ended", 2, LATER, 3000) == {}
    (session,) = await sessions()
    assert (session["state"], session["held_reason"], session["energy_wh"]) == ("held", "start_missing", None)
    await station.event("Updated", 1, AT + timedelta(minutes=5), 1500)
    assert [one["state"] for one in await sessions()] == ["held"]
    answer = await station.event("Started", 0, AT, 1000, tag=BADGE_ANNA, offline=True)
    assert answer["idTokenInfo"]["status"] == "Accepted"
    (session,) = await sessions()
    assert (session["state"], session["held_reason"], session["energy_wh"]) == ("ended", None, 2000)
    assert (session["started_at"], session["stopped_at"], session["person_id"]) == (AT, LATER, site.house.anna)
    assert (await site.jobs()).count("SessionEnded") == 1
    assert len(await asked_for_missing()) == 1


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({"ongoingIndicator": False, "messagesInQueue": False}, "ended"),
        ({"ongoingIndicator": False, "messagesInQueue": True}, "open"),
        ({"ongoingIndicator": True, "messagesInQueue": False}, "open"),
        ({"messagesInQueue": False}, "open"),
    ],
)
async def test_st10_st16_a_transaction_is_asked_for_after_a_boot_and_ends_where_nothing_more_comes(site, station, told, state):
    await station.event("Started", 0, AT, 1000, tag=BADGE_ANNA)
    await station.event("Updated", 1, AT + timedelta(minutes=10), 2500)
    station.cut()
    station = site.station()
    station.answers["GetTransactionStatus"] = told
    await station.open(protocols=(V201,))
    await station.boot()
    assert (await station.next_call())[2:] == ["GetTransactionStatus", {"transactionId": "tx-1"}]
    await eventually(lambda: rows("SELECT 1 FROM station_command WHERE action = 'GetTransactionStatus' AND state = 'answered'"))
    (session,) = await sessions()
    assert (session["state"], session["estimated"]) == (state, state == "ended")
    await station.event("Ended", 2, LATER, 3000)
    assert [(one["state"], one["energy_wh"], one["estimated"]) for one in await sessions()] == [("ended", 2000, False)]


async def test_st09_a_lost_end_with_no_value_but_the_starts_is_held(station):
    await station.event("Started", 0, AT, 1000, tx="a", tag=BADGE_ANNA)
    await station.event("Started", 0, AT + timedelta(minutes=10), 2000, tx="b", tag=BADGE_BEN)
    await close_missing_stops(datetime.now(UTC) + GRACE + timedelta(minutes=1))
    old, _ = await sessions()
    assert (old["state"], old["held_reason"], old["energy_wh"]) == ("held", "no_values", None)


async def test_an_end_without_any_value_after_the_start_is_held(station):
    await station.event("Started", 0, AT, 1000, tag=BADGE_ANNA)
    await station.event("Ended", 1, LATER)
    assert [(one["state"], one["held_reason"]) for one in await sessions()] == [("held", "no_values")]


async def test_st04_st16_a_transaction_charged_offline_counts_by_the_times_of_its_events(site, station):
    begun = AT - timedelta(days=3)
    answer = await charge(station, begun, begun + timedelta(minutes=30), offline=True)
    assert answer["idTokenInfo"]["status"] == "Accepted"
    (session,) = await sessions()
    assert (session["started_at"], session["stopped_at"]) == (begun, begun + timedelta(minutes=30))
    assert (session["state"], session["billing_point_id"]) == ("ended", site.house.flat_anna)
    assert [one["offline"] for one in await rows("SELECT offline FROM transaction_event")] == [True, True]


@pytest.mark.parametrize(
    ("uid", "status"),
    [("0400000000FFFF", "Invalid"), (BADGE_BLOCKED, "Blocked"), (BADGE_LEFT, "Invalid"), (BADGE_EXPIRED, "Expired")],
)
async def test_st04_tc_e_16_csms_a_badge_that_may_not_charge_is_recorded_and_charged_to_nobody(site, station, uid, status):
    token = {"idToken": {"idToken": uid, "type": "ISO14443"}}
    assert (await station.said("Authorize", token))["idTokenInfo"]["status"] == status
    answer = await station.event("Started", 0, AT, 1000, tag=uid)
    assert answer["idTokenInfo"]["status"] == status
    await station.event("Ended", 1, LATER, 3000)
    (session,) = await sessions()
    assert (session["person_id"], session["source"], session["state"]) == (None, "unknown", "ended")
    kept = await rows("SELECT body FROM transaction_event WHERE kind = 'Started'")
    assert uid not in kept[0]["body"]


async def test_st04_a_private_place_is_its_occupants_alone(site):
    station = await site.connected("CP-2", V201)
    refused = await station.event("Started", 0, AT, 1000, tx="a", tag=BADGE_BEN, evse=1)
    shared = await station.event("Started", 0, AT, 1000, tx="b", tag=BADGE_BEN, evse=2)
    owner = await station.event("Started", 0, LATER, 1000, tx="c", tag=BADGE_ANNA, evse=1)
    assert [one["idTokenInfo"]["status"] for one in (refused, shared, owner)] == ["Invalid", "Accepted", "Accepted"]


async def test_st16_a_tag_shown_after_the_start_makes_the_session_its_holders(site, station):
    await station.event("Started", 0, AT, 1000, state="EVConnected")
    (session,) = await sessions()
    assert (session["state"], session["person_id"]) == ("open", None)
    answer = await station.event("Updated", 1, AT + timedelta(seconds=20), tag=BADGE_ANNA)
    assert answer["idTokenInfo"]["status"] == "Accepted"
    await station.event("Updated", 2, AT + timedelta(minutes=2), tag=BADGE_BEN)
    await station.event("Ended", 3, LATER, 3000)
    (session,) = await sessions()
    assert (session["person_id"], session["energy_wh"], session["state"]) == (site.house.anna, 2000, "ended")


async def test_st05_values_after_the_end_belong_to_the_session_and_leave_the_bill(station):
    await station.event("Started", 0, AT, 1000, tag=BADGE_ANNA)
    await station.event("Ended", 2, LATER, 3000)
    before = await sessions()
    await station.event("Updated", 1, AT + timedelta(minutes=10), 9000)
    (after,) = await sessions()
    assert {name: value for name, value in after.items() if name != "seen_events"} == {
        name: value for name, value in before[0].items() if name != "seen_events"
    }
    values = await rows("SELECT session_id, energy_wh FROM meter_value WHERE energy_wh = 9000")
    assert values == [{"session_id": before[0]["id"], "energy_wh": 9000}]


async def test_st05_values_out_of_order_do_not_turn_the_figures_back(station):
    await station.event("Started", 0, AT, 1000, tag=BADGE_ANNA)
    await station.event("Updated", 2, AT + timedelta(minutes=10), 2000)
    await station.event("Updated", 1, AT + timedelta(minutes=5), 1500)
    (session,) = await sessions()
    assert (session["last_meter_wh"], session["meter_start_wh"]) == (2000, 1000)


@pytest.mark.parametrize("evse", [0, 1])
async def test_st06_tc_j_01_csms_values_outside_a_transaction_are_building_data(station, evse):
    await station.said("MeterValues", {"evseId": evse, "meterValue": [moment201(AT, 500)]})
    assert await rows("SELECT session_id, connector_no, energy_wh FROM meter_value") == [
        {"session_id": None, "connector_no": evse, "energy_wh": 500}
    ]
    assert await sessions() == []


async def test_st07_the_end_of_an_unknown_transaction_is_acknowledged_and_held_for_a_person(site, station):
    await station.event("Started", 0, AT, 1000, tag=BADGE_ANNA)
    assert await station.event("Ended", 7, LATER, 3000, tx="never-begun", evse=None) == {}
    known, unknown = await sessions()
    assert (known["state"], unknown["state"], unknown["held_reason"]) == ("open", "held", "start_missing")
    assert "SessionEnded" not in await site.jobs()


async def test_st08_the_end_of_another_stations_transaction_ends_nothing(site, station):
    other = await site.connected("CP-2", V201)
    await station.event("Started", 0, AT, 1000, tag=BADGE_ANNA)
    assert await other.event("Ended", 1, LATER, 999_999) == {}
    mine, theirs = await sessions()
    assert (mine["state"], theirs["state"], theirs["energy_wh"]) == ("open", "held", None)
    assert [one["reason"] for one in await quarantined()] == ["transaction_of_another_station"]
    assert await rows("SELECT kind, identity FROM security_event") == [{"kind": "foreign_stop", "identity": "CP-2"}]
    await station.event("Ended", 1, LATER, 3000)
    assert [one["state"] for one in await sessions()] == ["ended", "held"]


async def test_st09_a_start_while_a_transaction_is_open_makes_the_old_one_miss_its_end(station):
    await station.event("Started", 0, AT, 1000, tx="a", tag=BADGE_ANNA)
    await station.event("Updated", 1, AT + timedelta(minutes=5), 1500, tx="a")
    await station.event("Started", 0, AT + timedelta(minutes=10), 2000, tx="b", tag=BADGE_BEN)
    assert [one["state"] for one in await sessions()] == ["stop_missing", "open"]
    await close_missing_stops(datetime.now(UTC) + GRACE + timedelta(minutes=1))
    old, _ = await sessions()
    assert (old["state"], old["energy_wh"], old["estimated"]) == ("ended", 500, True)


async def test_st10_a_reboot_does_not_close_the_session_and_a_late_end_does(site, station):
    await station.event("Started", 0, AT, 1000, tag=BADGE_ANNA)
    station.cut()
    station = await site.connected("CP-1", V201)
    assert [one["state"] for one in await sessions()] == ["open"]
    await station.event("Ended", 1, LATER, 3000, reason="Reboot")
    assert [(one["state"], one["estimated"]) for one in await sessions()] == [("ended", False)]


async def test_st10_a_real_end_after_the_estimate_corrects_the_session(site, station):
    await station.event("Started", 0, AT, 1000, tag=BADGE_ANNA)
    await station.event("Updated", 1, AT + timedelta(minutes=10), 2500)
    station.cut()
    station = await site.connected("CP-1", V201)
    await close_missing_stops(datetime.now(UTC) + GRACE + timedelta(minutes=1))
    assert [(one["energy_wh"], one["estimated"]) for one in await sessions()] == [(1500, True)]
    for _ in range(2):
        await station.event("Ended", 2, LATER, 3000)
    assert [(one["energy_wh"], one["estimated"], one["state"]) for one in await sessions()] == [(2000, False, "ended")]
    jobs = await site.jobs()
    assert (jobs.count("SessionEnded"), jobs.count("SessionCorrected")) == (1, 1)
    assert await quarantined() == []


@pytest.mark.parametrize(
    ("begun", "reason"),
    [(datetime(1970, 1, 1, tzinfo=UTC), "before_commissioning"), (datetime.now(UTC) + timedelta(days=400), "clock_ahead")],
)
async def test_st11_a_transaction_by_an_impossible_clock_is_held_with_its_raw_time(site, station, begun, reason):
    await charge(station, begun, begun + timedelta(minutes=30))
    (session,) = await sessions()
    assert (session["state"], session["held_reason"], session["energy_wh"]) == ("held", reason, None)
    assert session["started_raw"].startswith(str(begun.year))
    assert session["person_id"] == site.house.anna
    assert "SessionEnded" not in await site.jobs()


async def test_st11_a_time_without_a_zone_is_taken_for_utc(station):
    start = event_payload("Started", 0, AT, 1000, tag=BADGE_ANNA) | {"timestamp": AT.replace(tzinfo=None).isoformat()}
    await station.said("TransactionEvent", start)
    assert [one["started_at"] for one in await sessions()] == [AT]


async def test_st11_tc_b_01_csms_boot_and_heartbeat_answer_with_milliseconds(site):
    station = await site.station().open(protocols=(V201,))
    for said in (await station.boot(), await station.said("Heartbeat", {})):
        assert said["currentTime"].endswith("Z")
        assert len(said["currentTime"]) == len("2026-11-24T10:00:00.000Z")


@pytest.mark.parametrize(("meters", "reason"), [((1000, 999), "register_fell"), ((1000, 6_820_000), "more_than_possible")])
async def test_st12_st13_a_register_that_fell_or_ran_away_is_held(site, station, meters, reason):
    await charge(station, meters=meters)
    (session,) = await sessions()
    assert (session["state"], session["held_reason"], session["energy_wh"]) == ("held", reason, None)
    assert "SessionEnded" not in await site.jobs()


async def test_st14_values_counted_from_the_session_never_show_less_than_the_start(station):
    await station.event("Started", 0, AT, 5000, tag=BADGE_ANNA)
    await station.event("Updated", 1, AT + timedelta(minutes=1), 12)
    assert [one["last_meter_wh"] for one in await sessions()] == [5000]


@pytest.mark.parametrize(
    ("value", "unit", "energy_wh"),
    [
        (1.5, {"unit": "kWh"}, 1500), (1500, None, 1500), (1.5, {"unit": "Wh", "multiplier": 3}, 1500), ("1,5", {"unit": "kWh"}, 1500),
        ("NaN", None, None), (1500, {"unit": "Wh", "multiplier": 400}, None), (15, {"unit": "kWh", "multiplier": -1}, 1500),
        (0.0005, {"unit": "kWh"}, 1),
    ],
)  # fmt: skip
async def test_st15_registers_are_read_exactly_or_flagged(station, value, unit, energy_wh):
    await station.said("MeterValues", {"evseId": 1, "meterValue": [moment201(AT, value, unit=unit)]})
    (kept,) = await rows("SELECT energy_wh, flags, raw FROM meter_value")
    assert (kept["energy_wh"], bool(kept["flags"])) == (energy_wh, energy_wh is None)
    assert json.dumps(value) in kept["raw"]


async def test_st15_a_number_too_large_for_any_meter_is_flagged(station):
    text = json.dumps([2, "big", "MeterValues", {"evseId": 1, "meterValue": [moment201(AT, 7)]}]).replace('"value": 7', '"value": 1e400')
    await station.text(text)
    await station.said("Heartbeat", {})
    (kept,) = await rows("SELECT energy_wh, flags FROM meter_value")
    assert (kept["energy_wh"], bool(kept["flags"])) == (None, True)


async def test_st17_two_starts_of_one_second_are_two_sessions_with_positive_numbers(station):
    for n in (1, 2):
        await station.event("Started", 0, AT, 1000, tx=f"tx-{n}", tag=BADGE_ANNA, evse=n)
    numbers = [one["transaction_no"] for one in await sessions()]
    assert len(set(numbers)) == 2
    assert min(numbers) > 0


async def test_st19_idle_begins_when_the_car_asks_for_no_more_power(station):
    await station.event("Started", 0, AT, 1000, tag=BADGE_ANNA)
    await station.event("Updated", 1, AT + timedelta(minutes=10), 2000, state="Charging")
    full = AT + timedelta(minutes=20)
    await station.event("Updated", 2, full, state="SuspendedEV")
    await station.event("Updated", 3, full + timedelta(minutes=5), state="SuspendedEV")
    assert [one["idle_since"] for one in await sessions()] == [full]
    await station.event("Updated", 4, full + timedelta(minutes=6), state="Charging")
    assert [one["idle_since"] for one in await sessions()] == [None]


async def test_a_transaction_without_a_start_register_counts_from_the_first_one_it_shows(station):
    await station.event("Started", 0, AT, tag=BADGE_ANNA, state="EVConnected")
    (session,) = await sessions()
    assert session["held_reason"] == "no_start_register"
    await station.event("Updated", 1, AT + timedelta(minutes=1), 1000, state="Charging")
    await station.event("Ended", 2, LATER, 3000)
    assert [(one["state"], one["energy_wh"]) for one in await sessions()] == [("ended", 2000)]


async def test_a_transaction_whose_end_alone_shows_a_register_is_held(station):
    await station.event("Started", 0, AT, tag=BADGE_ANNA)
    await station.event("Ended", 1, LATER, 3_000_000)
    (session,) = await sessions()
    assert (session["state"], session["held_reason"], session["energy_wh"]) == ("held", "no_start_register", None)


async def test_an_end_that_carries_both_registers_is_enough(station):
    await station.event("Started", 0, AT, tag=BADGE_ANNA)
    both = [moment201(AT, 1000, "Transaction.Begin"), moment201(LATER, 3000, "Transaction.End")]
    await station.event("Ended", 1, LATER, values=both)
    assert [(one["state"], one["energy_wh"]) for one in await sessions()] == [("ended", 2000)]


async def test_an_end_without_a_register_ends_at_the_last_one_known_and_says_so(station):
    await station.event("Started", 0, AT, 1000, tag=BADGE_ANNA)
    await station.event("Updated", 1, AT + timedelta(minutes=5), 1800)
    await station.event("Ended", 2, LATER)
    assert [(one["state"], one["energy_wh"], one["estimated"]) for one in await sessions()] == [("ended", 800, True)]


async def test_a_transaction_at_an_evse_that_does_not_exist_is_held(station):
    await charge(station, evse=9)
    assert [(one["state"], one["held_reason"]) for one in await sessions()] == [("held", "unknown_connector")]


@pytest.mark.parametrize(
    "change",
    [{"seqNo": -1}, {"seqNo": 2**40}, {"eventType": "Paused"}, {"timestamp": "yesterday"}, {"transactionInfo": {}},
     {"evse": {"id": 4000}}, {"transactionInfo": {"transactionId": ""}}, {"seqNo": "one"}],
)  # fmt: skip
async def test_an_event_that_makes_no_sense_is_kept_and_not_repeated_for_ever(station, change):
    assert await station.said("TransactionEvent", event_payload("Started", 0, AT, 1000) | change) == {}
    assert len(await quarantined()) == 1
    assert await sessions() == []


async def test_an_event_of_the_wrong_form_but_clear_meaning_is_recorded(station):
    untidy = event_payload("Started", 0, AT, 1000, tag=BADGE_ANNA, state="Unheard") | {"vendorField": 1, "triggerReason": "Whim"}
    assert (await station.said("TransactionEvent", untidy))["idTokenInfo"]["status"] == "Accepted"
    await station.event("Ended", 1, LATER, 3000, reason="Whatever")
    assert [(one["state"], one["stop_reason"]) for one in await sessions()] == [("ended", "Whatever")]


async def test_nul_and_unpaired_surrogates_hurt_nobody(station):
    await station.event("Started", 0, AT, 1000, tx="a\x00b", tag="04A1\x00B2")
    await station.text('[2,"lone","TransactionEvent",{"eventType":"\\ud800"}]')
    assert (await station.said("Heartbeat", {}))["currentTime"]
    assert len(await sessions()) == 1


async def test_the_place_follows_its_connectors_and_its_transaction(station):
    async def shown():
        return (
            await rows("SELECT status FROM connector WHERE number = 1 AND station_id = (SELECT id FROM station WHERE identity = 'CP-1')")
        )[0]["status"]

    now = datetime.now(UTC)
    await station.said("StatusNotification", station.status("Occupied", at=now))
    assert await shown() == "Preparing"
    await station.event("Started", 0, now, 1000, tag=BADGE_ANNA, state="Charging")
    assert await shown() == "Charging"
    await station.said("StatusNotification", station.status("Occupied", at=now))
    assert await shown() == "Charging"
    await station.said("StatusNotification", station.status("Available", at=now) | {"connectorId": 2})
    assert await shown() == "Charging"
    await station.event("Ended", 1, now, 1000)
    assert await shown() == "Finishing"
    await station.said("StatusNotification", station.status("Available", at=datetime.now(UTC)))
    assert await shown() == "Available"
    await station.said("StatusNotification", {"timestamp": "soon", "connectorStatus": "Faulted", "evseId": 1, "connectorId": 1})
    await station.said(
        "StatusNotification", {"timestamp": iso(datetime.now(UTC)), "connectorStatus": "Faulted", "evseId": 1, "connectorId": 2}
    )
    assert await shown() == "Faulted"
    await eventually(lambda: rows("SELECT 1 FROM connector WHERE error_code = 'OtherError'"))
