"""Enter prices. A tariff in force is never edited: a new one begins and the old one ends the day before."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import asyncpg

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import execute, fetchrow, fetchval, in_account
from app.kernel.calendar import local_midnight
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.kernel.regime import standard_vat
from app.tariffs.model import Component, Tariff
from app.tariffs.queries import tariff_in_force
from app.tariffs.rules import check_components

END_OLD = """
UPDATE tariff SET period = daterange(lower(period), $2) WHERE site_id = $1 AND period @> $2::date AND lower(period) < $2
"""
INSERT_COMPONENT = """
INSERT INTO tariff_component (account_id, tariff_id, position, dimension, band, unit_price, from_time, to_time, weekdays,
                              grace_minutes, cap_minor)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""


async def change_prices(
    actor: Actor, site_id: UUID, valid_from: date, components: tuple[Component, ...], now: datetime, *, name: str = "Charging"
) -> UUID:
    """Other prices of a site from a day on; what is priced already never changes. The same again is the same tariff.

    Raises Refused not_found, no_price, bad_price, period_billed, tariff_exists.
    """
    check_components(components)
    async with in_account(actor.account_id):
        site = await fetchrow("SELECT country, currency FROM site WHERE id = $1 FOR UPDATE", site_id)
        if site is None:
            raise not_found("site")
        present = await tariff_in_force(site_id, valid_from)
        if present is not None and present.valid_from == valid_from and present.components == components:
            return present.id
        vat = standard_vat(site["country"], valid_from)
        tariff_id = await enter_tariff(actor.account_id, site_id, name, site["currency"], vat, valid_from, components)
        await note(actor, "site", site_id, "prices", now, before={"prices": _shown(present)},
                   after={"prices": [str(part.unit_price) for part in components], "from": valid_from})  # fmt: skip
    return tariff_id


async def withdraw_prices(actor: Actor, site_id: UUID, tariff_id: UUID, now: datetime) -> None:
    """Take back prices that have not begun; those before them go on. Raises Refused not_found, prices_in_force."""
    async with in_account(actor.account_id):
        if await fetchval("SELECT 1 FROM tariff WHERE id = $1 AND site_id = $2", tariff_id, site_id) is None:
            raise not_found("tariff")
        if not await fetchval("SELECT withdraw_tariff($1, $2)", tariff_id, now.date()):
            raise Refused("prices_in_force", 409, "These prices are in force or have priced charges. Enter new ones from a coming day.")
        await note(actor, "site", site_id, "prices_withdrawn", now, after={"tariff_id": tariff_id})


def _shown(tariff: Tariff | None) -> list[str]:
    return [] if tariff is None else [str(part.unit_price) for part in tariff.components]


async def enter_tariff(
    account_id: UUID, site_id: UUID, name: str, currency: str, vat_rate: Decimal, valid_from: date,
    components: tuple[Component, ...], *, vat_included: bool = True,
) -> UUID:  # fmt: skip
    """New prices of a site from a day on (inside the caller's transaction).

    Raises Refused `period_billed` where charges from that day on are priced already, `tariff_exists` where a later or
    equal tariff stands.
    """
    zone = await fetchval("SELECT time_zone FROM site WHERE id = $1", site_id)
    if await fetchval("SELECT 1 FROM charge WHERE site_id = $1 AND occurred_at >= $2", site_id, local_midnight(valid_from, zone)):
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
