"""What a visit to a house costs its owner. Pure."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Literal

import msgspec

from app.kernel.money import to_major, to_minor
from app.tariffs.model import PriceLine

Kind = Literal["support", "maintenance"]
FreeBy = Literal["warranty", "package", "price"]


class ServiceTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What is agreed from a day on; amounts without VAT. Package `full`: the yearly maintenance is in it."""

    valid_from: date
    package: Literal["basic", "full"]
    warranty_until: date | None
    call_out_minor: int
    hour_minor: int
    maintenance_minor: int
    vat_rate: Decimal


def visit_lines(
    kind: Kind, day: date, minutes: int, terms: ServiceTerms, currency: str, words: Mapping[str, str]
) -> tuple[tuple[PriceLine, ...], FreeBy | None]:
    """The positions of a visit's bill without VAT, or why it is free: by warranty (its last day included), by the package, or because
    the agreed prices are nothing."""
    if kind == "support" and terms.warranty_until is not None and day <= terms.warranty_until:
        return (), "warranty"
    if kind == "maintenance" and terms.package == "full":
        return (), "package"
    if kind == "maintenance":
        wanted = [(words["service_maintenance"], Decimal(1), terms.maintenance_minor)]
    else:
        hours = (Decimal(minutes) / 60).quantize(Decimal("0.001"))
        wanted = [(words["service_call_out"], Decimal(1), terms.call_out_minor), (words["service_hour"], hours, terms.hour_minor)]
    lines = tuple(_line(label, quantity, price, currency) for label, quantity, price in wanted if quantity * price)
    return lines, None if lines else "price"


def _line(label: str, quantity: Decimal, price_minor: int, currency: str) -> PriceLine:
    price = to_major(price_minor, currency)
    return PriceLine(dimension="fee", band="single", quantity=quantity, unit="bill", unit_price=price,
                     amount_minor=to_minor(quantity * price, currency), label=label)  # fmt: skip
