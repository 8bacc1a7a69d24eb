"""Registers from untidy text: exact, or dropped and flagged."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.metering.rules import LARGEST_WH, POWER, REGISTER, Sample, exact, implausible, read


@pytest.mark.parametrize(
    ("value", "unit", "wh"),
    [("1,5", "kWh", 1500), ("1.5", "kWh", 1500), (" 7 ", "Wh", 7), ("7", "", 7), ("0.5", "Wh", 1), ("-3", "Wh", -3),
     ("1e3", "Wh", 1000), ("0.0004", "kWh", 0)],
)  # fmt: skip
def test_st15_a_register_is_read_to_the_watt_hour(value, unit, wh):
    assert exact(value, unit) == wh


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-inf", "1e400", "1e-400", "", "abc", "1.2.3", "1,2,3", "\x00", "9" * 40])
def test_st15_what_is_no_finite_number_is_dropped(value):
    assert exact(value, "Wh") is None
    assert read([Sample(value)]).flags


def test_a_unit_that_is_no_energy_is_dropped():
    assert exact("5", "A") is None


@given(st.integers(-LARGEST_WH, LARGEST_WH))
def test_whole_watt_hours_pass_unchanged(wh):
    assert exact(str(wh), "Wh") == wh


@given(st.integers(0, 10**12))
def test_kilowatt_hours_are_scaled_exactly(wh):
    assert exact(str(Decimal(wh).scaleb(-3)), "kWh") == wh
    assert exact(str(Decimal(wh).scaleb(-3)).replace(".", ","), "kWh") == wh


@given(st.text(max_size=60), st.sampled_from(["", "Wh", "kWh", "W", "kW", "V"]))
def test_no_text_at_all_raises(value, unit):
    found = exact(value, unit)
    assert found is None or abs(found) <= LARGEST_WH


def test_a_total_counts_before_its_phases():
    phases = [Sample("100", POWER, "W", phase) for phase in ("L1", "L2", "L3")]
    assert read(phases).power_w == 300
    assert read([*phases, Sample("310", POWER, "W")]).power_w == 310
    assert read([Sample("5", REGISTER, "kWh"), Sample("230", "Voltage", "V")]).energy_wh == 5000


def test_signed_data_and_impossible_power_are_flagged_not_read():
    assert read([Sample("OCMF|{}", format="SignedData")]).energy_wh is None
    reading = read([Sample("1e12", POWER, "W")])
    assert reading.power_w is None
    assert reading.flags


@given(st.integers(0, 10**7), st.integers(0, 10**6), st.integers(1, 350_000))
def test_st13_energy_is_implausible_exactly_beyond_power_times_time_and_a_margin(energy_wh, duration_s, power_w):
    most = Decimal(power_w) * duration_s / 3600 * Decimal("1.1") + 1000
    assert (implausible(energy_wh, duration_s, power_w) is not None) == (energy_wh > most)


@given(st.integers(max_value=-1), st.integers(0, 10**6))
def test_st12_a_falling_register_is_always_implausible(energy_wh, duration_s):
    assert implausible(energy_wh, duration_s, 11_000) == "register_fell"
