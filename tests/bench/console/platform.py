"""A platform of many sites for the benchmark, written in bulk beside the demo house."""

from datetime import UTC, date, datetime
from uuid import UUID

import asyncpg

from app.database.engine import OWNER_ROLE

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SINCE, MOVES = date(2015, 1, 1), (date(2019, 4, 1), date(2023, 10, 1))
POINTS, PEOPLE = 10, 3  # of a site; of a billing point, one after another

SITES = """
INSERT INTO site (account_id, creditor_id, name, reference, street, postcode, city, country, currency, time_zone, status, created_at)
SELECT $1, (SELECT id FROM creditor WHERE account_id = $1 ORDER BY id LIMIT 1), 'Siedlung ' || n, 'S-' || n, 'Ringstrasse ' || n,
    '8000', (ARRAY['Zürich', 'Bern', 'Basel', 'Winterthur', 'Luzern'])[n % 5 + 1], 'CH', 'CHF', 'Europe/Zurich', 'in_operation', $2
FROM generate_series(1, $3::int) n
"""
OWNERS = """
WITH made AS (SELECT id AS site_id, uuidv7() AS person_id, name FROM site WHERE account_id = $1 AND name LIKE 'Siedlung %'),
people AS (INSERT INTO person (account_id, id, kind, family_name, email, street, postcode, city, country, created_at)
    SELECT $1, person_id, 'legal', 'Eigentümer ' || name, 'owner-' || replace(name, ' ', '-') || '@example.org', 'Ringstrasse', '8000',
        'Zürich', 'CH', $2 FROM made)
INSERT INTO owner_terms (account_id, site_id, owner_id, period) SELECT $1, site_id, person_id, daterange($3, NULL) FROM made
"""
BUILDINGS = "INSERT INTO building (account_id, site_id, name) SELECT $1, id, 'A' FROM site WHERE account_id = $1 AND name LIKE 'Siedlung %'"
BILLING_POINTS = """
INSERT INTO billing_point (account_id, site_id, building_id, name)
SELECT $1, g.site_id, g.id, 'W ' || n FROM building g JOIN site s ON s.account_id = $1 AND s.id = g.site_id AND s.name LIKE 'Siedlung %'
CROSS JOIN generate_series(1, $2::int) n WHERE g.account_id = $1
"""
RESIDENTS = """
WITH made AS (SELECT b.id AS point_id, uuidv7() AS person_id, n, row_number() OVER ()::int AS at FROM billing_point b
    JOIN site s ON s.account_id = b.account_id AND s.id = b.site_id AND s.name LIKE 'Siedlung %'
    CROSS JOIN generate_series(1, $4::int) n WHERE b.account_id = $1),
people AS (INSERT INTO person (account_id, id, kind, given_name, family_name, email, street, postcode, city, country, created_at)
    SELECT $1, person_id, 'natural', (ARRAY['Anna', 'Luca', 'Claire', 'Jonas', 'Mia', 'Elio', 'Nora'])[at % 7 + 1],
        (ARRAY['Keller', 'Bernasconi', 'Dubois', 'Weber', 'Frei', 'Rossi', 'Graf', 'Baumann', 'Zbinden', 'Favre', 'Meier'])[at % 11 + 1]
        || '-' || at, 'person-' || at || '@example.org', 'Ringstrasse', '8000', 'Zürich', 'CH', $2 FROM made)
INSERT INTO occupancy (account_id, billing_point_id, person_id, period)
SELECT $1, point_id, person_id, daterange(($3::date[])[n], ($3::date[])[n + 1]) FROM made
"""


async def fill(dsn: str, account_id: UUID, sites: int) -> dict[str, int]:
    """Write `sites` sites of 10 billing points with 3 people each; returns what the account has now."""
    line = await asyncpg.connect(dsn, server_settings={"role": OWNER_ROLE})
    try:
        async with line.transaction():
            await line.execute(SITES, account_id, NOW, sites)
            await line.execute(OWNERS, account_id, NOW, SINCE)
            await line.execute(BUILDINGS, account_id)
            await line.execute(BILLING_POINTS, account_id, POINTS)
            await line.execute(RESIDENTS, account_id, NOW, [SINCE, *MOVES, None], PEOPLE)
        await line.execute("RESET ROLE")
        await line.execute("VACUUM ANALYZE site, building, billing_point, person, occupancy, owner_terms")
        return {
            table: await line.fetchval(f"SELECT count(*) FROM {table} WHERE account_id = $1", account_id)
            for table in ("site", "billing_point", "person")
        }
    finally:
        await line.close()
