"""A house of many points with two years of quarter-hours, a resident in each with a token of their own; written in bulk."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import numpy as np

from app.kernel.identifiers import token_hash

NOW = datetime.now(UTC)
SITE = """
WITH made AS (SELECT uuidv7() AS id), entered AS (INSERT INTO site (account_id, id, creditor_id, name, reference, street, postcode, city,
    country, currency, time_zone, status, created_at) SELECT $1, id, (SELECT id FROM creditor WHERE account_id = $1 ORDER BY id LIMIT 1),
    'Siedlung', 'S', 'Ringstrasse 1', '8000', 'Zürich', 'CH', 'CHF', 'UTC', 'in_operation', $2 FROM made)
SELECT id FROM made
"""
BUILDING = "INSERT INTO building (account_id, site_id, name) VALUES ($1, $2, 'A')"
POINTS = """
INSERT INTO billing_point (account_id, site_id, building_id, name)
SELECT $1, $2, (SELECT id FROM building WHERE site_id = $2), 'W ' || n FROM generate_series(1, $3::int) n
"""
PEOPLE = """
INSERT INTO person (account_id, kind, given_name, family_name, email, street, postcode, city, country, created_at)
SELECT $1, 'natural', 'Bench', 'Bench ' || n, 'bench-' || n || '@example.org', 'Ringstrasse', '8000', 'Zürich', 'CH', $2
FROM generate_series(1, $3::int) n
"""
METERS = """
INSERT INTO meter (account_id, site_id, kind, serial, created_at) SELECT $1, $2, 'use', 'BENCH-' || n, $3 FROM generate_series(1, $4::int) n
"""
DAYS = "(SELECT generate_series($2::date, $3::date, interval '1 day')::date AS day) d"


async def fill(dsn: str, account_id: UUID, points: int, first: date, last: date) -> list[str]:
    """Write it all. Returns a token a resident."""
    line = await asyncpg.connect(dsn)
    try:
        async with line.transaction():
            await line.execute("SET LOCAL ROLE hofstrom_owner")
            site = await line.fetchval(SITE, account_id, NOW)
            await line.execute(BUILDING, account_id, site)
            await line.execute(POINTS, account_id, site, points)
            await line.execute(PEOPLE, account_id, NOW, points)
            await line.execute(METERS, account_id, site, NOW, points)
            return await _people(line, account_id, site, points, first, last)
    finally:
        await line.close()


async def _people(line: asyncpg.Connection, account_id: UUID, site: Any, points: int, first: date, last: date) -> list[str]:
    places = [row["id"] for row in await line.fetch("SELECT id FROM billing_point WHERE site_id = $1 ORDER BY id", site)]
    people = [
        row["id"]
        for row in await line.fetch("SELECT id FROM person WHERE account_id = $1 AND email LIKE 'bench-%' ORDER BY id", account_id)
    ]
    meters = [row["id"] for row in await line.fetch("SELECT id FROM meter WHERE site_id = $1 ORDER BY id", site)]
    await line.execute("INSERT INTO occupancy (account_id, billing_point_id, person_id, period) SELECT $1, p, q, daterange($4, NULL)"
                       " FROM unnest($2::uuid[], $3::uuid[]) AS t (p, q)", account_id, places, people, first)  # fmt: skip
    await line.execute("INSERT INTO meter_link (account_id, meter_id, billing_point_id, period) SELECT $1, m, p, daterange(NULL, NULL)"
                       " FROM unnest($2::uuid[], $3::uuid[]) AS t (m, p)", account_id, meters, places)  # fmt: skip
    tokens = [f"bench-token-{number:05}-with-enough-letters" for number in range(points)]
    logins = [row["id"] for row in await line.fetch(
        "INSERT INTO login (email, name, locale, created_at) SELECT 'bench-' || n || '@example.org', 'Bench', 'de', $2"
        " FROM generate_series(1, $1::int) n RETURNING id", points, NOW)]  # fmt: skip
    await line.execute("INSERT INTO role_grant (account_id, login_id, role, person_id, valid_from) SELECT $1, l, 'resident', p, $4"
                       " FROM unnest($2::uuid[], $3::uuid[]) AS t (l, p)", account_id, logins, people, first)  # fmt: skip
    await line.execute("INSERT INTO api_token (account_id, login_id, name, token_hash, created_at, last_used_at) SELECT $1, l, 'bench', h, $4, $4"
                       " FROM unnest($2::uuid[], $3::bytea[]) AS t (l, h)",
                       account_id, logins, [token_hash(token) for token in tokens], NOW)  # fmt: skip
    used, solar = (np.tile(np.arange(low, low + 24, dtype="<i4"), 4).tobytes() for low in (80, 20))
    await line.execute(f"INSERT INTO quarter_day (account_id, meter_id, day, wh, received_at) SELECT $1, m, d.day, $5, $6"
                       f" FROM unnest($4::uuid[]) m, {DAYS}", account_id, first, last, meters, used, NOW)  # fmt: skip
    await line.execute(f"INSERT INTO validated_day (account_id, meter_id, day, imported, final, validated_at) SELECT $1, m, d.day, $5, true, $6"
                       f" FROM unnest($4::uuid[]) m, {DAYS}", account_id, first, last, meters, used, NOW)  # fmt: skip
    await line.execute(f"INSERT INTO point_day (account_id, billing_point_id, day, used, solar) SELECT $1, p, d.day, $5, $6"
                       f" FROM unnest($4::uuid[]) p, {DAYS}", account_id, first, last, places, used, solar)  # fmt: skip
    await line.execute("DELETE FROM stale_share WHERE site_id = $1", site)
    return tokens
