"""Relays and what is decided of them. Watts and minutes; phases are counted: 0 is off."""

from datetime import datetime, time
from typing import Annotated, Literal

import msgspec

Mode = Literal["solar", "solar_timer", "timer", "on", "off", "manual"]
# plain: a contact for one appliance. sg_ready: the potential-free contact of a heat pump, which raises its set-point while it is
# closed. heater3: a water heater on three phases, of which each may be switched.
Kind = Literal["plain", "sg_ready", "heater3"]


class Period(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From a time to a time of the house's clock on some days (1 Monday to 7 Sunday); over midnight where it ends before it begins."""

    days: Annotated[list[Annotated[int, msgspec.Meta(ge=1, le=7)]], msgspec.Meta(min_length=1, max_length=7)]
    from_time: time
    to_time: time


class Relay(msgspec.Struct, frozen=True, kw_only=True):
    """A relay. `neutral`: a heater of three phases has it, so that each phase heats alone. `priority`: the largest has the sun first."""

    id: str
    kind: Kind = "plain"
    mode: Mode = "off"
    power_w: int = 0
    min_on_min: int = 0
    neutral: bool = True
    periods: tuple[Period, ...] = ()
    priority: int = 0
    by_hand: bool = False


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How many of its phases are on, and since when it has been on at all."""

    phases: int = 0
    on_since: datetime | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What a relay shall be, and why: sun, period, least_time, always_on, always_off, by_hand, too_little_sun, outside_period."""

    phases: int
    reason: str
