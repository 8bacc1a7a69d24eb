"""Why a house cannot be handed over; inside the caller's transaction."""

from datetime import datetime
from uuid import UUID

from app.database.transaction import fetch
from app.installing.model import Obstacle
from app.installing.queries import METER_KIND, steps

STATIONS = """
SELECT s.id, s.name FROM station s WHERE s.site_id = $1 AND NOT s.remote
    AND NOT EXISTS (SELECT 1 FROM station_wiring w WHERE w.account_id = s.account_id AND w.station_id = s.id) ORDER BY s.name
"""
ZONES = "SELECT id, name FROM circuit WHERE site_id = $1 AND NOT 0 < ANY (limit_ma) ORDER BY name"
METERS = f"""
SELECT {METER_KIND}, m.id, coalesce(nullif(m.name, ''), m.serial) AS name, c.passed FROM meter m LEFT JOIN LATERAL (
    SELECT k.passed FROM meter_check k WHERE k.account_id = m.account_id AND k.meter_id = m.id ORDER BY k.checked_at DESC LIMIT 1) c ON true
WHERE m.site_id = $1 AND m.source = 'physical' AND m.removed_on IS NULL AND c.passed IS NOT TRUE ORDER BY m.name, m.serial
"""


async def reasons(site_id: UUID, now: datetime) -> list[Obstacle]:
    """Stations without a zone, zones without a limit, meters that have not passed their check, steps that are not done."""
    found = [Obstacle(code="no_zone", name=row["name"], kind="station", id=row["id"]) for row in await fetch(STATIONS, site_id)]
    found += [Obstacle(code="no_limit", name=row["name"], kind="zone", id=row["id"]) for row in await fetch(ZONES, site_id)]
    found += [
        Obstacle(code="not_checked" if row["passed"] is None else "check_failed", name=row["name"], kind=row["kind"], id=row["id"])
        for row in await fetch(METERS, site_id)
    ]
    return found + [
        Obstacle(code="step_open", name=one.name, kind=one.kind, id=one.id) for one in await steps(site_id, now) if not one.done
    ]
