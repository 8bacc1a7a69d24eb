"""What people see and set of load balancing, inside the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from app.charging.balance_state import circuit_of_row, in_amperes
from app.charging.balancing.checks import CircuitFinding, Wired, check
from app.charging.balancing.model import NOTHING
from app.database.transaction import execute, fetch, fetchrow
from app.kernel.errors import Refused, not_found

Milliamperes = Annotated[int, msgspec.Meta(ge=0, le=4_000_000)]
PerPhase = Annotated[list[Milliamperes], msgspec.Meta(min_length=3, max_length=3)]


class ShareStep(msgspec.Struct, frozen=True, kw_only=True):
    """`cars` share `shared_ma` on `circuit_name`, and this one has `limit_ma`; the next turn is at `next_at`."""

    at: datetime
    limit_ma: int
    reason: str
    cars: int
    shared_ma: int | None
    circuit_name: str | None
    next_at: datetime | None


class ChargeWish(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a resident wants of a charge. `mode`: fast, minimum plus sun, sun only."""

    departure_at: datetime | None = None
    wanted_wh: Annotated[int, msgspec.Meta(gt=0, le=500_000)] | None = None
    mode: Literal["fast", "minimum", "solar"] = "fast"


class ChargeShare(msgspec.Struct, frozen=True, kw_only=True):
    """The current of a charge, why, since when, and what was wished. `steps`: newest first; empty where nobody balances."""

    wish: ChargeWish
    steps: list[ShareStep]


class CircuitPart(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A circuit. `parent`: its name. Currents per phase in milliamperes; `load_ma`: what its meter told last."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    limit_ma: PerPhase
    parent: str | None = None
    margin_ma: Milliamperes = 0
    unbalance_ma: Annotated[int, msgspec.Meta(gt=0)] | None = None
    worst_base_ma: PerPhase = msgspec.field(default_factory=lambda: [0, 0, 0])
    has_meter: bool = False


class StationPart(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where a station hangs, by the circuit's name."""

    station_id: UUID
    circuit: str
    phases: Annotated[list[Literal["L1", "L2", "L3"]], msgspec.Meta(min_length=1, max_length=3)]
    max_ma: Annotated[int, msgspec.Meta(ge=6000, le=500_000)]
    fail_safe_ma: Annotated[int, msgspec.Meta(ge=0, le=500_000)] = 6000
    step_ma: Annotated[int, msgspec.Meta(ge=100, le=1000)] = 1000
    priority: Annotated[int, msgspec.Meta(ge=1, le=9)] = 1


class CircuitWiring(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Circuits, parents before children, and stations. What is not named stays as it is."""

    circuits: list[CircuitPart]
    stations: list[StationPart] = []


class SiteWiring(msgspec.Struct, frozen=True, kw_only=True):
    """The circuits of a site, its stations, and what is wrong with them."""

    circuits: list[CircuitPart]
    stations: list[StationPart]
    findings: list[CircuitFinding]


async def share_of(session_id: UUID, person_id: UUID, most: int = 50) -> ChargeShare:
    """Raises Refused not_found."""
    await _mine(session_id, person_id)
    wish = await fetchrow("SELECT departure_at, wanted_wh, mode FROM charging_wish WHERE session_id = $1", session_id)
    rows = await fetch(
        "SELECT at, limit_ma, reason, cars, shared_ma, circuit_name, next_at FROM balance_step WHERE session_id = $1"
        " ORDER BY at DESC LIMIT $2", session_id, most,
    )  # fmt: skip
    return ChargeShare(wish=ChargeWish() if wish is None else ChargeWish(**wish), steps=[ShareStep(**row) for row in rows])


async def wish_for(account_id: UUID, session_id: UUID, person_id: UUID, wish: ChargeWish, now: datetime) -> None:
    """Keep what a resident wants; it acts with the next tick. Raises Refused not_found."""
    await _mine(session_id, person_id)
    await execute(
        "INSERT INTO charging_wish (account_id, session_id, departure_at, wanted_wh, mode, changed_at) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (account_id, session_id) DO UPDATE SET departure_at = excluded.departure_at, wanted_wh = excluded.wanted_wh,"
        " mode = excluded.mode, changed_at = excluded.changed_at",
        account_id, session_id, wish.departure_at, wish.wanted_wh, wish.mode, now,
    )  # fmt: skip


async def _mine(session_id: UUID, person_id: UUID) -> None:
    if await fetchrow("SELECT 1 FROM charging_session WHERE id = $1 AND person_id = $2", session_id, person_id) is None:
        raise not_found("session")


async def wiring_of(site_id: UUID) -> SiteWiring:
    """Circuits, stations and findings."""
    rows = await fetch(
        "SELECT c.*, p.name AS parent, NULL::int[] AS base_ma, NULL::float8 AS age_s FROM circuit c LEFT JOIN circuit p"
        " ON p.account_id = c.account_id AND p.id = c.parent_id WHERE c.site_id = $1 ORDER BY c.parent_id NULLS FIRST, c.name", site_id,
    )  # fmt: skip
    stations = await fetch(
        "SELECT s.id AS station_id, c.name AS circuit, w.circuit_id, w.phases, w.max_ma, w.fail_safe_ma, w.step_ma, w.priority,"
        " (SELECT count(*) FROM connector k WHERE k.account_id = s.account_id AND k.station_id = s.id AND k.number > 0) AS places"
        " FROM station s LEFT JOIN station_wiring w ON w.account_id = s.account_id AND w.station_id = s.id LEFT JOIN circuit c"
        " ON c.account_id = w.account_id AND c.id = w.circuit_id WHERE s.site_id = $1 ORDER BY s.name", site_id,
    )  # fmt: skip
    wired = [
        Wired(station=str(row["station_id"]), circuit=None if row["circuit_id"] is None else str(row["circuit_id"]),
              phases=tuple(row["phases"] or ()), fail_safe_a=(row["fail_safe_ma"] or 0) * row["places"] / 1000) for row in stations
    ]  # fmt: skip
    names = {str(row["id"]): row["name"] for row in rows}
    worst = {str(row["id"]): in_amperes(row["worst_base_ma"]) for row in rows}
    tree = [circuit_of_row(row, None) for row in rows]
    for circuit in tree:
        circuit.base = NOTHING
    found = check(tree, wired, worst)
    return SiteWiring(
        circuits=[CircuitPart(**{name: row[name] for name in CircuitPart.__struct_fields__}) for row in rows],
        stations=[StationPart(**{name: row[name] for name in StationPart.__struct_fields__}) for row in stations if row["circuit"]],
        findings=[msgspec.structs.replace(one, subject=names.get(one.subject, one.subject)) for one in found],
    )  # fmt: skip


async def wire(account_id: UUID, site_id: UUID, wiring: CircuitWiring) -> None:
    """Set circuits and where stations hang. Raises Refused invalid_input, not_found."""
    for part in wiring.circuits:
        parent = None if part.parent is None else await _circuit(site_id, part.parent)
        await execute(
            "INSERT INTO circuit (account_id, site_id, parent_id, name, limit_ma, margin_ma, unbalance_ma, worst_base_ma, has_meter)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (account_id, site_id, name) DO UPDATE SET"
            " parent_id = excluded.parent_id, limit_ma = excluded.limit_ma, margin_ma = excluded.margin_ma,"
            " unbalance_ma = excluded.unbalance_ma, worst_base_ma = excluded.worst_base_ma, has_meter = excluded.has_meter",
            account_id, site_id, parent, part.name, part.limit_ma, part.margin_ma, part.unbalance_ma, part.worst_base_ma, part.has_meter,
        )  # fmt: skip
    for station in wiring.stations:
        if await fetchrow("SELECT 1 FROM station WHERE id = $1 AND site_id = $2", station.station_id, site_id) is None:
            raise not_found("station")
        await execute(
            "INSERT INTO station_wiring (account_id, station_id, circuit_id, phases, max_ma, fail_safe_ma, step_ma, priority)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (account_id, station_id) DO UPDATE SET circuit_id = excluded.circuit_id,"
            " phases = excluded.phases, max_ma = excluded.max_ma, fail_safe_ma = excluded.fail_safe_ma, step_ma = excluded.step_ma,"
            " priority = excluded.priority",
            account_id, station.station_id, await _circuit(site_id, station.circuit), station.phases, station.max_ma,
            station.fail_safe_ma if station.fail_safe_ma >= 6000 else 0, station.step_ma, station.priority,
        )  # fmt: skip
    if any(one.code in ("circuit_in_circle", "parent_unknown") for one in (await wiring_of(site_id)).findings):
        raise Refused("invalid_input", 422, "The circuits feed each other in a circle. Name a parent that is nearer to the grid.",
                      fields=["circuits"])  # fmt: skip


async def _circuit(site_id: UUID, name: str) -> UUID:
    row = await fetchrow("SELECT id FROM circuit WHERE site_id = $1 AND name = $2", site_id, name)
    if row is None:
        raise Refused(
            "invalid_input", 422, f"There is no circuit {name} at this site. Name a parent before what it feeds.", fields=["circuits"]
        )
    return UUID(str(row["id"]))


async def keep_reading(account_id: UUID, site_id: UUID, name: str, base_ma: Sequence[int], now: datetime) -> None:
    """What a circuit's meter tells of everything that is no car. Raises Refused invalid_input."""
    await execute(
        "INSERT INTO circuit_reading (account_id, circuit_id, taken_at, received_at, base_ma) VALUES ($1, $2, $3, $3, $4)"
        " ON CONFLICT (account_id, circuit_id) DO UPDATE SET taken_at = excluded.taken_at, received_at = excluded.received_at,"
        " base_ma = excluded.base_ma WHERE circuit_reading.received_at <= excluded.received_at",
        account_id, await _circuit(site_id, name), now, list(base_ma),
    )  # fmt: skip
