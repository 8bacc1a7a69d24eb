"""Electricity bills of a thousand residents against an independent reckoning in plain integers (tests/billing/oracle.py)."""

import random
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from app.billing import energy_rules
from app.metering.allocation_rules import allocate
from app.tariffs.energy_rules import Stay, slots_of
from app.tariffs.model import Component, HighHours, Tariff, Tier
from tests.billing import oracle

ZONE = "Europe/Zurich"
HIGH_HOURS = (HighHours((1, 2, 3, 4, 5), time(7), time(20)), HighHours((6,), time(7), time(13)))
CH = [(date(2018, 1, 1), 77), (date(2024, 1, 1), 81)]
MICRO = Decimal(1_000_000)
# Days of 92 and of 100 quarter-hours, a change of prices inside a month, the change of the Swiss rate at New Year 2024.
MONTHS = [(date(2026, 3, 1), date(2026, 3, 31)), (date(2026, 10, 1), date(2026, 10, 31)), (date(2023, 12, 20), date(2024, 1, 12))]
RATES = {
    "bands": [oracle.Terms(date(2020, 1, 1), 201_700, 287_300, 198_100, 9_500_000, 0), oracle.Terms(date(2026, 3, 17), 205_000, 299_900, 200_000, 9_900_000, 0)],
    "power": [oracle.Terms(date(2020, 1, 1), 180_000, 250_000, 250_000, 7_000_000, 4_200_000), oracle.Terms(date(2023, 12, 28), 182_500, 251_000, 251_000, 7_000_000, 4_350_000)],
    "tiers": [oracle.Terms(date(2020, 1, 1), 190_000, 0, 0, 0, 0, [(50_000, 300_000), (200_000, 251_234), (None, 205_000)])],
}  # fmt: skip


def tariffs(terms: list[oracle.Terms]) -> list[Tariff]:
    found = []
    for one in terms:
        grid: tuple[Component, ...]
        if one.tiers is None:
            grid = (
                Component(dimension="kwh", origin="grid", band="high", unit_price=one.high / MICRO),
                Component(dimension="kwh", origin="grid", band="low", unit_price=one.low / MICRO),
            )
        else:
            steps = tuple(Tier(end, price / MICRO) for end, price in one.tiers)
            grid = (Component(dimension="kwh", origin="grid", unit_price=Decimal(0), tiers=steps),)
        parts = (
            Component(dimension="kwh", origin="solar", unit_price=one.solar / MICRO), *grid,
            Component(dimension="kw", unit_price=one.kw / MICRO), Component(dimension="month", unit_price=one.month / MICRO),
        )  # fmt: skip
        standard = [Decimal(rate) / 1000 for since, rate in CH if since <= one.since][-1]
        found.append(
            Tariff(id=UUID(int=1), site_id=UUID(int=2), name="t", currency="CHF", vat_rate=standard, vat_included=False, valid_from=one.since,
                   time_zone=ZONE, components=parts, solution="electricity", high_hours=HIGH_HOURS)
        )  # fmt: skip
    return found


def stays_of(dice: random.Random, first: date, last: date) -> list[tuple[date, date]]:
    """One party; or two and perhaps a gap between them, which is the owner's."""
    early, late = date(2000, 1, 1), date(2100, 1, 1)
    if dice.random() < 0.7:
        return [(early, late)]
    leaves = first + timedelta(days=dice.randrange(0, (last - first).days - 1))
    gap = dice.choice([0, 0, 1, 7])
    enters = min(leaves + timedelta(days=1 + gap), last)
    middle = [(leaves + timedelta(days=1), enters - timedelta(days=1))] if enters > leaves + timedelta(days=1) else []
    return [(early, leaves), *middle, (enters, late)]


@pytest.mark.row("B36")
@pytest.mark.row("B03")
@pytest.mark.parametrize(("first", "last"), MONTHS, ids=["spring", "autumn", "new rate"])
def test_every_bill_equals_the_oracles_and_the_parties_of_a_point_sum_to_its_meter(first: date, last: date) -> None:
    dice, points = random.Random(str(first)), 340
    slots = slots_of(first, last, ZONE)
    local = oracle.quarters(first, last, ZONE)
    assert len(local) == slots.count
    use = np.array([[max(0, int(dice.gauss(120, 160))) for _ in local] for _ in range(points)], dtype=np.int64)
    production = np.array([max(0, int(dice.gauss(15_000, 25_000))) if 7 <= at.hour < 19 else 0 for at in local], dtype=np.int64)
    priorities = [dice.choice([0, 0, 0, 1]) for _ in range(points)]
    shared = allocate(production, use, priorities)
    columns = use.T.tolist()
    expected = [oracle.share(offer, columns[n], priorities) for n, offer in enumerate(production.tolist())]
    assert shared.T.tolist() == expected
    parties = 0
    for number, (name, terms) in enumerate(RATES.items()):
        mine = range(number, points, len(RATES))
        solar, grid = shared[list(mine)], (use - shared)[list(mine)]
        parts = [energy_rules.sums_of(part, solar, grid, slots) for part in energy_rules.segments(tariffs(terms), "CH", first, last)]
        for row in range(len(mine)):
            stays = stays_of(dice, first, last)
            total_wh = 0
            for party in range(len(stays)):
                found = energy_rules.party_bill(parts, row, [Stay(*stay) for stay in stays], party, first, last)
                lines, wh = check(
                    found, oracle.bill(local, solar[row].tolist(), grid[row].tolist(), terms, CH, stays, party, first, last), name
                )
                assert lines == sum(group.net_minor for group in found.vat)
                total_wh += wh
                parties += 1
            assert total_wh == int(use[list(mine)][row].sum())
    assert parties > points


def check(found: energy_rules.PartyBill, want: tuple[int, int, list[int], int], name: str) -> tuple[int, int]:
    net, vat, lines, wh = want
    assert (sum(group.net_minor for group in found.vat), sum(group.vat_minor for group in found.vat)) == (net, vat), name
    assert sorted(line.amount_minor for line in found.lines if line.amount_minor) == sorted(lines), name
    assert found.solar_wh + found.grid_wh == wh, name
    assert found.gross_minor == net + vat
    return sum(line.amount_minor for line in found.lines), wh


def test_what_looks_odd_is_said_before_a_bill_goes_out() -> None:
    def codes(**changes: Any) -> list[str]:
        values = {"missing": 0, "unpriced_wh": 0, "last_year_wh": 1000, "last_year_days": 31, "used": 1000, **changes}
        bill = energy_rules.PartyBill(
            first=date(2026, 10, 1), last=date(2026, 10, 31), lines=(), vat=(), solar_wh=0, grid_wh=values["used"], peak_wh=0
        )
        found = energy_rules.warnings(bill, values["missing"], values["unpriced_wh"], values["last_year_wh"], values["last_year_days"])
        return [warning.code for warning in found]

    assert codes() == codes(used=2000) == codes(used=500) == codes(last_year_wh=None, used=9) == []
    assert codes(used=2001) == codes(used=499) == ["jump"]
    assert codes(used=1000, last_year_wh=500, last_year_days=10) == []
    assert codes(missing=4) == ["missing_readings"]
    assert codes(unpriced_wh=7) == ["no_price"]
    assert codes(used=0) == ["no_use"]
