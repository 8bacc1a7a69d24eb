"""Periods and quarter-hours: the site's time zone decides days and months, everything else is UTC."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

QUARTER = timedelta(minutes=15)


def parse_period(text: str) -> date:
    """'2026-10' as the first day of that month. Raises ValueError with a sentence on anything else."""
    try:
        if len(text) != 7:
            raise ValueError
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise ValueError(f"'{text}' is not a month: write it as 2026-10") from None


def period_text(period: date) -> str:
    """The first day of a month as '2026-10'."""
    return f"{period:%Y-%m}"


def month_of(day: date) -> date:
    """The first day of the month that holds a day."""
    return day.replace(day=1)


def next_month(period: date) -> date:
    """The first day of the following month."""
    return (period.replace(day=1) + timedelta(days=32)).replace(day=1)


def months_before(period: date, count: int) -> date:
    """The first day of the month `count` months earlier."""
    index = period.year * 12 + period.month - 1 - count
    return date(index // 12, index % 12 + 1, 1)


def month_end(period: date) -> date:
    """The last day of a month."""
    return next_month(period) - timedelta(days=1)


def local_midnight(day: date, time_zone: str) -> datetime:
    """The instant (UTC) at which a day begins at a place."""
    return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC)


def local_date(at: datetime, time_zone: str) -> date:
    """The day that an instant belongs to at a place."""
    return at.astimezone(ZoneInfo(time_zone)).date()


def month_bounds(period: date, time_zone: str) -> tuple[datetime, datetime]:
    """First instant of a month at a place, and first instant after it (UTC)."""
    return local_midnight(period, time_zone), local_midnight(next_month(period), time_zone)


def quarter_of(at: datetime) -> datetime:
    """The beginning of the quarter-hour that holds an instant (UTC)."""
    at = at.astimezone(UTC)
    return at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)


def quarters_between(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The pieces of [start, end) cut at quarter-hours; whole quarters but for the first and last."""
    while start < end:
        piece_end = min(quarter_of(start) + QUARTER, end)
        yield start, piece_end
        start = piece_end
