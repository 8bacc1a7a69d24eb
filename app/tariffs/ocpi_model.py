"""A tariff and a session by OCPI 2.2.1, and what they cost. Money in whole units, exact."""

from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Literal

import msgspec

ComponentType = Literal["FLAT", "ENERGY", "TIME", "PARKING_TIME"]
Kind = Literal["charging", "parking", "reservation"]
Reservation = Literal["RESERVATION", "RESERVATION_EXPIRES"]
Clock = Annotated[str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]  # as OCPI writes it
Day = Literal["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]


class PriceComponent(msgspec.Struct, frozen=True):
    """Price per kWh, hour or session, without VAT (per cent); step_size in Wh or seconds."""

    type: ComponentType
    price: Decimal
    step_size: int = 1
    vat: Decimal | None = None


class Restrictions(msgspec.Struct, frozen=True):
    """All of them must hold. Times are local, min inclusive, max exclusive; kWh, A, kW and seconds."""

    start_time: Clock | None = None
    end_time: Clock | None = None
    start_date: date | None = None
    end_date: date | None = None
    min_kwh: Decimal | None = None
    max_kwh: Decimal | None = None
    min_current: Decimal | None = None
    max_current: Decimal | None = None
    min_power: Decimal | None = None
    max_power: Decimal | None = None
    min_duration: int | None = None
    max_duration: int | None = None
    day_of_week: tuple[Day, ...] = ()
    reservation: Reservation | None = None


class Element(msgspec.Struct, frozen=True):
    """Components under the same restrictions."""

    price_components: tuple[PriceComponent, ...]
    restrictions: Restrictions = Restrictions()


class Limit(msgspec.Struct, frozen=True):
    """A least or most price; net and gross bind apart."""

    excl_vat: Decimal
    incl_vat: Decimal | None = None


class OcpiTariff(msgspec.Struct, frozen=True):
    """Elements in order: for each kind of price the first whose restrictions hold counts."""

    currency: str
    elements: tuple[Element, ...]
    min_price: Limit | None = None
    max_price: Limit | None = None


class OcpiPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a session on the station's wall clock, its energy taken evenly."""

    kind: Kind
    start: datetime
    end: datetime
    wh: Fraction = Fraction(0)
    current_a: Decimal | None = None
    reservation: Reservation | None = None


class OcpiLine(msgspec.Struct, frozen=True, kw_only=True):
    """A component's use: kWh, hours or sessions, times price."""

    type: str
    quantity: Fraction
    price: Decimal
    vat: Decimal | None

    @property
    def excl_vat(self) -> Fraction:
        return self.quantity * Fraction(self.price)


class OcpiCost(msgspec.Struct, frozen=True):
    """Lines and totals before any rounding."""

    lines: tuple[OcpiLine, ...]
    excl_vat: Fraction
    incl_vat: Fraction
