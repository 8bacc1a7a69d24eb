"""A twin of a real site: its circuits and stations as they are wired, what its meters measured, and who came and left."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import numpy as np

from app.charging.wiring import CircuitPart, SiteWiring, wiring_of
from app.database.transaction import fetch, in_account
from app.kernel.calendar import local_date
from app.metering.reading_rules import MISSING, QUARTER_S
from app.metering.series_rules import grid_of, laid_out
from infra.simulation.place import VOLTS, Base, Three, TwinCircuit, TwinPlace, TwinStation, Visit, without_overlaps

ZONE = "UTC"
STATIONS = """
SELECT s.id, s.identity, s.name, s.ocpp_version, k.number, count(*) OVER (PARTITION BY s.id) AS places, EXISTS (SELECT 1
    FROM station_setting x WHERE x.account_id = s.account_id AND x.station_id = s.id AND x.value IN ('Power', 'W')
    AND x.name IN ('ChargingScheduleAllowedChargingRateUnit', 'SmartChargingCtrlr.RateUnit')) AS watts
FROM station s JOIN connector k ON k.account_id = s.account_id AND k.station_id = s.id AND k.number > 0
WHERE s.site_id = $1 ORDER BY s.name, k.number
"""
SESSIONS = """
SELECT x.id, x.station_id, x.connector_no, x.started_at, x.stopped_at, x.energy_wh, h.departure_at FROM charging_session x
JOIN station s ON s.account_id = x.account_id AND s.id = x.station_id
LEFT JOIN charging_wish h ON h.account_id = x.account_id AND h.session_id = x.id
WHERE s.site_id = $1 AND x.started_at >= $2 AND x.started_at < $3 AND x.stopped_at > x.started_at AND x.energy_wh > 0
ORDER BY x.started_at
"""
QUARTERS = "SELECT day, wh FROM quarter_day WHERE meter_id = $1 AND day >= $2 AND day <= $3 ORDER BY day"


class NothingToReplay(ValueError):
    """The site has no circuits, no stations on them, or no charges in that time; the text says which."""


async def place_of(account_id: UUID, site_id: UUID, name: str, begin: datetime, days: int) -> TwinPlace:
    """The site with its own history. Raises NothingToReplay where nothing hangs on a circuit; without charges it is empty."""
    async with in_account(account_id):
        wiring = await wiring_of(site_id)
        rows = await fetch(STATIONS, site_id)
        sessions = await fetch(SESSIONS, site_id, begin, begin + timedelta(days=days))
        loads = {part.name: await _loads(part, begin, days) for part in wiring.circuits if part.has_meter}
    stations = _stations(wiring, rows)
    if not stations:
        raise NothingToReplay(f"no station of {name} hangs on a circuit; enter the circuits in the console first")
    circuits = [_circuit(part) for part in wiring.circuits]
    return TwinPlace(name=name, circuits=circuits, stations=list(stations.values()), visits=_visits(sessions, stations, begin),
                     base=base_of(circuits, loads))  # fmt: skip


def _circuit(part: CircuitPart) -> TwinCircuit:
    return TwinCircuit(
        name=part.name, parent=part.parent, limit=three(part.limit_ma), margin_a=part.margin_ma / 1000,
        unbalance_a=None if part.unbalance_ma is None else part.unbalance_ma / 1000, worst=three(part.worst_base_ma),
        safe_a=None if part.safe_ma is None else part.safe_ma / 1000, has_meter=part.has_meter,
    )  # fmt: skip


def three(ma: Sequence[int]) -> Three:
    """Amperes on three phases, from milliamperes."""
    return ma[0] / 1000, ma[1] / 1000, ma[2] / 1000


def _stations(wiring: SiteWiring, rows: Sequence[Mapping[str, Any]]) -> dict[tuple[UUID, int], TwinStation]:
    """A twin's station a place; by station and connector."""
    wired = {one.station_id: one for one in wiring.stations}
    found = {}
    for row in rows:
        if (part := wired.get(row["id"])) is not None:
            more = f"_{row['number']}" if row["places"] > 1 else ""
            found[row["id"], row["number"]] = TwinStation(
                identity=f"{row['identity']}{more}", name=f"{row['name']}{more}", circuit=part.circuit, phases=tuple(part.phases),
                max_a=part.max_ma / 1000, fail_safe_a=part.fail_safe_ma / 1000, step_a=part.step_ma / 1000, priority=part.priority,
                version=row["ocpp_version"] or "ocpp1.6", unit="W" if row["watts"] else "A",
            )  # fmt: skip
    return found


def _visits(sessions: Sequence[Mapping[str, Any]], stations: Mapping[tuple[UUID, int], TwinStation], begin: datetime) -> list[Visit]:
    """Each charge as a car that stays as long as it did and wants what it got."""
    found = []
    for row in sessions:
        if (station := stations.get((row["station_id"], row["connector_no"]))) is not None:
            said = row["departure_at"]
            found.append(Visit(
                id=str(row["id"]), station=station.identity, arrives_s=(row["started_at"] - begin).total_seconds(),
                leaves_s=(row["stopped_at"] - begin).total_seconds(), wh=row["energy_wh"], max_a=station.max_a,
                announced_s=None if said is None else (said - begin).total_seconds(),
            ))  # fmt: skip
    return without_overlaps(found)


async def _loads(part: CircuitPart, begin: datetime, days: int) -> np.ndarray | None:
    """What the circuit's DLM meters measured beside its cars: amperes a phase in each quarter of an hour, None where they kept
    nothing. Inside the caller's transaction."""
    first, last = local_date(begin, ZONE), local_date(begin + timedelta(days=days), ZONE)
    grid = grid_of(first, last, ZONE, "quarter")
    whole: Any = None
    for meter, sign in [*[(one.meter_id, 1) for one in part.dlm_meters], (part.consumption_meter_id, -1)]:
        rows = [] if meter is None else await fetch(QUARTERS, meter, first, last)
        if rows:
            wh = laid_out(grid, [(row["day"], row["wh"]) for row in rows])
            known = np.where(wh == MISSING, 0, wh) * sign
            whole = known if whole is None else whole + known
    if whole is None:
        return None
    amperes: np.ndarray = np.maximum(whole, 0) * (3600 / QUARTER_S) / (3 * VOLTS)
    return amperes[round((begin - grid.at[0]).total_seconds() / QUARTER_S) :]


def base_of(circuits: Sequence[TwinCircuit], loads: Mapping[str, Any]) -> Base:
    """What else flows: as it was measured, going evenly from quarter to quarter; where nothing was, the worst that is known."""
    steady = {one.name: one.worst for one in circuits}
    edges = {name: [float(one) for one in load] for name, load in loads.items() if load is not None and len(load)}
    slopes = {name: [*pairwise(load), (load[-1], load[-1])] for name, load in edges.items()}

    def base(at_s: float) -> dict[str, Three]:
        found = dict(steady)
        for name, pairs in slopes.items():
            quarter = min(len(pairs) - 1, max(0, int(at_s // QUARTER_S)))
            low, high = pairs[quarter]
            amps = low + (high - low) * min(1.0, max(0.0, at_s / QUARTER_S - quarter))
            found[name] = (amps, amps, amps)
        return found

    return base
