"""Load balancing over HTTP: why a charge has what it has, what its resident wishes, circuits, and their meters."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.params import FromPath, JSONBody

from app.accounts.model import Identity
from app.accounts.rules import RESIDENTS, SETTERS
from app.accounts.web.access import Caller, HttpRequest
from app.charging import balance_views
from app.charging.balance_views import ChargeShare, ChargeWish, CircuitWiring, SiteWiring
from app.database.transaction import in_account
from app.kernel.errors import not_found
from app.sites.access import reach
from app.sites.routes import today_of

PAST: dict[str, Any] = {"roles": sorted(RESIDENTS)}
RESIDENT: dict[str, Any] = {"roles": ["resident"]}
SET_UP: dict[str, Any] = {"roles": sorted(SETTERS), "scope": "sites"}
SEERS = SETTERS | {"support"}
SEE: dict[str, Any] = {"roles": sorted(SEERS), "scope": "sites"}
TAGS = ["load balancing"]
SignedMilliamperes = Annotated[int, msgspec.Meta(ge=-4_000_000, le=4_000_000)]


class CircuitReading(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a circuit's meter measured of everything that is no car, per phase; exports negative."""

    circuit: str
    base_ma: Annotated[list[SignedMilliamperes], msgspec.Meta(min_length=3, max_length=3)]


def person_of(identity: Identity) -> UUID:
    """The resident who asks."""
    if identity.person_id is None:
        raise not_found("session")
    return identity.person_id


@get("/api/sessions/{session_id:uuid}/share", opt=PAST, summary="The current of my charge, and why", tags=TAGS)
async def share(identity: Caller, session_id: FromPath[UUID]) -> ChargeShare:
    async with in_account(identity.account_id):
        return await balance_views.share_of(session_id, person_of(identity))


@put("/api/sessions/{session_id:uuid}/wish", opt=RESIDENT, summary="Say when I leave, how much I want, and whether by the sun",
     tags=TAGS)  # fmt: skip
async def wish(request: HttpRequest, identity: Caller, session_id: FromPath[UUID], data: JSONBody[ChargeWish]) -> ChargeShare:
    async with in_account(identity.account_id):
        await balance_views.wish_for(identity.account_id, session_id, person_of(identity), data, request.app.state.clock())
        return await balance_views.share_of(session_id, person_of(identity))


@get("/api/sites/{site_id:uuid}/circuits", opt=SEE, summary="Circuits, where stations hang, and what is wrong", tags=TAGS)
async def circuits(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> SiteWiring:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SEERS)
        return await balance_views.wiring_of(site_id)


@put("/api/sites/{site_id:uuid}/circuits", opt=SET_UP, summary="Set circuits and where stations hang", tags=TAGS)
async def set_circuits(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[CircuitWiring]) -> SiteWiring:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
        await balance_views.wire(identity.account_id, site_id, data)
        return await balance_views.wiring_of(site_id)


@post("/api/sites/{site_id:uuid}/circuit-readings", status_code=204, opt=SET_UP, summary="Tell what a circuit's meter measures", tags=TAGS)
async def read_circuit(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[CircuitReading]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
        await balance_views.keep_reading(identity.account_id, site_id, data.circuit, data.base_ma, request.app.state.clock())


ROUTES = [share, wish, circuits, set_circuits, read_circuit]
