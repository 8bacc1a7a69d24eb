"""What is doubtful: clocks, registers, units, idle time and signatures, from a raw station into a real database."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from app.billing.commands import charge_session
from app.charging.missing_stops import GRACE, close_missing_stops
from app.database.transaction import as_owner, execute
from app.tariffs.commands import enter_tariff
from app.tariffs.model import Component
from tests.ocpp_server.conftest import rows
from tests.ocpp_server.raw_station import iso, start_payload, stop_payload
from tests.ocpp_server.speaking import Charge
from tests.ocpp_server.test_money import quarantined, reading, sessions

AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=5)
LATER = AT + timedelta(minutes=30)
VECTORS = {row["name"]: row for row in json.loads((Path(__file__).parents[1] / "vectors" / "ocmf.json").read_text())["own_records"]["rows"]}
SIGNED = VECTORS["ECDSA-secp256r1-SHA256"]


async def ended(site, number: int, minutes: int = 30, meter: int = 3000, **more):
    station = site.opened[-1]
    return await station.said("StopTransaction", stop_payload(number, AT + timedelta(minutes=minutes), meter, **more))


async def quiet(site):
    """A connected station that has said nothing of its connectors yet."""
    station = await site.station().open()
    await station.boot()
    return station


def state(at: datetime, status: str):
    return {"connectorId": 1, "errorCode": "NoError", "status": status, "timestamp": at.isoformat()}


# Clocks (ST-11) ------------------------------------------------------------------------------------------------------


@pytest.fixture
async def station(site, version):
    """A connected station of each version that has said nothing of its connectors yet."""
    station = await site.station().open(protocols=(version,))
    await station.boot()
    return station


async def charged(station, begun: datetime, minutes: int, start: int, stop: int) -> None:
    """A whole charge by these times and registers."""
    charge = Charge(station, tx=f"tx-{start}")
    await charge.begin(begun, start)
    await charge.end(begun + timedelta(minutes=minutes), stop)


async def test_st11_a_start_behind_the_stations_own_last_session_is_held(station):
    await charged(station, AT, 30, 1000, 3000)
    behind = AT - timedelta(hours=3)
    await charged(station, behind, 60, 3000, 4000)
    first, second = await sessions()
    assert (first["state"], second["state"], second["held_reason"]) == ("ended", "held", "clock_behind")
    assert second["started_raw"] == iso(behind)
    assert second["start_received_at"] > AT


async def test_st11_a_queue_that_comes_late_but_in_order_is_charged(station):
    for hour in range(3):
        await charged(station, AT - timedelta(days=4) + timedelta(hours=hour), 30, 1000 * (hour + 1), 1000 * (hour + 2))
    assert [(one["state"], one["energy_wh"]) for one in await sessions()] == [("ended", 1000)] * 3


async def test_st11_a_session_by_a_clock_ahead_does_not_make_the_next_one_look_late(station):
    await charged(station, datetime.now(UTC) + timedelta(days=30), 30, 1000, 2000)
    await charged(station, AT, 30, 2000, 3000)
    assert [(one["state"], one["held_reason"]) for one in await sessions()] == [("held", "clock_ahead"), ("ended", None)]


async def test_st11_five_minutes_ahead_are_believed_and_six_are_not(station):
    for minutes, meter in ((4, 1000), (6, 1001)):
        await charged(station, datetime.now(UTC) + timedelta(minutes=minutes), 0, meter, meter + 1)
    assert [one["held_reason"] for one in await sessions()] == [None, "clock_ahead"]


# Registers (ST-12, ST-14, ST-15) ---------------------------------------------------------------------------------------


async def test_st12_a_meter_swapped_during_a_session_is_held_and_the_next_session_counts_from_its_own_start(station):
    await charged(station, AT, 30, 900_000, 12)
    await charged(station, AT + timedelta(hours=1), 30, 12, 2012)
    assert [(one["state"], one["held_reason"], one["energy_wh"]) for one in await sessions()] == [
        ("held", "register_fell", None),
        ("ended", None, 2000),
    ]


async def test_st12_a_stop_before_the_start_is_held(station):
    await charged(station, AT, -10, 1000, 3000)
    (session,) = await sessions()
    assert (session["state"], session["held_reason"]) == ("held", "stopped_before_start")


async def test_st14_registers_counted_from_the_session_in_between_leave_the_bill_alone(station):
    charge = Charge(station)
    await charge.begin(AT, 500_000)
    for minute, counted in ((5, 400), (10, 800)):
        await charge.values([(AT + timedelta(minutes=minute), counted)], 5000)
    (running,) = await sessions()
    assert running["last_meter_wh"] >= running["meter_start_wh"]
    await charge.end(LATER, 501_500)
    assert [(one["state"], one["energy_wh"]) for one in await sessions()] == [("ended", 1500)]


@pytest.mark.parametrize(
    ("value", "unit", "energy_wh"),
    [("1,5", "kWh", 1500), ("1.5", "KWH", 1500), (" 1500 ", "", 1500), ("1500.4", "Wh", 1500), ("-3", "Wh", -3),
     ("NaN", "Wh", None), ("Infinity", "kWh", None), ("1e400", "Wh", None), ("1.234,5", "Wh", None), ("12", "varh", None)],
)  # fmt: skip
async def test_st15_a_value_is_read_exactly_or_dropped_and_flagged(site, value, unit, energy_wh):
    station = await site.connected()
    sample = {"value": value} | ({"unit": unit} if unit else {})
    payload = {"connectorId": 1, "meterValue": [{"timestamp": AT.isoformat(), "sampledValue": [sample]}]}
    assert await station.said("MeterValues", payload) == {}
    (kept,) = await rows("SELECT energy_wh, flags FROM meter_value")
    assert (kept["energy_wh"], bool(kept["flags"])) == (energy_wh, energy_wh is None)


# Idle (ST-19) -----------------------------------------------------------------------------------------------------------


async def test_st19_idle_begins_when_the_car_asks_for_no_power_and_is_priced_with_grace_and_cap(site):
    station = await quiet(site)
    async with as_owner():
        prices = (Component(dimension="kwh", unit_price=Decimal("0.30")), Component(dimension="minute", unit_price=Decimal("0.01")),
                  Component(dimension="idle_minute", unit_price=Decimal("0.10"), grace_minutes=15, cap_minor=600))  # fmt: skip
        await enter_tariff(site.house.account_id, site.house.site_id, "t", "CHF", Decimal("0.081"), date(2026, 1, 1), prices)
    for hours, stop_minutes, idle in ((-30, 90, 450), (-6, 200, 600)):
        begun = AT + timedelta(hours=hours)
        number = await station.start(begun, meter=stop_minutes * 1000)
        await station.said("MeterValues", reading(begun + timedelta(minutes=29), stop_minutes * 1000 + 2000, 5000, transactionId=number))
        await station.said("StatusNotification", state(begun + timedelta(minutes=30), "SuspendedEV"))
        await station.said("MeterValues", reading(begun + timedelta(minutes=40), stop_minutes * 1000 + 2000, 0, transactionId=number))
        over = stop_payload(number, begun + timedelta(minutes=stop_minutes), stop_minutes * 1000 + 2000)
        await station.said("StopTransaction", over)
        session = (await sessions())[-1]
        assert session["idle_since"] == begun + timedelta(minutes=30)
        await charge_session(site.house.account_id, session["id"], datetime.now(UTC))
        (charge,) = await rows("SELECT lines FROM charge WHERE session_id = $1", session["id"])
        lines = {line["dimension"]: line["amount_minor"] for line in json.loads(charge["lines"])}
        assert lines == {"kwh": 60, "minute": 30, "idle_minute": idle}


async def test_st19_a_car_that_the_house_holds_back_is_not_idle(station):
    charge = Charge(station)
    await charge.begin(AT, 1000)
    await charge.values([(AT + timedelta(minutes=5), 1500)], 7000)
    await charge.held_back(AT + timedelta(minutes=6))
    await charge.values([(AT + timedelta(minutes=7), 1500)], 0)
    assert (await sessions())[0]["idle_since"] is None
    await charge.suspended(AT + timedelta(minutes=10))
    assert (await sessions())[0]["idle_since"] == AT + timedelta(minutes=10)
    await charge.resumed(AT + timedelta(minutes=12))
    assert (await sessions())[0]["idle_since"] is None


async def test_st19_a_car_that_has_had_nothing_yet_is_not_idle(station):
    charge = Charge(station)
    await charge.begin(AT, 1000)
    await charge.suspended(AT + timedelta(minutes=1))
    assert (await sessions())[0]["idle_since"] is None


# Signed values ------------------------------------------------------------------------------------------------------------


def signed_moment(record: str, at: datetime = LATER):
    samples = [{"value": "117345", "unit": "Wh"}, {"value": record, "format": "SignedData", "context": "Transaction.End"}]
    return {"timestamp": at.isoformat(), "sampledValue": samples}


async def with_key(key: str | None) -> None:
    async with as_owner():
        await execute("UPDATE station SET meter_public_key = $1", key)


async def signed_session(site, record: str, start: int = 100_000, stop: int = 117_345):
    station = await site.connected()
    number = await station.start(AT, meter=start)
    await station.said("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": [signed_moment(record)]})
    await ended(site, number, 120, stop)
    return (await sessions())[-1]


@pytest.mark.parametrize("packed", [False, True])
async def test_a_signed_value_is_kept_byte_for_byte_and_verified(site, packed):
    await with_key(SIGNED["public_key_der_hex"])
    record = SIGNED["record"].encode().hex() if packed else SIGNED["record"]
    session = await signed_session(site, record)
    assert (session["state"], session["energy_wh"]) == ("ended", 17_345)
    (kept,) = await rows("SELECT * FROM signed_value")
    assert (kept["received"], kept["record"]) == (record, SIGNED["record"].encode())
    assert (kept["verdict"], kept["key_source"], kept["session_id"]) == ("valid", "station", session["id"])
    (value,) = await rows("SELECT energy_wh, flags FROM meter_value")
    assert value == {"energy_wh": 117_345, "flags": []}


@pytest.mark.parametrize("name", ["tampered reading", "wrong key"])
async def test_a_manipulated_signed_value_is_never_charged_by_itself(site, name):
    await with_key(VECTORS[name]["public_key_der_hex"])
    session = await signed_session(site, VECTORS[name]["record"])
    assert (session["state"], session["held_reason"], session["energy_wh"]) == ("held", "signature_invalid", None)
    assert "SessionEnded" not in await site.jobs()


async def test_registers_that_differ_from_the_signed_ones_are_held(site):
    await with_key(SIGNED["public_key_der_hex"])
    session = await signed_session(site, SIGNED["record"], stop=118_000)
    assert (session["state"], session["held_reason"]) == ("held", "signed_differs")


async def test_a_value_without_a_known_key_is_kept_and_says_so(site):
    session = await signed_session(site, SIGNED["record"])
    assert session["state"] == "ended"
    assert [one["verdict"] for one in await rows("SELECT verdict FROM signed_value")] == ["no_key"]


async def test_a_manipulated_value_after_the_end_is_shown_to_a_person_and_sent_again_kept_once(site):
    await with_key(SIGNED["public_key_der_hex"])
    station = await site.connected()
    number = await station.start(AT, meter=100_000)
    await ended(site, number, 120, 117_345)
    late = {"connectorId": 1, "transactionId": number, "meterValue": [signed_moment(VECTORS["tampered reading"]["record"])]}
    for _ in range(2):
        await station.said("MeterValues", late)
    assert [(one["kind"], one["reason"]) for one in await quarantined()] == [("signed_value", "signature_invalid")]
    assert len(await rows("SELECT 1 FROM signed_value")) == 1


async def test_a_missing_stop_is_not_estimated_over_a_manipulated_value(site):
    await with_key(SIGNED["public_key_der_hex"])
    station = await site.connected()
    number = await station.start(AT, meter=100_000)
    moment = signed_moment(VECTORS["tampered reading"]["record"], AT + timedelta(hours=2))
    await station.said("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": [moment]})
    await station.said("StartTransaction", start_payload(AT + timedelta(hours=3), 118_000))
    await close_missing_stops(datetime.now(UTC) + GRACE + timedelta(minutes=1))
    (closed, _) = await sessions()
    assert (closed["state"], closed["held_reason"]) == ("held", "signature_invalid")
