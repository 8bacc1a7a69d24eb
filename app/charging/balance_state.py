"""What the loop knows of a site at a tick, read inside the caller's transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.charging.balancing.model import Circuit
from app.charging.balancing.solar import sun_for_cars_kw
from app.database.transaction import fetch, fetchval

FRESH_S, LOST_S = 10.0, 60.0  # a reading younger than the first is used to rise; one older than the second is not used at all
VOLTS = 230

CIRCUITS = """
SELECT c.id, c.parent_id, c.name, c.limit_ma, c.margin_ma, c.unbalance_ma, c.worst_base_ma, c.has_meter, c.safe_ma,
    c.battery_first, r.base_ma, r.battery_w,
    extract(epoch FROM $2 - r.received_at)::float8 AS age_s
FROM circuit c LEFT JOIN circuit_reading r ON r.account_id = c.account_id AND r.circuit_id = c.id
WHERE c.site_id = $1 ORDER BY c.name
"""
# One row a place. Without a running session: session_id NULL.
PLACES = """
SELECT w.station_id, w.circuit_id, w.phases, w.max_ma, w.fail_safe_ma, w.step_ma, w.priority, s.online, k.number AS connector_no,
    l.wanted_a, l.told_a, l.told_at, l.lease_until, l.counted_a, l.failsafe_a, l.failsafe_set,
    x.id AS session_id, x.started_at, x.meter_start_wh, x.last_meter_wh, x.last_power_w, x.last_value_at, x.person_id,
    coalesce(p.priority, 0) AS sun_priority,
    h.departure_at, h.wanted_wh, coalesce(h.mode, 'fast') AS mode,
    b.limit_ma, b.reason, b.on_since, b.rising_since, b.cars, b.shared_ma,
    (SELECT array_agg(o.intent) FROM place_bound o WHERE o.account_id = s.account_id AND o.station_id = s.id
     AND o.connector_no IN (0, k.number) AND (o.session_id IS NULL OR o.session_id = x.id)) AS bounds
FROM station_wiring w JOIN station s ON s.account_id = w.account_id AND s.id = w.station_id
JOIN connector k ON k.account_id = s.account_id AND k.station_id = s.id AND k.number > 0
LEFT JOIN charging_limit l ON l.account_id = s.account_id AND l.station_id = s.id AND l.connector_no = k.number
LEFT JOIN LATERAL (SELECT * FROM charging_session o WHERE o.account_id = s.account_id AND o.station_id = s.id
    AND o.connector_no = k.number AND o.state = 'open' ORDER BY o.started_at DESC LIMIT 1) x ON true
LEFT JOIN billing_point p ON p.account_id = s.account_id AND p.id = x.billing_point_id
LEFT JOIN charging_wish h ON h.account_id = s.account_id AND h.session_id = x.id
LEFT JOIN LATERAL (SELECT * FROM balance_step y WHERE y.account_id = s.account_id AND y.session_id = x.id
    ORDER BY y.at DESC LIMIT 1) b ON true
WHERE s.site_id = $1 ORDER BY w.station_id, k.number
"""
CAP = "SELECT min(cap_w) FROM site_power_cap WHERE site_id = $1 AND starts_at <= $2 AND ends_at > $2"


class SiteState(msgspec.Struct, frozen=True):
    """Circuits with what else hangs on them, and places as rows. `silent`: a meter is; nothing may rise. `ages`: of those with
    a meter, the seconds since its last word."""

    circuits: list[Circuit]
    names: dict[str, str]
    places: list[Mapping[str, Any]]
    silent: bool
    capped: bool
    ages: dict[str, float | None]


async def site_state(site_id: UUID, now: datetime) -> SiteState:
    """The site as the database knows it."""
    rows = await fetch(CIRCUITS, site_id, now)
    places = await fetch(PLACES, site_id)
    cap_w = await fetchval(CAP, site_id, now)
    silent = any(row["has_meter"] and not _fresh(row) for row in rows)
    circuits = [circuit_of_row(row, cap_w) for row in rows]
    return SiteState(circuits, {str(row["id"]): row["name"] for row in rows}, list(places), silent, cap_w is not None,
                     {str(row["id"]): row["age_s"] for row in rows if row["has_meter"]})  # fmt: skip


def _fresh(row: Mapping[str, Any]) -> bool:
    # A reading from the future is as good as none: a clock has jumped.
    return row["age_s"] is not None and -FRESH_S <= row["age_s"] < FRESH_S


def circuit_of_row(row: Mapping[str, Any], cap_w: int | None) -> Circuit:
    """A circuit in amperes. Its base is what the meter told while that holds, then the worst ever known."""
    known = row["has_meter"] and row["age_s"] is not None and -FRESH_S <= row["age_s"] <= LOST_S
    base = row["base_ma"] if known else row["worst_base_ma"]
    root = row["parent_id"] is None
    return Circuit(
        id=str(row["id"]), parent=None if row["parent_id"] is None else str(row["parent_id"]), limit=in_amperes(row["limit_ma"]),
        base=in_amperes(base), margin_a=row["margin_ma"] / 1000,
        unbalance_a=None if row["unbalance_ma"] is None else row["unbalance_ma"] / 1000,
        power_kw=cap_w / 1000 if cap_w is not None and root else None,
        surplus_kw=sun_for_cars_kw(in_amperes(base), row["battery_w"] / 1000, row["battery_first"]) if known and root else None,
        cars_a=None if known or not row["has_meter"] or row["safe_ma"] is None else row["safe_ma"] / 1000,
    )  # fmt: skip


def in_amperes(ma: list[int]) -> tuple[float, float, float]:
    """Three currents, from milliamperes."""
    return ma[0] / 1000, ma[1] / 1000, ma[2] / 1000


USED_A = 1.5  # a car that leaves more than this of its limit unused has found its own
PROVEN_S = 45.0  # from the limit until a car must have followed it
STALE_S = 300.0


def observed_a(place: Mapping[str, Any], now: datetime) -> float | None:
    """What a car draws of a limit that it could have followed, where that is clearly less: the rest flows on to others."""
    at, told_a = place["last_value_at"], place["told_a"]
    if at is None or place["last_power_w"] is None or not told_a or place["told_at"] is None:
        return None
    if (now - at).total_seconds() > STALE_S or (at - place["told_at"]).total_seconds() < PROVEN_S:
        return None
    drawn = place["last_power_w"] / (VOLTS * len(place["phases"]))
    return drawn if drawn < float(told_a) - USED_A else None


def counted_a(place: Mapping[str, Any], now: datetime) -> float:
    """What a place must be counted at: what its charger may let flow now, whatever it was asked since."""
    if place["counted_a"] is None:
        return float(place["max_ma"]) / 1000 if place["session_id"] is not None else 0.0
    # What was asked and is not answered yet may be flowing already.
    counted = max(float(place["counted_a"]), float(place["wanted_a"] or 0))
    lapsed = place["lease_until"] is None or place["lease_until"] <= now
    if place["session_id"] is None and place["told_a"] == 0 and not lapsed:
        return 0.0
    if lapsed and place["failsafe_set"] and (place["session_id"] is None or not place["online"]):
        return float(place["failsafe_a"])
    return min(counted, float(place["max_ma"]) / 1000)
