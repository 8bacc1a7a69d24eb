"""What the law of a country fixes, dated: standard VAT rates of the countries that we bill in."""

from datetime import date
from decimal import Decimal

# Standard rates and their first day: Swiss VAT Act art. 25 (8.1 % since 2024), German UStG § 12, Austrian UStG § 10,
# Belgian VAT code art. 37.
STANDARD_VAT: dict[str, tuple[tuple[date, Decimal], ...]] = {
    "CH": ((date(2018, 1, 1), Decimal("0.077")), (date(2024, 1, 1), Decimal("0.081"))),
    "LI": ((date(2018, 1, 1), Decimal("0.077")), (date(2024, 1, 1), Decimal("0.081"))),
    "DE": ((date(2007, 1, 1), Decimal("0.19")),),
    "AT": ((date(1984, 1, 1), Decimal("0.20")),),
    "BE": ((date(1996, 1, 1), Decimal("0.21")),),
}


def standard_vat(country: str, day: date) -> Decimal:
    """The standard VAT rate of a country on a day. Raises LookupError where it is not known."""
    rates = [rate for first, rate in STANDARD_VAT.get(country, ()) if first <= day]
    if not rates:
        raise LookupError(f"no VAT rate is known for {country} on {day}")
    return rates[-1]


def vat_changes(country: str) -> tuple[date, ...]:
    """The days on which a country's standard rate changed."""
    return tuple(first for first, _ in STANDARD_VAT.get(country, ()))
