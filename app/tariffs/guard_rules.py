"""What a price should not be: solar above the cap of a house community, grid energy sold at another price than it costs. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from app.tariffs.model import Component

# Swiss energy ordinance (EnV) art. 16 paragraph 1: at most 80 per cent of the standard product, or the effective cost up to it.
SOLAR_CAP = Decimal("0.80")
Mode = Literal["flat", "effective"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A price that deserves a second look: its position, why, and the price that would do."""

    position: int
    code: Literal["solar_above_cap", "grid_above_cost", "no_margin"]
    price: Decimal
    limit: Decimal


def solar_cap(standard_price: Decimal, mode: Mode = "flat", effective_cost: Decimal | None = None) -> Decimal:
    """The highest price of a solar kWh inside a Swiss house community, from the consumer's whole standard price."""
    if mode == "effective" and effective_cost is not None:
        return min(effective_cost, standard_price)
    return standard_price * SOLAR_CAP


def findings(
    components: Sequence[Component], *, standard_price: Decimal | None, mode: Mode = "flat", effective_cost: Decimal | None = None,
    grid_cost: Decimal | None = None,
) -> list[Finding]:  # fmt: skip
    """Solar above its cap or without margin, grid above its cost (it is passed on as it is) or below it. Unknown figures find nothing."""
    found: list[Finding] = []
    for position, part in enumerate(components, start=1):
        if part.dimension != "kwh":
            continue
        price = max((tier.unit_price for tier in part.tiers), default=part.unit_price)
        if part.origin == "solar" and standard_price is not None:
            cap = solar_cap(standard_price, mode, effective_cost)
            if price > cap:
                found.append(Finding(position=position, code="solar_above_cap", price=price, limit=cap))
        if part.origin == "grid" and grid_cost is not None and price > grid_cost:
            found.append(Finding(position=position, code="grid_above_cost", price=price, limit=grid_cost))
        cost = effective_cost if part.origin == "solar" else grid_cost
        if cost is not None and (price < cost or (part.origin == "solar" and price == cost)):
            found.append(Finding(position=position, code="no_margin", price=price, limit=cost))
    return found


def local_grid_price(grid_use: Decimal, discount: Decimal) -> Decimal:
    """What the grid's use costs inside a local community: less its discount (0.40 behind one transformer, else 0.20)."""
    return grid_use * (1 - discount)
