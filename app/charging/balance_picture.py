"""The tree of a site's circuits with what flows on it now, for the console's picture; inside the caller's transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.charging.balance_state import SiteState, counted_a, site_state
from app.charging.balancing.model import PHASES
from app.database.transaction import execute, fetch, fetchrow
from app.kernel.errors import not_found


class CarLoad(msgspec.Struct, frozen=True, kw_only=True):
    """A place: what it may draw on each of its phases, what its car draws (None: not measured), and why."""

    station_id: UUID
    station_name: str
    connector: int
    phases: list[str]
    priority: int
    online: bool
    charging: bool
    limit_ma: int
    measured_ma: int | None
    reason: str | None


class CircuitLoad(msgspec.Struct, frozen=True, kw_only=True):
    """A circuit. Per phase: its limit, what flows that is no car, what its cars may draw, what is kept back for stations that
    hear nothing and as a margin. `age_s`: how old the meter's word is, None without one."""

    id: str
    name: str
    parent: str | None
    limit_ma: list[int]
    base_ma: list[int]
    cars_ma: list[int]
    reserved_ma: list[int]
    has_meter: bool
    age_s: int | None
    cars: list[CarLoad]


class SiteLoad(msgspec.Struct, frozen=True, kw_only=True):
    """`silent`: a meter is, so nothing rises. `cap_w`, `cap_until`: what a grid operator asks now."""

    at: datetime
    silent: bool
    cap_w: int | None
    cap_until: datetime | None
    circuits: list[CircuitLoad]


async def site_load(site_id: UUID, now: datetime) -> SiteLoad:
    """What flows now; parents before children."""
    state = await site_state(site_id, now)
    cap = await fetchrow("SELECT cap_w, ends_at FROM site_power_cap WHERE site_id = $1 AND starts_at <= $2 AND ends_at > $2"
                         " ORDER BY cap_w LIMIT 1", site_id, now)  # fmt: skip
    names = {row["id"]: row["name"] for row in await fetch("SELECT id, name FROM station WHERE site_id = $1", site_id)}
    parents = {circuit.id: circuit.parent for circuit in state.circuits}
    cars = {circuit.id: [0] * 3 for circuit in state.circuits}
    reserved = {circuit.id: [round(circuit.margin_a * 1000)] * 3 for circuit in state.circuits}
    for place in state.places:
        _add(place, parents, cars if place["online"] else reserved, now)
    return SiteLoad(
        at=now, silent=state.silent, cap_w=None if cap is None else cap["cap_w"], cap_until=None if cap is None else cap["ends_at"],
        circuits=[
            CircuitLoad(
                id=one.id, name=state.names[one.id], parent=one.parent, limit_ma=_ma(one.limit), base_ma=_ma(one.base),
                cars_ma=cars[one.id], reserved_ma=reserved[one.id], has_meter=one.id in state.ages,
                age_s=None if state.ages.get(one.id) is None else round(state.ages[one.id] or 0),
                cars=[_car(place, names) for place in state.places if str(place["circuit_id"]) == one.id],
            ) for one in _from_root(state)
        ],
    )  # fmt: skip


def _ma(amperes: tuple[float, float, float]) -> list[int]:
    return [round(1000 * one) for one in amperes]


def _add(place: Mapping[str, Any], parents: Mapping[str, str | None], to: dict[str, list[int]], now: datetime) -> None:
    amps = counted_a(place, now) if place["online"] or place["counted_a"] is not None else place["fail_safe_ma"] / 1000
    name: str | None = str(place["circuit_id"])
    while name is not None:
        for phase in place["phases"]:
            to[name][PHASES.index(phase)] += round(amps * 1000)
        name = parents[name]


def _car(place: Mapping[str, Any], names: Mapping[UUID, str]) -> CarLoad:
    watts = place["last_power_w"] if place["session_id"] is not None else None
    return CarLoad(
        station_id=place["station_id"], station_name=names[place["station_id"]], connector=place["connector_no"],
        phases=list(place["phases"]), priority=place["priority"], online=place["online"], charging=place["session_id"] is not None,
        limit_ma=round(1000 * float(place["wanted_a"] or 0)), reason=place["reason"],
        measured_ma=None if watts is None else round(1000 * watts / (230 * len(place["phases"]))),
    )  # fmt: skip


def _from_root(state: SiteState) -> list[Any]:
    """Parents before children, each child right behind what feeds it."""
    found: list[Any] = []

    def walk(parent: str | None) -> None:
        for one in state.circuits:
            if one.parent == parent:
                found.append(one)
                walk(one.id)

    walk(None)
    return found


async def set_priority(site_id: UUID, station_id: UUID, priority: int) -> None:
    """Who comes first where it does not reach for all: 1 to 9, the largest first. Raises Refused not_found."""
    row = await fetchrow("SELECT 1 FROM station s JOIN station_wiring w ON w.account_id = s.account_id AND w.station_id = s.id"
                         " WHERE s.id = $1 AND s.site_id = $2", station_id, site_id)  # fmt: skip
    if row is None:
        raise not_found("station")
    await execute("UPDATE station_wiring SET priority = $2 WHERE station_id = $1", station_id, priority)
