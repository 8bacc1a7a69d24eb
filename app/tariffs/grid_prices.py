"""The grid operator's prices at a building: entered by day, read for a house's own prices."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import execute, fetch, fetchrow, fetchval, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.tariffs.model import GridPrices, HighHours
from app.tariffs.rules import is_price

KEEP = """
INSERT INTO grid_price (account_id, id, building_id, valid_from, operator, one, high, low, high_hours)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (account_id, building_id, valid_from) DO UPDATE SET
    operator = excluded.operator, one = excluded.one, high = excluded.high, low = excluded.low, high_hours = excluded.high_hours
"""
COLUMNS = "g.building_id, g.valid_from, g.operator, g.one, g.high, g.low, g.high_hours"
OF_SITE = f"""
SELECT {COLUMNS} FROM grid_price g JOIN building b ON b.account_id = g.account_id AND b.id = g.building_id WHERE b.site_id = $1
ORDER BY b.name, b.id, g.valid_from
"""
ON_DAY = f"""
SELECT {COLUMNS} FROM grid_price g JOIN building b ON b.account_id = g.account_id AND b.id = g.building_id
WHERE b.site_id = $1 AND g.valid_from <= $2 ORDER BY b.name, b.id, g.valid_from DESC LIMIT 1
"""


async def keep_grid_prices(actor: Actor, building_id: UUID, prices: GridPrices, now: datetime) -> None:
    """What the grid operator takes at a building from a day on; the same day again stands in place. Raises Refused not_found, bad_price."""
    check_grid_prices(prices)
    async with in_account(actor.account_id):
        if await fetchval("SELECT 1 FROM building WHERE id = $1", building_id) is None:
            raise not_found("building")
        hours = msgspec.json.encode(prices.high_hours).decode()
        await execute(KEEP, actor.account_id, new_id(), building_id, prices.valid_from, prices.operator.strip(), prices.one, prices.high,
                      prices.low, hours)  # fmt: skip
        await note(actor, "building", building_id, "grid_prices", now, after=msgspec.to_builtins(prices))


def check_grid_prices(prices: GridPrices) -> None:
    """One price, or a high and a low one with their hours. Raises Refused bad_price."""
    two = (prices.high, prices.low)
    given: list[Decimal] = [price for price in (prices.one, *two) if price is not None]
    whole = (prices.one is None and None not in two and bool(prices.high_hours)) or (prices.one is not None and two == (None, None))
    if not whole or not all(is_price(price) for price in given):
        raise Refused("bad_price", 422, "Write one price, or a high and a low one with their hours.", position=0, fields=["one"])


async def grid_prices_of(site_id: UUID) -> list[GridPrices]:
    """All prices of the grid operators at a site's buildings (inside the caller's transaction)."""
    return [_prices(row) for row in await fetch(OF_SITE, site_id)]


async def grid_prices_on(site_id: UUID, day: date) -> GridPrices | None:
    """Those in force on a day at the first building that has any; None where none are entered."""
    row = await fetchrow(ON_DAY, site_id, day)
    return None if row is None else _prices(row)


def _prices(row: Any) -> GridPrices:
    return GridPrices(**{**row, "high_hours": msgspec.json.decode(row["high_hours"], type=tuple[HighHours, ...])})
