"""What makes a start or an end doubtful beyond its own figures: the station's earlier messages, neighbours, signatures."""

from datetime import datetime, timedelta
from uuid import UUID

from app.charging import rules
from app.charging.model import Station
from app.database.transaction import fetchval
from app.metering.commands import signed_verdict
from app.metering.rules import signatures_disagree

# Sessions whose own clock was wrong say nothing about the order of the others. Each part takes the end of an index and not a
# place's history: starts of 1.6, starts that still run, ends.
OF_PLACE = """
FROM charging_session WHERE account_id = $1 AND station_id = $2 AND connector_no = $3
    AND (held_reason IS NULL OR held_reason NOT IN ('clock_ahead', 'clock_behind', 'before_commissioning', 'stopped_before_start'))
    AND (started_at, meter_start_wh) <> ($4, $5)
"""
LATEST = f"""
SELECT greatest((SELECT started_at {OF_PLACE} AND transaction_ref IS NULL ORDER BY started_at DESC LIMIT 1),
    (SELECT started_at {OF_PLACE} AND state = 'open' ORDER BY started_at DESC LIMIT 1),
    (SELECT stopped_at {OF_PLACE} AND stopped_at IS NOT NULL ORDER BY stopped_at DESC LIMIT 1))
"""
# Another session on the same connector that was running at the same time and has counted the same energy.
OVERLAP = """
SELECT 1 FROM charging_session o JOIN charging_session x ON x.id = $1
WHERE o.account_id = x.account_id AND o.station_id = x.station_id AND o.connector_no = x.connector_no AND o.id <> x.id
    AND o.state <> 'discarded' AND o.started_at < $2
    AND coalesce(o.stopped_at, o.last_value_at, o.started_at) > x.started_at AND o.meter_start_wh < $3
    AND coalesce(o.meter_stop_wh, o.last_meter_wh, o.meter_start_wh) > x.meter_start_wh
LIMIT 1
"""
SLACK = timedelta(minutes=1)


async def odd_start(station: Station, connector_no: int, started_at: datetime, meter_start_wh: int, now: datetime) -> str | None:
    """Why a start's time cannot be believed, or None (inside the caller's transaction)."""
    odd = rules.odd_clock(started_at, now, station.commissioned_at)
    if odd is not None:
        return odd
    return "clock_behind" if await behind(station, connector_no, started_at, (started_at, meter_start_wh)) else None


async def behind(station: Station, connector_no: int, started_at: datetime, own: tuple[datetime, int]) -> bool:
    """Whether a start lies before what the station told of this place earlier (inside the caller's transaction).
    `own`: start and register by which the session itself is stored, if it is."""
    latest = await fetchval(LATEST, station.account_id, station.id, connector_no, *own)
    return latest is not None and started_at < latest - SLACK


async def odd_end(session_id: UUID, stopped_at: datetime, meter_stop_wh: int, energy_wh: int) -> str | None:
    """Why an end with possible figures must still be looked at, or None (inside the caller's transaction)."""
    forged, signed_wh = await signed_verdict(session_id)
    if forged:
        return "signature_invalid"
    if signatures_disagree(signed_wh, energy_wh):
        return "signed_differs"
    if await fetchval(OVERLAP, session_id, stopped_at, meter_stop_wh):
        return "overlaps"
    return None
