"""A value that a meter gave."""

from datetime import datetime
from typing import Literal

import msgspec

MeterKind = Literal["use", "production"]


class MeterPoint(msgspec.Struct, frozen=True):
    """A register reading (Wh) and the power (W) at a time; either may be missing."""

    taken_at: datetime
    energy_wh: int | None
    power_w: int | None


class SignedText(msgspec.Struct, frozen=True):
    """A signed value as it stood in a message, and the key that came with it."""

    received: str
    public_key: str | None = None
