"""The demo car's battery and the limits of a demo station, as pure rules."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.demo.station_limits import Limit, added, limit_now, profile_of
from infra.demo.station_meter import FULL_POWER_W, MS_PER_HOUR, Car, Charge, Memory, charging_state, run

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
BEGAN = NOW - timedelta(minutes=10)


def charging(percent: int) -> Memory:
    memory = Memory()
    memory.car.set_percent(percent)
    memory.charge = Charge(local_id="t", id_tag="04", meter_start_wh=memory.register_wh, started_at=BEGAN.isoformat(), ran_ms=60_000)
    return memory


def said(purpose: str, amperes: float, **more: object) -> dict[str, object]:
    """A profile as the package hands it over (1.6)."""
    periods = more.pop("periods", [{"start_period": 0, "limit": amperes}])
    schedule = {"charging_rate_unit": more.pop("unit", "A"), "charging_schedule_period": periods, **more.pop("schedule", {})}
    return {
        "charging_profile_id": 1, "stack_level": 0, "charging_profile_purpose": purpose, "charging_profile_kind": "Relative",
        "charging_schedule": schedule, **more,
    }  # fmt: skip


def test_a_battery_takes_full_power_until_80_percent_then_less_and_nothing_when_full() -> None:
    takes = []
    for percent in (30, 79, 80, 90, 95, 99, 100):
        car = Car()
        car.set_percent(percent)
        takes.append(car.takes_w())
    assert takes == [11_000, 11_000, 11_000, 5_500, 2_750, 900, 0]


@given(st.integers(0, 100), st.lists(st.integers(1, 600_000), max_size=30), st.integers(0, 20_000))
def test_what_the_meter_counts_is_what_the_battery_holds_more_and_never_above_the_limit(
    percent: int, ticks_ms: list[int], each_ma: int
) -> None:
    memory, limit = charging(percent), Limit(each_ma)
    register, held = memory.register_w_ms, memory.car.held_w_ms
    for tick in ticks_ms:
        run(memory, tick, limit)
        assert memory.charge.power_w <= min(limit.power_w, FULL_POWER_W)
    assert memory.register_w_ms - register == memory.car.held_w_ms - held >= 0
    assert memory.car.held_w_ms <= memory.car.capacity_wh * MS_PER_HOUR


def test_a_pause_is_the_cars_or_the_stations() -> None:
    assert charging_state(charging(50), Limit()) == "Charging"
    assert charging_state(charging(100), Limit()) == "SuspendedEV"
    assert charging_state(charging(50), Limit(5_999)) == "SuspendedEVSE"


@pytest.mark.parametrize(
    ("profiles", "watts"),
    [
        ([], 11_040),
        ([said("TxDefaultProfile", 10)], 6_900),
        ([said("TxDefaultProfile", 6900, unit="W")], 6_900),
        ([said("TxDefaultProfile", 10, periods=[{"start_period": 0, "limit": 10, "number_phases": 1}])], 2_300),
        ([said("TxDefaultProfile", 5.9)], 0),
        ([said("TxDefaultProfile", 10), said("TxProfile", 14, charging_profile_id=2)], 9_660),
        ([said("TxProfile", 14), said("ChargePointMaxProfile", 8, charging_profile_id=2)], 5_520),
        ([said("TxDefaultProfile", 10), said("TxDefaultProfile", 12, charging_profile_id=2, stack_level=3)], 8_280),
        ([said("TxDefaultProfile", 0, periods=[{"start_period": 0, "limit": 10}, {"start_period": 300, "limit": 7}])], 4_830),
        ([said("TxDefaultProfile", 10, schedule={"duration": 60})], 11_040),
        ([said("TxDefaultProfile", 10, valid_from="2026-11-25T12:00:01Z")], 11_040),
        ([said("TxDefaultProfile", 10, valid_to="2026-11-25T12:00:00Z")], 11_040),
        ([said("TxDefaultProfile", 10, charging_profile_kind="Absolute", schedule={"start_schedule": "2026-11-25T13:00:00Z"})], 11_040),
        ([said("TxDefaultProfile", 10, charging_profile_kind="Recurring", recurrency_kind="Daily",
               schedule={"start_schedule": "2026-11-01T11:00:00Z", "duration": 7200})], 6_900),
    ],
)  # fmt: skip
def test_the_limit_that_counts(profiles: list[dict[str, object]], watts: int) -> None:
    known = []
    for one in profiles:
        known = added(known, profile_of(one))
    assert limit_now(known, BEGAN, NOW).power_w == watts


def test_a_profile_takes_the_place_of_the_one_it_renews() -> None:
    first, second = profile_of(said("TxDefaultProfile", 10)), profile_of(said("TxDefaultProfile", 8, charging_profile_id=7))
    assert added([first], second) == [second]


@pytest.mark.parametrize(
    "broken",
    [said("TxDefaultProfile", -1), said("TxDefaultProfile", 10, charging_profile_kind="Absolute"),
     said("TxDefaultProfile", 10, valid_to="2026-11-25T12:00:00"), said("Unheard", 10)],
)  # fmt: skip
def test_a_profile_that_makes_no_sense_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises((ValueError, KeyError)):
        profile_of(broken)
