"""Nouns of billing."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec

from app.tariffs.model import PriceLine


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """A priced session."""

    id: UUID
    session_id: UUID
    site_id: UUID
    station_id: UUID
    person_id: UUID
    class_: str
    period: date
    energy_wh: int
    currency: str
    vat_rate: Decimal
    net_minor: int
    vat_minor: int
    gross_minor: int
    lines: tuple[PriceLine, ...]
    invoice_id: UUID | None
