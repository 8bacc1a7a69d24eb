"""A tariff, its components, and what they make of a session."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Literal
from uuid import UUID

import msgspec

Dimension = Literal["kwh", "minute", "idle_minute", "session"]
Band = Literal["single", "high", "low"]
Unit = Literal["kWh", "min", "session"]


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """One rate. Times are the site's wall clock; `from_time` > `to_time` wraps midnight; weekdays 1 (Monday) to 7."""

    dimension: Dimension
    unit_price: Decimal
    band: Band = "single"
    from_time: time | None = None
    to_time: time | None = None
    weekdays: tuple[int, ...] | None = None
    grace_minutes: int | None = None
    cap_minor: int | None = None


class Tariff(msgspec.Struct, frozen=True, kw_only=True):
    """The prices of a site from `valid_from` on. Per dimension the first component that matches wins."""

    id: UUID
    site_id: UUID
    name: str
    currency: str
    vat_rate: Decimal
    vat_included: bool
    valid_from: date
    time_zone: str
    components: tuple[Component, ...]


class UsePiece(msgspec.Struct, frozen=True):
    """A piece of a session inside one quarter-hour: its energy (Wh) and how many of its seconds the car was idle."""

    start: datetime
    end: datetime
    energy_wh: int
    idle_s: int = 0


class PriceLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a price: quantity in `unit` (kWh with three places, minutes, sessions) times unit price."""

    dimension: Dimension
    band: Band
    quantity: Decimal
    unit: Unit
    unit_price: Decimal
    amount_minor: int


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """A priced session: the lines sum exactly to gross (prices with VAT) or net (without)."""

    currency: str
    vat_rate: Decimal
    net_minor: int
    vat_minor: int
    gross_minor: int
    lines: tuple[PriceLine, ...]
