"""Zones of a site: circuits, their meters, where stations hang, and what is wrong; inside the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from app.charging import limits
from app.charging.balance_state import circuit_of_row, in_amperes
from app.charging.balancing.checks import CircuitFinding, Wired, check
from app.charging.balancing.model import NOTHING
from app.charging.balancing.zone_checks import Meter, Zone, check_zones, sees_only_zone
from app.charging.place_bounds import left_bounds
from app.database.transaction import as_machine, execute, fetch, fetchrow, fetchval
from app.kernel.errors import Refused, not_found

Milliamperes = Annotated[int, msgspec.Meta(ge=0, le=4_000_000)]
PerPhase = Annotated[list[Milliamperes], msgspec.Meta(min_length=3, max_length=3)]
USUAL_MA = 63_000
UNUSABLE = ("circuit_in_circle", "parent_unknown")


class DlmMeter(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A meter that sees what else flows before a zone. `rated_ma`: its amperage, where the meter itself
    does not say it."""

    meter_id: UUID
    rated_ma: Annotated[int, msgspec.Meta(gt=0, le=10_000_000)] | None = None


class CircuitPart(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A zone. `parent`: the name of the circuit that feeds it, through `breaker`. Currents per phase in milliamperes.
    `safe_ma`: the most for all its cars while its meters are silent; None: what `worst_base_ma` leaves."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    limit_ma: PerPhase = msgspec.field(default_factory=lambda: [USUAL_MA] * 3)
    parent: str | None = None
    breaker: Annotated[str, msgspec.Meta(max_length=100)] = ""
    margin_ma: Milliamperes = 0
    unbalance_ma: Annotated[int, msgspec.Meta(gt=0)] | None = None
    worst_base_ma: PerPhase = msgspec.field(default_factory=lambda: [0, 0, 0])
    safe_ma: Milliamperes | None = None
    has_meter: bool = False
    battery_first: bool = False
    consumption_meter_id: UUID | None = None
    dlm_meters: list[DlmMeter] = []


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
    """Circuits, parents before children, and stations. What is not named stays as it is. `off`: stations that hang on no circuit
    any more; nobody limits them then. `version`: the wiring that the editor saw; without it whatever stands there is changed."""

    version: int | None = None
    circuits: list[CircuitPart] = []
    stations: list[StationPart] = []
    off: list[UUID] = []


class ZoneMeter(msgspec.Struct, frozen=True, kw_only=True):
    """A meter that a zone can name. `behind_id`: the meter above it."""

    id: UUID
    serial: str
    behind_id: UUID | None


class LooseStation(msgspec.Struct, frozen=True, kw_only=True):
    """A station of the site, by its name."""

    id: UUID
    name: str


class SiteWiring(msgspec.Struct, frozen=True, kw_only=True):
    """The zones of a site, where its stations hang, its meters, and what is wrong."""

    version: int
    circuits: list[CircuitPart]
    stations: list[StationPart]
    findings: list[CircuitFinding]
    meters: list[ZoneMeter]
    names: list[LooseStation]


# An upsert by name, which the site's people know it by.
ZONE = """
INSERT INTO circuit (account_id, site_id, parent_id, name, limit_ma, margin_ma, unbalance_ma, worst_base_ma, has_meter, breaker,
    consumption_meter_id, safe_ma, battery_first) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (account_id, site_id, name) DO UPDATE SET parent_id = excluded.parent_id, limit_ma = excluded.limit_ma,
    margin_ma = excluded.margin_ma, unbalance_ma = excluded.unbalance_ma, worst_base_ma = excluded.worst_base_ma,
    has_meter = excluded.has_meter, breaker = excluded.breaker, consumption_meter_id = excluded.consumption_meter_id,
    safe_ma = excluded.safe_ma, battery_first = excluded.battery_first
RETURNING id
"""


async def wiring_of(site_id: UUID) -> SiteWiring:
    """Circuits, stations and findings."""
    rows = await fetch(
        "SELECT c.*, p.name AS parent, NULL::int[] AS base_ma, NULL::int AS battery_w, NULL::float8 AS age_s FROM circuit c"
        " LEFT JOIN circuit p ON p.account_id = c.account_id AND p.id = c.parent_id WHERE c.site_id = $1"
        " ORDER BY c.parent_id NULLS FIRST, c.name", site_id,
    )  # fmt: skip
    stations = await fetch(
        "SELECT s.id AS station_id, s.name AS station_name, c.name AS circuit, w.circuit_id, w.phases, w.max_ma, w.fail_safe_ma, w.step_ma,"
        " w.priority,"
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
    meters = await _meters(site_id)
    dlm = await _dlm_meters(site_id)
    found = check(tree, wired, worst) + check_zones(_zones(rows, stations, dlm), list(meters.values()))
    named = [name for name in CircuitPart.__struct_fields__ if name != "dlm_meters"]
    return SiteWiring(
        version=await fetchval("SELECT wiring_version FROM site WHERE id = $1", site_id),
        circuits=[CircuitPart(**{name: row[name] for name in named}, dlm_meters=dlm.get(str(row["id"]), [])) for row in rows],
        stations=[StationPart(**{name: row[name] for name in StationPart.__struct_fields__}) for row in stations if row["circuit"]],
        findings=[msgspec.structs.replace(one, subject=names.get(one.subject, one.subject)) for one in found],
        meters=[ZoneMeter(**row) for row in await fetch("SELECT id, serial, parent_id AS behind_id FROM meter WHERE site_id = $1"
                                                        " ORDER BY serial", site_id)],
        names=[LooseStation(id=row["station_id"], name=row["station_name"]) for row in stations],
    )  # fmt: skip


async def _meters(site_id: UUID) -> dict[str, Meter]:
    rows = await fetch(
        "SELECT m.id, m.parent_id, l.billing_point_id, b.assignment FROM meter m LEFT JOIN LATERAL (SELECT k.billing_point_id"
        " FROM meter_link k WHERE k.account_id = m.account_id AND k.meter_id = m.id ORDER BY lower(k.period) DESC LIMIT 1) l ON true"
        " LEFT JOIN billing_point b ON b.account_id = m.account_id AND b.id = l.billing_point_id WHERE m.site_id = $1", site_id,
    )  # fmt: skip
    return {
        str(row["id"]): Meter(id=str(row["id"]), behind=None if row["parent_id"] is None else str(row["parent_id"]),
                              common=row["assignment"] == "common_area", consumer=row["billing_point_id"] is not None)
        for row in rows
    }  # fmt: skip


async def _dlm_meters(site_id: UUID) -> dict[str, list[DlmMeter]]:
    found: dict[str, list[DlmMeter]] = {}
    for row in await fetch(
        "SELECT d.circuit_id, d.meter_id, coalesce(d.rated_ma, m.amperage_a * 1000) AS rated_ma FROM circuit_dlm_meter d JOIN circuit c"
        " ON c.account_id = d.account_id AND c.id = d.circuit_id"
        " JOIN meter m ON m.account_id = d.account_id AND m.id = d.meter_id WHERE c.site_id = $1 ORDER BY d.meter_id", site_id,
    ):  # fmt: skip
        found.setdefault(str(row["circuit_id"]), []).append(DlmMeter(meter_id=row["meter_id"], rated_ma=row["rated_ma"]))
    return found


def _zones(rows: Sequence[Any], stations: Sequence[Any], dlm: dict[str, list[DlmMeter]]) -> list[Zone]:
    return [
        Zone(
            id=str(row["id"]), limit_a=max(row["limit_ma"]) / 1000, breaker=row["breaker"],
            stations=sum(1 for one in stations if one["circuit_id"] == row["id"]),
            consumption=None if row["consumption_meter_id"] is None else str(row["consumption_meter_id"]),
            dlm={str(one.meter_id): None if one.rated_ma is None else one.rated_ma / 1000 for one in dlm.get(str(row["id"]), [])},
        ) for row in rows
    ]  # fmt: skip


async def wire(account_id: UUID, site_id: UUID, wiring: CircuitWiring) -> list[UUID]:
    """Set circuits and where stations hang. Returns the stations that hang nowhere any more, to be set free after the commit.

    Raises Refused invalid_input, dlm_sees_only_zone, not_balanced, not_found, changed_meanwhile where somebody else has wired it since.
    """
    present = await fetchval("SELECT wiring_version FROM site WHERE id = $1 FOR UPDATE", site_id)
    if wiring.version is not None and wiring.version != present:
        text = "Somebody else has changed the circuits in the meantime. Compare what stands there now with what you wrote, then save again."
        raise Refused("changed_meanwhile", 409, text, version=present, present={})
    await execute("UPDATE site SET wiring_version = wiring_version + 1 WHERE id = $1", site_id)
    known = await _meters(site_id)
    for part in wiring.circuits:
        parent = None if part.parent is None else await _circuit(site_id, part.parent)
        _check_meters(part, known)
        row = await fetchrow(
            ZONE, account_id, site_id, parent, part.name, part.limit_ma, part.margin_ma, part.unbalance_ma, part.worst_base_ma,
            part.has_meter, part.breaker.strip(), part.consumption_meter_id, part.safe_ma, part.battery_first,
        )  # fmt: skip
        assert row is not None  # noqa: S101 - an upsert returns its row
        await execute("DELETE FROM circuit_dlm_meter WHERE circuit_id = $1", row["id"])
        for meter in part.dlm_meters:
            await execute("INSERT INTO circuit_dlm_meter (account_id, circuit_id, meter_id, rated_ma) VALUES ($1, $2, $3, $4)",
                          account_id, row["id"], meter.meter_id, meter.rated_ma)  # fmt: skip
    for station in wiring.stations:
        entered = await fetchrow("SELECT remote FROM station WHERE id = $1 AND site_id = $2", station.station_id, site_id)
        if entered is None:
            raise not_found("station")
        if entered["remote"]:
            raise Refused(
                "not_balanced", 422, "A remote station takes part in no load management. Leave the zone empty.", fields=["circuit"]
            )
        await execute(
            "INSERT INTO station_wiring (account_id, station_id, circuit_id, phases, max_ma, fail_safe_ma, step_ma, priority)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (account_id, station_id) DO UPDATE SET circuit_id = excluded.circuit_id,"
            " phases = excluded.phases, max_ma = excluded.max_ma, fail_safe_ma = excluded.fail_safe_ma, step_ma = excluded.step_ma,"
            " priority = excluded.priority",
            account_id, station.station_id, await _circuit(site_id, station.circuit), station.phases, station.max_ma,
            station.fail_safe_ma if station.fail_safe_ma >= 6000 else 0, station.step_ma, station.priority,
        )  # fmt: skip
    gone = await fetch("DELETE FROM station_wiring w USING station s WHERE w.station_id = ANY($1::uuid[]) AND s.id = w.station_id"
                       " AND s.account_id = w.account_id AND s.site_id = $2 RETURNING w.station_id", wiring.off, site_id)  # fmt: skip
    if any(one.code in UNUSABLE for one in (await wiring_of(site_id)).findings):
        raise Refused("invalid_input", 422, "The circuits feed each other in a circle. Name a parent that is nearer to the grid.",
                      fields=["circuits"])  # fmt: skip
    return [row["station_id"] for row in gone]


async def free(stations: Sequence[UUID], now: datetime) -> None:
    """Lift the limits of stations that nobody balances any more, but for those that an operator has set by hand."""
    async with as_machine():
        limited = await fetch("SELECT station_id, connector_no FROM charging_limit WHERE station_id = ANY($1::uuid[])", list(stations))
        by_hand = await left_bounds(stations)
    for row in limited:
        await limits.want(row["station_id"], row["connector_no"], by_hand.get((row["station_id"], row["connector_no"])), now)


def _check_meters(part: CircuitPart, known: dict[str, Meter]) -> None:
    chosen = [str(one.meter_id) for one in part.dlm_meters]
    consumption = None if part.consumption_meter_id is None else str(part.consumption_meter_id)
    if any(one not in known for one in [*chosen, *([] if consumption is None else [consumption])]):
        raise not_found("meter")
    if len(set(chosen)) < len(chosen):
        raise Refused("invalid_input", 422, "A meter is named twice. Name each once.", fields=["dlm_meters"])
    for one in chosen:
        if sees_only_zone(one, consumption, known):
            raise Refused("dlm_sees_only_zone", 422, "This meter sees nothing but the zone itself. Choose one that sees the other loads.",
                          fields=["dlm_meters"])  # fmt: skip


async def _circuit(site_id: UUID, name: str) -> UUID:
    row = await fetchrow("SELECT id FROM circuit WHERE site_id = $1 AND name = $2", site_id, name)
    if row is None:
        raise Refused(
            "invalid_input", 422, f"There is no circuit {name} at this site. Name a parent before what it feeds.", fields=["circuits"]
        )
    return UUID(str(row["id"]))


async def keep_reading(account_id: UUID, site_id: UUID, name: str, base_ma: Sequence[int], now: datetime, battery_w: int = 0) -> None:
    """What a circuit's meter tells of everything that is no car, a battery in it. Raises Refused invalid_input."""
    await execute(
        "INSERT INTO circuit_reading (account_id, circuit_id, taken_at, received_at, base_ma, battery_w) VALUES ($1, $2, $3, $3, $4, $5)"
        " ON CONFLICT (account_id, circuit_id) DO UPDATE SET taken_at = excluded.taken_at, received_at = excluded.received_at,"
        " base_ma = excluded.base_ma, battery_w = excluded.battery_w WHERE circuit_reading.received_at <= excluded.received_at",
        account_id, await _circuit(site_id, name), now, list(base_ma), battery_w,
    )  # fmt: skip
