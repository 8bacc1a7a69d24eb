"""The plan of a house beside what is entered in it, inside the caller's transaction."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from app.database.transaction import fetch
from app.installing.plan_rules import House, Need, beside, plan_of

SOLUTIONS = "SELECT DISTINCT solution FROM site_solution WHERE site_id = $1 AND (upper(period) IS NULL OR upper(period) > $2)"
POINTS = """
SELECT b.name, count(p.id) FILTER (WHERE p.assignment <> 'common_area')::int AS flats,
    count(p.id) FILTER (WHERE p.assignment = 'common_area')::int AS commons
FROM building b LEFT JOIN billing_point p ON p.account_id = b.account_id AND p.building_id = b.id AND p.activated
WHERE b.site_id = $1 GROUP BY b.id, b.name ORDER BY b.name
"""
# A meter is in its own building, in that of the point that it counts for, or in that of its gateway.
METERS = """
SELECT m.kind, m.medium, m.source, m.relay, m.led, m.address <> '' AS on_network, p.id IS NOT NULL AS counts,
    p.assignment = 'common_area' AS common, coalesce(b.name, c.name, '') AS building
FROM meter m LEFT JOIN gateway g ON g.account_id = m.account_id AND g.id = m.gateway_id
LEFT JOIN LATERAL (SELECT x.id, x.assignment, x.building_id FROM meter_link k JOIN billing_point x ON x.account_id = k.account_id
    AND x.id = k.billing_point_id WHERE k.account_id = m.account_id AND k.meter_id = m.id ORDER BY lower(k.period) DESC LIMIT 1) p ON true
LEFT JOIN building b ON b.account_id = m.account_id AND b.id = m.building_id
LEFT JOIN building c ON c.account_id = m.account_id AND c.id = coalesce(p.building_id, g.building_id)
WHERE m.site_id = $1 AND m.removed_on IS NULL
"""
OTHERS = """
SELECT CASE WHEN d.kind = 'reader' AND d.keypad THEN 'reader_keypad' ELSE d.kind END AS kind, coalesce(b.name, '') AS building
FROM device d LEFT JOIN building b ON b.account_id = d.account_id AND b.id = d.building_id WHERE d.site_id = $1 AND d.removed_on IS NULL
UNION ALL SELECT 'gateway', coalesce(b.name, '') FROM gateway g LEFT JOIN building b ON b.account_id = g.account_id AND b.id = g.building_id
WHERE g.site_id = $1 AND g.removed_on IS NULL
UNION ALL SELECT 'station', '' FROM station WHERE site_id = $1 UNION ALL SELECT 'zone', '' FROM circuit WHERE site_id = $1
"""
IN_A_BUILDING = frozenset({"router", "gateway", "mbus_converter", "meter_flat", "meter_common", "meter_heat", "meter_hot_water",
                           "meter_cold_water", "heat_source", "heater_inlet", "cold_water_common"})  # fmt: skip


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What no data say yet of a house that is planned."""

    stations: int = 0
    machines: int = 0
    sockets: int = 0
    pv: bool = False
    battery: bool = False
    heat_pump: bool = False
    entry_a: int = 0


async def plan_beside(site_id: UUID, wishes: Wishes, today: date) -> list[Need]:
    """The hardware that a house needs, and how much of it is entered."""
    there: dict[tuple[str, str], int] = {}

    def count(kind: str, building: str) -> None:
        key = (kind, building if kind in IN_A_BUILDING else "")
        there[key] = there.get(key, 0) + 1

    for row in await fetch(METERS, site_id):
        for kind in _kinds(row, there):
            count(kind, row["building"])
    for row in await fetch(OTHERS, site_id):
        count(row["kind"], row["building"])
    points = await fetch(POINTS, site_id)
    house = House(
        solutions=frozenset(row["solution"] for row in await fetch(SOLUTIONS, site_id, today)),
        buildings=tuple(row["name"] for row in points), flats={row["name"]: row["flats"] for row in points},
        commons={row["name"]: row["commons"] for row in points}, **_known(wishes, there),
    )  # fmt: skip
    return beside(plan_of(house), there)


def _known(wishes: Wishes, there: dict[tuple[str, str], int]) -> dict[str, Any]:
    """What was wished, and what is there already without a wish."""
    values: dict[str, Any] = msgspec.structs.asdict(wishes)
    return {**values, "pv": wishes.pv or ("pv", "") in there, "battery": wishes.battery or ("battery", "") in there}


def _kinds(row: Any, there: dict[tuple[str, str], int]) -> list[str]:
    if row["source"] == "dso":
        return ["meter_dso"] if row["kind"] == "entry" else []
    if row["source"] != "physical":
        return []
    if row["medium"] in ("heat", "cooling"):
        if row["counts"]:
            return ["meter_heat"] if row["medium"] == "heat" else []
        return ["heater_inlet" if ("heat_source", row["building"]) in there else "heat_source"]
    if row["medium"] != "electricity":
        return [f"meter_{row['medium']}"] if row["counts"] and not row["common"] else ["cold_water_common"]
    if row["relay"]:
        sockets = ["socket_meter", *(["socket_led"] if row["led"] else [])]
        return sockets if row["on_network"] else ["relay_meter"]
    if row["kind"] != "use":
        return [f"meter_{row['kind']}"]
    return ["meter_common" if row["common"] else "meter_flat" if row["counts"] else "meter_charging"]
