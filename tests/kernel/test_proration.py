"""Days and degree days against vectors (tests/vectors/proration.json and degree_days.json name their sources)."""

import json
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.money import to_minor
from app.kernel.proration import PERMILLE, PERMILLE_INTEGER, by_days, by_degree_days, days_of, degree_days

FOLDER = Path(__file__).parents[1] / "vectors"
PRORATION: dict[str, Any] = json.loads((FOLDER / "proration.json").read_text())
DEGREES: dict[str, Any] = json.loads((FOLDER / "degree_days.json").read_text())


def minor(text: str) -> int:
    return to_minor(Decimal(text), "CHF")


def span(row: dict[str, Any]) -> tuple[date, date]:
    return date.fromisoformat(row["start"]), date.fromisoformat(row["end_inclusive"])


@pytest.mark.parametrize("case", PRORATION["cases"], ids=lambda case: case["amount"])
def test_a_fixed_amount_is_shared_by_days_with_the_vacancy_to_the_owner(case: dict[str, Any]) -> None:
    days = [days_of(*span(part)) for part in case["parts"]]
    assert days_of(*span(case)) == case["days"] == sum(days)
    assert days == [part["days"] for part in case["parts"]]
    assert by_days(minor(case["amount"]), days) == [minor(part["amount"]) for part in case["parts"]]


@pytest.mark.parametrize("case", DEGREES["cases"], ids=lambda case: f"{case['start']}..{case['end_inclusive']}")
def test_degree_days_of_a_period_are_exact(case: dict[str, str]) -> None:
    found = degree_days(*span(case))
    assert found == Fraction(case["permille_exact"])
    assert round_3(found) == Decimal(case["permille_3dp"])


def test_the_tables_and_the_values_of_a_day_are_those_published() -> None:
    assert list(PERMILLE) == [Fraction(text) for text in DEGREES["permille_exact"].values()]
    assert list(PERMILLE_INTEGER) == list(DEGREES["permille_integer_variant"].values())
    assert sum(PERMILLE) == sum(PERMILLE_INTEGER) == 1000
    starts = {"Feb28" if month == 2 else f"{date(2026, month, 1):%b}": date(2026, month, 1) for month in range(1, 13)}
    for name, text in DEGREES["published_day_values"].items():
        assert round_3(degree_days(starts[name], starts[name])) == Decimal(text)


@given(st.integers(0, 10**7), st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.lists(st.integers(1, 300), min_size=1, max_size=6))
def test_heat_shared_by_degree_days_sums_to_the_whole(amount: int, first: date, lengths: list[int]) -> None:
    periods = []
    for length in lengths:
        last = first + timedelta(days=length - 1)
        periods.append((first, last))
        first = last + timedelta(days=1)
    assert sum(by_degree_days(amount, periods)) == amount
    assert sum(degree_days(*period) for period in periods) == degree_days(periods[0][0], periods[-1][1])


def round_3(value: Fraction) -> Decimal:
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(Decimal("0.001"), rounding=ROUND_HALF_UP)
