"""What a house feeds in or draws at this moment, by the indexes of its entry meters; inside the caller's transaction."""

from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from app.database.transaction import fetch

FRESH, APART = timedelta(minutes=5), timedelta(minutes=20)
LAST = """
SELECT m.id, r.taken_at, r.imported, r.exported FROM meter m LEFT JOIN LATERAL (SELECT taken_at, imported, exported FROM index_reading i
    WHERE i.account_id = m.account_id AND i.meter_id = m.id AND i.taken_at <= $2 ORDER BY taken_at DESC LIMIT 2) r ON true
WHERE m.site_id = $1 AND m.kind = 'entry' AND m.medium = 'electricity' ORDER BY m.id, r.taken_at DESC
"""


async def surplus_w(site_id: UUID, now: datetime) -> int | None:
    """Watts that the house feeds in, negative while it draws; None where an entry meter has not spoken lately, or there is none."""
    rows = await fetch(LAST, site_id, now)
    total, meters = 0, 0
    for _, group in groupby(rows, key=lambda row: row["id"]):
        last = list(group)
        if len(last) < 2 or now - last[0]["taken_at"] > FRESH or last[0]["taken_at"] - last[1]["taken_at"] > APART:
            return None
        wh = [(row["exported"] or 0) - row["imported"] for row in last]
        total += round((wh[0] - wh[1]) * 3600 / (last[0]["taken_at"] - last[1]["taken_at"]).total_seconds())
        meters += 1
    return total if meters else None
