"""What each flat's meter used, and how much of it was solar and from the grid; for programs that ask for a house's series."""

import itertools
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
import numpy as np

from app.database.transaction import fetch
from app.metering.reading_rules import MISSING, Times
from app.metering.series_rules import Step, grid_of, laid_out, sums

ROWS = """
SELECT m.id AS meter, m.serial, m.name, l.billing_point_id AS point, q.day, q.wh, d.solar FROM meter m
JOIN meter_link l ON l.account_id = m.account_id AND l.meter_id = m.id
JOIN quarter_day q ON q.account_id = m.account_id AND q.meter_id = m.id AND q.day BETWEEN $2 AND $3 AND l.period @> q.day
LEFT JOIN point_day d ON d.account_id = l.account_id AND d.billing_point_id = l.billing_point_id AND d.day = q.day
WHERE m.site_id = $1 AND m.medium = 'electricity' AND m.kind = 'use' ORDER BY l.billing_point_id, q.day, m.id
"""


class SharedPiece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of time in Wh: total = own + grid; None: not known."""

    at: str
    total: int | None
    own: int | None = msgspec.field(name="self")
    grid: int | None


class MeterShares(msgspec.Struct, frozen=True, kw_only=True):
    """One meter's pieces."""

    meter_id: UUID
    serial: str
    name: str
    pieces: list[SharedPiece]


async def shares_of(site_id: UUID, first: date, last: date, zone: str, step: Step, plain: Any) -> list[MeterShares]:
    """Every flat's meter (inside the caller's transaction). `plain` writes a time."""
    grid = grid_of(first, last, zone, step)
    days: dict[UUID, list[tuple[date, bytes, bytes | None]]] = {}
    names: dict[UUID, tuple[str, str]] = {}
    for (_, day), found in itertools.groupby(await fetch(ROWS, site_id, first, last), key=lambda row: (row["point"], row["day"])):
        rows = list(found)
        own = solar_of_each([_unpacked(row["wh"]) for row in rows], None if rows[0]["solar"] is None else _unpacked(rows[0]["solar"]))
        for row, part in zip(rows, own, strict=True):
            names[row["meter"]] = row["serial"], row["name"]
            days.setdefault(row["meter"], []).append((day, row["wh"], None if part is None else part.astype("<i4").tobytes()))
    made = []
    for meter, kept in sorted(days.items(), key=lambda one: names[one[0]]):
        total = sums(grid, laid_out(grid, [(day, wh) for day, wh, _ in kept]))
        own_wh = sums(grid, laid_out(grid, [(day, part) for day, _, part in kept if part is not None]))
        pieces = [SharedPiece(at=plain(at), total=whole, own=part, grid=None if whole is None or part is None else whole - part)
                  for at, whole, part in zip(grid.at, total, own_wh, strict=True)]  # fmt: skip
        made.append(MeterShares(meter_id=meter, serial=names[meter][0], name=names[meter][1], pieces=pieces))
    return made


def solar_of_each(used: list[Times], solar: Times | None) -> list[Times | None]:
    """A place's solar energy by its meters, in proportion to what each counted; together they are all of it, to the Wh."""
    if solar is None:
        return [None] * len(used)
    whole = np.cumsum([np.maximum(wh, 0) for wh in used], axis=0)
    shared = np.maximum(solar, 0) * whole // np.maximum(whole[-1], 1)
    found: list[Times | None] = []
    for wh, part in zip(used, np.diff(shared, axis=0, prepend=np.zeros((1, len(solar)), dtype=np.int64)), strict=True):
        found.append(np.where((wh == MISSING) | (solar == MISSING), MISSING, part))
    return found


def _unpacked(packed: bytes) -> Times:
    return np.frombuffer(packed, dtype="<i4").astype(np.int64)
