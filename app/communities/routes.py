"""Energy communities over HTTP: members, meters with their configurations, what was shared; and a member's own meters."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from litestar import delete, get, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from app.accounts.model import Identity
from app.accounts.rules import person_as
from app.accounts.web.access import Caller, HttpRequest
from app.communities import commands, queries, readings
from app.communities.model import Connection, ConnectionRow, NewCommunityMeter, NewConfiguration, SharePoint, State
from app.database.transaction import in_account
from app.kernel.errors import not_found
from app.residents.access import reach_person
from app.sites.access import CONSOLE, MANAGERS, SETTERS, reach
from app.sites.routes import Created, actor_of, today_of

KEEPERS = MANAGERS | SETTERS
HOLDERS = ("resident", "former_resident", "owner", "proxy")
SEE: dict[str, Any] = {"roles": sorted(CONSOLE), "scope": "sites"}
KEEP: dict[str, Any] = {"roles": sorted(KEEPERS), "problems": (409,), "scope": "sites"}
MINE: dict[str, Any] = {"roles": list(HOLDERS), "scope": "anyone"}
TAGS = ["communities"]


class NewCommunity(msgspec.Struct, forbid_unknown_fields=True):
    name: str


class NewMember(msgspec.Struct, forbid_unknown_fields=True):
    """Who takes part, from which day."""

    person_id: UUID
    first: date


class NewState(msgspec.Struct, forbid_unknown_fields=True):
    state: State
    first: date


class DrawnAndFed(msgspec.Struct, forbid_unknown_fields=True):
    """The Wh of a local day's 92, 96 or 100 quarter-hours, null where nothing came; `fed_wh` empty: nothing is fed in."""

    drawn_wh: list[int | None]
    fed_wh: list[int | None] = []


class CommunityPage(msgspec.Struct, frozen=True, kw_only=True):
    """A community with its members and the meters asked for."""

    community: queries.Community
    members: list[queries.Member]
    meters: list[ConnectionRow]


async def _reach(request: HttpRequest, identity: Identity, site_id: UUID | None, roles: frozenset[str], what: str) -> None:
    if site_id is None:
        raise not_found(what)
    await reach(identity, site_id, today_of(request), roles)


@get("/api/sites/{site_id:uuid}/communities", opt=SEE, summary="The energy communities of a site", tags=TAGS)
async def listed(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> list[queries.Community]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request))
        return await queries.communities(site_id)


@post("/api/sites/{site_id:uuid}/communities", opt=KEEP, summary="Found an energy community", tags=TAGS)
async def found(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[NewCommunity]) -> Created:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), KEEPERS)
    return Created(await commands.create_community(actor_of(identity), site_id, data.name, request.app.state.clock()))


@get("/api/communities/{community_id:uuid}", opt=SEE, summary="A community; `ean` filters its meters", tags=TAGS)
async def page(request: HttpRequest, identity: Caller, community_id: FromPath[UUID], ean: FromQuery[str] = "") -> CommunityPage:
    async with in_account(identity.account_id):
        await _reach(request, identity, await queries.site_of_community(community_id), CONSOLE, "community")
        digits = "".join(filter(str.isdigit, ean))[:18]
        return CommunityPage(
            community=await queries.community(community_id), members=await queries.members(community_id),
            meters=await queries.connections(community_id, digits, today_of(request)),
        )  # fmt: skip


@post("/api/communities/{community_id:uuid}/members", opt=KEEP, summary="Let somebody take part in a community", tags=TAGS)
async def add_member(request: HttpRequest, identity: Caller, community_id: FromPath[UUID], data: JSONBody[NewMember]) -> Created:
    async with in_account(identity.account_id):
        await _reach(request, identity, await queries.site_of_community(community_id), KEEPERS, "community")
        await reach_person(identity, data.person_id, today_of(request), KEEPERS)
    made = await commands.add_member(actor_of(identity), community_id, data.person_id, data.first, request.app.state.clock())
    return Created(made)


@post("/api/communities/{community_id:uuid}/meters", opt=KEEP, summary="Create a meter with its first configuration", tags=TAGS)
async def add_meter(request: HttpRequest, identity: Caller, community_id: FromPath[UUID], data: JSONBody[NewCommunityMeter]) -> Created:
    async with in_account(identity.account_id):
        await _reach(request, identity, await queries.site_of_community(community_id), KEEPERS, "community")
    return Created(await commands.create_meter(actor_of(identity), community_id, data, request.app.state.clock()))


@get("/api/community-meters/{connection_id:uuid}", opt=SEE, summary="A community's meter: actual, historical, future", tags=TAGS)
async def meter(request: HttpRequest, identity: Caller, connection_id: FromPath[UUID]) -> Connection:
    async with in_account(identity.account_id):
        await _reach(request, identity, await queries.site_of_meter(connection_id), CONSOLE, "meter")
        return await queries.connection(connection_id, today_of(request))


@get("/api/community-meters/{connection_id:uuid}/consumption", opt=SEE, summary="The six series of a community's meter", tags=TAGS)
async def consumption(request: HttpRequest, identity: Caller, connection_id: FromPath[UUID], first: FromQuery[date], last: FromQuery[date],
                      step: FromQuery[readings.Step] = "day") -> list[SharePoint]:  # fmt: skip
    async with in_account(identity.account_id):
        await _reach(request, identity, await queries.site_of_meter(connection_id), CONSOLE, "meter")
        return await readings.series(connection_id, first, last, step)


@post("/api/community-meters/{connection_id:uuid}/configurations", opt=KEEP, summary="Enter what holds for a meter from a day on",
      tags=TAGS)  # fmt: skip
async def configure(request: HttpRequest, identity: Caller, connection_id: FromPath[UUID], data: JSONBody[NewConfiguration]) -> Created:
    async with in_account(identity.account_id):
        await _reach(request, identity, await queries.site_of_meter(connection_id), KEEPERS, "meter")
    return Created(await commands.add_configuration(actor_of(identity), connection_id, data, request.app.state.clock()))


@post("/api/community-meters/{connection_id:uuid}/state", opt=KEEP, summary="Another state of a meter from a day on", tags=TAGS)
async def state(request: HttpRequest, identity: Caller, connection_id: FromPath[UUID], data: JSONBody[NewState]) -> Created:
    async with in_account(identity.account_id):
        await _reach(request, identity, await queries.site_of_meter(connection_id), KEEPERS, "meter")
    return Created(await commands.set_state(actor_of(identity), connection_id, data.state, data.first, request.app.state.clock()))


@delete("/api/community-configurations/{configuration_id:uuid}", opt=KEEP, tags=TAGS,
        summary="Delete a configuration that has not begun; `reopen`: the one before holds on")  # fmt: skip
async def remove(request: HttpRequest, identity: Caller, configuration_id: FromPath[UUID], reopen: FromQuery[bool] = False) -> None:
    async with in_account(identity.account_id):
        await _reach(request, identity, await queries.site_of_configuration(configuration_id), KEEPERS, "configuration")
    await commands.delete_configuration(actor_of(identity), configuration_id, reopen, request.app.state.clock(), today_of(request))


@put("/api/community-meters/{connection_id:uuid}/days/{day:date}", status_code=204, opt=KEEP, tags=TAGS,
     summary="What a community's meter drew and fed in on a day")  # fmt: skip
async def store(request: HttpRequest, identity: Caller, connection_id: FromPath[UUID], day: FromPath[date],
                data: JSONBody[DrawnAndFed]) -> None:  # fmt: skip
    async with in_account(identity.account_id):
        await _reach(request, identity, await queries.site_of_meter(connection_id), KEEPERS, "meter")
    await readings.store(identity.account_id, connection_id, day, data.drawn_wh, data.fed_wh, request.app.state.clock())


def _holder(identity: Identity) -> UUID:
    person = person_as(identity.grants, HOLDERS)
    if person is None:
        raise not_found("meter")
    return person


@get("/api/me/community-meters", opt=MINE, summary="The community's meters that are mine", tags=TAGS)
async def my_meters(request: HttpRequest, identity: Caller) -> list[ConnectionRow]:
    async with in_account(identity.account_id):
        return await queries.connections_of(_holder(identity), today_of(request))


@get("/api/me/community-meters/{connection_id:uuid}", opt=MINE, summary="A meter of mine: actual, historical, future", tags=TAGS)
async def my_meter(request: HttpRequest, identity: Caller, connection_id: FromPath[UUID]) -> Connection:
    async with in_account(identity.account_id):
        return await queries.connection(connection_id, today_of(request), _holder(identity))


@get("/api/me/community-meters/{connection_id:uuid}/consumption", opt=MINE, summary="The six series of a meter of mine", tags=TAGS)
async def my_consumption(request: HttpRequest, identity: Caller, connection_id: FromPath[UUID], first: FromQuery[date],
                         last: FromQuery[date], step: FromQuery[readings.Step] = "day") -> list[SharePoint]:  # fmt: skip
    async with in_account(identity.account_id):
        holder = _holder(identity)
        await queries.connection(connection_id, today_of(request), holder)
        return await readings.series(connection_id, first, last, step, holder)


ROUTES = [
    listed, found, page, add_member, add_meter, meter, consumption, configure, state, remove, store, my_meters, my_meter, my_consumption,
]  # fmt: skip
