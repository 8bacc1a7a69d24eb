"""A tariff, its components, and what they make of a session."""

from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import msgspec

Dimension = Literal["kwh", "minute", "idle_minute", "session", "day", "month", "kw"]
LineDimension = Literal["kwh", "minute", "idle_minute", "session", "day", "month", "kw", "mailing", "fee"]
Band = Literal["single", "high", "low"]
Origin = Literal["any", "solar", "grid"]
Unit = Literal["kWh", "min", "session", "day", "month", "kW", "mailing", "bill"]
Solution = Literal["charging", "electricity"]
MonthDay = Annotated[str, msgspec.Meta(pattern="^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]


class Tier(msgspec.Struct, frozen=True):
    """A price up to a volume of a period (Wh, inclusive; None: without end)."""

    up_to_wh: int | None
    unit_price: Decimal


class HighHours(msgspec.Struct, frozen=True):
    """When the grid operator's high band holds, on the site's wall clock; weekdays 1 (Monday) to 7."""

    weekdays: tuple[int, ...]
    from_time: time
    to_time: time


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """One rate. Times are the site's wall clock; `from_time` > `to_time` wraps midnight; weekdays 1 (Monday) to 7.

    A band without hours follows the tariff's high hours. A season runs from `season_from` to `season_to`, both inclusive,
    and may wrap the year. Tiers are graduated, or with `whole_volume` the last tier reached prices everything. Without
    `vat_rate` the tariff's holds. `creditor_id` is to whom the money belongs, where it is not the site's creditor.
    """

    dimension: Dimension
    unit_price: Decimal
    band: Band = "single"
    from_time: time | None = None
    to_time: time | None = None
    weekdays: tuple[int, ...] | None = None
    grace_minutes: int | None = None
    cap_minor: int | None = None
    origin: Origin = "any"
    season_from: MonthDay | None = None
    season_to: MonthDay | None = None
    tiers: tuple[Tier, ...] = ()
    whole_volume: bool = False
    vat_rate: Decimal | None = None
    label: str = ""
    creditor_id: UUID | None = None


class Tariff(msgspec.Struct, frozen=True, kw_only=True):
    """The prices of a site from `valid_from` on. Per dimension the first component that matches wins.

    Without a component's own hours, band high or low follows `high_hours`.
    """

    id: UUID
    site_id: UUID
    name: str
    currency: str
    vat_rate: Decimal
    vat_included: bool
    valid_from: date
    time_zone: str
    components: tuple[Component, ...]
    solution: Solution = "charging"
    rate: str = ""
    high_hours: tuple[HighHours, ...] = ()
    standard_price: Decimal | None = None
    solar_cost: Decimal | None = None
    grid_cost: Decimal | None = None


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """What is entered of a rate: components, the high hours, and the figures that the guard compares with.

    `standard_price` is the whole price of a kWh outside the house, the costs are what a kWh costs the operator. `rate` names
    one of several; '' is that of every billing point without one of its own.
    """

    components: tuple[Component, ...]
    solution: Solution = "charging"
    rate: str = ""
    name: str = ""
    high_hours: tuple[HighHours, ...] = ()
    standard_price: Decimal | None = None
    solar_cost: Decimal | None = None
    grid_cost: Decimal | None = None
    vat_included: bool = True


class GridPrices(msgspec.Struct, frozen=True, kw_only=True):
    """What the grid operator asks for a kWh: one price, or high and low."""

    single: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None


class UsePiece(msgspec.Struct, frozen=True):
    """A piece of a session inside one quarter-hour: its energy (Wh), how much of it was solar, its idle seconds."""

    start: datetime
    end: datetime
    energy_wh: int
    idle_s: int = 0
    solar_wh: int = 0


class PriceLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a price: quantity in `unit` (kWh with three places, minutes, sessions) times unit price.

    `vat_rate` is set where it is not the whole price's; `label` is the component's own name.
    Lines of dimensions mailing and fee are no tariff's: they are the fee for a bill's post and the operator's other ones.
    """

    dimension: LineDimension
    band: Band
    quantity: Decimal
    unit: Unit
    unit_price: Decimal
    amount_minor: int
    origin: Origin = "any"
    vat_rate: Decimal | None = None
    label: str = ""


class VatGroup(msgspec.Struct, frozen=True, kw_only=True):
    """What is taxed at one rate."""

    rate: Decimal
    net_minor: int
    vat_minor: int
    gross_minor: int


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """A priced session: the lines sum exactly to gross (prices with VAT) or net (without)."""

    currency: str
    vat_rate: Decimal
    net_minor: int
    vat_minor: int
    gross_minor: int
    lines: tuple[PriceLine, ...]
