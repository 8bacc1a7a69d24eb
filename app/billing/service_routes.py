"""Work at houses over HTTP: what is agreed, visits, and the bills that follow."""

from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, JSONBody

from app.accounts.rules import OPERATORS
from app.accounts.web.access import Caller, HttpRequest
from app.billing import service_work
from app.database.transaction import in_account
from app.sites.routes import Created, actor_of

OPERATE: dict[str, Any] = {"roles": sorted(OPERATORS)}
DECIDE: dict[str, Any] = {**OPERATE, "problems": (409,)}
TAGS = ["accounting"]


@get("/api/sites/{site_id:uuid}/service", opt=OPERATE, summary="What is agreed for work at a house, and the visits", tags=TAGS)
async def page(identity: Caller, site_id: FromPath[UUID]) -> service_work.ServicePage:
    async with in_account(identity.account_id):
        return await service_work.page(site_id)


@post("/api/sites/{site_id:uuid}/service-terms", status_code=204, opt=DECIDE, summary="Agree on warranty, package and prices", tags=TAGS)
async def agree(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[service_work.NewTerms]) -> None:
    await service_work.agree(actor_of(identity), site_id, data, request.app.state.clock())


@post("/api/sites/{site_id:uuid}/visits", opt=DECIDE, summary="Keep a visit; what is not covered is billed to the owner", tags=TAGS)
async def visit(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[service_work.NewVisit]) -> Created:
    return Created(await service_work.visit(actor_of(identity), site_id, data, request.app.state.clock()))


ROUTES = [page, agree, visit]
