"""Prices that a house begins with: grid energy as the grid operator sells it there, solar a fifth below. Pure."""

from collections.abc import Sequence
from datetime import time
from decimal import Decimal

import msgspec

from app.tariffs.model import Band, Component, GridPrices, HighHours, Rate

SOLAR_SHARE = Decimal("0.80")
# Usual where nothing else is entered: low at night and on Saturdays and Sundays.
USUAL_HIGH_HOURS = (HighHours((1, 2, 3, 4, 5), time(7), time(20)),)
PLACES = Decimal("0.000001")


def grid_components(grid: GridPrices) -> tuple[Component, ...]:
    """The grid operator's prices as they are passed on."""
    return tuple(Component(dimension="kwh", origin="grid", band=band, unit_price=price) for band, price in _prices(grid))


def solar_components(grid: GridPrices) -> tuple[Component, ...]:
    """Solar energy at four fifths of what the grid asks in the same hours."""
    return tuple(
        Component(dimension="kwh", origin="solar", band=band, unit_price=(price * SOLAR_SHARE).quantize(PLACES))
        for band, price in _prices(grid)
    )


def _prices(grid: GridPrices) -> list[tuple[Band, Decimal]]:
    if grid.single is not None:
        return [("single", grid.single)]
    return [("high", grid.high or Decimal(0)), ("low", grid.low or Decimal(0))]


def without_vat(grid: GridPrices, rate: Decimal) -> GridPrices:
    """The same prices without the VAT that is in them."""
    prices = {name: getattr(grid, name) for name in ("single", "high", "low")}
    return GridPrices(**{name: None if price is None else (price / (1 + rate)).quantize(PLACES) for name, price in prices.items()})


def with_defaults(rate: Rate, grid: GridPrices | None) -> Rate:
    """A rate of electricity whose kWh of grid or of solar energy have no price gets the grid operator's.

    Where a kWh of any origin is priced nothing is missing.
    """
    if grid is None or rate.solution != "electricity":
        return rate
    missing: list[Component] = []
    for origin, default in (("solar", solar_components(grid)), ("grid", grid_components(grid))):
        if not _priced(rate.components, origin):
            missing += default
    if not missing:
        return rate
    return msgspec.structs.replace(
        rate, components=(*missing, *rate.components), high_hours=rate.high_hours or (() if grid.single is not None else USUAL_HIGH_HOURS),
        standard_price=grid.single if rate.standard_price is None else rate.standard_price,
    )  # fmt: skip


def _priced(components: Sequence[Component], origin: str) -> bool:
    return any(part.dimension == "kwh" and part.origin in ("any", origin) for part in components)
