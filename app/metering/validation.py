"""Validated days from raw readings: swapped where a meter is wired backwards, gaps estimated and marked, corrected, locked."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt

from app.database.transaction import execute, fetch, fetchrow, in_account
from app.kernel.calendar import QUARTER, local_date, local_midnight
from app.metering.quarters import keep_day
from app.metering.reading_rules import (
    ABSENT,
    ESTIMATED,
    M_BUS_STEADY_S,
    MEASURED,
    MISSING,
    STEADY_S,
    Index,
    Marks,
    Times,
    combined,
    quarters_of_indexes,
    use_before_pv,
)

Flags = npt.NDArray[np.bool_]
DAY = timedelta(days=1)
MOST_DAYS = 800  # of one meter at a time

METER = """
SELECT m.site_id, m.kind, m.medium, s.time_zone, v.locked_until, v.longest_gap_h FROM meter m
JOIN site s ON s.account_id = m.account_id AND s.id = m.site_id
LEFT JOIN validation_scheme v ON v.account_id = m.account_id AND v.site_id = m.site_id
    AND v.kind = CASE m.medium WHEN 'heat' THEN 'heating' ELSE m.medium END
WHERE m.id = $1 FOR UPDATE OF s
"""
INDEXES = """
(SELECT extract(epoch FROM taken_at)::bigint AS at, imported, exported FROM index_reading WHERE meter_id = $1 AND taken_at < $2
 ORDER BY taken_at DESC LIMIT 1)
UNION ALL SELECT extract(epoch FROM taken_at)::bigint, imported, exported FROM index_reading
 WHERE meter_id = $1 AND taken_at BETWEEN $2 AND $3
UNION ALL (SELECT extract(epoch FROM taken_at)::bigint, imported, exported FROM index_reading WHERE meter_id = $1 AND taken_at > $3
 ORDER BY taken_at LIMIT 1) ORDER BY 1
"""
INTERVALS = """
SELECT DISTINCT ON (starts_at) extract(epoch FROM starts_at)::bigint AS at, imported, exported, estimated FROM interval_reading
WHERE meter_id = $1 AND starts_at >= $2 AND starts_at < $3 ORDER BY starts_at, received_at DESC
"""
# What stands for a day without its validated series: it came packed, or late for a bill.
PACKED = """
SELECT d.day, v.imported, coalesce((SELECT l.wh FROM late_day l WHERE l.meter_id = $1 AND l.day = d.day ORDER BY l.received_at DESC
    LIMIT 1), q.wh) AS wh FROM unnest($2::date[]) AS d (day) LEFT JOIN quarter_day q ON q.meter_id = $1 AND q.day = d.day
LEFT JOIN validated_day v ON v.meter_id = $1 AND v.day = d.day
"""
CORRECTIONS = "SELECT kind, part_id, sign, period FROM meter_correction WHERE meter_id = $1 ORDER BY id"
KEEP = """
INSERT INTO validated_day (account_id, meter_id, day, imported, exported, marks, final, validated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (account_id, meter_id, day) DO UPDATE SET imported = excluded.imported,
    exported = excluded.exported, marks = excluded.marks, final = excluded.final, validated_at = excluded.validated_at
"""


class Series(msgspec.Struct):
    """Quarter-hours between edges of one meter. `unread`: before the first and after the last reading."""

    imported: Times
    exported: Times | None
    marks: Marks
    unread: Flags


async def validate(account_id: UUID, now: datetime, site_id: UUID | None = None, most: int = 2000) -> int:
    """Bring the validated days of an account, or of one house, up to the readings. Returns how many days were looked at."""
    async with in_account(account_id):
        rows = await fetch("SELECT DISTINCT d.meter_id FROM stale_day d JOIN meter m ON m.account_id = d.account_id AND m.id = d.meter_id"
                           " WHERE $1::uuid IS NULL OR m.site_id = $1 ORDER BY 1 LIMIT $2", site_id, most)  # fmt: skip
    done = 0
    for row in rows:
        async with in_account(account_id):
            done += await _validate_meter(account_id, row["meter_id"], now)
    return done


async def _validate_meter(account_id: UUID, meter_id: UUID, now: datetime) -> int:
    meter = await fetchrow(METER, meter_id)
    if meter is None:
        return 0
    rows = await fetch("DELETE FROM stale_day WHERE meter_id = $1 AND day IN (SELECT day FROM stale_day WHERE meter_id = $1 ORDER BY day"
                       " LIMIT $2) RETURNING day", meter_id, MOST_DAYS)  # fmt: skip
    lock = meter["locked_until"]
    today = local_date(now, meter["time_zone"])
    days = sorted(row["day"] for row in rows if (lock is None or row["day"] > lock) and row["day"] <= today)
    if not days:
        return len(rows)
    edges, starts = edges_of(days[0], days[-1], meter["time_zone"])
    corrections = await fetch(CORRECTIONS, meter_id)
    series = await _series(meter_id, edges, meter, corrections, days[0], starts)
    known = await _known(meter_id, days) if (series.imported == MISSING).any() else {}
    for day in days:
        place = (day - days[0]).days
        low, high = starts[place], starts[place + 1]
        own, marks, unread = series.imported[low:high], series.marks[low:high], series.unread[low:high]
        if day in known and unread.all():
            continue  # no reading says anything of it: it stays as it came
        packed = known[day].beside(own, unread) if day in known else None
        if packed is not None:
            marks = np.where((own == MISSING) & (packed != MISSING), MEASURED, marks).astype(np.uint8)
        whole = not (marks == ABSENT).any()
        await execute(KEEP, account_id, meter_id, day, _packed(own),
                      None if series.exported is None else _packed(series.exported[low:high]),
                      marks.tobytes() if marks.any() else None, whole and day < today, now)  # fmt: skip
        counted = await _counted(meter_id, day, own, corrections)
        if packed is not None:
            counted = np.where(own == MISSING, packed, counted)
        await keep_day(account_id, meter["site_id"], meter_id, day, _packed(counted), now,
                       electricity=meter["medium"] == "electricity")  # fmt: skip
    await _those_that_build_on(account_id, meter_id, days, now, electricity=meter["medium"] == "electricity")
    return len(rows)


class Known(msgspec.Struct):
    """A day as it counts now, and its validated series if there is one."""

    counted: Times
    validated: Times | None

    def beside(self, own: Times, unread: Flags) -> Times:
        """What came packed, where readings tell nothing; what was estimated from readings and is a gap now is not kept."""
        free = own == MISSING
        if self.validated is not None:
            free = free & ((self.validated == MISSING) | unread)
        return np.where(free, self.counted, MISSING)


async def _known(meter_id: UUID, days: Sequence[date]) -> dict[date, Known]:
    return {
        row["day"]: Known(_unpacked(row["wh"]), None if row["imported"] is None else _unpacked(row["imported"]))
        for row in await fetch(PACKED, meter_id, days) if row["wh"] is not None
    }  # fmt: skip


def edges_of(first: date, last: date, time_zone: str) -> tuple[Times, list[int]]:
    """The quarter-hours from first to last as seconds, and the place where each day begins, with the end."""
    midnights = [local_midnight(first + n * DAY, time_zone) for n in range((last - first).days + 2)]
    begin = int(midnights[0].timestamp())
    starts = [round((at - midnights[0]) / QUARTER) for at in midnights]
    return begin + np.arange(starts[-1] + 1, dtype=np.int64) * 900, starts


async def _series(meter_id: UUID, edges: Times, meter: Any, corrections: Sequence[Any], first: date, starts: list[int]) -> Series:
    """What the raw readings come to; amounts that a grid operator sent stand before what indexes give."""
    low, high = (datetime.fromtimestamp(int(edge), tz=UTC) for edge in (edges[0], edges[-1]))
    swaps = [row["period"] for row in corrections if row["kind"] == "swap"]
    rows = await fetch(INDEXES, meter_id, low, high)
    unread = np.ones(len(edges) - 1, dtype=bool)
    if len(rows) > 1:
        unread = (edges[:-1] < rows[0]["at"]) | (edges[1:] > rows[-1]["at"])
    longest = None if meter["longest_gap_h"] is None else meter["longest_gap_h"] * 3600
    steady = STEADY_S if meter["medium"] == "electricity" else M_BUS_STEADY_S
    plain = _of_indexes([Index(row["at"], row["imported"], row["exported"]) for row in rows], edges, longest, steady, unread)
    if swaps and plain.exported is not None:
        turned = np.zeros(len(edges) - 1, dtype=bool)
        for place in range(len(starts) - 1):
            if any(_holds(period, first + place * DAY) for period in swaps):
                turned[starts[place] : starts[place + 1]] = True
        imported, exported = np.where(turned, plain.exported, plain.imported), np.where(turned, plain.imported, plain.exported)
        plain = Series(imported, exported, plain.marks, unread)
    for row in await fetch(INTERVALS, meter_id, low, high):
        place = (row["at"] - int(edges[0])) // 900
        mark = ESTIMATED if row["estimated"] else MEASURED
        plain.imported[place], plain.marks[place], unread[place] = row["imported"], mark, False
        if row["exported"] is not None:
            if plain.exported is None:
                plain.exported = np.full(len(edges) - 1, MISSING, dtype=np.int64)
            plain.exported[place] = row["exported"]
    return plain


def _of_indexes(indexes: Sequence[Index], edges: Times, longest: int | None, steady: int, unread: Flags) -> Series:
    times = np.array([one.at for one in indexes], dtype=np.int64)
    imported, marks = quarters_of_indexes(times, np.array([one.imported for one in indexes], dtype=np.int64), edges, longest, steady)
    both = [one for one in indexes if one.exported is not None]
    if not both:
        return Series(imported, None, marks, unread)
    exported, _ = quarters_of_indexes(np.array([one.at for one in both], dtype=np.int64),
                                      np.array([one.exported for one in both], dtype=np.int64), edges, longest, steady)  # fmt: skip
    return Series(imported, exported, marks, unread)


def _holds(period: Any, day: date) -> bool:
    return (period.lower is None or period.lower <= day) and (period.upper is None or day < period.upper)


async def _counted(meter_id: UUID, day: date, imported: Times, corrections: Sequence[Any]) -> Times:
    """The validated series with terms of other meters added or taken off, and PV behind the meter told apart from use."""
    counted = imported
    for row in corrections:
        if row["kind"] == "swap" or not _holds(row["period"], day):
            continue
        part = await fetchrow("SELECT imported FROM validated_day WHERE meter_id = $1 AND day = $2", row["part_id"], day)
        other = np.full(len(imported), MISSING, dtype=np.int64) if part is None else _unpacked(part["imported"])
        if row["kind"] == "term":
            counted = combined(counted, [(row["sign"], other)])
            continue
        mine = await fetchrow("SELECT exported FROM validated_day WHERE meter_id = $1 AND day = $2", meter_id, day)
        if mine is not None and mine["exported"] is not None:
            counted = use_before_pv(counted, _unpacked(mine["exported"]), other)
    return counted


async def _those_that_build_on(account_id: UUID, part_id: UUID, days: Sequence[date], now: datetime, *, electricity: bool) -> None:
    """Count again what other meters' corrections make of these days."""
    rows = await fetch("SELECT DISTINCT c.meter_id, m.site_id FROM meter_correction c JOIN meter m ON m.account_id = c.account_id"
                       " AND m.id = c.meter_id WHERE c.part_id = $1 ORDER BY 1", part_id)  # fmt: skip
    for row in rows:
        corrections, known = await fetch(CORRECTIONS, row["meter_id"]), await _known(row["meter_id"], days)
        for day in days:
            mine = await fetchrow("SELECT imported FROM validated_day WHERE meter_id = $1 AND day = $2", row["meter_id"], day)
            if mine is not None:
                own = _unpacked(mine["imported"])
                counted = await _counted(row["meter_id"], day, own, corrections)
                if day in known:
                    counted = np.where(own == MISSING, known[day].beside(own, np.zeros(len(own), dtype=bool)), counted)
                await keep_day(account_id, row["site_id"], row["meter_id"], day, _packed(counted), now, electricity=electricity)


def _packed(series: Times) -> bytes:
    return series.astype("<i4").tobytes()


def _unpacked(packed: bytes) -> Times:
    return np.frombuffer(packed, dtype="<i4").astype(np.int64)
