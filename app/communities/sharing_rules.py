"""What a community shares in each quarter-hour, and which configuration holds when. Pure."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Protocol

import numpy as np

from app.metering.allocation_rules import Wh, prorata

DAY = timedelta(days=1)


class Dated(Protocol):
    """What holds from a day to a day."""

    @property
    def first(self) -> date: ...
    @property
    def last(self) -> date | None: ...
    @property
    def state(self) -> str: ...


def shares(drawn: Wh, fed: Wh, active: Wh) -> tuple[Wh, Wh]:
    """(shared, injected_shared) of meters in every slot: what the active ones feed in, in proportion to what they draw.

    Arrays (meters, slots) of Wh; `active` is 1 where a meter takes part. The two sums of a slot are equal.
    """
    drawn, fed = drawn * active, fed * active
    given = prorata(fed.sum(axis=0, dtype=np.int64), drawn)
    return given, prorata(given.sum(axis=0, dtype=np.int64), fed)


def active_days(configurations: Sequence[Dated], first: date, count: int) -> list[bool]:
    """On which of `count` days from `first` a meter takes part: never before its activation, nor while it waits or is inactive."""
    return [
        any(one.state == "active" and one.first <= day and (one.last is None or day <= one.last) for one in configurations)
        for day in (first + DAY * n for n in range(count))
    ]


def in_force(configurations: Sequence[Dated], day: date) -> int | None:
    """The place of the one that holds on a day."""
    return next((n for n, one in enumerate(configurations) if one.first <= day and (one.last is None or day <= one.last)), None)
