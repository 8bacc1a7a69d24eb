"""What the timetable asks for: a job a site, so that any number of workers share them and one failing site stops no other."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from uuid import UUID

import structlog

from app.audit.model import Actor
from app.billing.energy_draft import freeze
from app.billing.shares import up_to_date
from app.database.transaction import fetch, fetchrow, in_account
from app.kernel.calendar import local_date, month_of, months_before
from app.kernel.errors import Refused
from app.outbox.commands import record
from app.sites.queries import sites

log = structlog.get_logger()
MONTHS: Mapping[str, int] = {"monthly": 1, "quarterly": 3, "yearly": 12}
# The solution as it was on the last day of the period: a change of rhythm counts for the periods that end after it.
RHYTHM = "SELECT rhythm, lower(period) AS first FROM site_solution WHERE site_id = $1 AND solution = 'electricity' AND period @> $2::date"
OVERLAPS = "SELECT 1 FROM energy_run WHERE site_id = $1 AND period && daterange($2, $3, '[]')"


def period_over(rhythm: str, today: date) -> tuple[date, date]:
    """The last whole month, quarter or year before a day, both ends inclusive."""
    months = MONTHS[rhythm]
    this = month_of(today)
    start = months_before(this, (this.month - 1) % months)
    return months_before(start, months), start - timedelta(days=1)


async def plan_runs(account_id: UUID, now: datetime) -> int:
    """Ask for the month's charging bills and for due drafts of electricity, a job each for every site; returns how many."""
    async with in_account(account_id):
        listed = await sites()
        for site in listed:
            today = local_date(now, site.time_zone)
            month = months_before(month_of(today), 1)
            await record("MonthDue", {"site_id": site.id, "month": f"{month:%Y-%m-%d}"}, account_id=account_id, key=f"bills:{site.id}")
            await record(
                "EnergyDraftDue", {"site_id": site.id, "today": f"{today:%Y-%m-%d}"}, account_id=account_id, key=f"bills:{site.id}"
            )
    return len(listed)


async def draft_due(account_id: UUID, site_id: UUID, today: date, now: datetime) -> UUID | None:
    """Freeze the drafts of the period of electricity that is over, by the site's rhythm; the first may be short. None: nothing is due,
    a run of those days is there, or they have no price yet. A person looks at its warnings and issues it."""
    async with in_account(account_id):
        # Each rhythm's own period decides whether it is the rhythm in force at that period's end.
        for rhythm in MONTHS:
            first, last = period_over(rhythm, today)
            row = await fetchrow(RHYTHM, site_id, last)
            if row is None or row["rhythm"] != rhythm:
                continue
            first = max(first, row["first"] or first)
            if await fetch(OVERLAPS, site_id, first, last):
                return None
            break
        else:
            return None
    await up_to_date(account_id, now, site_id)
    try:
        return await freeze(Actor(account_id=account_id, name="timetable"), site_id, first, last, now)
    except Refused as refused:
        # Somebody was quicker, or there is no price yet: tomorrow it is asked for again.
        log.warning("no draft", site=str(site_id), why=refused.code)
        return None
