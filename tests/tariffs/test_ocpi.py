"""Costs by OCPI 2.2.1 against the examples of its specification (tests/vectors/ocpi_tariffs.json)."""

import json
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tariffs.ocpi_model import OcpiPeriod, OcpiTariff
from app.tariffs.ocpi_rules import ocpi_cost

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "ocpi_tariffs.json").read_text())
TARIFFS = {row["id"]: msgspec.convert(row, OcpiTariff, strict=False) for row in VECTORS["tariffs"]}
UNITS = {"kWh": 1, "min": 60, "1": 1}


def periods(session: list[dict[str, Any]]) -> list[OcpiPeriod]:
    found: list[OcpiPeriod] = []
    for row in session:
        start = datetime.fromisoformat(row["start"]) if "start" in row else found[-1].end
        amp = row.get("amp")
        found.append(
            OcpiPeriod(
                kind=row["kind"],
                start=start,
                end=start + timedelta(minutes=row["minutes"]),
                wh=Fraction(row.get("kwh", "0")) * 1000,
                current_a=None if amp is None else Decimal(amp),
                reservation=row.get("res"),
            )
        )
    return found


def rounded(value: Fraction, like: str) -> Decimal:
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return exact.quantize(Decimal(like), rounding=ROUND_HALF_UP)


@pytest.mark.parametrize("case", VECTORS["cost_cases"], ids=lambda case: case["name"])
def test_a_session_costs_what_the_specification_says(case: dict[str, Any]) -> None:
    cost = ocpi_cost(periods(case["session"]), TARIFFS[case["tariff"]])
    assert rounded(cost.excl_vat, case["expected"]["excl_vat"]) == Decimal(case["expected"]["excl_vat"])
    if "incl_vat" in case["expected"]:
        assert rounded(cost.incl_vat, case["expected"]["incl_vat"]) == Decimal(case["expected"]["incl_vat"])
    shown = [(line.type, line.quantity, line.price, line.excl_vat) for line in cost.lines]
    assert shown == [
        (row["dim"], Fraction(row["quantity"]) / UNITS[row["unit"]], Decimal(row["price"]), Fraction(row["cost_ex"]))
        for row in case["lines_by_reference"]
    ]


@pytest.mark.parametrize("case", VECTORS["quantity_cases"], ids=lambda case: case["name"])
def test_steps_are_taken_once_on_the_last_of_their_kind(case: dict[str, Any]) -> None:
    lines = ocpi_cost(periods(case["session"]), TARIFFS[case["tariff"]]).lines
    kinds: dict[str, list[Fraction]] = {}
    for line in lines:
        kinds.setdefault(line.type, []).append(line.quantity * (1 if line.type == "ENERGY" else 60))
    for name, text in case["expected_quantities"].items():
        kind = {"ENERGY": "ENERGY", "TIME": "TIME", "PARKING": "PARKING_TIME"}[name.split("_")[0]]
        found = kinds[kind][-1] if "after" in name else sum(kinds[kind])
        assert found == Fraction(text), name


def test_power_dates_and_energy_choose_the_component_and_most_prices_bind() -> None:
    start = datetime(2026, 3, 2, 23, tzinfo=UTC)
    session = [OcpiPeriod(kind="charging", start=start, end=start + timedelta(hours=2), wh=Fraction(40_000))]
    assert ocpi_cost(session, TARIFFS["maxpower"]).excl_vat == Fraction("0.35") * 40
    tariff = msgspec.json.decode(
        b'{"currency": "EUR", "max_price": {"excl_vat": "8"}, "elements": ['
        b'{"restrictions": {"max_kwh": "10"}, "price_components": [{"type": "ENERGY", "price": "0.10"}]},'
        b'{"restrictions": {"end_date": "2026-03-03"}, "price_components": [{"type": "ENERGY", "price": "0.20"}]},'
        b'{"price_components": [{"type": "ENERGY", "price": "0.30"}]}]}', type=OcpiTariff,
    )  # fmt: skip
    cost = ocpi_cost(session, tariff)
    assert [(line.quantity, line.price) for line in cost.lines] == [(10, Decimal("0.10")), (10, Decimal("0.20")), (20, Decimal("0.30"))]
    assert cost.excl_vat == 8
    assert sum(line.excl_vat for line in cost.lines) == 9


@given(
    st.sampled_from(["kwh", "stepswitch", "complex", "cdr_energy_switch"]),
    st.integers(0, 2000),
    st.integers(1, 2000),
    st.integers(0, 90_000),
)
def test_a_session_cut_in_two_uses_the_same_energy(tariff: str, begin: int, minutes: int, wh: int) -> None:
    start = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(minutes=begin)
    middle, end = start + timedelta(minutes=minutes // 2), start + timedelta(minutes=minutes)
    whole = [OcpiPeriod(kind="charging", start=start, end=end, wh=Fraction(wh), current_a=Decimal(16))]
    first = Fraction(wh) * (minutes // 2) / minutes
    halves = [
        OcpiPeriod(kind="charging", start=start, end=middle, wh=first, current_a=Decimal(16)),
        OcpiPeriod(kind="charging", start=middle, end=end, wh=Fraction(wh) - first, current_a=Decimal(16)),
    ]
    assert ocpi_cost(whole, TARIFFS[tariff]).excl_vat == ocpi_cost(halves, TARIFFS[tariff]).excl_vat
