"""The clock is an argument: commands take `now`, and only the composition roots read it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The present, aware, in UTC."""
    return datetime.now(UTC)


def shifted_clock(start: datetime) -> Clock:
    """A clock that showed `start` when it was made and runs on from there (tests only)."""
    if start.tzinfo is None:
        raise ValueError("the start of a clock needs a time zone, such as 2026-11-01T08:00:00Z")
    offset: timedelta = start - utc_now()
    return lambda: utc_now() + offset
