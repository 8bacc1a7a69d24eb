"""A small house for tests: two residents, a stranger, shared and private places, badges in every state."""

from datetime import UTC, date, datetime
from uuid import UUID

import asyncpg
import msgspec

from app.database.transaction import as_owner, execute
from app.kernel.identifiers import keyed_hash, new_id, tail
from app.residents.badge_uid import sealed_uid

SECRET = b"a secret for tests, long enough for all"
NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
COMMISSIONED = datetime(2026, 1, 1, tzinfo=UTC)
BADGE_ANNA, BADGE_BEN, BADGE_BLOCKED, BADGE_LEFT = "04A1B2C3D4E5F6", "04B0B0B0B0B0B0", "04DEADBEEF0001", "04FEFEFEFEFE01"
BADGE_EXPIRED = "04EEEEEEEEEE01"


class House(msgspec.Struct, kw_only=True):
    """Ids and secrets of the house. Passwords by station identity."""

    account_id: UUID
    site_id: UUID
    anna: UUID
    ben: UUID
    left: UUID
    stranger: UUID
    flat_anna: UUID
    flat_ben: UUID
    stations: dict[str, UUID]
    passwords: dict[str, str]
    codes: dict[tuple[str, int], str]
    login: UUID


async def make_house(prefix: str = "CP", stations: int = 3, since: date = date(2026, 1, 1)) -> House:
    """Stations PREFIX-1.. with connectors 1 and 2: shared, but PREFIX-2's connector 1 is Anna's alone."""
    account_id, creditor_id, site_id, building_id = new_id(), new_id(), new_id(), new_id()
    people = {name: new_id() for name in ("anna", "ben", "left", "stranger")}
    flats = {name: new_id() for name in ("anna", "ben", "left")}
    login = new_id()
    house = House(
        account_id=account_id, site_id=site_id, flat_anna=flats["anna"], flat_ben=flats["ben"], stations={},
        passwords={}, codes={}, login=login, **people,
    )  # fmt: skip
    async with as_owner():
        await execute("INSERT INTO account (id, name, country, currency, created_at) VALUES ($1, $2, 'CH', 'CHF', $3)",
                      account_id, f"House {prefix}", NOW)  # fmt: skip
        await execute("INSERT INTO creditor (account_id, id, name, street, postcode, city, country, iban)"
                      " VALUES ($1, $2, 'C', 'S 1', '8000', 'Z', 'CH', 'CH9300762011623852957')",
                      account_id, creditor_id)  # fmt: skip
        await execute("INSERT INTO site (account_id, id, creditor_id, name, street, postcode, city, country, currency,"
                      " time_zone, created_at) VALUES ($1, $2, $3, 'Lindenhof', 'L 1', '8000', 'Z', 'CH', 'CHF',"
                      " 'Europe/Zurich', $4)", account_id, site_id, creditor_id, NOW)  # fmt: skip
        await execute("INSERT INTO building (account_id, id, site_id, name) VALUES ($1, $2, $3, 'A')",
                      account_id, building_id, site_id)  # fmt: skip
        for name, flat in flats.items():
            await execute("INSERT INTO billing_point (account_id, id, site_id, building_id, name)"
                          " VALUES ($1, $2, $3, $4, $5)", account_id, flat, site_id, building_id, name)  # fmt: skip
        for name, person in people.items():
            await execute("INSERT INTO person (account_id, id, kind, family_name, street, postcode, city, country,"
                          " created_at) VALUES ($1, $2, 'natural', $3, 's', 'p', 'c', 'CH', $4)",
                          account_id, person, name, NOW)  # fmt: skip
        await _occupy(account_id, flats["anna"], people["anna"], since, None)
        await _occupy(account_id, flats["ben"], people["ben"], since, None)
        await _occupy(account_id, flats["left"], people["left"], since, date(2026, 6, 1))
        await _badge(account_id, people["anna"], BADGE_ANNA, since=since)
        await _badge(account_id, people["ben"], BADGE_BEN, since=since)
        await _badge(account_id, people["anna"], BADGE_BLOCKED, "blocked", since=since)
        await _badge(account_id, people["left"], BADGE_LEFT, since=since)
        await _badge(account_id, people["anna"], BADGE_EXPIRED, until=date(2026, 2, 1), since=since)
        for number in range(1, stations + 1):
            await _station(house, prefix, number)
    return house


async def _occupy(account_id: UUID, flat: UUID, person: UUID, since: date, until: date | None) -> None:
    await execute("INSERT INTO occupancy (account_id, billing_point_id, person_id, period) VALUES ($1, $2, $3, $4)",
                  account_id, flat, person, asyncpg.Range(since, until))  # fmt: skip


async def _badge(
    account_id: UUID, person: UUID, uid: str, state: str = "active", since: date = date(2026, 1, 1),
    until: date | None = None,
) -> None:  # fmt: skip
    badge_id = new_id()
    await execute("INSERT INTO badge (account_id, id, person_id, uid_hash, uid_tail, uid_sealed, state, valid_from, valid_to)"
                  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", account_id, badge_id, person, keyed_hash(SECRET, uid),
                  tail(uid), sealed_uid(SECRET, badge_id, uid), state, since, until)  # fmt: skip


async def _station(house: House, prefix: str, number: int) -> None:
    identity, password, station_id = f"{prefix}-{number}", f"password-of-{prefix}-{number}", new_id()
    await execute("INSERT INTO station (account_id, id, identity, site_id, name, password_hash, max_power_w,"
                  " commissioned_at) VALUES ($1, $2, $3, $4, $5, $6, 11000, $7)",
                  house.account_id, station_id, identity, house.site_id, f"Place {number}",
                  keyed_hash(SECRET, password), COMMISSIONED)  # fmt: skip
    for connector in (1, 2):
        code = f"{prefix[0]}CODE{number:03}{connector}"
        owner = house.flat_anna if (number, connector) == (2, 1) else None
        await execute("INSERT INTO connector (account_id, station_id, number, public_code, billing_point_id)"
                      " VALUES ($1, $2, $3, $4, $5)", house.account_id, station_id, connector, code, owner)  # fmt: skip
        house.codes[identity, connector] = code
    house.stations[identity], house.passwords[identity] = station_id, password
