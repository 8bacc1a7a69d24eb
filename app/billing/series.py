"""Series that people look at: a point's, a house's, a meter's; what is not known is missing and never nothing."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
import numpy as np

from app.billing.shares import up_to_date
from app.database.transaction import fetch, fetchrow, in_account
from app.kernel.errors import Refused
from app.metering.model import Medium
from app.metering.reading_rules import MISSING, Times
from app.metering.series_rules import MOST_DAYS, Grid, Step, grid_of, laid_out, marks_of, quality, sums, year_before

POINT_DAYS = """
SELECT billing_point_id AS point, day, used, solar FROM point_day WHERE billing_point_id = ANY($1::uuid[]) AND day BETWEEN $2 AND $3
"""
# Days of the meters of points, as far as each one's link reaches.
LINKED = """
SELECT q.meter_id, l.billing_point_id AS point, q.day, q.wh, v.marks, coalesce(v.final, true) AS final FROM meter_link l
JOIN meter m ON m.account_id = l.account_id AND m.id = l.meter_id AND m.medium = $4
JOIN quarter_day q ON q.account_id = l.account_id AND q.meter_id = l.meter_id AND q.day BETWEEN $2 AND $3 AND l.period @> q.day
LEFT JOIN validated_day v ON v.account_id = q.account_id AND v.meter_id = q.meter_id AND v.day = q.day
WHERE l.billing_point_id = ANY($1::uuid[]) ORDER BY q.day
"""
OF_KIND = """
SELECT m.id, m.kind, q.day, q.wh, v.exported, v.marks FROM meter m JOIN quarter_day q ON q.account_id = m.account_id AND q.meter_id = m.id
LEFT JOIN validated_day v ON v.account_id = q.account_id AND v.meter_id = q.meter_id AND v.day = q.day
WHERE m.site_id = $1 AND m.medium = 'electricity' AND m.kind <> 'use' AND q.day BETWEEN $2 AND $3 ORDER BY m.id, q.day
"""
METER = """
SELECT q.day, q.wh, v.exported, v.marks, coalesce(v.final, true) AS final FROM quarter_day q
LEFT JOIN validated_day v ON v.account_id = q.account_id AND v.meter_id = q.meter_id AND v.day = q.day
WHERE q.meter_id = $1 AND q.day BETWEEN $2 AND $3 ORDER BY q.day
"""
SHARED = """
SELECT d.day, d.used, d.solar FROM point_day d JOIN billing_point p ON p.account_id = d.account_id AND p.id = d.billing_point_id
WHERE p.site_id = $1 AND d.day BETWEEN $2 AND $3
"""
SCHEME = "SELECT validated_only, validate_on_view FROM validation_scheme WHERE site_id = $1 AND kind = $2"
BEHIND = """
SELECT EXISTS (SELECT 1 FROM stale_share WHERE site_id = $1)
    OR EXISTS (SELECT 1 FROM stale_day d JOIN meter m ON m.account_id = d.account_id AND m.id = d.meter_id WHERE m.site_id = $1) AS behind
"""
UNITS = {"hot_water": "l", "cold_water": "l"}


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of time from `at` on. total = solar + grid to the Wh; None: not known. quality: '' measured, else why not.
    exported: what a meter that counts two ways gave back."""

    at: datetime
    total: int | None
    solar: int | None = None
    grid: int | None = None
    quality: str = ""
    last_year: int | None = None
    exported: int | None = None


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """A series of one kind, in Wh or litres."""

    kind: str
    unit: str
    step: str
    first: date
    last: date
    time_zone: str
    pieces: list[Piece]


class HousePiece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a house's electricity in Wh; None: no meter tells it."""

    at: datetime
    total: int | None
    from_grid: int | None
    to_grid: int | None
    production: int | None
    self_consumed: int | None
    charged: int | None
    discharged: int | None
    last_year: int | None = None


class HouseSeries(msgspec.Struct, frozen=True, kw_only=True):
    """A house's electricity."""

    unit: str
    step: str
    first: date
    last: date
    time_zone: str
    pieces: list[HousePiece]


def check_span(first: date, last: date, step: Step) -> None:
    """Raises Refused exit_before_entry, too_long_a_span."""
    if last < first:
        raise Refused("exit_before_entry", 422, "The last day lies before the first one. Correct one of the two.", fields=["last"])
    if (last - first).days >= MOST_DAYS[step]:
        raise Refused(
            "too_long_a_span", 422, f"Choose at most {MOST_DAYS[step]} days for this step, or a larger step.", days=MOST_DAYS[step]
        )


async def prepared(account_id: UUID, site_id: UUID, kind: str, now: datetime) -> bool:
    """Validate first where the house's scheme says so. Returns whether only validated days are shown."""
    async with in_account(account_id):
        scheme = await fetchrow(SCHEME, site_id, kind)
        on_view = scheme is None or scheme["validate_on_view"]
        behind = on_view and (await fetchrow(BEHIND, site_id) or {"behind": False})["behind"]
    if behind:
        await up_to_date(account_id, now, site_id)
    return scheme is not None and bool(scheme["validated_only"])


async def of_points(
    stays: Sequence[tuple[UUID, date, date]], kind: Medium, first: date, last: date, zone: str, step: Step, *, final_only: bool = False
) -> Series:
    """What points used in their days (inside the caller's transaction): each point counts from its first to its last day."""
    grid = grid_of(first, last, zone, step)
    total, solar, marks = await _points(stays, kind, first, last, grid, final_only)
    before = grid_of(year_before(first), year_before(last), zone, step)
    past, _, _ = await _points(stays, kind, year_before(first), year_before(last), before, final_only)
    whole, sun, then = sums(grid, total), sums(grid, solar), _beside(sums(before, past), len(grid.at))
    good = quality(grid, marks)
    pieces = [
        Piece(at=at, total=whole[n], solar=sun[n] if kind == "electricity" else None, last_year=then[n], quality=good[n],
              grid=_less(whole[n], sun[n]) if kind == "electricity" else None)
        for n, at in enumerate(grid.at)
    ]  # fmt: skip
    return Series(kind=kind, unit=UNITS.get(kind, "Wh"), step=step, first=first, last=last, time_zone=zone, pieces=pieces)


async def _points(
    stays: Sequence[tuple[UUID, date, date]], kind: Medium, first: date, last: date, grid: Grid, final_only: bool
) -> tuple[Times, Times, Any]:
    points = sorted({point for point, _, _ in stays})

    def mine(row: Any) -> bool:
        return any(point == row["point"] and low <= row["day"] <= high for point, low, high in stays)

    linked = [row for row in await fetch(LINKED, points, first, last, kind) if mine(row)]
    unready = {(row["point"], row["day"]) for row in linked if final_only and not row["final"]}
    linked = [row for row in linked if (row["point"], row["day"]) not in unready]
    if kind != "electricity":
        total = laid_out(grid, [(row["day"], row["wh"]) for row in linked])
        return total, np.full(grid.count, MISSING, dtype=np.int64), marks_of(grid, [(row["day"], row["marks"]) for row in linked], total)
    rows = [row for row in await fetch(POINT_DAYS, points, first, last) if mine(row) and (row["point"], row["day"]) not in unready]
    total, solar = [laid_out(grid, [(row["day"], row[name]) for row in rows]) for name in ("used", "solar")]
    read = laid_out(grid, [(row["day"], row["wh"]) for row in linked])
    total, solar = [np.where(read == MISSING, MISSING, one) for one in (total, solar)]
    return total, solar, marks_of(grid, [(row["day"], row["marks"]) for row in linked], total)


async def of_meter(meter_id: UUID, kind: Medium, first: date, last: date, zone: str, step: Step, *, final_only: bool = False) -> Series:
    """One meter's validated series (inside the caller's transaction)."""
    grid, before = grid_of(first, last, zone, step), grid_of(year_before(first), year_before(last), zone, step)
    rows = [row for row in await fetch(METER, meter_id, first, last) if row["final"] or not final_only]
    past = await fetch(METER, meter_id, year_before(first), year_before(last))
    total = laid_out(grid, [(row["day"], row["wh"]) for row in rows])
    whole, good = sums(grid, total), quality(grid, marks_of(grid, [(row["day"], row["marks"]) for row in rows], total))
    then = _beside(sums(before, laid_out(before, [(row["day"], row["wh"]) for row in past])), len(grid.at))
    given = sums(grid, laid_out(grid, [(row["day"], row["exported"]) for row in rows if row["exported"] is not None]))
    pieces = [Piece(at=at, total=whole[n], quality=good[n], last_year=then[n], exported=given[n]) for n, at in enumerate(grid.at)]
    return Series(kind=kind, unit=UNITS.get(kind, "Wh"), step=step, first=first, last=last, time_zone=zone, pieces=pieces)


async def of_house(site_id: UUID, first: date, last: date, zone: str, step: Step) -> HouseSeries:
    """A house's electricity (inside the caller's transaction): what its meters of entry, production and storage say."""
    grid, before = grid_of(first, last, zone, step), grid_of(year_before(first), year_before(last), zone, step)
    flows = await _flows(site_id, first, last, grid)
    past = await _flows(site_id, year_before(first), year_before(last), before)
    parts = {name: sums(grid, wh) for name, wh in flows.items()}
    then = _beside(sums(before, past["total"]), len(grid.at))
    pieces = [HousePiece(at=at, last_year=then[n], **{name: values[n] for name, values in parts.items()}) for n, at in enumerate(grid.at)]
    return HouseSeries(unit="Wh", step=step, first=first, last=last, time_zone=zone, pieces=pieces)


async def _flows(site_id: UUID, first: date, last: date, grid: Grid) -> dict[str, Times]:
    """Quarter-hours of a house. Where the entry has a meter, it decides; else what the points used and had of the sun."""
    rows = await fetch(OF_KIND, site_id, first, last)
    there = {
        (kind, column): laid_out(grid, [(row["day"], row[column]) for row in rows if row["kind"] == kind and row[column] is not None])
        for kind in ("production", "entry", "battery") for column in ("wh", "exported")
    }  # fmt: skip
    made, bought, sold = there["production", "wh"], there["entry", "wh"], there["entry", "exported"]
    charged, discharged = there["battery", "wh"], there["battery", "exported"]
    points = await fetch(SHARED, site_id, first, last)
    used, solar = [laid_out(grid, [(row["day"], row[name]) for row in points]) for name in ("used", "solar")]
    if (bought != MISSING).any():
        own = _known(made, sold, lambda: _zero(made) - _zero(sold) + _zero(discharged) - _zero(charged))
        total = np.where(bought == MISSING, MISSING, bought + _zero(own))
    else:
        own, total = np.where(made == MISSING, MISSING, solar), used
        bought, sold = _known(used, solar, lambda: used - solar), _known(made, solar, lambda: made - solar)
    return {"total": total, "from_grid": bought, "to_grid": sold, "production": made, "self_consumed": own, "charged": charged,
            "discharged": discharged}  # fmt: skip


def _known(one: Times, other: Times, value: Any) -> Times:
    return np.where((one == MISSING) | (other == MISSING), MISSING, np.maximum(value(), 0))


def _zero(wh: Times) -> Times:
    return np.where(wh == MISSING, 0, wh)


def _less(whole: int | None, part: int | None) -> int | None:
    return None if whole is None else whole - (part or 0)


def _beside(past: list[int | None], count: int) -> list[int | None]:
    """Last year's pieces beside this year's: as many, piece by piece."""
    return (past + [None] * count)[:count]
