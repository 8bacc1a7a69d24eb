"""Who has access, and who is invited, over HTTP. What a role may give stands in app/accounts/rules.py."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody

from app.accounts import grants, invitations
from app.accounts.invitations import NewInvitation
from app.accounts.model import Identity
from app.accounts.rules import FORBIDDEN, GIVES, MANAGERS, OWNERS, PERSONAL, RESIDENTS, Role, check_given, givers, persons
from app.accounts.web.access import Caller, HttpRequest
from app.database.transaction import fetch, in_account
from app.kernel.errors import Refused, not_found
from app.residents import administration
from app.residents.access import reach_person
from app.sites.access import reach, visible_sites
from app.sites.routes import Created, actor_of, today_of

SEE: dict[str, Any] = {"roles": sorted(MANAGERS | {"support"}), "scope": "sites"}
GIVE: dict[str, Any] = {"roles": sorted(GIVES), "problems": (409,), "scope": "sites"}
TAGS = ["access"]
PEOPLE_OF_SITES = """
SELECT o.person_id FROM occupancy o JOIN billing_point b ON b.account_id = o.account_id AND b.id = o.billing_point_id
WHERE b.site_id = ANY($1::uuid[]) AND NOT o.vacancy
"""


class GrantEnd(msgspec.Struct, forbid_unknown_fields=True):
    """The last day of a role; yesterday ends it at once, None lets it go on."""

    last: date | None
    reason: str = ""


class Access(msgspec.Struct, forbid_unknown_fields=True):
    """As what somebody is let in who is known by name and address already."""

    role: Role = "resident"


class _Reach(msgspec.Struct):
    """What of the account's roles somebody sees: everything, or roles in sites and of people within reach."""

    whole: bool
    sites: set[UUID]
    people: set[UUID]
    own: set[UUID]

    def covers(self, role: str, site_id: UUID | None, person_id: UUID | None) -> bool:
        if self.whole:
            return True
        if role in RESIDENTS:
            return person_id in self.people
        return role in OWNERS and (site_id in self.sites if site_id is not None else person_id in self.own)


async def _reach_of(request: HttpRequest, identity: Identity, roles: Iterable[str]) -> _Reach:
    allowed = await visible_sites(identity, today_of(request), list(roles))
    if allowed is None:
        return _Reach(True, set(), set(), set())
    people = {row["person_id"] for row in await fetch(PEOPLE_OF_SITES, allowed)}
    return _Reach(False, set(allowed), people, set(persons(identity.grants, OWNERS)))


@get("/api/grants", opt=SEE, summary="Who has which role, those that have ended too", tags=TAGS)
async def listed(request: HttpRequest, identity: Caller) -> list[grants.GrantRow]:
    async with in_account(identity.account_id):
        seen = await _reach_of(request, identity, SEE["roles"])
        return [row for row in await grants.grants() if seen.covers(row.role, row.site_id, row.person_id)]


@post("/api/grants/{grant_id:uuid}/end", status_code=204, opt=GIVE, summary="Let a role end with a day", tags=TAGS)
async def end(request: HttpRequest, identity: Caller, grant_id: FromPath[UUID], data: JSONBody[GrantEnd]) -> None:
    async with in_account(identity.account_id):
        row = await grants.grant(grant_id)
        await _check(request, identity, "role", row.role, row.site_id, row.person_id)
    await grants.end_grant(actor_of(identity), grant_id, data.last, data.reason, request.app.state.clock())


@get("/api/invitations", opt=SEE, summary="Invitations and what became of them", tags=TAGS)
async def invited(request: HttpRequest, identity: Caller) -> list[invitations.Invitation]:
    async with in_account(identity.account_id):
        seen = await _reach_of(request, identity, SEE["roles"])
        found = await invitations.invitations(request.app.state.clock())
        return [row for row in found if row.invited_by_id == identity.login_id or seen.covers(row.role, row.site_id, row.person_id)]


@post("/api/invitations", opt=GIVE, summary="Invite somebody by mail", tags=TAGS)
async def invite(request: HttpRequest, identity: Caller, data: JSONBody[NewInvitation]) -> Created:
    today = today_of(request)
    async with in_account(identity.account_id):
        if data.site_id is not None:
            await reach(identity, data.site_id, today, givers(data.role))
        await _check_person(identity, data.role, data.person_id, today)
        check_given(identity.grants, data.role, data.site_id, data.person_id)
    return Created(await invitations.invite(actor_of(identity), data, request.app.state.clock()))


async def _check_person(identity: Identity, role: str, person_id: UUID | None, today: date) -> None:
    """Owners and proxies let others act in their own name only; whoever reaches a person lets them in as what they are."""
    if person_id is None or (role in OWNERS and person_id in persons(identity.grants, OWNERS)):
        return
    await reach_person(identity, person_id, today, givers(role))
    if role in OWNERS and await visible_sites(identity, today, givers(role) - OWNERS) is not None:
        raise FORBIDDEN


@post("/api/invitations/{invitation_id:uuid}/send", status_code=204, opt=GIVE, summary="Send an invitation again, under another link",
      tags=TAGS)  # fmt: skip
async def send_again(request: HttpRequest, identity: Caller, invitation_id: FromPath[UUID]) -> None:
    await _check_invitation(request, identity, invitation_id)
    await invitations.send_again(actor_of(identity), invitation_id, request.app.state.clock())


@delete("/api/invitations/{invitation_id:uuid}", opt=GIVE, summary="Take an invitation back", tags=TAGS)
async def withdraw(request: HttpRequest, identity: Caller, invitation_id: FromPath[UUID]) -> None:
    await _check_invitation(request, identity, invitation_id)
    await invitations.withdraw(actor_of(identity), invitation_id, request.app.state.clock())


async def _check_invitation(request: HttpRequest, identity: Identity, invitation_id: UUID) -> None:
    async with in_account(identity.account_id):
        row = await invitations.invitation(invitation_id, request.app.state.clock())
        if row.invited_by_id != identity.login_id:
            await _check(request, identity, "invitation", row.role, row.site_id, row.person_id)


async def _check(request: HttpRequest, identity: Identity, what: str, role: str, site_id: UUID | None, person_id: UUID | None) -> None:
    """Raises Refused not_found where the caller does not see it, forbidden where they may not give it."""
    if not (await _reach_of(request, identity, SEE["roles"])).covers(role, site_id, person_id):
        raise not_found(what)
    if role in PERSONAL and person_id is not None and site_id is None:
        await _check_person(identity, role, person_id, today_of(request))
    check_given(identity.grants, role, site_id, person_id)


@post("/api/contacts/{contact_id:uuid}/access", opt=GIVE, summary="Send a contact the link to their own access", tags=TAGS)
async def contact_access(request: HttpRequest, identity: Caller, contact_id: FromPath[UUID], data: JSONBody[Access]) -> Created:
    async with in_account(identity.account_id):
        person_id = await administration.person_of_contact(contact_id)
        await reach_person(identity, person_id, today_of(request), GIVE["roles"])
        rows = await fetch("SELECT c.name, c.email, p.locale FROM contact c JOIN person p ON p.account_id = c.account_id"
                           " AND p.id = c.person_id WHERE c.id = $1 AND c.ended_at IS NULL", contact_id)  # fmt: skip
    if not rows or person_id is None:
        raise not_found("contact")
    return await _let_in(request, identity, person_id, rows[0]["name"], rows[0]["email"], rows[0]["locale"], data.role)


@post("/api/people/{person_id:uuid}/access", opt=GIVE, summary="Send a person the link to their own access", tags=TAGS)
async def person_access(request: HttpRequest, identity: Caller, person_id: FromPath[UUID], data: JSONBody[Access]) -> Created:
    async with in_account(identity.account_id):
        await reach_person(identity, person_id, today_of(request), GIVE["roles"])
        person = await administration.person_detail(person_id)
    if person is None:
        raise not_found("person")
    name = f"{person.given_name} {person.family_name}".strip()
    return await _let_in(request, identity, person_id, name, person.email, person.locale, data.role)


async def _let_in(
    request: HttpRequest, identity: Identity, person_id: UUID, name: str, email: str | None, locale: Any, role: Role
) -> Created:
    """An invitation to what is known; asked again while one is open, it is mailed again under another link."""
    today, now = today_of(request), request.app.state.clock()
    async with in_account(identity.account_id):
        await _check_person(identity, role, person_id, today)
        check_given(identity.grants, role, None, person_id)
        open_before = {row.id for row in await invitations.invitations(now) if row.state == "open"}
    if not email:
        raise Refused("access_email_needed", 422, "The access is sent by e-mail. Enter an e-mail address first.", fields=["email"])
    form = NewInvitation(email=email, name=name, locale=locale, role=role, person_id=person_id)
    invitation_id = await invitations.invite(actor_of(identity), form, now)
    if invitation_id in open_before:
        await invitations.send_again(actor_of(identity), invitation_id, now)
    return Created(invitation_id)


ROUTES = [listed, end, invited, invite, send_again, withdraw, contact_access, person_access]
