"""Heat and hot water against vectors (tests/vectors/heating.json names their sources), and that nothing gets lost."""

import json
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.billing.heating_rules import at_a_move, balance, base_and_use, hot_water_cost, hot_water_kwh
from app.kernel.money import to_minor

OIL, DISTRICT, SHARED_30, SHARED_40, MOVE, UNREAD, SETTLED = json.loads(
    (Path(__file__).parents[1] / "vectors" / "heating.json").read_text()
)["cases"]


def minor(text: str) -> int:
    return to_minor(Decimal(text), "CHF")


def spans(last_of_old: str) -> tuple[tuple[date, date], tuple[date, date]]:
    last = date.fromisoformat(last_of_old)
    return (date(last.year, 1, 1), last), (last + timedelta(days=1), date(last.year, 12, 31))


def test_hot_water_takes_its_exact_share_of_the_fuel() -> None:
    given, want = OIL["inputs"], OIL["expected"]
    heat = hot_water_kwh(Decimal(given["V_m3"]), Decimal(given["t_w"]))
    assert heat == Fraction(want["Q_kwh"])
    assert round(100 * heat / Fraction(given["fuel_kwh"]), 2) == Fraction(want["share_percent_2dp"])
    assert hot_water_cost(minor(given["fuel_cost"]), heat, Fraction(given["fuel_kwh"])) == minor(want["cost_exact_share"])


def test_district_heat_needs_less() -> None:
    given = DISTRICT["inputs"]
    heat = hot_water_kwh(Decimal(given["V_m3"]), Decimal(given["t_w"]), district_heat=True)
    assert round(heat, 2) == Fraction(DISTRICT["expected"]["Q_kwh_2dp"])


@pytest.mark.parametrize("case", [SHARED_30, SHARED_40], ids=lambda case: case["name"])
def test_a_cost_is_shared_by_area_and_by_use(case: dict[str, Any]) -> None:
    given = case["inputs"]
    found = base_and_use(
        minor(given["cost"]), given["base_percent"], [int(m2) for m2 in given["area_m2"]], [int(kwh) for kwh in given["heat_kwh"]]
    )
    assert found == [minor(amount) for amount in case["expected"]]


def test_who_moves_pays_the_base_by_degree_days_and_the_use_by_the_reading() -> None:
    given, want = MOVE["inputs"], MOVE["expected"]
    readings = int(given["reading_old"]), int(given["reading_total"]) - int(given["reading_old"])
    old, new = at_a_move(minor(given["base"]), minor(given["consumption_cost"]), readings, *spans(given["last_day_old"]))
    assert (old, new) == (minor(want["old_total"]), minor(want["new_total"]))
    assert minor(want["old_base"]) + minor(want["old_consumption"]) == old


def test_without_a_reading_all_goes_by_degree_days() -> None:
    given, want = UNREAD["inputs"], UNREAD["expected"]
    assert at_a_move(minor(given["total"]), 0, None, *spans(given["last_day_old"])) == [minor(want["old_total"]), minor(want["new_total"])]


def test_advances_are_taken_off() -> None:
    advances = [minor(amount) for amount in SETTLED["inputs"]["advances"]]
    assert sum(advances) == minor(SETTLED["expected"]["advances_total"])
    assert balance(minor(SETTLED["inputs"]["actual"]), advances) == minor(SETTLED["expected"]["balance_due"])


@given(st.integers(0, 10**9), st.integers(0, 100), st.lists(st.tuples(st.integers(1, 500), st.integers(0, 10**6)), min_size=1, max_size=12))
def test_the_shares_sum_to_the_cost(cost: int, base: int, flats: list[tuple[int, int]]) -> None:
    assert sum(base_and_use(cost, base, [area for area, _ in flats], [used for _, used in flats])) == cost
