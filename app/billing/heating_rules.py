"""Costs of heat and hot water shared as HeizkostenV and VEWA have it. Pure; parts always sum to the cost."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

from app.kernel.money import split
from app.kernel.proration import by_degree_days

KWH_A_M3_AND_K, COLD_C = Fraction(5, 2), 10  # HeizkostenV section 9: Q = 2.5 x V x (t - 10)
DISTRICT = Fraction(115, 100)


def hot_water_kwh(volume_m3: Decimal, temperature_c: Decimal, *, district_heat: bool = False) -> Fraction:
    """The heat in hot water where no meter measured it."""
    heat = KWH_A_M3_AND_K * Fraction(volume_m3) * (Fraction(temperature_c) - COLD_C)
    return heat / DISTRICT if district_heat else heat


def hot_water_cost(fuel_minor: int, hot_water: Fraction, whole: Fraction) -> int:
    """Hot water's part of the cost of fuel, by its exact share of the heat; the rest is heating's."""
    parts = hot_water * whole.denominator * hot_water.denominator, (whole - hot_water) * whole.denominator * hot_water.denominator
    return split(fuel_minor, [int(part) for part in parts])[0]


def base_and_use(cost_minor: int, base_percent: int, areas: Sequence[int], used: Sequence[int]) -> list[int]:
    """A cost by area for the base and by measured use for the rest; by area alone where nothing was used."""
    base, rest = split(cost_minor, [base_percent, 100 - base_percent])
    by_area, by_use = split(base, areas), split(rest, used if sum(used) else areas)
    return [one + other for one, other in zip(by_area, by_use, strict=True)]


def at_a_move(
    base_minor: int, use_minor: int, readings: tuple[int, int] | None, old: tuple[date, date], new: tuple[date, date]
) -> list[int]:
    """[leaver's, newcomer's]: the base by degree days, the use by their readings; without any reading all by degree days."""
    if readings is None:
        return by_degree_days(base_minor + use_minor, [old, new])
    base, use = by_degree_days(base_minor, [old, new]), split(use_minor, readings)
    return [one + other for one, other in zip(base, use, strict=True)]


def balance(share_minor: int, advances_minor: Sequence[int]) -> int:
    """What an occupant still owes; below zero it is repaid."""
    return share_minor - sum(advances_minor)
