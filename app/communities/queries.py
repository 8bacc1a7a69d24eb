"""Communities, members and connections, inside the caller's transaction."""

from collections.abc import Collection
from datetime import date
from uuid import UUID

import msgspec

from app.communities.model import Configuration, Connection, ConnectionRow
from app.database.transaction import fetch, fetchrow, fetchval
from app.kernel.errors import not_found

CONFIGURATIONS = """
SELECT c.id, lower(c.period) AS first, upper(c.period) - 1 AS last, c.state, c.phases, c.reading_frequency, c.tariff_group,
       c.sampling_power_kw, c.generating_capacity_kw, c.amperage_a, c.production_chain, c.injection_status, c.grid_operator, c.rate,
       c.client_type, c.member_id, trim(p.given_name || ' ' || p.family_name) AS member_name, c.meter_id
FROM community_configuration c JOIN person p ON p.account_id = c.account_id AND p.id = c.member_id
"""
# $2: of a holder only their own time is told, never who came before or after; null: all of it.
ROWS = """
SELECT m.id, m.ean, r.serial AS meter_number, m.street, m.postcode, m.city, now.state,
       (SELECT min(lower(c.period)) FROM community_configuration c
        WHERE c.account_id = m.account_id AND c.meter_id = m.id AND c.member_id = coalesce($2::uuid, c.member_id)) AS activation_date,
       coalesce(now.name, next.name, '') AS member_name
FROM community_meter m JOIN meter r ON r.account_id = m.account_id AND r.id = m.id
LEFT JOIN LATERAL (SELECT c.state, trim(p.given_name || ' ' || p.family_name) AS name FROM community_configuration c
    JOIN person p ON p.account_id = c.account_id AND p.id = c.member_id
    WHERE c.account_id = m.account_id AND c.meter_id = m.id AND c.period @> $1::date
    AND c.member_id = coalesce($2::uuid, c.member_id)) AS now ON true
LEFT JOIN LATERAL (SELECT trim(p.given_name || ' ' || p.family_name) AS name FROM community_configuration c
    JOIN person p ON p.account_id = c.account_id AND p.id = c.member_id
    WHERE c.account_id = m.account_id AND c.meter_id = m.id AND c.member_id = coalesce($2::uuid, c.member_id)
    ORDER BY lower(c.period) LIMIT 1) AS next ON true
"""
MEMBERS = """
SELECT m.id, m.person_id, trim(p.given_name || ' ' || p.family_name) AS name, lower(m.period) AS first, upper(m.period) - 1 AS last
FROM community_member m JOIN person p ON p.account_id = m.account_id AND p.id = m.person_id
WHERE m.community_id = $1 ORDER BY p.family_name, p.given_name, lower(m.period)
"""
COUNTED = """
SELECT c.id, c.site_id, c.name,
       (SELECT count(*) FROM community_meter m WHERE m.account_id = c.account_id AND m.community_id = c.id) AS meters,
       (SELECT count(DISTINCT m.person_id) FROM community_member m WHERE m.account_id = c.account_id AND m.community_id = c.id) AS members
FROM community c
"""


class Community(msgspec.Struct, frozen=True, kw_only=True):
    """A community and how many take part."""

    id: UUID
    site_id: UUID
    name: str
    meters: int
    members: int


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's membership from a day to a day."""

    id: UUID
    person_id: UUID
    name: str
    first: date
    last: date | None


async def communities(site_id: UUID) -> list[Community]:
    """The communities of a site by name."""
    return [Community(**row) for row in await fetch(f"{COUNTED} WHERE c.site_id = $1 ORDER BY c.name", site_id)]


async def community(community_id: UUID) -> Community:
    """One community. Raises Refused not_found."""
    row = await fetchrow(f"{COUNTED} WHERE c.id = $1", community_id)
    if row is None:
        raise not_found("community")
    return Community(**row)


async def site_of_community(community_id: UUID) -> UUID | None:
    """The site that a community belongs to."""
    found: UUID | None = await fetchval("SELECT site_id FROM community WHERE id = $1", community_id)
    return found


async def site_of_meter(meter_id: UUID) -> UUID | None:
    """The site of a community's meter."""
    found: UUID | None = await fetchval("SELECT c.site_id FROM community_meter m JOIN community c ON c.account_id = m.account_id"
                                        " AND c.id = m.community_id WHERE m.id = $1", meter_id)  # fmt: skip
    return found


async def site_of_configuration(configuration_id: UUID) -> UUID | None:
    """The site of the meter that a configuration is of."""
    return await site_of_meter(await fetchval("SELECT meter_id FROM community_configuration WHERE id = $1", configuration_id))


async def members(community_id: UUID) -> list[Member]:
    """Who takes part or did."""
    return [Member(**row) for row in await fetch(MEMBERS, community_id)]


async def connections(community_id: UUID, ean: str, today: date) -> list[ConnectionRow]:
    """The meters of a community whose EAN has these digits in it."""
    rows = await fetch(f"{ROWS} WHERE m.community_id = $3 AND m.ean LIKE '%' || $4 || '%' ORDER BY m.ean", today, None, community_id, ean)
    return [ConnectionRow(**row) for row in rows]


async def connections_of(person_id: UUID, today: date) -> list[ConnectionRow]:
    """The meters that somebody holds or held."""
    mine = "EXISTS (SELECT 1 FROM community_configuration x WHERE x.account_id = m.account_id AND x.meter_id = m.id AND x.member_id = $2)"
    return [ConnectionRow(**row) for row in await fetch(f"{ROWS} WHERE {mine} ORDER BY m.ean", today, person_id)]


async def configurations(meters: Collection[UUID]) -> dict[UUID, list[Configuration]]:
    """What holds for each meter when, in order of time."""
    found: dict[UUID, list[Configuration]] = {meter: [] for meter in meters}
    for row in await fetch(f"{CONFIGURATIONS} WHERE c.meter_id = ANY($1::uuid[]) ORDER BY lower(c.period)", list(meters)):
        values = dict(row)
        found[values.pop("meter_id")].append(Configuration(**values))
    return found


async def connection(meter_id: UUID, today: date, holder: UUID | None = None) -> Connection:
    """A meter with what holds today, held and will hold; a `holder` sees their own time only. Raises Refused not_found."""
    row = await fetchrow(
        "SELECT m.id, m.community_id, c.name AS community_name, m.ean, r.serial AS meter_number, m.street, m.postcode, m.city, m.country"
        " FROM community_meter m JOIN community c ON c.account_id = m.account_id AND c.id = m.community_id"
        " JOIN meter r ON r.account_id = m.account_id AND r.id = m.id WHERE m.id = $1", meter_id,
    )  # fmt: skip
    listed = (await configurations([meter_id]))[meter_id] if row is not None else []
    if holder is not None:
        listed = [one for one in listed if one.member_id == holder]
    if row is None or (holder is not None and not listed):
        raise not_found("meter")
    actual = next((one for one in listed if one.first <= today and (one.last is None or today <= one.last)), None)
    return Connection(
        **row, actual=actual, historical=[one for one in listed if one.last is not None and one.last < today],
        future=[one for one in listed if one.first > today],
    )  # fmt: skip
