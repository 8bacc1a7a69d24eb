"""Reads of charging, inside the caller's transaction."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from app.charging.model import ChargeRequest, Connector, Session
from app.database.transaction import fetch, fetchrow, fetchval

CONNECTOR = """
SELECT c.account_id, c.station_id, c.number, c.public_code, c.billing_point_id, c.status, c.error_code, c.status_at,
       st.identity, st.name AS station_name, st.place, st.max_power_w, st.online, st.online_changed_at, st.site_id,
       s.name AS site_name, s.street || ', ' || s.postcode || ' ' || s.city AS site_address, s.time_zone,
       o.id AS open_session_id, o.person_id AS open_session_person_id,
       r.id AS open_request_id, r.person_id AS open_request_person_id,
       k.number AS reservation_no, k.person_id AS reserved_person_id
FROM connector c
JOIN station st ON st.account_id = c.account_id AND st.id = c.station_id
JOIN site s ON s.account_id = st.account_id AND s.id = st.site_id
LEFT JOIN LATERAL (SELECT id, person_id FROM charging_session x WHERE x.account_id = c.account_id
    AND x.station_id = c.station_id AND x.connector_no = c.number AND x.state = 'open'
    ORDER BY started_at DESC LIMIT 1) o ON true
LEFT JOIN charge_request r ON r.account_id = c.account_id AND r.station_id = c.station_id
    AND r.connector_no = c.number AND r.state IN ('asked', 'sent', 'plug_in')
LEFT JOIN reservation k ON k.account_id = c.account_id AND k.station_id = c.station_id AND k.connector_no = c.number
    AND k.state = 'reserved'
"""
# What a person has settled stands in place of what the station reported: of two columns of one name the later counts.
SESSION = """
SELECT x.*, x.class AS class_, x.energy_wh AS measured_wh, coalesce(x.settled_wh, x.energy_wh) AS energy_wh,
       coalesce(x.settled_from, x.started_at) AS started_at, coalesce(x.settled_to, x.stopped_at) AS stopped_at,
       coalesce(c.status, 'Unavailable') AS connector_status, coalesce(c.error_code, 'NoError') AS connector_error,
       st.online, st.online_changed_at,
       st.identity, st.name AS station_name, st.place, coalesce(c.public_code, '') AS public_code, st.site_id, s.name AS site_name,
       s.time_zone, s.billing_from, (SELECT count(*) = 0 OR bool_or(y.period @> (coalesce(x.settled_from, x.started_at)
           AT TIME ZONE s.time_zone)::date) FROM site_solution y WHERE y.account_id = s.account_id AND y.site_id = s.id
           AND y.solution = 'charging') AS sold,
       coalesce(h.activated AND h.consumer_billing, true) AS point_billed
FROM charging_session x
JOIN station st ON st.account_id = x.account_id AND st.id = x.station_id
JOIN site s ON s.account_id = st.account_id AND s.id = st.site_id
LEFT JOIN connector c ON c.account_id = x.account_id AND c.station_id = x.station_id AND c.number = x.connector_no
LEFT JOIN billing_point h ON h.account_id = x.account_id AND h.id = x.billing_point_id
"""
REQUEST = """
SELECT r.*, c.public_code, st.name AS station_name
FROM charge_request r
JOIN station st ON st.account_id = r.account_id AND st.id = r.station_id
JOIN connector c ON c.account_id = r.account_id AND c.station_id = r.station_id AND c.number = r.connector_no
"""


def _make(kind: type[Any], row: asyncpg.Record) -> Any:
    return kind(**{name: row[name] for name in kind.__struct_fields__})


async def account_of_code(code: str) -> UUID | None:
    """The account that a public code belongs to: the one look-up that is made before an account is known."""
    found = await fetchval("SELECT account_of_public_code($1)", code)
    return found if found is None else UUID(str(found))


async def connector_by_code(code: str) -> Connector | None:
    """The place with this public code in the present account."""
    row = await fetchrow(f"{CONNECTOR} WHERE c.public_code = $1", code)
    return None if row is None else _make(Connector, row)


async def connector_at(station_id: UUID, number: int) -> Connector | None:
    """The place by station and number."""
    row = await fetchrow(f"{CONNECTOR} WHERE c.station_id = $1 AND c.number = $2", station_id, number)
    return None if row is None else _make(Connector, row)


async def connectors_of_site(site_id: UUID) -> list[Connector]:
    """All places of a site, in order of their names."""
    rows = await fetch(f"{CONNECTOR} WHERE st.site_id = $1 ORDER BY st.name, c.number", site_id)
    return [_make(Connector, row) for row in rows]


async def session(session_id: UUID) -> Session | None:
    """One session."""
    row = await fetchrow(f"{SESSION} WHERE x.id = $1", session_id)
    return None if row is None else _make(Session, row)


async def open_sessions(person_id: UUID) -> list[Session]:
    """The sessions of a person that run now."""
    rows = await fetch(f"{SESSION} WHERE x.person_id = $1 AND x.state = 'open' ORDER BY x.started_at", person_id)
    return [_make(Session, row) for row in rows]


async def sessions_of_person(person_id: UUID, before: datetime | None, limit: int) -> list[Session]:
    """The sessions of a person, newest first."""
    rows = await fetch(
        f"{SESSION} WHERE x.person_id = $1 AND ($2::timestamptz IS NULL OR x.started_at < $2)"
        " ORDER BY x.started_at DESC LIMIT $3", person_id, before, limit,
    )  # fmt: skip
    return [_make(Session, row) for row in rows]


async def sessions_of_month(person_id: UUID, period: date) -> list[Session]:
    """The sessions of a person that stopped in a month, by the clock of each place, in order of time."""
    rows = await fetch(
        f"{SESSION} WHERE x.person_id = $1"
        " AND date_trunc('month', coalesce(x.settled_to, x.stopped_at) AT TIME ZONE s.time_zone)::date = $2"
        " ORDER BY x.started_at, x.id", person_id, period,
    )  # fmt: skip
    return [_make(Session, row) for row in rows]


async def sessions_of_site(site_id: UUID, start: datetime, end: datetime) -> list[Session]:
    """The sessions of a site that stopped in [start, end), in order of time."""
    rows = await fetch(
        f"{SESSION} WHERE st.site_id = $1 AND coalesce(x.settled_to, x.stopped_at) >= $2"
        " AND coalesce(x.settled_to, x.stopped_at) < $3 ORDER BY x.started_at",
        site_id, start, end,
    )  # fmt: skip
    return [_make(Session, row) for row in rows]


async def sessions_between(site_id: UUID, start: datetime, end: datetime) -> list[Session]:
    """The sessions of a site that charged at any time in [start, end), those that run included, in order of time."""
    rows = await fetch(
        f"{SESSION} WHERE st.site_id = $1 AND x.state <> 'discarded' AND coalesce(x.settled_from, x.started_at) < $3"
        " AND coalesce(x.settled_to, x.stopped_at, x.last_value_at, x.started_at) >= $2 ORDER BY x.started_at", site_id, start, end,
    )  # fmt: skip
    return [_make(Session, row) for row in rows]


async def request(request_id: UUID) -> ChargeRequest | None:
    """One request."""
    row = await fetchrow(f"{REQUEST} WHERE r.id = $1", request_id)
    return None if row is None else _make(ChargeRequest, row)


async def open_requests(person_id: UUID) -> list[ChargeRequest]:
    """The requests of a person that are still undecided."""
    rows = await fetch(f"{REQUEST} WHERE r.person_id = $1 AND r.state IN ('asked', 'sent', 'plug_in')", person_id)
    return [_make(ChargeRequest, row) for row in rows]


async def charging_allowed(person_id: UUID) -> bool:
    """Whether a resident's charging is not stopped."""
    return bool(await fetchval("SELECT charging_allowed FROM person WHERE id = $1", person_id))


async def billing_point_of(person_id: UUID, site_id: UUID, day: date) -> UUID | None:
    """The billing point that a person occupies at a site on a day; one that is not activated counts for nothing."""
    found = await fetchval(
        "SELECT o.billing_point_id FROM occupancy o JOIN billing_point b"
        " ON b.account_id = o.account_id AND b.id = o.billing_point_id"
        " WHERE o.person_id = $1 AND b.site_id = $2 AND b.activated AND o.period @> $3::date ORDER BY lower(o.period) LIMIT 1",
        person_id, site_id, day,
    )  # fmt: skip
    return found if found is None else UUID(str(found))
