"""Prices of quarter-hours, tiers, peaks, fixed charges and caps against tests/vectors/tariffs.json."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.calendar import local_midnight
from app.kernel.errors import Refused
from app.kernel.money import to_minor
from app.tariffs import energy_rules as rules
from app.tariffs.guard_rules import findings, local_grid_price, solar_cap
from app.tariffs.model import Component, HighHours, PriceLine, Tariff, Tier, UsePiece
from app.tariffs.rules import check_components, component_at, lines_of, price, use_pieces

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "tariffs.json").read_text())
ZONE = "Europe/Zurich"
WEEK = tuple(range(1, 6))
HIGH_HOURS = (HighHours(WEEK, time(7), time(20)), HighHours((6,), time(7), time(13)))
HIGH = Component(dimension="kwh", band="high", unit_price=Decimal("0.2750"))
LOW = Component(dimension="kwh", band="low", unit_price=Decimal("0.1980"))


def tariff(*components: Component, high_hours: tuple[HighHours, ...] = HIGH_HOURS, solution: Any = "electricity") -> Tariff:
    return Tariff(id=UUID(int=1), site_id=UUID(int=2), name="t", currency="CHF", vat_rate=Decimal("0.081"), vat_included=False,
                  valid_from=date(2026, 1, 1), time_zone=ZONE, components=components, solution=solution, high_hours=high_hours)  # fmt: skip


def wh(text: str) -> int:
    return int(Decimal(text) * 1000)


def minor(text: str) -> int:
    return to_minor(Decimal(text), "CHF")


def total(lines: list[PriceLine]) -> int:
    return sum(line.amount_minor for line in lines)


@pytest.mark.parametrize("row", VECTORS["quarter_hours_per_local_day"], ids=lambda row: f"{row['date']} {row['tz']}")
def test_a_local_day_has_92_96_or_100_quarter_hours(row: dict[str, Any]) -> None:
    day = date.fromisoformat(row["date"])
    assert rules.quarter_count(day, row["tz"]) == rules.slots_of(day, day, row["tz"]).count == row["quarter_hours"]


@pytest.mark.row("B09")
@pytest.mark.parametrize("case", VECTORS["ht_nt"]["cases"], ids=lambda case: case["start_local"])
def test_a_quarter_hour_belongs_to_the_band_that_its_start_lies_in_by_the_sites_calendar(case: dict[str, Any]) -> None:
    start = datetime.fromisoformat(case["start_local"]).replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
    slots = rules.slots_of(date.fromisoformat(case["start_local"][:10]), date.fromisoformat(case["start_local"][:10]) + timedelta(1), ZONE)
    offset = round((start - local_midnight(slots.first, ZONE)).total_seconds()) // 900
    use = np.zeros(slots.count, dtype=np.int64)
    use[offset : offset + case["quarters"]] = wh(case["kwh_per_quarter"])
    terms = tariff(HIGH, LOW)
    grid = rules.wh_by_component(use, rules.rate_of_slots(terms, "grid", slots), 2)
    assert grid.tolist() == [wh(case["expected"]["HT_kwh"]), wh(case["expected"]["NT_kwh"])]
    assert total(rules.energy_lines(terms, [0, 0], grid)) == minor(case["expected"]["cost"])


@pytest.mark.parametrize("case", VECTORS["tiers"]["cases"], ids=lambda case: case["kwh"])
def test_tiers_are_graduated_or_the_whole_volume_has_the_price_it_reaches(case: dict[str, str]) -> None:
    tiers = tuple(Tier(None if end is None else wh(end), Decimal(text)) for end, text in VECTORS["tiers"]["tiers"])
    for whole, key in ((False, "graduated"), (True, "slab")):
        part = Component(dimension="kwh", unit_price=Decimal(0), tiers=tiers, whole_volume=whole)
        lines = lines_of(part, wh(case["kwh"]), "CHF")
        assert total(lines) == minor(case[key])
        assert sum(line.quantity for line in lines) == Decimal(case["kwh"])


@pytest.mark.row("B08")
@pytest.mark.parametrize("case", VECTORS["solar_vs_grid"], ids=lambda case: case["solar_price"])
def test_solar_and_grid_have_their_own_prices_each_single_or_by_band(case: dict[str, Any]) -> None:
    start = local_midnight(date(2026, 3, 2), ZONE)
    solar = Component(dimension="kwh", origin="solar", unit_price=Decimal(case["solar_price"]))
    grid = [
        Component(
            dimension="kwh", origin="grid", unit_price=Decimal(row["grid_price"]), from_time=time(0, 15 * n), to_time=time(0, 15 * n + 15)
        )
        for n, row in enumerate(case["intervals"])
    ]
    pieces = [
        UsePiece(start + timedelta(minutes=15 * n), start + timedelta(minutes=15 * n + 15), wh(row["consumed"]), 0, wh(row["shared"]))
        for n, row in enumerate(case["intervals"])
    ]
    lines = price(pieces, tariff(solar, *grid, solution="charging")).lines
    by_origin = {origin: sum(line.quantity * line.unit_price for line in lines if line.origin == origin) for origin in ("solar", "grid")}
    assert {origin: to_minor(amount, "CHF") for origin, amount in by_origin.items()} == {
        "solar": minor(case["expected"]["solar"]), "grid": minor(case["expected"]["grid"]),
    }  # fmt: skip
    assert to_minor(sum(by_origin.values()), "CHF") == minor(case["expected"]["total"])


@pytest.mark.row("B15")
@pytest.mark.parametrize("case", VECTORS["idle_fee"], ids=lambda case: str(case["idle_minutes"]))
def test_a_charge_costs_its_start_its_kwh_by_origin_and_band_its_minutes_and_idle_ones_after_the_grace(case: dict[str, Any]) -> None:
    idle = Component(dimension="idle_minute", unit_price=Decimal(case["per_minute"]), grace_minutes=case["grace_minutes"],
                     cap_minor=minor(case["cap"]))  # fmt: skip
    start = datetime(2026, 3, 2, 18, 30, tzinfo=UTC)  # half past seven in the evening: half an hour of the high band is left
    end = start + timedelta(minutes=60 + case["idle_minutes"])
    pieces = use_pieces(start, end, 8000, [(start + timedelta(minutes=60), 8000)], start + timedelta(minutes=60))
    pieces = [UsePiece(p.start, p.end, p.energy_wh, p.idle_s, p.energy_wh // 4) for p in pieces]
    others = (
        Component(dimension="session", unit_price=Decimal("0.50")),
        Component(dimension="kwh", origin="solar", band="high", unit_price=Decimal("0.10")),
        Component(dimension="kwh", origin="solar", band="low", unit_price=Decimal("0.08")),
        Component(dimension="kwh", origin="grid", band="high", unit_price=Decimal("0.40")),
        Component(dimension="kwh", origin="grid", band="low", unit_price=Decimal("0.20")),
        Component(dimension="minute", unit_price=Decimal("0.01")),
    )
    lines = price(pieces, tariff(*others, idle, solution="charging")).lines
    amounts = {(line.dimension, line.origin, line.band): line.amount_minor for line in lines}
    assert amounts.pop(("idle_minute", "any", "single"), 0) == minor(case["expected"])
    assert amounts == {
        ("session", "any", "single"): 50, ("kwh", "solar", "high"): 10, ("kwh", "solar", "low"): 8,
        ("kwh", "grid", "high"): 120, ("kwh", "grid", "low"): 60, ("minute", "any", "single"): 60,
    }  # fmt: skip


@pytest.mark.row("B12")
@pytest.mark.parametrize("row", VECTORS["swiss_solar_price_cap"], ids=lambda row: row["standard_product_price"])
def test_solar_in_a_house_community_is_at_most_four_fifths_of_the_standard_product_or_its_cost(row: dict[str, str]) -> None:
    standard, cost = Decimal(row["standard_product_price"]), Decimal(row["effective_cost"])
    assert solar_cap(standard) == Decimal(row["flat_cap_80_percent"])
    assert solar_cap(standard, "effective", cost) == Decimal(row["mode_effective_price"])
    cap = solar_cap(standard)
    at_cap, above = (Component(dimension="kwh", origin="solar", unit_price=price) for price in (cap, cap + Decimal("0.0001")))
    assert findings([at_cap], standard_price=standard) == []
    assert [(f.position, f.code, f.limit) for f in findings([at_cap, above], standard_price=standard)] == [(2, "solar_above_cap", cap)]


def test_a_price_that_earns_nothing_or_grid_energy_with_a_margin_is_flagged() -> None:
    grid = Component(dimension="kwh", origin="grid", unit_price=Decimal("0.27"))
    solar = Component(dimension="kwh", origin="solar", unit_price=Decimal("0.20"))

    def codes(grid_cost: str, solar_cost: str) -> list[tuple[int, str]]:
        found = findings([solar, grid], standard_price=None, grid_cost=Decimal(grid_cost), effective_cost=Decimal(solar_cost))
        return [(finding.position, finding.code) for finding in found]

    assert codes("0.27", "0.19") == []
    assert codes("0.26", "0.20") == [(1, "no_margin"), (2, "grid_above_cost")]
    assert codes("0.28", "0.19") == [(2, "no_margin")]
    assert findings([grid, solar], standard_price=None) == []


@pytest.mark.parametrize("row", VECTORS["swiss_leg_grid_discount"], ids=lambda row: row["discount"])
def test_the_grid_is_cheaper_inside_a_local_community(row: dict[str, str]) -> None:
    assert local_grid_price(Decimal(row["grid_use_per_kwh"]), Decimal(row["discount"])) == Decimal(row["payable"])


@pytest.mark.row("B13")
def test_the_power_fee_is_the_highest_quarter_hour_of_each_month_and_a_sites_fee_is_shared_by_peaks() -> None:
    slots = rules.slots_of(date(2026, 3, 1), date(2026, 4, 30), ZONE)
    use = np.full(slots.count, 100, dtype=np.int64)
    use[500], use[501], use[-1] = 2500, 2400, 1250
    terms = tariff(HIGH, Component(dimension="kw", unit_price=Decimal("4.20")))
    lines = rules.power_lines(terms, rules.peaks_by_day(use[None, :], slots)[0].tolist(), slots.first, slots.last)
    assert [(line.quantity, line.unit, line.amount_minor) for line in lines] == [
        (Decimal("10.000"), "kW", 4200),
        (Decimal("5.000"), "kW", 2100),
    ]
    assert rules.site_fee_by_peaks(10_000, [2500, 1250, 0]) == [6667, 3333, 0]


@pytest.mark.row("B16")
def test_fixed_charges_are_prorated_by_days_of_occupancy_and_sum_to_the_month() -> None:
    terms = tariff(HIGH, Component(dimension="month", unit_price=Decimal("15.00")), Component(dimension="day", unit_price=Decimal("0.10")))
    stays = [
        rules.Stay(date(2020, 1, 1), date(2026, 3, 12)),
        rules.Stay(date(2026, 3, 13), date(2026, 3, 19)),
        rules.Stay(date(2026, 3, 20), None),
    ]
    shares = [rules.fixed_lines(terms, stays, n, date(2026, 3, 1), date(2026, 3, 31)) for n in range(3)]
    assert [[line.amount_minor for line in lines] for lines in shares] == [[581, 120], [339, 70], [580, 120]]
    quarter = rules.fixed_lines(terms, [rules.Stay(date(2020, 1, 1), None)], 0, date(2026, 1, 1), date(2026, 3, 31))
    assert [(line.quantity, line.amount_minor) for line in quarter] == [(Decimal("3.0000"), 4500), (Decimal(90), 900)]


def test_a_season_may_wrap_the_year_and_the_first_that_matches_wins() -> None:
    winter = Component(dimension="kwh", unit_price=Decimal("0.30"), season_from="10-01", season_to="03-31")
    rest = Component(dimension="kwh", unit_price=Decimal("0.20"))
    slots = rules.slots_of(date(2026, 3, 30), date(2026, 4, 1), ZONE)
    assert rules.rate_of_slots(tariff(winter, rest), "grid", slots).tolist() == [0] * 192 + [1] * 96


@given(
    st.integers(0, 4000), st.lists(st.sampled_from(["high", "low", "night", "solar", "grid", "winter", "sunday"]), min_size=1, max_size=5)
)
def test_the_fast_way_chooses_the_same_component_as_the_slow_one(quarter: int, names: list[str]) -> None:
    kinds = {
        "high": HIGH, "low": LOW, "night": Component(dimension="kwh", unit_price=Decimal(1), from_time=time(22), to_time=time(6)),
        "solar": Component(dimension="kwh", origin="solar", unit_price=Decimal(2)),
        "grid": Component(dimension="kwh", origin="grid", unit_price=Decimal(3)),
        "winter": Component(dimension="kwh", unit_price=Decimal(4), season_from="10-01", season_to="03-31"),
        "sunday": Component(dimension="kwh", unit_price=Decimal(5), weekdays=(7,), from_time=time(0), to_time=time(0)),
    }  # fmt: skip
    terms = tariff(*(kinds[name] for name in dict.fromkeys(names)))
    first = date(2026, 3, 20)  # with the day of 92 quarter-hours inside
    slots = rules.slots_of(first, date(2026, 5, 2), ZONE)
    at = local_midnight(first, ZONE) + timedelta(minutes=15 * quarter)
    for origin in ("solar", "grid"):
        index = rules.rate_of_slots(terms, origin, slots)[quarter]
        slow = component_at(terms, "kwh", at, origin)
        assert (None if index < 0 else terms.components[index]) == slow


@pytest.mark.parametrize(
    ("part", "solution"),
    [(Component(dimension="month", unit_price=Decimal(1)), "charging"), (Component(dimension="session", unit_price=Decimal(1)), "electricity"),
     (Component(dimension="kwh", unit_price=Decimal(1), season_from="10-01"), "electricity"),
     (Component(dimension="kwh", unit_price=Decimal(1), tiers=(Tier(1000, Decimal(1)),)), "electricity"),
     (Component(dimension="kwh", unit_price=Decimal(1), tiers=(Tier(2000, Decimal(1)), Tier(1000, Decimal(1)), Tier(None, Decimal(1)))), "electricity"),
     (Component(dimension="day", origin="solar", unit_price=Decimal(1)), "electricity"),
     (Component(dimension="kwh", unit_price=Decimal(1), vat_rate=Decimal("1.2")), "electricity")],
    ids=range(7),
)  # fmt: skip
def test_a_component_that_makes_no_sense_is_refused(part: Component, solution: Any) -> None:
    with pytest.raises(Refused) as refused:
        check_components((HIGH, part), solution)
    assert (refused.value.code, refused.value.params["position"]) == ("bad_price", 2)
