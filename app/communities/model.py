"""A connection of a community, and what holds for it from a day to a day."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import msgspec

State = Literal["active", "inactive", "waiting_for_grid_operator", "waiting_for_manager"]
Chain = Literal["solar", "wind", "hydro", "biomass", "biogas", "fossil_cogeneration", "other"]
Injection = Literal["self_producer_owner", "self_producer_rights", "injection_owner", "injection_rights"]
Ean = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{18}$")]
Needed = Annotated[str, msgspec.Meta(min_length=1, max_length=120, pattern=r"\S")]
Phases = Annotated[int, msgspec.Meta(ge=1, le=3)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may change with the years. The optional figures feed the allocation."""

    phases: Phases
    reading_frequency: Literal["monthly", "yearly"]
    tariff_group: Literal["low_tension", "high_tension"]
    grid_operator: Needed
    rate: Literal["simple", "dual", "night_only"]
    client_type: Literal["residential", "business", "industrial"]
    member_id: UUID
    sampling_power_kw: Decimal | None = None
    generating_capacity_kw: Decimal | None = None
    amperage_a: Decimal | None = None
    production_chain: Chain | None = None
    injection_status: Injection | None = None


class NewCommunityMeter(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole form: where it is, what stands on it, what holds from the activation date on."""

    street: Needed
    postcode: Needed
    city: Needed
    country: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}$")] = "CH"
    ean: Ean
    meter_number: Needed
    activation_date: date


class NewConfiguration(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What holds from a day on."""

    first: date
    state: State = "active"


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for a meter from `first` to `last`; None: until further notice."""

    id: UUID
    first: date
    last: date | None
    state: State
    phases: int
    reading_frequency: str
    tariff_group: str
    sampling_power_kw: Decimal | None
    generating_capacity_kw: Decimal | None
    amperage_a: Decimal | None
    production_chain: Chain | None
    injection_status: Injection | None
    grid_operator: str
    rate: str
    client_type: str
    member_id: UUID
    member_name: str


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A community's meter with its history."""

    id: UUID
    community_id: UUID
    community_name: str
    ean: str
    meter_number: str
    street: str
    postcode: str
    city: str
    country: str
    actual: Configuration | None
    historical: list[Configuration]
    future: list[Configuration]


class ConnectionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the list. `state` is today's; None before the activation date."""

    id: UUID
    ean: str
    meter_number: str
    street: str
    postcode: str
    city: str
    state: State | None
    activation_date: date
    member_name: str


class SharePoint(msgspec.Struct, frozen=True, kw_only=True):
    """Wh of a time: drawn (gross), what of it the community gave (shared) and what not (net); the same of what was fed in.

    `at`: the start of the quarter-hour, or the first day of the day or month. None: nothing was received.
    """

    at: str
    gross: int | None
    net: int | None
    shared: int | None
    injected_gross: int | None
    injected_net: int | None
    injected_shared: int | None
