"""What each billing point used in a quarter-hour and what of it was solar, kept a day a row: the rule is that of the bills."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import numpy as np

from app.billing.energy_draft import POINTS, energy_of
from app.database.transaction import execute, fetch, fetchval, in_account
from app.metering.allocation_rules import allocate
from app.metering.validation import validate
from app.sites.queries import site as site_of
from app.tariffs.energy_rules import slots_of

DAY = timedelta(days=1)
MOST_DAYS = 31  # at once: the arrays of a large house stay small
KEEP = """
INSERT INTO point_day (account_id, billing_point_id, day, used, solar)
SELECT $1, n.point, n.day, n.used, n.solar FROM unnest($2::uuid[], $3::date[], $4::bytea[], $5::bytea[]) AS n (point, day, used, solar)
ON CONFLICT (account_id, billing_point_id, day) DO UPDATE SET used = excluded.used, solar = excluded.solar
"""


async def up_to_date(account_id: UUID, now: datetime, site_id: UUID | None = None) -> None:
    """Validate what has come in, and share it again. Safe to repeat."""
    while await validate(account_id, now, site_id):
        pass
    async with in_account(account_id):
        rows = await fetch("SELECT DISTINCT site_id FROM stale_share WHERE $1::uuid IS NULL OR site_id = $1 ORDER BY 1", site_id)
    for row in rows:
        while await share(account_id, row["site_id"]):
            pass


async def share(account_id: UUID, site_id: UUID) -> int:
    """Share some days of a house again, but for locked ones. Returns how many were looked at."""
    async with in_account(account_id):
        await execute("SELECT 1 FROM site WHERE id = $1 FOR UPDATE", site_id)
        rows = await fetch("DELETE FROM stale_share WHERE site_id = $1 AND day IN (SELECT day FROM stale_share WHERE site_id = $1"
                           " ORDER BY day LIMIT $2) RETURNING day", site_id, MOST_DAYS)  # fmt: skip
        lock = await fetchval("SELECT locked_until FROM validation_scheme WHERE site_id = $1 AND kind = 'electricity'", site_id)
        site = await site_of(site_id)
        for first, last in runs_of(sorted(row["day"] for row in rows if lock is None or row["day"] > lock)):
            points = await fetch(POINTS, site_id, last)
            if site is None or not points:
                continue
            slots = slots_of(first, last, site.time_zone)
            use, _, production = await energy_of(site, points, slots, None)
            solar = allocate(production, use, [row["priority"] for row in points])
            columns: list[tuple[UUID, date, bytes, bytes]] = []
            for place in range((last - first).days + 1):
                inside = np.flatnonzero(slots.day == place)
                low, high = int(inside[0]), int(inside[-1]) + 1
                packed = [one[:, low:high].astype("<i4") for one in (use, solar)]
                columns += [
                    (row["id"], first + place * DAY, packed[0][n].tobytes(), packed[1][n].tobytes()) for n, row in enumerate(points)
                ]
            await execute(KEEP, account_id, *(list(column) for column in zip(*columns, strict=True)))
    return len(rows)


def runs_of(days: Sequence[date]) -> list[tuple[date, date]]:
    """Days that follow one another, as (first, last)."""
    found: list[tuple[date, date]] = []
    for day in days:
        if found and day - found[-1][1] == DAY:
            found[-1] = (found[-1][0], day)
        else:
            found.append((day, day))
    return found
