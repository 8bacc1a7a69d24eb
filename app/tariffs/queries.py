"""The tariff in force."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from app.database.transaction import fetch, fetchrow
from app.tariffs.model import Component, HighHours, Solution, Tariff, Tier

TARIFF = """
SELECT t.id, t.site_id, t.name, t.currency, t.vat_rate, t.vat_included, lower(t.period) AS valid_from, s.time_zone,
       t.solution, t.rate, t.high_hours, t.standard_price, t.solar_cost, t.grid_cost
FROM tariff t JOIN site s ON s.account_id = t.account_id AND s.id = t.site_id
"""
COMPONENTS = """
SELECT dimension, band, unit_price, from_time, to_time, weekdays, grace_minutes, cap_minor, origin, season_from, season_to,
       tiers, whole_volume, vat_rate, label, creditor_id
FROM tariff_component WHERE tariff_id = $1 ORDER BY position
"""


async def tariffs_of(site_id: UUID, solution: Solution = "charging") -> list[Tariff]:
    """All prices of a site, past, present and future, the earliest first (inside the caller's transaction)."""
    rows = await fetch(f"{TARIFF} WHERE t.site_id = $1 AND t.solution = $2 ORDER BY t.rate, lower(t.period)", site_id, solution)
    return [await _tariff(row) for row in rows]


async def tariff_in_force(site_id: UUID, day: date, solution: Solution = "charging", rate: str = "") -> Tariff | None:
    """The prices of a site on a local day, or None where none is entered (inside the caller's transaction)."""
    row = await fetchrow(
        f"{TARIFF} WHERE t.site_id = $1 AND t.period @> $2::date AND t.solution = $3 AND t.rate = $4", site_id, day, solution, rate
    )
    return None if row is None else await _tariff(row)


async def tariff(tariff_id: UUID) -> Tariff | None:
    """Certain prices, whether or not they are in force (inside the caller's transaction)."""
    row = await fetchrow(f"{TARIFF} WHERE t.id = $1", tariff_id)
    return None if row is None else await _tariff(row)


async def _tariff(row: Any) -> Tariff:
    hours = msgspec.json.decode(row["high_hours"], type=tuple[HighHours, ...])
    return Tariff(**{**row, "high_hours": hours}, components=await _components(row["id"]))


async def _components(tariff_id: UUID) -> tuple[Component, ...]:
    return tuple(_component(row) for row in await fetch(COMPONENTS, tariff_id))


def _component(row: Any) -> Component:
    weekdays = tuple(row["weekdays"]) if row["weekdays"] else None
    return Component(**{**row, "weekdays": weekdays, "tiers": msgspec.json.decode(row["tiers"], type=tuple[Tier, ...])})


async def labels_of(site_id: UUID, locale: str) -> dict[str, str]:
    """A site's own words for positions of its bills in a language, by position."""
    rows = await fetch("SELECT position_key, label FROM position_label WHERE site_id = $1 AND locale = $2", site_id, locale)
    return {row["position_key"]: row["label"] for row in rows}
