"""What each billing point used in a quarter-hour and what of it was solar, kept a day a row: the rule is that of the bills."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import numpy as np

from app.billing.commands import charge_session
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

KEEP_HOUSE = """
INSERT INTO house_day (account_id, site_id, day, used, solar)
SELECT $1, $2, n.day, n.used, n.solar FROM unnest($3::date[], $4::bytea[], $5::bytea[]) AS n (day, used, solar)
ON CONFLICT (account_id, site_id, day) DO UPDATE SET used = excluded.used, solar = excluded.solar
"""
# Charges that wait for the roof to be read: only where the sun has a price of its own.
WAITING = """
SELECT x.id FROM charging_session x JOIN station st ON st.account_id = x.account_id AND st.id = x.station_id
WHERE st.site_id = $1 AND x.state = 'ended' AND x.person_id IS NOT NULL AND x.stopped_at > $2::timestamptz - interval '62 days'
    AND EXISTS (SELECT 1 FROM tariff t JOIN tariff_component c ON c.account_id = t.account_id AND c.tariff_id = t.id
        WHERE t.site_id = st.site_id AND t.solution = 'charging' AND c.dimension = 'kwh' AND c.origin <> 'any')
    AND NOT EXISTS (SELECT 1 FROM charge c WHERE c.account_id = x.account_id AND c.session_id = x.id) ORDER BY x.stopped_at
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
        async with in_account(account_id):
            waiting = await fetch(WAITING, row["site_id"], now)
        for session in waiting:
            await charge_session(account_id, session["id"], now)


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
            use, _, production = await energy_of(site, points, slots)
            solar = allocate(production, use, [row["priority"] for row in points])
            columns: list[tuple[UUID, date, bytes, bytes]] = []
            house: list[tuple[date, bytes, bytes]] = []
            for place in range((last - first).days + 1):
                inside = np.flatnonzero(slots.day == place)
                low, high = int(inside[0]), int(inside[-1]) + 1
                packed = [one[:, low:high].astype("<i4") for one in (use, solar)]
                house.append((first + place * DAY, *(one.sum(axis=0, dtype="<i4").tobytes() for one in packed)))
                columns += [
                    (row["id"], first + place * DAY, packed[0][n].tobytes(), packed[1][n].tobytes()) for n, row in enumerate(points)
                ]
            await execute(KEEP, account_id, *(list(column) for column in zip(*columns, strict=True)))
            await execute(KEEP_HOUSE, account_id, site_id, *(list(column) for column in zip(*house, strict=True)))
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
