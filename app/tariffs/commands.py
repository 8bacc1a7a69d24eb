"""Enter prices. A tariff in force is never edited: a new one begins and the old one ends the day before."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import asyncpg
import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import execute, fetchrow, fetchval, in_account
from app.kernel.calendar import local_midnight
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.kernel.regime import standard_vat
from app.tariffs.defaults import defaulted
from app.tariffs.model import Component, Rate, Solution, Tariff
from app.tariffs.queries import tariff_in_force
from app.tariffs.rules import check_components, check_rate

END_OLD = """
UPDATE tariff SET period = daterange(lower(period), $2)
WHERE site_id = $1 AND period @> $2::date AND lower(period) < $2 AND solution = $3 AND rate = $4
"""
INSERT_TARIFF = """
INSERT INTO tariff (account_id, id, site_id, name, currency, vat_rate, vat_included, period, solution, rate, high_hours,
                    standard_price, solar_cost, grid_cost)
VALUES ($1, $2, $3, $4, $5, $6, $7, daterange($8, NULL), $9, $10, $11, $12, $13, $14)
"""
INSERT_COMPONENT = """
INSERT INTO tariff_component (account_id, tariff_id, position, dimension, band, unit_price, from_time, to_time, weekdays,
                              grace_minutes, cap_minor, origin, season_from, season_to, tiers, whole_volume, vat_rate, label,
                              creditor_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
"""
NAMES = {"charging": "Charging", "electricity": "Electricity"}


async def change_prices(actor: Actor, site_id: UUID, valid_from: date, components: tuple[Component, ...], now: datetime) -> UUID:
    """Other prices of a site's charges from a day on; see change_rate."""
    return await change_rate(actor, site_id, valid_from, Rate(components=components), now)


async def change_rate(actor: Actor, site_id: UUID, valid_from: date, rate: Rate, now: datetime) -> UUID:
    """Other prices of a site from a day on; what is priced already never changes. The same again is the same tariff.

    A kWh of electricity without a price gets that of the house's grid operator, solar energy a fifth less.
    Raises Refused not_found, no_price, bad_price, prices_without_vat, period_billed, tariff_exists.
    """
    async with in_account(actor.account_id):
        rate = await defaulted(site_id, valid_from, rate)
    check_components(rate.components, rate.solution)
    check_rate(rate)
    async with in_account(actor.account_id):
        site = await fetchrow("SELECT country, currency FROM site WHERE id = $1 FOR UPDATE", site_id)
        if site is None:
            raise not_found("site")
        present = await tariff_in_force(site_id, valid_from, rate.solution, rate.rate)
        if present is not None and present.valid_from == valid_from and _says_the_same(present, rate):
            return present.id
        vat = standard_vat(site["country"], valid_from)
        tariff_id = await enter_rate(actor.account_id, site_id, site["currency"], vat, valid_from, rate)
        await note(actor, "site", site_id, "prices", now, before={"prices": _shown(present)},
                   after={"prices": [str(part.unit_price) for part in rate.components], "from": valid_from})  # fmt: skip
    return tariff_id


def _says_the_same(present: Tariff, rate: Rate) -> bool:
    names = ("components", "high_hours", "standard_price", "solar_cost", "grid_cost", "vat_included")
    return all(getattr(present, name) == getattr(rate, name) for name in names)


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
    """New prices of a site's charges from a day on (inside the caller's transaction); see enter_rate."""
    rate = Rate(components=components, name=name, vat_included=vat_included)
    return await enter_rate(account_id, site_id, currency, vat_rate, valid_from, rate)


async def enter_rate(account_id: UUID, site_id: UUID, currency: str, vat_rate: Decimal, valid_from: date, rate: Rate) -> UUID:
    """New prices of a site from a day on (inside the caller's transaction).

    Raises Refused `period_billed` where something from that day on is priced already, `tariff_exists` where a later or
    equal tariff stands.
    """
    zone = await fetchval("SELECT time_zone FROM site WHERE id = $1", site_id)
    if await _priced_since(site_id, valid_from, zone, rate.solution):
        raise Refused("period_billed", 409, "Charges from that day on are priced already. Choose a later first day.")
    await execute(END_OLD, site_id, valid_from, rate.solution, rate.rate)
    tariff_id = new_id()
    try:
        await execute(
            INSERT_TARIFF, account_id, tariff_id, site_id, rate.name or rate.rate or NAMES[rate.solution], currency, vat_rate,
            rate.vat_included, valid_from, rate.solution, rate.rate, msgspec.json.encode(rate.high_hours).decode(),
            rate.standard_price, rate.solar_cost, rate.grid_cost,
        )  # fmt: skip
    except asyncpg.ExclusionViolationError as error:
        raise Refused("tariff_exists", 409, "Later prices are entered already. Choose a day after them.") from error
    for position, part in enumerate(rate.components, start=1):
        await execute(
            INSERT_COMPONENT, account_id, tariff_id, position, part.dimension, part.band, part.unit_price,
            part.from_time, part.to_time, part.weekdays, part.grace_minutes, part.cap_minor, part.origin, part.season_from,
            part.season_to, msgspec.json.encode(part.tiers).decode(), part.whole_volume, part.vat_rate, part.label,
            part.creditor_id,
        )  # fmt: skip
    return tariff_id


async def _priced_since(site_id: UUID, valid_from: date, zone: str, solution: Solution) -> bool:
    if solution == "charging":
        since = local_midnight(valid_from, zone)
        return await fetchval("SELECT 1 FROM charge WHERE site_id = $1 AND occurred_at >= $2", site_id, since) is not None
    return (
        await fetchval("SELECT 1 FROM energy_run WHERE site_id = $1 AND state = 'issued' AND upper(period) > $2", site_id, valid_from)
        is not None
    )


async def set_rate(actor: Actor, billing_point_id: UUID, rate: str, first: date, now: datetime) -> None:
    """The electricity rate of a billing point from a day on; '' is the site's. Safe to repeat.

    Raises Refused not_found, tariff_exists where a later one is entered.
    """
    async with in_account(actor.account_id):
        if await fetchval("SELECT 1 FROM billing_point WHERE id = $1 FOR UPDATE", billing_point_id) is None:
            raise not_found("billing point")
        row = await fetchrow("SELECT id, rate, lower(period) AS first FROM point_rate WHERE billing_point_id = $1 AND period @> $2::date",
                             billing_point_id, first)  # fmt: skip
        if rate == ("" if row is None else row["rate"]):
            return
        try:
            if row is not None and row["first"] == first:
                await execute("UPDATE point_rate SET rate = $2 WHERE id = $1", row["id"], rate)
            else:
                await execute("UPDATE point_rate SET period = daterange(lower(period), $2) WHERE billing_point_id = $1"
                              " AND period @> $2::date", billing_point_id, first)  # fmt: skip
                await execute("INSERT INTO point_rate (account_id, id, billing_point_id, solution, rate, period)"
                              " VALUES ($1, $2, $3, 'electricity', $4, daterange($5, NULL))",
                              actor.account_id, new_id(), billing_point_id, rate, first)  # fmt: skip
        except asyncpg.ExclusionViolationError as error:
            raise Refused("tariff_exists", 409, "Later prices are entered already. Choose a day after them.") from error
        await note(actor, "billing_point", billing_point_id, "rate", now, after={"rate": rate, "from": first})


async def set_label(actor: Actor, site_id: UUID, position_key: str, locale: str, label: str, now: datetime) -> None:
    """A site's own word for a position of its bills; an empty one brings back ours. Issued bills keep theirs."""
    async with in_account(actor.account_id):
        if await fetchval("SELECT 1 FROM site WHERE id = $1", site_id) is None:
            raise not_found("site")
        await execute("DELETE FROM position_label WHERE site_id = $1 AND position_key = $2 AND locale = $3", site_id, position_key, locale)
        if label.strip():
            await execute("INSERT INTO position_label (account_id, site_id, position_key, locale, label) VALUES ($1, $2, $3, $4, $5)",
                          actor.account_id, site_id, position_key, locale, " ".join(label.split())[:80])  # fmt: skip
        await note(actor, "site", site_id, "position_label", now, after={"position": position_key, "locale": locale, "label": label})
