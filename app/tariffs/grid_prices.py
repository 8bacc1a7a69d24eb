"""What grid operators ask for a kWh, from day to day: entered by hand or from a table, and proposed where a site's prices are set."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import execute, fetch, fetchrow, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.kernel.spreadsheet import Row, parse_day, rows_of

DAY = timedelta(days=1)
DEAREST = 100
HEADINGS: dict[str, tuple[str, ...]] = {
    "operator": ("operator", "grid operator", "netzbetreiber", "gestionnaire de réseau", "gestore di rete", "netbeheerder"),
    "first": ("first", "from", "valid from", "ab", "gültig ab", "dès", "valable dès", "dal", "vanaf"),
    "single": ("single", "price", "einheitstarif", "preis", "tarif unique", "prix", "tariffa unica", "prezzo", "enkel tarief", "prijs"),
    "high": ("high", "hochtarif", "haut tarif", "heures pleines", "alta tariffa", "hoog tarief"),
    "low": ("low", "niedertarif", "bas tarif", "heures creuses", "bassa tariffa", "laag tarief"),
    "source": ("source", "quelle", "fonte", "bron"),
}
NEEDED = ("operator", "first")
PRICES = "id, person_id, lower(period) AS first, upper(period) - 1 AS last, single, high, low, source, entered_at, entered_by"
# Whoever is named as grid operator of a site, today or ever; `sites`: of how many today.
OPERATORS = """
SELECT p.id AS person_id, trim(p.given_name || ' ' || p.family_name) AS name,
    count(DISTINCT s.site_id) FILTER (WHERE s.period @> $1::date)::int AS sites
FROM stakeholder s JOIN person p ON p.account_id = s.account_id AND p.id = s.person_id WHERE s.kind = 'grid_operator'
GROUP BY p.account_id, p.id ORDER BY 2, 1
"""
OF_SITE = f"""
SELECT {PRICES.replace("id, person_id, lower(period)", "g.id, g.person_id, lower(g.period)").replace("upper(period)", "upper(g.period)")},
    trim(p.given_name || ' ' || p.family_name) AS name
FROM stakeholder s JOIN grid_price g ON g.account_id = s.account_id AND g.person_id = s.person_id
JOIN person p ON p.account_id = s.account_id AND p.id = s.person_id
WHERE s.site_id = $1 AND s.kind = 'grid_operator' AND s.period @> $2::date AND g.period @> $2::date ORDER BY lower(s.period) DESC LIMIT 1
"""


class NewGridPrice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price a kWh, all told and with VAT, from a day on: one at all hours, or a high and a low one."""

    first: date
    single: Decimal | None = None
    high: Decimal | None = None
    low: Decimal | None = None
    source: Annotated[str, msgspec.Meta(max_length=200)] = ""


class GridPrice(msgspec.Struct, frozen=True, kw_only=True):
    """What a grid operator asks from day to day; `last` None: until further notice."""

    id: UUID
    person_id: UUID
    first: date
    last: date | None
    single: Decimal | None
    high: Decimal | None
    low: Decimal | None
    source: str
    entered_at: datetime
    entered_by: str


class GridOperator(msgspec.Struct, frozen=True, kw_only=True):
    """A grid operator with its prices, the latest first, and of how many sites it is today's."""

    person_id: UUID
    name: str
    sites: int
    prices: list[GridPrice]


class SiteGridPrice(msgspec.Struct, frozen=True, kw_only=True):
    """The price of a site's grid operator on a day."""

    name: str
    price: GridPrice


class PriceRowReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a row: done, there already, or refused with a code and a sentence."""

    row: int
    outcome: Literal["done", "unchanged", "refused"]
    operator: str = ""
    code: str = ""
    detail: str = ""
    params: dict[str, str] = {}


def check_price(form: NewGridPrice) -> None:
    """Raises Refused bad_rate."""
    given = [name for name in ("single", "high", "low") if getattr(form, name) is not None]
    prices = [getattr(form, name) for name in given]
    if given not in (["single"], ["high", "low"]) or any(not one.is_finite() or not 0 <= one <= DEAREST for one in prices):
        raise Refused("bad_rate", 422, "Write one price a kWh, or a high and a low one, of zero or more.", fields=given or ["single"])


async def grid_operators(today: date) -> list[GridOperator]:
    """Those who are named at sites, with their prices (inside the caller's transaction)."""
    prices: dict[UUID, list[GridPrice]] = {}
    for row in await fetch(f"SELECT {PRICES} FROM grid_price ORDER BY lower(period) DESC"):
        prices.setdefault(row["person_id"], []).append(GridPrice(**row))
    return [GridOperator(**row, prices=prices.get(row["person_id"], [])) for row in await fetch(OPERATORS, today)]


async def price_of_site(site_id: UUID, day: date) -> SiteGridPrice | None:
    """What the grid operator of a site asks on a day (inside the caller's transaction); None where nothing is known."""
    row = await fetchrow(OF_SITE, site_id, day)
    if row is None:
        return None
    return SiteGridPrice(name=row["name"], price=GridPrice(**{name: row[name] for name in GridPrice.__struct_fields__}))


async def enter_price(actor: Actor, person_id: UUID, form: NewGridPrice, now: datetime) -> UUID:
    """A grid operator's price from a day on, until the next one that is entered. The same day again corrects it.

    Raises Refused bad_rate, not_found where nobody of this id is a grid operator.
    """
    check_price(form)
    async with in_account(actor.account_id):
        return (await _enter(actor, person_id, form, now))[0]


async def _enter(actor: Actor, person_id: UUID, form: NewGridPrice, now: datetime) -> tuple[UUID, bool]:
    """(id, whether something changed), inside the caller's transaction."""
    if not await fetch("SELECT 1 FROM stakeholder WHERE kind = 'grid_operator' AND person_id = $1 LIMIT 1", person_id):
        raise not_found("grid operator")
    await execute("SELECT 1 FROM person WHERE id = $1 FOR UPDATE", person_id)  # one price at a time
    values = (form.single, form.high, form.low, form.source.strip())
    same = await fetchrow("SELECT id, single, high, low, source FROM grid_price WHERE person_id = $1 AND lower(period) = $2",
                          person_id, form.first)  # fmt: skip
    if same is not None and (same["single"], same["high"], same["low"], same["source"]) == values:
        return UUID(str(same["id"])), False
    before = None if same is None else {name: same[name] for name in ("single", "high", "low")}
    if same is not None:
        price_id = UUID(str(same["id"]))
        await execute("UPDATE grid_price SET single = $2, high = $3, low = $4, source = $5, entered_at = $6, entered_by = $7 WHERE id = $1",
                      price_id, *values, now, actor.name)  # fmt: skip
    else:
        price_id = new_id()
        later = await fetchrow("SELECT min(lower(period)) AS first FROM grid_price WHERE person_id = $1 AND lower(period) > $2",
                               person_id, form.first)  # fmt: skip
        await execute("UPDATE grid_price SET period = daterange(lower(period), $2) WHERE person_id = $1 AND period @> $2::date",
                      person_id, form.first)  # fmt: skip
        await execute(
            "INSERT INTO grid_price (account_id, id, person_id, period, single, high, low, source, entered_at, entered_by)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            actor.account_id, price_id, person_id, asyncpg.Range(form.first, later and later["first"]), *values, now, actor.name,
        )  # fmt: skip
    await note(actor, "grid_operator", person_id, "price", now, before=before,
               after={"from": form.first, "single": form.single, "high": form.high, "low": form.low})  # fmt: skip
    return price_id, True


async def remove_price(actor: Actor, price_id: UUID, now: datetime) -> None:
    """Take a price back; the one before it goes on. Raises Refused not_found."""
    async with in_account(actor.account_id):
        row = await fetchrow("DELETE FROM grid_price WHERE id = $1 RETURNING person_id, period", price_id)
        if row is None:
            raise not_found("price")
        await execute("UPDATE grid_price SET period = daterange(lower(period), $3) WHERE person_id = $1 AND upper(period) = $2",
                      row["person_id"], row["period"].lower, row["period"].upper)  # fmt: skip
        await note(actor, "grid_operator", row["person_id"], "price_removed", now, after={"from": row["period"].lower})


async def import_prices(actor: Actor, name: str, content: bytes, now: datetime) -> list[PriceRowReport]:
    """Enter the rows of a table (CSV or XLSX), each in full or not at all; the same table again changes nothing.

    Raises Refused as `rows_of` does, before anything is done.
    """
    rows = rows_of(name, content, HEADINGS, NEEDED)
    async with in_account(actor.account_id):
        known = {one.name.casefold(): one.person_id for one in await grid_operators(now.date())}
    return [await _row(actor, row, known, now) for row in rows]


async def _row(actor: Actor, row: Row, known: Mapping[str, UUID], now: datetime) -> PriceRowReport:
    operator = row.cells.get("operator", "")
    try:
        person_id = known.get(operator.casefold())
        if person_id is None:
            raise Refused("no_such_grid_operator", 422, f"No site names '{operator}' as its grid operator. Name it there first.",
                          column="operator", value=operator)  # fmt: skip
        form = NewGridPrice(first=_day(row), single=_price(row, "single"), high=_price(row, "high"), low=_price(row, "low"),
                            source=row.cells.get("source", "")[:200])  # fmt: skip
        check_price(form)
        async with in_account(actor.account_id):
            _, changed = await _enter(actor, person_id, form, now)
    except Refused as refused:
        params = {key: str(value) for key, value in refused.params.items()}
        return PriceRowReport(row=row.number, outcome="refused", operator=operator, code=refused.code, detail=refused.detail, params=params)
    return PriceRowReport(row=row.number, outcome="done" if changed else "unchanged", operator=operator)


def _day(row: Row) -> date:
    text = row.cells.get("first", "")
    try:
        return parse_day(text)
    except ValueError as error:
        raise Refused("bad_day", 422, f"'{text}' is not a day. Write it as 31.12.2026.", column="first") from error


def _price(row: Row, column: str) -> Decimal | None:
    text = row.cells.get(column, "")
    if not text:
        return None
    try:
        return Decimal(text.replace(",", "."))
    except InvalidOperation as error:
        raise Refused("bad_cell", 422, f"'{text}' is no price. Write it as 0.2750.", column=column) from error
