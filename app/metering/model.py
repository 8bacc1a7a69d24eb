"""A value that a meter gave."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

MeterKind = Literal["use", "production", "entry", "battery"]
Medium = Literal["electricity", "heat", "cooling", "hot_water", "cold_water"]
Source = Literal["physical", "rule", "dso"]


class MeterPoint(msgspec.Struct, frozen=True):
    """A register reading (Wh) and the power (W) at a time; either may be missing."""

    taken_at: datetime
    energy_wh: int | None
    power_w: int | None


class SignedText(msgspec.Struct, frozen=True):
    """A signed value as it stood in a message, and the key that came with it."""

    received: str
    public_key: str | None = None


class Link(msgspec.Struct, frozen=True):
    """The point that a meter counts for from `first` to `last`; None: since ever, or until further notice."""

    billing_point_id: UUID
    first: date | None
    last: date | None

    def on(self, day: date) -> bool:
        """Whether it holds on a day."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


class Term(msgspec.Struct, frozen=True):
    """A part of a reckoned meter: added (1) or subtracted (-1)."""

    meter_id: UUID
    sign: Literal[1, -1]
