"""Load balancing over HTTP: why a charge has what it has, what its resident wishes, circuits, and their meters."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.params import FromPath, JSONBody

from app.accounts.model import Identity
from app.accounts.rules import MANAGERS, RESIDENTS, SETTERS
from app.accounts.web.access import Caller, HttpRequest
from app.charging import balance_picture, balance_views, wiring
from app.charging.balance_picture import SiteLoad
from app.charging.balance_views import ChargeShare, ChargeWish
from app.charging.power_caps import NewPowerCap, PowerCap, cap_power, caps_of, end_cap
from app.charging.wiring import CircuitWiring, SiteWiring
from app.database.transaction import in_account
from app.kernel.errors import not_found
from app.outbox.wake import COMMANDS, live_channel, publish
from app.sites.access import reach
from app.sites.routes import actor_of, today_of

PAST: dict[str, Any] = {"roles": sorted(RESIDENTS)}
RESIDENT: dict[str, Any] = {"roles": ["resident"]}
SET_UP: dict[str, Any] = {"roles": sorted(SETTERS), "scope": "sites"}
SEERS = SETTERS | {"support"}
SEE: dict[str, Any] = {"roles": sorted(SEERS), "scope": "sites"}
WATCHERS = SEERS | MANAGERS
WATCH: dict[str, Any] = {"roles": sorted(WATCHERS), "scope": "sites"}
RANKERS = SETTERS | MANAGERS
RANK: dict[str, Any] = {"roles": sorted(RANKERS), "scope": "sites"}
TAGS = ["load balancing"]
SignedMilliamperes = Annotated[int, msgspec.Meta(ge=-4_000_000, le=4_000_000)]


class CircuitReading(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a circuit's meter measured of everything that is no car, per phase; exports negative. `battery_w`: what a battery
    in it charges with, negative while it gives."""

    circuit: str
    base_ma: Annotated[list[SignedMilliamperes], msgspec.Meta(min_length=3, max_length=3)]
    battery_w: Annotated[int, msgspec.Meta(ge=-1_000_000, le=1_000_000)] = 0


class StationRank(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The largest number comes first."""

    station_id: UUID
    priority: Annotated[int, msgspec.Meta(ge=1, le=9)]


def person_of(identity: Identity) -> UUID:
    """The resident who asks."""
    if identity.person_id is None:
        raise not_found("session")
    return identity.person_id


async def hurry(request: HttpRequest, account_id: UUID) -> None:
    """Let the loop act at once, after the commit."""
    await publish(request.app.state.redis, live_channel(account_id), {"kind": "balance", "account_id": account_id})


@get("/api/sessions/{session_id:uuid}/share", opt=PAST, summary="The current of my charge, and why", tags=TAGS)
async def share(identity: Caller, session_id: FromPath[UUID]) -> ChargeShare:
    async with in_account(identity.account_id):
        return await balance_views.share_of(session_id, person_of(identity))


@put("/api/sessions/{session_id:uuid}/wish", opt=RESIDENT, summary="Say when I leave, how much I want, and whether by the sun",
     tags=TAGS)  # fmt: skip
async def wish(request: HttpRequest, identity: Caller, session_id: FromPath[UUID], data: JSONBody[ChargeWish]) -> ChargeShare:
    async with in_account(identity.account_id):
        await balance_views.wish_for(identity.account_id, session_id, person_of(identity), data, request.app.state.clock())
    await hurry(request, identity.account_id)
    async with in_account(identity.account_id):
        return await balance_views.share_of(session_id, person_of(identity))


@get("/api/sites/{site_id:uuid}/circuits", opt=SEE, summary="Circuits, where stations hang, and what is wrong", tags=TAGS)
async def circuits(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> SiteWiring:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SEERS)
        return await wiring.wiring_of(site_id)


@put("/api/sites/{site_id:uuid}/circuits", opt={**SET_UP, "problems": (409,)}, summary="Set circuits and where stations hang", tags=TAGS)
async def set_circuits(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[CircuitWiring]) -> SiteWiring:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
        freed = await wiring.wire(identity.account_id, site_id, data)
    await wiring.free(freed, request.app.state.clock())
    for station_id in freed:
        await publish(request.app.state.redis, COMMANDS, {"station_id": station_id})
    await hurry(request, identity.account_id)
    async with in_account(identity.account_id):
        return await wiring.wiring_of(site_id)


@post("/api/sites/{site_id:uuid}/circuit-readings", status_code=204, opt=SET_UP, summary="Tell what a circuit's meter measures", tags=TAGS)
async def read_circuit(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[CircuitReading]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
        await wiring.keep_reading(identity.account_id, site_id, data.circuit, data.base_ma, request.app.state.clock(), data.battery_w)
    await hurry(request, identity.account_id)


@get("/api/sites/{site_id:uuid}/load", opt=WATCH, summary="What flows on each circuit now, and why", tags=TAGS)
async def load(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> SiteLoad:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), WATCHERS)
        return await balance_picture.site_load(site_id, request.app.state.clock())


@put("/api/sites/{site_id:uuid}/station-priority", status_code=204, opt=RANK, summary="Say which station comes first", tags=TAGS)
async def rank(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[StationRank]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), RANKERS)
        await balance_picture.set_priority(site_id, data.station_id, data.priority)
    await hurry(request, identity.account_id)


@get("/api/sites/{site_id:uuid}/power-caps", opt=WATCH, summary="What a grid operator has asked for the cars", tags=TAGS)
async def power_caps(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> list[PowerCap]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), WATCHERS)
        return await caps_of(site_id)


@post("/api/sites/{site_id:uuid}/power-caps", opt=SET_UP, summary="Cap the power of all cars until a time", tags=TAGS)
async def new_cap(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[NewPowerCap]) -> PowerCap:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
        made = await cap_power(actor_of(identity), site_id, data, request.app.state.clock())
    await hurry(request, identity.account_id)
    return made


@post("/api/sites/{site_id:uuid}/power-caps/{cap_id:uuid}/end", status_code=204, opt=SET_UP, summary="Take a cap back", tags=TAGS)
async def stop_cap(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], cap_id: FromPath[UUID]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
        await end_cap(actor_of(identity), site_id, cap_id, request.app.state.clock())
    await hurry(request, identity.account_id)


ROUTES = [share, wish, circuits, set_circuits, read_circuit, load, rank, power_caps, new_cap, stop_cap]
