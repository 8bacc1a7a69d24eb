"""What residents change of their own account: the address that their bills go to, and what they ask of badges."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.params import JSONBody

from app.accounts.model import Identity
from app.accounts.web.access import Caller, HttpRequest
from app.database.transaction import in_account
from app.kernel.errors import Refused, not_found
from app.residents import administration, badges, people
from app.residents.administration import BadgeRequestRow
from app.residents.people import Country, Needed
from app.sites.routes import Created, Saved, actor_of

MINE: dict[str, Any] = {"roles": ["resident", "owner", "proxy"], "problems": (409,)}


class BillingAddress(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where bills go from the next one on; `version` is the one that the person saw."""

    version: int
    street: Needed
    postcode: Needed
    city: Needed
    country: Country = "CH"


@get("/api/me/address", opt=MINE, summary="My billing address", tags=["people"])
async def address(identity: Caller) -> BillingAddress:
    async with in_account(identity.account_id):
        found = await administration.person_detail(_me(identity))
    if found is None:
        raise not_found("person")
    return BillingAddress(version=found.version, street=found.street, postcode=found.postcode, city=found.city, country=found.country)


@put("/api/me/address", opt=MINE, summary="Another billing address, from the next bill on", tags=["people"])
async def change_address(request: HttpRequest, identity: Caller, data: JSONBody[BillingAddress]) -> Saved:
    change = people.PersonChange(**msgspec.structs.asdict(data))
    return Saved(await people.change_person(actor_of(identity), _me(identity), change, request.app.state.clock()))


@get("/api/badge-requests", opt=MINE, summary="What I asked of badges", tags=["badges"])
async def my_requests(identity: Caller) -> list[BadgeRequestRow]:
    async with in_account(identity.account_id):
        return await administration.badge_requests(_me(identity))


@post("/api/badge-requests", opt=MINE, summary="Ask for a badge", tags=["badges"])
async def ask(request: HttpRequest, identity: Caller, data: JSONBody[badges.BadgeRequest]) -> Created:
    return Created(await badges.request_badge(actor_of(identity), _me(identity), data, request.app.state.clock()))


def _me(identity: Identity) -> UUID:
    if identity.person_id is None:
        raise Refused("forbidden", 403, "This login has no resident's account. Ask the operator of your house.")
    return identity.person_id


ROUTES = [address, change_address, my_requests, ask]
