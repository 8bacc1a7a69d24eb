"""Staff and gateways over HTTP: an access for a while, what is asked in it, and the gateway that comes and asks."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody

from app.accounts.rules import STAFF
from app.accounts.web.access import PUBLIC, Caller, HttpRequest
from app.database.transaction import in_account
from app.kernel.errors import Refused
from app.metering import gateway_access as access
from app.sites.access import reach
from app.sites.routes import Created, actor_of, today_of

STAFF_ONLY: dict[str, Any] = {"roles": sorted(STAFF), "problems": (409, 422), "scope": "sites"}
DOOR: dict[str, Any] = {"roles": PUBLIC, "exclude_from_csrf": True, "problems": (401, 422)}
TAGS = ["gateways"]


class Coming(msgspec.Struct, forbid_unknown_fields=True):
    """What a gateway brings when it comes: answers to what was asked before."""

    told: Annotated[list[access.Told], msgspec.Meta(max_length=20)] = []


class Wishes(msgspec.Struct):
    """What it has to do."""

    wanted: list[access.Wanted]


@get("/api/gateway-tokens/{gateway_token_id:uuid}/accesses", opt=STAFF_ONLY, summary="Who reached a gateway, why and how long", tags=TAGS)
async def accesses(request: HttpRequest, identity: Caller, gateway_token_id: FromPath[UUID]) -> list[access.Access]:
    async with in_account(identity.account_id):
        await reach(identity, await access.site_of_token(gateway_token_id), today_of(request), STAFF)
        return await access.accesses(gateway_token_id)


@post(
    "/api/gateway-tokens/{gateway_token_id:uuid}/accesses", opt=STAFF_ONLY, summary="Reach a gateway for a while, with a reason", tags=TAGS
)
async def open_access(
    request: HttpRequest, identity: Caller, gateway_token_id: FromPath[UUID], data: JSONBody[access.Opening]
) -> Created:  # fmt: skip
    async with in_account(identity.account_id):
        site_id = await reach(identity, await access.site_of_token(gateway_token_id), today_of(request), STAFF)
        made = await access.open_access(actor_of(identity), gateway_token_id, site_id, data, request.app.state.clock())
    return Created(made)


@post(
    "/api/gateway-accesses/{gateway_access_id:uuid}/asks", opt=STAFF_ONLY, status_code=202, summary="Ask something of a gateway", tags=TAGS
)
async def ask(request: HttpRequest, identity: Caller, gateway_access_id: FromPath[UUID], data: JSONBody[access.NewAsk]) -> Created:
    site_id = await access.site_of_access(identity.account_id, gateway_access_id)
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), STAFF)
        made = await access.ask(identity.account_id, gateway_access_id, identity.login_id, data, request.app.state.clock())
    return Created(made)


@delete("/api/gateway-accesses/{gateway_access_id:uuid}", opt=STAFF_ONLY, summary="End an access to a gateway", tags=TAGS)
async def close(request: HttpRequest, identity: Caller, gateway_access_id: FromPath[UUID]) -> None:
    site_id = await access.site_of_access(identity.account_id, gateway_access_id)
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), STAFF)
        await access.close_access(actor_of(identity), gateway_access_id, site_id, request.app.state.clock())


@post("/api/gateway/asks", opt=DOOR, status_code=200, summary="A gateway comes: it tells what it did, and hears what is asked", tags=TAGS)
async def come(request: HttpRequest, data: JSONBody[Coming]) -> Wishes:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    wanted = await access.come_and_ask(token.strip(), data.told, request.app.state.clock()) if scheme.lower() == "bearer" else None
    if wanted is None:
        raise Refused("bad_token", 401, "This token opens nothing. Make a new one for the gateway.")
    return Wishes(wanted)


ROUTES = [accesses, open_access, ask, close, come]
