"""Quarter-hours gathered into hours, days, months and years of a place. Pure; days have 92, 96 or 100 quarter-hours."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from app.kernel.calendar import QUARTER, local_midnight
from app.metering.reading_rules import ABSENT, ESTIMATED, MISSING, Marks, Times

Step = Literal["quarter", "hour", "day", "month", "year"]
MOST_DAYS: dict[str, int] = {"quarter": 62, "hour": 62, "day": 800, "month": 3700, "year": 3700}
DAY = timedelta(days=1)


class Grid(msgspec.Struct, frozen=True):
    """The quarter-hours of whole local days, and where days and pieces begin in them."""

    first: date
    days: tuple[int, ...]
    pieces: tuple[int, ...]
    at: tuple[datetime, ...]

    @property
    def count(self) -> int:
        """How many quarter-hours there are."""
        return self.days[-1]


def grid_of(first: date, last: date, time_zone: str, step: Step) -> Grid:
    """The quarter-hours from first to last, gathered by `step`; an hour that comes twice in autumn is two hours."""
    zone = ZoneInfo(time_zone)
    midnights = [local_midnight(first + n * DAY, time_zone) for n in range((last - first).days + 2)]
    days = [round((at - midnights[0]) / QUARTER) for at in midnights]
    if step in ("quarter", "hour"):
        by = 1 if step == "quarter" else 4
        pieces = list(range(0, days[-1], by))
    else:
        local = [first + n * DAY for n in range(len(days) - 1)]
        new = {"day": lambda day: True, "month": lambda day: day.day == 1, "year": lambda day: (day.month, day.day) == (1, 1)}[step]
        pieces = [days[n] for n, day in enumerate(local) if n == 0 or new(day)]
    at = tuple((midnights[0] + place * QUARTER).astimezone(zone) for place in pieces)
    return Grid(first, tuple(days), tuple(pieces), at)


def laid_out(grid: Grid, rows: Sequence[tuple[date, bytes]], missing: int = MISSING) -> Times:
    """Packed days on the grid; `missing` where there is none. Rows of the same day are added up."""
    whole = np.full(grid.count, missing, dtype=np.int64)
    for day, packed in rows:
        place = (day - grid.first).days
        low, high = grid.days[place], grid.days[place + 1]
        piece = np.frombuffer(packed, dtype="<i4").astype(np.int64)
        there = whole[low:high]
        whole[low:high] = np.where(piece == MISSING, there, np.where(there == MISSING, piece, there + piece))
    return whole


def marks_of(grid: Grid, rows: Sequence[tuple[date, bytes | None]], wh: Times) -> Marks:
    """The worst mark of every quarter-hour; what is not there is missing."""
    marks = np.zeros(grid.count, dtype=np.uint8)
    for day, packed in rows:
        if packed is not None:
            low, high = grid.days[(day - grid.first).days], grid.days[(day - grid.first).days + 1]
            marks[low:high] = np.maximum(marks[low:high], np.frombuffer(packed, dtype=np.uint8))
    marks[wh == MISSING] = ABSENT
    return marks


def sums(grid: Grid, wh: Times) -> list[int | None]:
    """The amount of each piece; None where nothing is known of it."""
    there = wh != MISSING
    amounts = np.add.reduceat(np.where(there, wh, 0), grid.pieces)
    known = np.logical_or.reduceat(there, grid.pieces)
    return [int(amount) if here else None for amount, here in zip(amounts, known, strict=True)]


def quality(grid: Grid, marks: Marks) -> list[str]:
    """'' measured, 'estimated' where a part is, 'partly' where a part is missing, 'missing' where all is."""
    estimated = np.logical_or.reduceat(marks == ESTIMATED, grid.pieces)
    some, every = np.logical_or.reduceat(marks == ABSENT, grid.pieces), np.logical_and.reduceat(marks == ABSENT, grid.pieces)
    return ["missing" if a else "partly" if b else "estimated" if c else "" for a, b, c in zip(every, some, estimated, strict=True)]


def year_before(day: date) -> date:
    """The same day a year earlier; the last of February for the 29th."""
    try:
        return day.replace(year=day.year - 1)
    except ValueError:
        return day.replace(year=day.year - 1, day=28)


def in_utc(at: datetime) -> str:
    """A time in UTC without its zone, as the API's series have it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
