"""Grid operators' folders over HTTP: which are looked into, and how the last look went."""

from typing import Any
from uuid import UUID

from litestar import delete, get, post
from litestar.params import FromPath, JSONBody

from app.accounts.web.access import Caller, HttpRequest
from app.database.transaction import in_account
from app.metering import grid_sources
from app.sites.access import OPERATORS, reach
from app.sites.routes import Created, actor_of, today_of

OPERATE: dict[str, Any] = {"roles": sorted(OPERATORS), "problems": (409,), "scope": "sites"}
SEE: dict[str, Any] = {"roles": sorted(OPERATORS | {"support"}), "scope": "sites"}
TAGS = ["readings"]


@get("/api/sites/{site_id:uuid}/grid-sources", opt=SEE, summary="Grid operators' SFTP folders of a house", tags=TAGS)
async def listed(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> list[grid_sources.Source]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), OPERATORS | {"support"})
        return await grid_sources.sources_of(site_id)


@post("/api/sites/{site_id:uuid}/grid-sources", opt=OPERATE, summary="Have a grid operator's SFTP folder looked into", tags=TAGS)
async def add(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[grid_sources.NewSource]) -> Created:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), OPERATORS)
    now, secret_key = request.app.state.clock(), request.app.state.settings.secret_key
    return Created(await grid_sources.add_source(actor_of(identity), site_id, data, secret_key, now))


@delete("/api/grid-sources/{grid_source_id:uuid}", opt=OPERATE, summary="Look into a folder no more", tags=TAGS)
async def end(request: HttpRequest, identity: Caller, grid_source_id: FromPath[UUID]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, await grid_sources.site_of_source(grid_source_id), today_of(request), OPERATORS)
        await grid_sources.end_source(actor_of(identity), grid_source_id, request.app.state.clock())


ROUTES = [listed, add, end]
