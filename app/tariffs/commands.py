"""Enter prices. A tariff in force is never edited: a new one begins and the old one ends the day before."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import asyncpg

from app.database.transaction import execute, fetchval
from app.kernel.errors import Refused
from app.kernel.identifiers import new_id
from app.tariffs.model import Component

END_OLD = """
UPDATE tariff SET period = daterange(lower(period), $2) WHERE site_id = $1 AND period @> $2::date AND lower(period) < $2
"""
INSERT_COMPONENT = """
INSERT INTO tariff_component (account_id, tariff_id, position, dimension, band, unit_price, from_time, to_time, weekdays,
                              grace_minutes, cap_minor)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""


async def enter_tariff(
    account_id: UUID, site_id: UUID, name: str, currency: str, vat_rate: Decimal, valid_from: date,
    components: tuple[Component, ...], *, vat_included: bool = True,
) -> UUID:  # fmt: skip
    """New prices of a site from a day on (inside the caller's transaction).

    Raises Refused `period_billed` where charges from that day on are priced already, `tariff_exists` where a later or
    equal tariff stands.
    """
    if await fetchval("SELECT 1 FROM charge WHERE site_id = $1 AND occurred_at >= $2", site_id, _midnight(valid_from)):
        raise Refused("period_billed", 409, "Charges from that day on are priced already. Choose a later first day.")
    await execute(END_OLD, site_id, valid_from)
    tariff_id = new_id()
    try:
        await execute(
            "INSERT INTO tariff (account_id, id, site_id, name, currency, vat_rate, vat_included, period)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, daterange($8, NULL))",
            account_id, tariff_id, site_id, name, currency, vat_rate, vat_included, valid_from,
        )  # fmt: skip
    except asyncpg.ExclusionViolationError as error:
        raise Refused("tariff_exists", 409, "Later prices are entered already. Choose a day after them.") from error
    for position, part in enumerate(components, start=1):
        await execute(
            INSERT_COMPONENT, account_id, tariff_id, position, part.dimension, part.band, part.unit_price,
            part.from_time, part.to_time, part.weekdays, part.grace_minutes, part.cap_minor,
        )  # fmt: skip
    return tariff_id


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
