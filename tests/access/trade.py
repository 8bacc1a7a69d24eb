"""What a house trades in: its grid operator's price, and an order of hardware."""

from datetime import date, datetime
from uuid import UUID

import asyncpg

from app.database.transaction import fetchval

PRICE = """
INSERT INTO grid_price (account_id, person_id, period, single, source, entered_at, entered_by) VALUES ($1, $2, $3, 1, $4, $5, $4)
RETURNING id
"""
ORDER = """
INSERT INTO hardware_order (account_id, site_id, ordered_at, ordered_by, ordered_by_name, terms_version, comment, confirm_by, deliver_by)
VALUES ($1, $2, $3, (SELECT login_id FROM role_grant WHERE account_id = $1 AND role = 'installer' LIMIT 1), $4, '1', $4, $3, $3::timestamptz::date)
RETURNING id
"""


async def trade(account: UUID, site: UUID, house: int, operator: UUID, mark: str, now: datetime) -> tuple[UUID, UUID]:
    """(grid price, order), with the site's marker in every text. One operator may serve several houses: each has a year of its own."""
    period = asyncpg.Range(date(2026 + house, 1, 1), date(2027 + house, 1, 1))
    return await fetchval(PRICE, account, operator, period, mark, now), await fetchval(ORDER, account, site, now, mark)
