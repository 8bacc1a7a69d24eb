"""Houses with thousands of stations for the benchmark, written in bulk."""

from datetime import date
from uuid import UUID

import asyncpg

from app.database.engine import OWNER_ROLE
from app.kernel.identifiers import keyed_hash, new_id
from tests.charging.house import COMMISSIONED, SECRET, make_house

PER_HOUSE = 250
TAG = "BE"


def badge(number: int) -> str:
    """The UID of the badge that charges at station PREFIX-number, nobody else's."""
    return f"{TAG}{number:06}"


async def make_stations(dsn: str, count: int, prefix: str = "B") -> None:
    """Stations PREFIX-1 to PREFIX-count in houses of 250, each with a resident whose badge is `badge(number)`. The pool must be open."""
    line = await asyncpg.connect(dsn, server_settings={"role": OWNER_ROLE})
    try:
        for first in range(1, count + 1, PER_HOUSE):
            house = await make_house(f"H{first}", stations=0, since=date(2020, 1, 1))
            numbers = list(range(first, min(first + PER_HOUSE, count + 1)))
            await _stations(line, house.account_id, house.site_id, [f"{prefix}-{number}" for number in numbers])
            await _residents(line, house.account_id, house.site_id, numbers)
        await line.execute("RESET ROLE")
        await line.execute("VACUUM ANALYZE")
    finally:
        await line.close()


async def _stations(line: asyncpg.Connection, account_id: UUID, site_id: UUID, identities: list[str]) -> None:
    ids = [new_id() for _ in identities]
    hashes = [keyed_hash(SECRET, f"password-of-{identity}") for identity in identities]
    await line.execute(
        "INSERT INTO station (account_id, id, identity, site_id, name, password_hash, max_power_w, commissioned_at)"
        " SELECT $1, s.id, s.identity, $2, s.identity, s.hash, 22000, $3"
        " FROM unnest($4::uuid[], $5::text[], $6::bytea[]) AS s (id, identity, hash)",
        account_id, site_id, COMMISSIONED, ids, identities, hashes,
    )  # fmt: skip
    codes = [f"Z{identity.rsplit('-', 1)[1]:>07}" for identity in identities]
    await line.execute(
        "INSERT INTO connector (account_id, station_id, number, public_code)"
        " SELECT $1, c.id, 1, c.code FROM unnest($2::uuid[], $3::text[]) AS c (id, code)",
        account_id, ids, codes,
    )  # fmt: skip


async def _residents(line: asyncpg.Connection, account_id: UUID, site_id: UUID, numbers: list[int]) -> None:
    """A flat, a person who lives there and a badge for each number."""
    flats, people = [new_id() for _ in numbers], [new_id() for _ in numbers]
    names = [badge(number) for number in numbers]
    await line.execute(
        "INSERT INTO billing_point (account_id, id, site_id, building_id, name) SELECT $1, f.id, $2,"
        " (SELECT id FROM building WHERE account_id = $1), f.name FROM unnest($3::uuid[], $4::text[]) AS f (id, name)",
        account_id, site_id, flats, names,
    )  # fmt: skip
    await line.execute(
        "INSERT INTO person (account_id, id, kind, family_name, street, postcode, city, country, created_at)"
        " SELECT $1, p.id, 'natural', p.name, 's', 'p', 'c', 'CH', $4 FROM unnest($2::uuid[], $3::text[]) AS p (id, name)",
        account_id, people, names, COMMISSIONED,
    )  # fmt: skip
    await line.execute(
        "INSERT INTO occupancy (account_id, billing_point_id, person_id, period)"
        " SELECT $1, o.flat, o.person, daterange('2020-01-01', NULL) FROM unnest($2::uuid[], $3::uuid[]) AS o (flat, person)",
        account_id, flats, people,
    )  # fmt: skip
    await line.execute(
        "INSERT INTO badge (account_id, person_id, uid_hash, uid_tail, valid_from) SELECT $1, b.person, b.hash, right(b.uid, 4),"
        " date '2020-01-01' FROM unnest($2::uuid[], $3::bytea[], $4::text[]) AS b (person, hash, uid)",
        account_id, people, [keyed_hash(SECRET, name) for name in names], names,
    )  # fmt: skip
