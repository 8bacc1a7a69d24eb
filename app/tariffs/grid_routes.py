"""Grid operators' prices over HTTP: operators keep them, whoever sets a site's prices sees them."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from litestar import delete, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, FromQuery, JSONBody, MultipartBody

from app.accounts.web.access import Caller, HttpRequest
from app.database.transaction import in_account
from app.kernel.spreadsheet import MOST_BYTES
from app.sites.access import CONSOLE, OPERATORS, STAFF, reach
from app.sites.routes import Created, actor_of, today_of
from app.tariffs import grid_prices
from app.tariffs.grid_prices import GridOperator, NewGridPrice, PriceRowReport, SiteGridPrice

SEE: dict[str, Any] = {"roles": sorted(STAFF)}
KEEP: dict[str, Any] = {"roles": sorted(OPERATORS), "problems": (409,)}
OF_SITE: dict[str, Any] = {"roles": sorted(CONSOLE), "scope": "sites"}
TAGS = ["rates"]


@dataclass
class PriceSheet:
    """A table of prices: CSV or XLSX, or what was pasted."""

    file: UploadFile


@get("/api/operator/grid-prices", opt=SEE, summary="The grid operators of our sites, and what they ask from day to day", tags=TAGS)
async def listed(request: HttpRequest, identity: Caller) -> list[GridOperator]:
    async with in_account(identity.account_id):
        return await grid_prices.grid_operators(today_of(request))


@post("/api/operator/grid-operators/{person_id:uuid}/prices", opt=KEEP, summary="What a grid operator asks from a day on", tags=TAGS)
async def enter(request: HttpRequest, identity: Caller, person_id: FromPath[UUID], data: JSONBody[NewGridPrice]) -> Created:
    return Created(await grid_prices.enter_price(actor_of(identity), person_id, data, request.app.state.clock()))


@delete("/api/operator/grid-prices/{grid_price_id:uuid}", opt=KEEP, summary="Take a grid operator's price back; the one before goes on",
        tags=TAGS)  # fmt: skip
async def remove(request: HttpRequest, identity: Caller, grid_price_id: FromPath[UUID]) -> None:
    await grid_prices.remove_price(actor_of(identity), grid_price_id, request.app.state.clock())


@post("/api/operator/grid-prices-import", status_code=200, opt=KEEP, summary="Enter grid operators' prices from a table", tags=TAGS,
      request_max_body_size=MOST_BYTES + 100_000)  # fmt: skip
async def import_sheet(request: HttpRequest, identity: Caller, data: MultipartBody[PriceSheet]) -> list[PriceRowReport]:
    content = await data.file.read()
    return await grid_prices.import_prices(actor_of(identity), data.file.filename, content, request.app.state.clock())


@get(
    "/api/sites/{site_id:uuid}/grid-price",
    opt=OF_SITE,
    summary="What the grid operator of a site asks on a day, where it is known",
    tags=TAGS,
)
async def of_site(
    request: HttpRequest, identity: Caller, site_id: FromPath[UUID], day: FromQuery[date | None] = None
) -> list[SiteGridPrice]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request))
        found = await grid_prices.price_of_site(site_id, day or today_of(request))
    return [] if found is None else [found]


ROUTES = [listed, enter, remove, import_sheet, of_site]
