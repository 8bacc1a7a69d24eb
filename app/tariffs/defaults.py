"""What a house's prices of electricity begin with, read from what its grid operator asks."""

from datetime import date
from uuid import UUID

from app.database.transaction import fetchval
from app.kernel.regime import standard_vat
from app.tariffs.default_rules import with_defaults, without_vat
from app.tariffs.grid_prices import price_of_site
from app.tariffs.model import GridPrices, Rate


async def defaulted(site_id: UUID, day: date, rate: Rate) -> Rate:
    """A rate with the grid operator's prices of a day where it has none (inside the caller's transaction)."""
    found = await price_of_site(site_id, day)
    country = await fetchval("SELECT country FROM site WHERE id = $1", site_id)
    if found is None or country is None:
        return rate
    grid = GridPrices(single=found.price.single, high=found.price.high, low=found.price.low)
    return with_defaults(rate, grid if rate.vat_included else without_vat(grid, standard_vat(country, day)))
