"""The tariff in force."""

from datetime import date
from uuid import UUID

from app.database.transaction import fetch, fetchrow
from app.tariffs.model import Component, Tariff

TARIFF = """
SELECT t.id, t.site_id, t.name, t.currency, t.vat_rate, t.vat_included, lower(t.period) AS valid_from, s.time_zone
FROM tariff t JOIN site s ON s.account_id = t.account_id AND s.id = t.site_id
"""
COMPONENTS = """
SELECT dimension, band, unit_price, from_time, to_time, weekdays, grace_minutes, cap_minor
FROM tariff_component WHERE tariff_id = $1 ORDER BY position
"""


async def tariffs_of(site_id: UUID) -> list[Tariff]:
    """All prices of a site, past, present and future, the earliest first (inside the caller's transaction)."""
    rows = await fetch(f"{TARIFF} WHERE t.site_id = $1 ORDER BY lower(t.period)", site_id)
    return [Tariff(**row, components=await _components(row["id"])) for row in rows]


async def tariff_in_force(site_id: UUID, day: date) -> Tariff | None:
    """The prices of a site on a local day, or None where none is entered (inside the caller's transaction)."""
    row = await fetchrow(f"{TARIFF} WHERE t.site_id = $1 AND t.period @> $2::date", site_id, day)
    if row is None:
        return None
    return Tariff(**row, components=await _components(row["id"]))


async def _components(tariff_id: UUID) -> tuple[Component, ...]:
    return tuple(
        Component(**{**record, "weekdays": tuple(record["weekdays"]) if record["weekdays"] else None})
        for record in await fetch(COMPONENTS, tariff_id)
    )
