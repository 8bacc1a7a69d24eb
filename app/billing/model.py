"""Nouns of billing."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from app.tariffs.model import PriceLine


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """A priced session; with `corrects`, the opposite of an earlier one."""

    id: UUID
    session_id: UUID
    site_id: UUID
    station_id: UUID
    person_id: UUID
    class_: str
    period: date
    occurred_at: datetime
    energy_wh: int
    currency: str
    vat_rate: Decimal
    net_minor: int
    vat_minor: int
    gross_minor: int
    lines: tuple[PriceLine, ...]
    invoice_id: UUID | None
    revision: int = 1
    corrects: UUID | None = None
    solar_wh: int | None = None  # what of it was priced as solar; None where the prices make no difference
