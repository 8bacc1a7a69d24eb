"""Prices over HTTP: those of a site for the people who set them, and those that apply to a resident."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody

from app.accounts.web.access import Caller, HttpRequest
from app.database.transaction import fetch, in_account
from app.sites.access import CONSOLE, MANAGERS, reach
from app.sites.routes import Created, actor_of, today_of
from app.tariffs import commands
from app.tariffs.model import Component, Tariff
from app.tariffs.queries import tariffs_of

SEE: dict[str, Any] = {"roles": sorted(CONSOLE), "scope": "sites"}
MANAGE: dict[str, Any] = {"roles": sorted(MANAGERS), "problems": (409,), "scope": "sites"}
MINE: dict[str, Any] = {"roles": ["resident"]}
HERE = """
SELECT DISTINCT b.site_id FROM occupancy o JOIN billing_point b ON b.account_id = o.account_id AND b.id = o.billing_point_id
WHERE o.person_id = $1 AND o.period @> $2::date
"""


class NewPrices(msgspec.Struct, forbid_unknown_fields=True):
    """Prices with VAT from a day on; per dimension the first component that matches an hour wins."""

    valid_from: date
    components: tuple[Component, ...]


@get("/api/sites/{site_id:uuid}/tariffs", opt=SEE, summary="The prices of a site, past, present and future", tags=["rates"])
async def listed(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> list[Tariff]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request))
        return await tariffs_of(site_id)


@post("/api/sites/{site_id:uuid}/tariffs", opt=MANAGE, summary="Change the prices of a site from a day on", tags=["rates"])
async def change(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[NewPrices]) -> Created:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), MANAGERS)
    now = request.app.state.clock()
    return Created(await commands.change_prices(actor_of(identity), site_id, data.valid_from, data.components, now))


@delete("/api/sites/{site_id:uuid}/tariffs/{tariff_id:uuid}", opt=MANAGE, summary="Take back prices that have not begun", tags=["rates"])
async def withdraw(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], tariff_id: FromPath[UUID]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), MANAGERS)
    await commands.withdraw_prices(actor_of(identity), site_id, tariff_id, request.app.state.clock())


@get("/api/rates", opt=MINE, summary="The prices that apply to me, with those already entered for later", tags=["rates"])
async def mine(request: HttpRequest, identity: Caller) -> list[Tariff]:
    today = today_of(request)
    async with in_account(identity.account_id):
        sites = [row["site_id"] for row in await fetch(HERE, identity.person_id, today)]
        found = [tariff for site_id in sites for tariff in await tariffs_of(site_id)]
    begun = {tariff.site_id: tariff.valid_from for tariff in found if tariff.valid_from <= today}  # the latest, as they are in order
    return [tariff for tariff in found if tariff.valid_from >= begun.get(tariff.site_id, today)]


ROUTES = [listed, change, withdraw, mine]
