"""Relays over HTTP, and the gateway's door: it asks every few seconds what its outputs shall be."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, JSONBody

from app.accounts.web.access import PUBLIC, Caller, HttpRequest
from app.appliances import commands
from app.appliances.commands import OutputState, RelayForm, RelayShown
from app.database.transaction import in_account
from app.kernel.errors import Refused
from app.metering import tokens
from app.sites.access import CONSOLE, MANAGERS, SETTERS, reach
from app.sites.routes import Created, actor_of, today_of

SEE: dict[str, Any] = {"roles": sorted(CONSOLE), "scope": "sites"}
SET_UP: dict[str, Any] = {"roles": sorted(SETTERS), "problems": (409,), "scope": "sites"}
SWITCHERS = SETTERS | MANAGERS
SWITCH: dict[str, Any] = {"roles": sorted(SWITCHERS), "scope": "sites"}
DOOR: dict[str, Any] = {"roles": PUBLIC, "exclude_from_csrf": True, "problems": (401,)}
TAGS = ["relays"]
BAD_TOKEN = Refused("bad_token", 401, "This token opens nothing. Make a new one for the gateway.")


class RelaySwitch(msgspec.Struct, forbid_unknown_fields=True):
    """On or off, by hand."""

    on: bool


@get("/api/sites/{site_id:uuid}/relays", opt=SEE, summary="Relays: how they are set, what is on and why", tags=TAGS)
async def relays(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> list[RelayShown]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), CONSOLE)
        return await commands.relays_of(site_id)


@post("/api/sites/{site_id:uuid}/relays", opt=SET_UP, summary="Enter a relay: power, mode, least time, periods", tags=TAGS)
async def enter(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[RelayForm]) -> Created:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
        return Created(await commands.set_relay(actor_of(identity), site_id, data, request.app.state.clock()))


@put("/api/relays/{relay_id:uuid}", status_code=204, opt=SET_UP, summary="Set a relay anew", tags=TAGS)
async def change(request: HttpRequest, identity: Caller, relay_id: FromPath[UUID], data: JSONBody[RelayForm]) -> None:
    async with in_account(identity.account_id):
        site_id = await reach(identity, await commands.relay_site(relay_id), today_of(request), SETTERS)
        await commands.set_relay(actor_of(identity), site_id, data, request.app.state.clock(), relay_id)


@post("/api/relays/{relay_id:uuid}/switch", status_code=204, opt=SWITCH, summary="Switch a relay by hand", tags=TAGS)
async def switch(request: HttpRequest, identity: Caller, relay_id: FromPath[UUID], data: JSONBody[RelaySwitch]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, await commands.relay_site(relay_id), today_of(request), SWITCHERS)
        await commands.switch(actor_of(identity), relay_id, data.on, request.app.state.clock())


@delete("/api/relays/{relay_id:uuid}", opt=SET_UP, summary="Take a relay away", tags=TAGS)
async def remove(request: HttpRequest, identity: Caller, relay_id: FromPath[UUID]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, await commands.relay_site(relay_id), today_of(request), SETTERS)
        await commands.remove(actor_of(identity), relay_id, request.app.state.clock())


@post("/api/gateway/relays", status_code=200, opt=DOOR, summary="A gateway asks what its relays shall be now", tags=TAGS)
async def outputs(request: HttpRequest) -> list[OutputState]:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    holder = await tokens.holder_of(token.strip(), request.app.state.clock()) if scheme.lower() == "bearer" and token.strip() else None
    if holder is None:
        raise BAD_TOKEN
    async with in_account(holder.account_id):
        return await commands.outputs_wanted(holder.site_id, request.app.state.clock())


ROUTES = [relays, enter, change, switch, remove, outputs]
