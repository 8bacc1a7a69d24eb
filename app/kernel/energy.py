"""Energy is integer watt-hours; text from outside becomes an exact Decimal first."""

from decimal import Decimal


def kwh(energy_wh: int) -> Decimal:
    """Watt-hours as exact kilowatt-hours with three places."""
    return Decimal(energy_wh).scaleb(-3).quantize(Decimal("0.001"))
