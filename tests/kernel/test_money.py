"""Rounding of VAT against vectors (tests/vectors/vat_rounding.json names their sources)."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.money import cash_rounding, split, to_minor, vat_of_gross, vat_of_net
from app.kernel.regime import standard_vat

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "vat_rounding.json").read_text())


def minor(text: str) -> int:
    return to_minor(Decimal(text), "CHF")


@pytest.mark.parametrize("row", VECTORS["gross_to_net"], ids=lambda row: f"{row['gross']} at {row['rate']}")
def test_the_vat_inside_a_gross_amount(row: dict[str, str]) -> None:
    vat_minor = vat_of_gross(minor(row["gross"]), Decimal(row["rate"]) / 100)
    assert (vat_minor, minor(row["gross"]) - vat_minor) == (minor(row["vat"]), minor(row["net"]))


@pytest.mark.parametrize("row", VECTORS["per_line_vs_total"], ids=lambda row: f"{row['rate']} on {len(row['lines'])} lines")
def test_vat_is_rounded_on_the_group_and_differs_from_the_sum_of_lines_as_published(row: dict[str, Any]) -> None:
    rate = Decimal(row["rate"]) / 100
    lines = [minor(line) for line in row["lines"]]
    assert vat_of_net(sum(lines), rate) == minor(row["vat_on_total"])
    assert [vat_of_net(line, rate) for line in lines] == [minor(vat) for vat in row["vat_per_line"]]


@pytest.mark.parametrize("row", VECTORS["swiss_cash_5_rappen"]["rows"], ids=lambda row: row["amount"])
def test_five_rappen_are_rounded_apart_from_the_bill(row: dict[str, str]) -> None:
    rounding = cash_rounding(minor(row["amount"]))
    assert (rounding, minor(row["amount"]) + rounding) == (minor(row["rounding_BT114"]), minor(row["cash"]))


def test_lines_are_rounded_first_then_summed_then_taxed_as_en_16931_has_it() -> None:
    case = VECTORS["en16931_line_first"]
    lines = [minor(line) for line in case["lines_net"]]
    assert lines == [minor(line) for line in case["line_rounded"]]
    vat = vat_of_net(sum(lines), Decimal(case["rate"]) / 100)
    assert (sum(lines), vat, sum(lines) + vat) == (minor(case["BT106"]), minor(case["BT117"]), minor(case["BT112"]))
    assert minor(str(sum(Decimal(line) for line in case["lines_net"]))) == minor(case["wrong_sum_then_round"]) != sum(lines)


@pytest.mark.parametrize("country", ["CH", "DE", "AT", "BE"])
def test_the_standard_rates_are_the_checked_ones(country: str) -> None:
    assert standard_vat(country, date(2026, 11, 1)) * 100 == Decimal(VECTORS["rates_checked"][f"{country} standard"])


@given(st.integers(min_value=-(10**9), max_value=10**9), st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=20))
def test_shares_add_up_to_the_whole_and_each_is_next_to_exact(total: int, weights: list[int]) -> None:
    if sum(weights) == 0:
        weights = [*weights, 1]
    parts = split(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - total * weight) < sum(weights)
