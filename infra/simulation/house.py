"""A scratch database with a twin's account, site, circuits and stations. The real one is never touched."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import msgspec

from app.database.transaction import as_owner, execute, in_account
from app.kernel.identifiers import keyed_hash, new_id, tail
from app.residents.badge_uid import sealed_uid
from infra.simulation.place import VOLTS, Three, TwinPlace

BEFORE = datetime(2019, 1, 1, tzinfo=UTC)
CIRCUIT = """
INSERT INTO circuit (account_id, id, site_id, parent_id, name, limit_ma, margin_ma, unbalance_ma, worst_base_ma, safe_ma, has_meter)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
STATION = """
INSERT INTO station (account_id, id, identity, site_id, name, password_hash, max_power_w, phases, commissioned_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
WIRING = """
INSERT INTO station_wiring (account_id, station_id, circuit_id, phases, max_ma, fail_safe_ma, step_ma, priority)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
WISH = """
INSERT INTO charging_wish (account_id, session_id, departure_at, wanted_wh, changed_at) SELECT account_id, id, $2, $3, $4
FROM charging_session WHERE station_id = $1 AND state = 'open' ORDER BY started_at DESC LIMIT 1 ON CONFLICT DO NOTHING
"""
READING = """
INSERT INTO circuit_reading (account_id, circuit_id, taken_at, received_at, base_ma) VALUES ($1, $2, $3, $3, $4)
ON CONFLICT (account_id, circuit_id) DO UPDATE SET taken_at = excluded.taken_at, received_at = excluded.received_at,
    base_ma = excluded.base_ma
"""


class TwinHouse(msgspec.Struct, frozen=True, kw_only=True):
    """Ids by name, and the stations' secrets by identity."""

    account_id: UUID
    site_id: UUID
    circuits: dict[str, UUID]
    stations: dict[str, UUID]
    passwords: dict[str, str]
    badges: dict[str, str]


async def make_house(place: TwinPlace, secret: bytes) -> TwinHouse:
    """Everything that stations and the loop need, in the open database."""
    account_id, site_id, creditor_id = new_id(), new_id(), new_id()
    house = TwinHouse(account_id=account_id, site_id=site_id, circuits={one.name: new_id() for one in place.circuits},
                      stations={one.identity: new_id() for one in place.stations},
                      passwords={one.identity: f"password of {one.identity}" for one in place.stations},
                      badges={one.identity: f"04{number:012X}" for number, one in enumerate(place.stations, start=1)})  # fmt: skip
    async with as_owner():
        await execute("INSERT INTO account (id, name, country, currency, created_at) VALUES ($1, $2, 'CH', 'CHF', $3)",
                      account_id, place.name, BEFORE)  # fmt: skip
        await execute("INSERT INTO creditor (account_id, id, name, street, postcode, city, country, iban)"
                      " VALUES ($1, $2, 'Twin', 'S 1', '8000', 'Z', 'CH', 'CH9300762011623852957')", account_id, creditor_id)  # fmt: skip
        await execute("INSERT INTO site (account_id, id, creditor_id, name, street, postcode, city, country, currency, time_zone,"
                      " created_at) VALUES ($1, $2, $3, $4, 'S 1', '8000', 'Z', 'CH', 'CHF', 'Europe/Zurich', $5)",
                      account_id, site_id, creditor_id, place.name, BEFORE)  # fmt: skip
        for circuit in sorted(place.circuits, key=lambda one: len(place.line(one.name))):
            unbalance = None if circuit.unbalance_a is None else round(1000 * circuit.unbalance_a)
            safe = None if circuit.safe_a is None else round(1000 * circuit.safe_a)
            await execute(CIRCUIT, account_id, house.circuits[circuit.name], site_id, house.circuits.get(circuit.parent or ""),
                          circuit.name, in_ma(circuit.limit), round(1000 * circuit.margin_a), unbalance, in_ma(circuit.worst), safe,
                          circuit.has_meter)  # fmt: skip
        await _people(house, secret)
        for number, one in enumerate(place.stations, start=1):
            station = house.stations[one.identity]
            await execute(STATION, account_id, station, one.identity, site_id, one.name, keyed_hash(secret, house.passwords[one.identity]),
                          round(one.max_a * VOLTS * len(one.phases)), 1 if len(one.phases) == 1 else 3, BEFORE)  # fmt: skip
            await execute("INSERT INTO connector (account_id, station_id, number, public_code) VALUES ($1, $2, 1, $3)",
                          account_id, station, f"TWIN{number:04}")  # fmt: skip
            await execute(WIRING, account_id, station, house.circuits[one.circuit], list(one.phases), round(1000 * one.max_a),
                          round(1000 * one.fail_safe_a), round(1000 * one.step_a), one.priority)  # fmt: skip
    return house


async def _people(house: TwinHouse, secret: bytes) -> None:
    """One resident with a badge a place."""
    building, flat, person = new_id(), new_id(), new_id()
    await execute(
        "INSERT INTO building (account_id, id, site_id, name) VALUES ($1, $2, $3, 'A')", house.account_id, building, house.site_id
    )
    await execute("INSERT INTO billing_point (account_id, id, site_id, building_id, name) VALUES ($1, $2, $3, $4, 'Twin')",
                  house.account_id, flat, house.site_id, building)  # fmt: skip
    await execute("INSERT INTO person (account_id, id, kind, family_name, street, postcode, city, country, created_at)"
                  " VALUES ($1, $2, 'natural', 'Twin', 's', 'p', 'c', 'CH', $3)", house.account_id, person, BEFORE)  # fmt: skip
    await execute("INSERT INTO occupancy (account_id, billing_point_id, person_id, period) VALUES ($1, $2, $3, $4)",
                  house.account_id, flat, person, asyncpg.Range(BEFORE.date(), None))  # fmt: skip
    for uid in house.badges.values():
        badge = new_id()
        await execute("INSERT INTO badge (account_id, id, person_id, uid_hash, uid_tail, uid_sealed, state, valid_from)"
                      " VALUES ($1, $2, $3, $4, $5, $6, 'active', $7)", house.account_id, badge, person, keyed_hash(secret, uid),
                      tail(uid), sealed_uid(secret, badge, uid), BEFORE.date())  # fmt: skip


def in_ma(amperes: Three) -> list[int]:
    """Milliamperes per phase."""
    return [round(1000 * one) for one in amperes]


async def tell_meters(house: TwinHouse, told: Sequence[tuple[str, Three]], now: datetime) -> None:
    """The meters' words of what else flows, by circuit."""
    async with in_account(house.account_id):
        for name, base in told:
            await execute(READING, house.account_id, house.circuits[name], now, in_ma(base))


async def tell_wish(house: TwinHouse, identity: str, departure: datetime, wanted_wh: int, now: datetime) -> None:
    """What the car at a station wants, as its resident says it on the phone."""
    async with as_owner():
        await execute(WISH, house.stations[identity], departure, wanted_wh, now)
