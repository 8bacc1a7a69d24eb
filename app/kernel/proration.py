"""Shares of an amount by days, and by degree days: both ends of a period are inclusive, the last day is the leaver's."""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from math import lcm

from app.kernel.calendar import month_end, month_of, next_month
from app.kernel.money import split

# Permille of a year's heat by month (VDI 2067 part 1, table 22): June to August share 40; some print 14, 13, 13 instead.
THIRD = Fraction(40, 3)
PERMILLE = tuple(Fraction(value) for value in (170, 150, 130, 80, 40, THIRD, THIRD, THIRD, 30, 80, 120, 160))
PERMILLE_INTEGER = tuple(Fraction(value) for value in (170, 150, 130, 80, 40, 14, 13, 13, 30, 80, 120, 160))


def days_of(first: date, last: date) -> int:
    """The days from first to last, both counted."""
    return (last - first).days + 1


def overlap_days(first: date, last: date, other_first: date, other_last: date | None) -> int:
    """The days that two periods share, ends counted; an open end never ends."""
    until = last if other_last is None else min(last, other_last)
    return max(0, days_of(max(first, other_first), until))


def by_days(amount_minor: int, days: Sequence[int]) -> list[int]:
    """An amount shared by the parties' days so that the parts sum to it: who lived there, and the owner for a gap."""
    return split(amount_minor, days)


def degree_days(first: date, last: date, table: Sequence[Fraction] = PERMILLE) -> Fraction:
    """Permille of a heating year from first to last: each day has its month's value by the days of that month."""
    total, month = Fraction(0), month_of(first)
    while month <= last:
        end = month_end(month)
        days = overlap_days(month, end, first, last)
        total += table[month.month - 1] * days / days_of(month, end)
        month = next_month(month)
    return total


def by_degree_days(amount_minor: int, periods: Sequence[tuple[date, date]]) -> list[int]:
    """An amount of heating shared by the degree days of each party's period; the parts sum to it."""
    weights = [degree_days(first, last) for first, last in periods]
    common = lcm(*(weight.denominator for weight in weights)) if weights else 1
    return split(amount_minor, [int(weight * common) for weight in weights])
