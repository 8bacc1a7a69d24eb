"""The commissioning run over HTTP, and the gateway's door for what its meters measure on each phase."""

from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.params import FromPath, JSONBody

from app.accounts.web.access import PUBLIC, Caller, HttpRequest
from app.charging import commissioning
from app.charging.balance_routes import SEE, SEERS, SET_UP, hurry
from app.charging.commissioning import Commissioning
from app.charging.meter_currents import CurrentsTaken, MeterCurrents, take_currents
from app.database.transaction import in_account
from app.kernel.errors import Refused
from app.metering import tokens
from app.sites.access import SETTERS, reach
from app.sites.routes import actor_of, today_of

DOOR: dict[str, Any] = {"roles": PUBLIC, "exclude_from_csrf": True, "problems": (401, 422)}
BEGIN: dict[str, Any] = SET_UP | {"problems": (409,)}
TAGS = ["load balancing"]
BAD_TOKEN = Refused("bad_token", 401, "This token opens nothing. Make a new one for the gateway.")


@get("/api/sites/{site_id:uuid}/commissioning", opt=SEE, summary="The last commissioning run, and on which phases stations were found",
     tags=TAGS)  # fmt: skip
async def last(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> Commissioning:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SEERS)
        return await commissioning.last_run(site_id)


@post(
    "/api/sites/{site_id:uuid}/commissioning",
    opt=BEGIN,
    summary="Switch each station in turn and learn its phases from the meter",
    tags=TAGS,
)
async def begin(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> Commissioning:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
        await commissioning.start(actor_of(identity), site_id, request.app.state.clock())
        run = await commissioning.last_run(site_id)
    await hurry(request, identity.account_id)
    return run


@post("/api/sites/{site_id:uuid}/commissioning/stop", status_code=204, opt=SET_UP, summary="Stop the commissioning run", tags=TAGS)
async def stop(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
        await commissioning.stop(actor_of(identity), site_id, request.app.state.clock())
    await hurry(request, identity.account_id)


@post(
    "/api/gateway/currents",
    status_code=200,
    opt=DOOR,
    summary="What a gateway's meters measure on each phase, every few seconds",
    tags=TAGS,
)
async def currents(request: HttpRequest, data: JSONBody[MeterCurrents]) -> CurrentsTaken:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    holder = await tokens.holder_of(token.strip(), request.app.state.clock()) if scheme.lower() == "bearer" and token.strip() else None
    if holder is None:
        raise BAD_TOKEN
    taken = await take_currents(holder.account_id, holder.site_id, data, request.app.state.clock())
    await hurry(request, holder.account_id)
    return taken


ROUTES = [last, begin, stop, currents]
