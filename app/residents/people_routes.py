"""People, contacts and badges over HTTP."""

from datetime import date
from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import get, patch, post
from litestar.params import FromPath, FromQuery, JSONBody

from app.accounts.web.access import Caller, HttpRequest
from app.audit.model import TrailLine
from app.audit.queries import trail
from app.database.transaction import in_account
from app.kernel.errors import not_found
from app.residents import administration, badges, people
from app.residents.access import reach_person
from app.residents.administration import BadgeRequestRow, BadgeRow, Contact, PersonDetail, PersonRow
from app.sites.access import MANAGERS, STAFF, visible_sites
from app.sites.routes import Created, Saved, actor_of, today_of

SEERS = MANAGERS | {"support"}
SEE: dict[str, Any] = {"roles": sorted(SEERS), "scope": "sites"}
MANAGE: dict[str, Any] = {"roles": sorted(MANAGERS), "problems": (409,), "scope": "sites"}
BADGES: dict[str, Any] = {"roles": sorted(STAFF), "problems": (409,)}


class PersonPage(msgspec.Struct, frozen=True, kw_only=True):
    """An account of a person or company with its contacts and badges."""

    person: PersonDetail
    contacts: list[Contact]
    badges: list[BadgeRow]
    trail: list[TrailLine]


class BadgeState(msgspec.Struct, forbid_unknown_fields=True):
    state: Literal["active", "blocked", "lost"]
    reason: str = ""


class BadgeEnd(msgspec.Struct, forbid_unknown_fields=True):
    """None: until further notice."""

    last: date | None


class BadgeMade(msgspec.Struct, frozen=True):
    """The badge that answers a request, if one was made."""

    badge_id: UUID | None


@get("/api/people", opt=SEE, summary="Search people by name or e-mail", tags=["people"])
async def search(request: HttpRequest, identity: Caller, q: FromQuery[str] = "") -> list[PersonRow]:
    today = today_of(request)
    async with in_account(identity.account_id):
        return await administration.people(q[:100], await visible_sites(identity, today, SEERS), identity.login_id, today)


@post("/api/people", opt=MANAGE, summary="Create a person's or company's account", tags=["people"])
async def create(request: HttpRequest, identity: Caller, data: JSONBody[people.NewPerson]) -> Created:
    return Created(await people.create_person(actor_of(identity), data, request.app.state.clock()))


@get("/api/people/{person_id:uuid}", opt=SEE, summary="A person's account", tags=["people"])
async def page(request: HttpRequest, identity: Caller, person_id: FromPath[UUID]) -> PersonPage:
    await _reach(request, identity, person_id, SEERS)
    async with in_account(identity.account_id):
        found = await administration.person_detail(person_id)
        if found is None:
            raise not_found("person")
        return PersonPage(person=found, contacts=await administration.contacts(person_id), badges=await administration.badges(person_id),
                          trail=await trail("person", person_id))  # fmt: skip


@patch("/api/people/{person_id:uuid}", opt=MANAGE, summary="Change a person's account", tags=["people"])
async def change(request: HttpRequest, identity: Caller, person_id: FromPath[UUID], data: JSONBody[people.PersonChange]) -> Saved:
    await _reach(request, identity, person_id, MANAGERS)
    return Saved(await people.change_person(actor_of(identity), person_id, data, request.app.state.clock()))


@post("/api/people/{person_id:uuid}/contacts", opt=MANAGE, summary="Add a contact", tags=["people"])
async def add_contact(request: HttpRequest, identity: Caller, person_id: FromPath[UUID], data: JSONBody[people.NewContact]) -> Created:
    await _reach(request, identity, person_id, MANAGERS)
    return Created(await people.add_contact(actor_of(identity), person_id, data, request.app.state.clock()))


@post("/api/contacts/{contact_id:uuid}/end", status_code=204, opt=MANAGE, summary="End a contact", tags=["people"])
async def end_contact(request: HttpRequest, identity: Caller, contact_id: FromPath[UUID]) -> None:
    async with in_account(identity.account_id):
        person_id = await administration.person_of_contact(contact_id)
    await _reach(request, identity, person_id, MANAGERS)
    await people.end_contact(actor_of(identity), contact_id, request.app.state.clock())


@get("/api/operator/badges", opt=BADGES, summary="All badges of the account", tags=["badges"])
async def all_badges(identity: Caller) -> list[BadgeRow]:
    async with in_account(identity.account_id):
        return await administration.badges(None)


@post("/api/operator/badges", opt=BADGES, summary="Make a badge and give it to somebody", tags=["badges"])
async def make_badge(request: HttpRequest, identity: Caller, data: JSONBody[badges.NewBadge]) -> Created:
    state = request.app.state
    return Created(await badges.create_badge(actor_of(identity), data, state.settings.secret_key, state.clock()))


@post("/api/operator/badges/{badge_id:uuid}/state", status_code=204, opt=BADGES, summary="Block a badge at once, or let it work again",
      tags=["badges"])  # fmt: skip
async def badge_state(request: HttpRequest, identity: Caller, badge_id: FromPath[UUID], data: JSONBody[BadgeState]) -> None:
    await badges.set_badge_state(actor_of(identity), badge_id, data.state, data.reason, request.app.state.clock())


@get("/api/operator/badge-requests", opt=BADGES, summary="What residents ask of badges", tags=["badges"])
async def all_requests(identity: Caller) -> list[BadgeRequestRow]:
    async with in_account(identity.account_id):
        return await administration.badge_requests(None)


@post("/api/operator/badge-requests/{request_id:uuid}/answer", status_code=200, opt=BADGES, summary="Answer a badge request",
      tags=["badges"])  # fmt: skip
async def answer(request: HttpRequest, identity: Caller, request_id: FromPath[UUID], data: JSONBody[badges.RequestAnswer]) -> BadgeMade:
    state = request.app.state
    made = await badges.answer_request(actor_of(identity), request_id, data, state.settings.secret_key, state.clock())
    return BadgeMade(made)


@post("/api/operator/badges/{badge_id:uuid}/end", status_code=204, opt=BADGES, summary="The last day on which somebody has a badge",
      tags=["badges"])  # fmt: skip
async def badge_end(request: HttpRequest, identity: Caller, badge_id: FromPath[UUID], data: JSONBody[BadgeEnd]) -> None:
    await badges.end_badge(actor_of(identity), badge_id, data.last, request.app.state.clock())


@get("/api/operator/badges/{badge_id:uuid}/trail", opt=BADGES, summary="Who changed a badge and when", tags=["badges"])
async def badge_trail(identity: Caller, badge_id: FromPath[UUID]) -> list[TrailLine]:
    async with in_account(identity.account_id):
        if await administration.badge(badge_id) is None:
            raise not_found("badge")
        return await trail("badge", badge_id)


async def _reach(request: HttpRequest, identity: Caller, person_id: UUID | None, roles: frozenset[str]) -> None:
    async with in_account(identity.account_id):
        await reach_person(identity, person_id, today_of(request), roles)


ROUTES = [
    search, create, page, change, add_contact, end_contact, all_badges, make_badge, badge_state, badge_end, badge_trail,
    all_requests, answer,
]  # fmt: skip
