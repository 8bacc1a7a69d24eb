"""Houses with meters and a month of quarter-hours, written in bulk."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import asyncpg
import numpy as np

from app.audit.model import Actor
from app.tariffs.commands import change_rate
from app.tariffs.energy_rules import slots_of
from app.tariffs.model import Component, HighHours, Rate
from tests.bench.console.platform import BILLING_POINTS, BUILDINGS, OWNERS, RESIDENTS, SITES

NOW = datetime(2026, 11, 1, 6, tzinfo=UTC)
SINCE, FIRST, LAST, ZONE = date(2015, 1, 1), date(2026, 10, 1), date(2026, 10, 31), "Europe/Zurich"
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
WEEK, START, END = (1, 2, 3, 4, 5), time(7), time(20)
RATE = Rate(
    solution="electricity", vat_included=False, high_hours=(HighHours(weekdays=WEEK, from_time=START, to_time=END),),
    components=(
        Component(dimension="kwh", origin="solar", unit_price=Decimal("0.2017")),
        Component(dimension="kwh", origin="grid", band="high", unit_price=Decimal("0.2873")),
        Component(dimension="kwh", origin="grid", band="low", unit_price=Decimal("0.1981")),
        Component(dimension="month", unit_price=Decimal("9.50")),
    ),
)  # fmt: skip
METERS = """
WITH made AS (SELECT b.id AS point_id, b.site_id, uuidv7() AS meter_id, row_number() OVER () AS at FROM billing_point b
    JOIN site s ON s.account_id = b.account_id AND s.id = b.site_id AND s.name LIKE 'Siedlung %' WHERE b.account_id = $1),
meters AS (INSERT INTO meter (account_id, id, site_id, kind, serial, created_at)
    SELECT $1, meter_id, site_id, 'use', 'M' || at, $2 FROM made)
INSERT INTO meter_link (account_id, meter_id, billing_point_id, period) SELECT $1, meter_id, point_id, daterange(NULL, NULL) FROM made
"""
ROOFS = """
INSERT INTO meter (account_id, site_id, kind, serial, created_at)
SELECT account_id, id, 'production', 'ROOF', $2 FROM site WHERE account_id = $1 AND name LIKE 'Siedlung %'
"""
OF_SITE = "SELECT id, kind FROM meter WHERE account_id = $1 AND site_id = $2 ORDER BY serial, id"
LISTED = "SELECT id FROM site WHERE account_id = $1 AND name LIKE 'Siedlung %' ORDER BY id"
COLUMNS = ("account_id", "meter_id", "day", "wh", "received_at")


async def fill(dsn: str, account_id: UUID, sites: int, points: int) -> list[UUID]:
    """Write `sites` houses of `points` billing points, each with its resident, meter and quarter-hours; returns the houses."""
    line = await asyncpg.connect(dsn)
    try:
        async with line.transaction():
            await line.execute(SITES, account_id, NOW, sites)
            await line.execute(OWNERS, account_id, NOW, SINCE)
            await line.execute(BUILDINGS, account_id)
            await line.execute(BILLING_POINTS, account_id, points)
            await line.execute(RESIDENTS, account_id, NOW, [SINCE, None], 1)
            await line.execute(METERS, account_id, NOW)
            await line.execute(ROOFS, account_id, NOW)
        made = [row["id"] for row in await line.fetch(LISTED, account_id)]
        for number, site_id in enumerate(made):
            meters = await line.fetch(OF_SITE, account_id, site_id)
            await line.copy_records_to_table("quarter_day", columns=COLUMNS, records=_quarters(account_id, meters, number, points))
        await line.execute("VACUUM ANALYZE quarter_day, meter, meter_link, billing_point, occupancy, site")
    finally:
        await line.close()
    return made


def _quarters(account_id: UUID, meters: Sequence[asyncpg.Record], number: int, points: int) -> list[tuple[object, ...]]:
    dice = np.random.default_rng(number)
    rows: list[tuple[object, ...]] = []
    for day in DAYS:
        count = slots_of(day, day, ZONE).count
        sun = np.maximum(0, np.sin(np.linspace(-np.pi / 2, 3 * np.pi / 2, count))) * 90 * points
        for meter in meters:
            wh = (
                (sun * dice.uniform(0.3, 1)).astype("<i4") if meter["kind"] == "production" else dice.integers(10, 400, count).astype("<i4")
            )
            rows.append((account_id, meter["id"], day, wh.tobytes(), NOW))
    return rows


async def price(account_id: UUID, sites: Sequence[UUID]) -> None:
    """The same rate at every house, in force before the month."""
    for site_id in sites:
        await change_rate(Actor(account_id=account_id, name="bench"), site_id, date(2026, 1, 1), RATE, datetime(2025, 12, 1, tzinfo=UTC))
