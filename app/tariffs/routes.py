"""Prices over HTTP: those of a site for the people who set them, and those that apply to a resident."""

from datetime import date
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from app.accounts.web.access import Caller, HttpRequest
from app.database.transaction import fetch, fetchval, in_account
from app.sites.access import CONSOLE, MANAGERS, reach
from app.sites.routes import Created, actor_of, today_of
from app.tariffs import commands
from app.tariffs.defaults import defaulted
from app.tariffs.guard_rules import Finding, findings
from app.tariffs.model import Component, HighHours, Rate, Solution, Tariff
from app.tariffs.queries import labels_of, tariffs_of
from app.tariffs.rules import check_components, check_rate

SEE: dict[str, Any] = {"roles": sorted(CONSOLE), "scope": "sites"}
MANAGE: dict[str, Any] = {"roles": sorted(MANAGERS), "problems": (409,), "scope": "sites"}
MINE: dict[str, Any] = {"roles": ["resident"]}
# Where somebody lives today, with the electricity rates of the place from today on; a change to another rate counts as its day's.
HERE = """
SELECT b.site_id, array_agg(DISTINCT coalesce(r.rate, '')) AS rates, array_agg(DISTINCT coalesce((SELECT n.rate FROM point_rate n
    WHERE n.account_id = b.account_id AND n.billing_point_id = b.id AND n.period @> $2::date), '')) AS now FROM occupancy o
JOIN billing_point b ON b.account_id = o.account_id AND b.id = o.billing_point_id
LEFT JOIN point_rate r ON r.account_id = b.account_id AND r.billing_point_id = b.id AND (upper_inf(r.period) OR upper(r.period) > $2::date)
WHERE o.person_id = $1 AND o.period @> $2::date GROUP BY b.site_id ORDER BY b.site_id
"""


class NewPrices(msgspec.Struct, forbid_unknown_fields=True):
    """Prices from a day on; per dimension the first component that matches an hour wins. See Rate for the other fields."""

    valid_from: date
    components: tuple[Component, ...]
    solution: Solution = "charging"
    rate: str = ""
    high_hours: tuple[HighHours, ...] = ()
    standard_price: Decimal | None = None
    solar_cost: Decimal | None = None
    grid_cost: Decimal | None = None
    vat_included: bool = True

    def as_rate(self) -> Rate:
        """What is entered, without the day."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__ if name != "valid_from"}
        return Rate(**fields)


class PointRate(msgspec.Struct, forbid_unknown_fields=True):
    """The rate of a billing point from a day on; '' is the site's."""

    rate: str
    first: date


class Label(msgspec.Struct, forbid_unknown_fields=True):
    """A site's own word for a position of its bills; empty: ours."""

    locale: Literal["de", "fr", "it", "en", "nl"]
    label: str


@get("/api/sites/{site_id:uuid}/tariffs", opt=SEE, summary="The prices of a site, past, present and future", tags=["rates"])
async def listed(
    request: HttpRequest, identity: Caller, site_id: FromPath[UUID], solution: FromQuery[Solution] = "charging"
) -> list[Tariff]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request))
        return await tariffs_of(site_id, solution)


@post("/api/sites/{site_id:uuid}/tariffs", opt=MANAGE, summary="Change the prices of a site from a day on", tags=["rates"])
async def change(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[NewPrices]) -> Created:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), MANAGERS)
    now = request.app.state.clock()
    return Created(await commands.change_rate(actor_of(identity), site_id, data.valid_from, data.as_rate(), now))


@post("/api/sites/{site_id:uuid}/tariffs/check", status_code=200, opt=MANAGE, tags=["rates"],
      summary="What deserves a second look: solar above the cap, prices without margin")  # fmt: skip
async def check(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[NewPrices]) -> list[Finding]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), MANAGERS)
        rate = await defaulted(site_id, data.valid_from, data.as_rate())
    check_components(rate.components, rate.solution)
    check_rate(rate)
    return findings(rate.components, standard_price=rate.standard_price, effective_cost=rate.solar_cost, grid_cost=rate.grid_cost)


@put("/api/billing-points/{point_id:uuid}/rate", status_code=204, opt=MANAGE, tags=["rates"],
     summary="The electricity rate of a billing point from a day on")  # fmt: skip
async def point_rate(request: HttpRequest, identity: Caller, point_id: FromPath[UUID], data: JSONBody[PointRate]) -> None:
    async with in_account(identity.account_id):
        site_id = await fetchval("SELECT site_id FROM billing_point WHERE id = $1", point_id)
        await reach(identity, site_id, today_of(request), MANAGERS)
    await commands.set_rate(actor_of(identity), point_id, data.rate, data.first, request.app.state.clock())


@get("/api/sites/{site_id:uuid}/position-labels", opt=SEE, summary="A site's own words on its bills", tags=["rates"])
async def labels(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], locale: FromQuery[str]) -> dict[str, str]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request))
        return await labels_of(site_id, locale)


@put("/api/sites/{site_id:uuid}/position-labels/{position:str}", status_code=204, opt=MANAGE, tags=["rates"],
     summary="Word a position of a site's bills; bills that are issued keep theirs")  # fmt: skip
async def label(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], position: FromPath[str], data: JSONBody[Label]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), MANAGERS)
    await commands.set_label(actor_of(identity), site_id, position, data.locale, data.label, request.app.state.clock())


@delete("/api/sites/{site_id:uuid}/tariffs/{tariff_id:uuid}", opt=MANAGE, summary="Take back prices that have not begun", tags=["rates"])
async def withdraw(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], tariff_id: FromPath[UUID]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), MANAGERS)
    await commands.withdraw_prices(actor_of(identity), site_id, tariff_id, request.app.state.clock())


@get("/api/rates", opt=MINE, summary="The prices that apply to me, with those already entered for later", tags=["rates"])
async def mine(request: HttpRequest, identity: Caller) -> list[Tariff]:
    today = today_of(request)
    async with in_account(identity.account_id):
        found = [
            tariff for row in await fetch(HERE, identity.person_id, today)
            for tariff in [*await tariffs_of(row["site_id"]), *await tariffs_of(row["site_id"], "electricity")]
            if tariff.solution == "charging" or tariff.rate in (row["now"] if tariff.valid_from <= today else row["rates"])
        ]  # fmt: skip
    # The latest that has begun, as they are in order, and what comes after it.
    begun = {_rate_of(tariff): tariff.valid_from for tariff in found if tariff.valid_from <= today}
    return [tariff for tariff in found if tariff.valid_from >= begun.get(_rate_of(tariff), today)]


def _rate_of(tariff: Tariff) -> tuple[UUID, str, str]:
    return tariff.site_id, tariff.solution, tariff.rate


@get("/api/sites/{site_id:uuid}/tariffs/defaults", opt=SEE, tags=["rates"],
     summary="The prices that a house begins with: the grid operator's, and solar a fifth below")  # fmt: skip
async def defaults(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], day: FromQuery[date]) -> Rate:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request))
        return await defaulted(site_id, day, Rate(components=(), solution="electricity", vat_included=False))


ROUTES = [defaults, listed, change, check, withdraw, point_rate, labels, label, mine]
