"""The operator's fees that residents pay: read for a period, shown by billing point, and marked as billed."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec

from app.billing.fee_rules import Fee, Fees, monthly_minor
from app.database.transaction import execute, fetch, fetchval

MINE = "financial_condition WHERE site_id = $1 AND payer = 'resident' AND removed_at IS NULL AND unit NOT IN ('mailing', 'badge')"
FEES = f"""
SELECT id, label, amount, unit, lower(period) AS first, upper(period) - 1 AS last FROM {MINE}
    AND period && daterange($2, $3, '[]') ORDER BY lower(period), label, id
"""
STATIONS = """
SELECT c.billing_point_id AS point, count(DISTINCT c.station_id)::int AS stations FROM connector c
JOIN station s ON s.account_id = c.account_id AND s.id = c.station_id
WHERE s.site_id = $1 AND c.billing_point_id IS NOT NULL GROUP BY 1
"""
POINTS = "SELECT id FROM billing_point WHERE site_id = $1 AND activated ORDER BY name, id"
RHYTHM = "SELECT rhythm FROM site_solution WHERE site_id = $1 AND solution = 'electricity' AND period @> $2::date"


async def fees_of(site_id: UUID, first: date, last: date) -> Fees:
    """The fees that residents of a site pay in a period (inside the caller's transaction)."""
    rows = await fetch(FEES, site_id, first, last)
    if not rows:
        return Fees()
    return Fees(
        fees=tuple(Fee(**row) for row in rows), points=tuple(row["id"] for row in await fetch(POINTS, site_id)),
        stations={row["point"]: row["stations"] for row in await fetch(STATIONS, site_id)},
        monthly=await fetchval(RHYTHM, site_id, last) == "monthly",
    )  # fmt: skip


async def mark_billed(site_id: UUID, first: date, last: date) -> None:
    """A fee that was billed is only ended from then on (inside the caller's transaction)."""
    await execute(f"UPDATE financial_condition SET billed_until = greatest(billed_until, least($3, upper(period) - 1)) WHERE id IN"
                  f" (SELECT id FROM {MINE} AND period && daterange($2, $3, '[]'))", site_id, first, last)  # fmt: skip


class PointFee(msgspec.Struct, frozen=True, kw_only=True):
    """A fee of the operator that the resident of a point pays; `monthly_minor` is what it comes to in a whole month."""

    id: UUID
    label: str
    amount: Decimal
    unit: str
    currency: str
    monthly_minor: int | None
    first: date
    last: date | None


async def fees_at(point_id: UUID, today: date) -> list[PointFee]:
    """The fees billed at a point now and later, those for the post too (inside the caller's transaction)."""
    rows = await fetch("SELECT p.site_id, p.activated, s.currency FROM billing_point p JOIN site s ON s.account_id = p.account_id"
                       " AND s.id = p.site_id WHERE p.id = $1", point_id)  # fmt: skip
    if not rows or not rows[0]["activated"]:
        return []
    site_id, currency = rows[0]["site_id"], rows[0]["currency"]
    fees = await fees_of(site_id, today, date.max)
    posted = await fetch("SELECT id, label, amount, unit, lower(period) AS first, upper(period) - 1 AS last FROM financial_condition"
                         " WHERE site_id = $1 AND payer = 'resident' AND removed_at IS NULL AND unit IN ('mailing', 'badge')"
                         " AND (upper_inf(period) OR upper(period) > $2) ORDER BY lower(period), label, id", site_id, today)  # fmt: skip
    return [
        PointFee(id=fee.id, label=fee.label, amount=fee.amount, unit=fee.unit, currency=currency, first=fee.first, last=fee.last,
                 monthly_minor=monthly_minor(fee, fees, point_id, currency))
        for fee in (*fees.fees, *(Fee(**row) for row in posted))
        if fee.unit != "station" or fees.stations.get(point_id)
    ]  # fmt: skip
