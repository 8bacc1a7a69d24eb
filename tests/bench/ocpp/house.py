"""Houses with thousands of stations for the benchmark, written in bulk."""

from datetime import date
from uuid import UUID

import asyncpg

from app.database.engine import OWNER_ROLE
from app.kernel.identifiers import keyed_hash, new_id
from tests.charging.house import BADGE_ANNA, COMMISSIONED, SECRET, make_house

PER_HOUSE = 250


async def make_stations(dsn: str, count: int, prefix: str = "B") -> None:
    """Stations PREFIX-1 to PREFIX-count in houses of 250, each account with its badge BADGE_ANNA. The pool must be open."""
    line = await asyncpg.connect(dsn, server_settings={"role": OWNER_ROLE})
    try:
        for first in range(1, count + 1, PER_HOUSE):
            house = await make_house(f"H{first}", stations=0, since=date(2020, 1, 1))
            numbers = list(range(first, min(first + PER_HOUSE, count + 1)))
            await _stations(line, house.account_id, house.site_id, [f"{prefix}-{number}" for number in numbers])
        await line.execute("RESET ROLE")
        await line.execute("VACUUM ANALYZE station, connector")
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


__all__ = ["BADGE_ANNA", "make_stations"]
