"""Whether a place is kept for somebody else."""

from datetime import datetime
from uuid import UUID

from app.charging.model import Station
from app.database.transaction import fetchval

# Whether this badge's holder would take a place that is kept for somebody else. A place with a charge is nobody's to take.
TAKEN = """
WITH kept AS (SELECT connector_no FROM reservation WHERE station_id = $1 AND state = 'reserved' AND until > $2
        AND person_id IS DISTINCT FROM $3),
    free AS (SELECT count(*) AS n FROM connector c WHERE c.station_id = $1 AND c.number > 0
        AND NOT EXISTS (SELECT 1 FROM kept k WHERE k.connector_no = c.number)
        AND (c.number = $4 OR NOT EXISTS (SELECT 1 FROM charging_session x WHERE x.account_id = c.account_id
            AND x.station_id = c.station_id AND x.connector_no = c.number AND x.state = 'open')))
SELECT EXISTS (SELECT 1 FROM kept WHERE connector_no = $4)
    OR (EXISTS (SELECT 1 FROM kept WHERE connector_no IS NULL OR $4 IS NULL)
        AND (SELECT n FROM free) <= (SELECT count(*) FROM kept WHERE connector_no IS NULL))
"""
CHARGES_HERE = "SELECT 1 FROM charging_session WHERE station_id = $1 AND person_id = $2 AND state = 'open'"


async def kept_from(station: Station, connector: int | None, person_id: UUID | None, at: datetime) -> bool:
    """Whether the place (None: each one of the station) is kept for somebody else (inside the caller's transaction). Who
    charges there already is never kept from stopping."""
    if not await fetchval(TAKEN, station.id, at, person_id, connector):
        return False
    return connector is not None or person_id is None or not await fetchval(CHARGES_HERE, station.id, person_id)
