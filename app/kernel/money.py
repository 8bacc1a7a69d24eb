"""Money is integer minor units with a currency; Decimal only on the way there; rounding is half up, in named places."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

# ISO 4217 minor units where they are not two.
MINOR_DIGITS = {"JPY": 0, "HUF": 2, "ISK": 0}


def minor_digits(currency: str) -> int:
    """Decimal places of a currency: 2 for CHF and EUR."""
    return MINOR_DIGITS.get(currency, 2)


def round_half_up(value: Decimal) -> int:
    """The nearest integer; halves go away from zero."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def to_minor(amount: Decimal, currency: str) -> int:
    """An amount in whole currency units as minor units, rounded half up once."""
    return round_half_up(amount.scaleb(minor_digits(currency)))


def to_major(amount_minor: int, currency: str) -> Decimal:
    """Minor units as an exact Decimal of whole units."""
    return Decimal(amount_minor).scaleb(-minor_digits(currency))


def vat_of_gross(gross_minor: int, rate: Decimal) -> int:
    """The VAT inside a gross amount: gross - gross / (1 + rate), the net rounded half up."""
    return gross_minor - round_half_up(Decimal(gross_minor) / (1 + rate))


def vat_of_net(net_minor: int, rate: Decimal) -> int:
    """The VAT on a net amount, rounded half up."""
    return round_half_up(Decimal(net_minor) * rate)


def cash_rounding(amount_minor: int, step: int = 5) -> int:
    """What brings an amount to the nearest multiple of the smallest coin; halves go away from zero. It is booked apart."""
    sign = -1 if amount_minor < 0 else 1
    return sign * ((2 * abs(amount_minor) + step) // (2 * step)) * step - amount_minor


def permille_of(amount_minor: int, permille: int) -> int:
    """A share in thousandths of an amount, rounded half up once."""
    return round_half_up(Decimal(amount_minor) * permille / 1000)


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Share an integer by weights so that the parts sum to it exactly: largest remainder, ties to the earlier one.

    Raises ValueError on a negative weight or, for a total that is not 0, on weights that are all 0.
    """
    whole = sum(weights)
    if any(weight < 0 for weight in weights) or (whole == 0 and total != 0):
        raise ValueError("weights must be >= 0 and not all 0")
    if whole == 0:
        return [0 for _ in weights]
    sign = -1 if total < 0 else 1
    exact = [divmod(abs(total) * weight, whole) for weight in weights]
    parts = [quotient for quotient, _ in exact]
    missing = abs(total) - sum(parts)
    order = sorted(range(len(weights)), key=lambda i: (-exact[i][1], i))
    for i in order[:missing]:
        parts[i] += 1
    return [sign * part for part in parts]
