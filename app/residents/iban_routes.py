"""To where people are paid, over HTTP."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody

from app.accounts.model import Identity
from app.accounts.rules import MANAGERS, OPERATORS, OWNERS, STAFF, persons
from app.accounts.web.access import Caller, HttpRequest
from app.database.transaction import in_account
from app.residents.access import reach_person
from app.residents.iban_changes import PayoutAccount, ask_for_iban, confirm_iban, payout_account, person_of_change, withdraw_iban
from app.sites.routes import Created, actor_of, today_of

SEE: dict[str, Any] = {"roles": sorted(MANAGERS | STAFF), "scope": "sites"}
MANAGE: dict[str, Any] = {"roles": sorted(MANAGERS), "problems": (409,), "scope": "sites"}
TAGS = ["people"]


class Iban(msgspec.Struct, forbid_unknown_fields=True):
    iban: str


async def _reach(request: HttpRequest, identity: Identity, person_id: UUID | None, roles: frozenset[str]) -> None:
    """Owners and proxies see and change their own payouts only, never where their residents bank. Raises Refused not_found, forbidden."""
    if person_id not in persons(identity.grants, OWNERS):
        await reach_person(identity, person_id, today_of(request), roles)


@get("/api/people/{person_id:uuid}/iban", opt=SEE, summary="To where a person is paid", tags=TAGS)
async def account(request: HttpRequest, identity: Caller, person_id: FromPath[UUID]) -> PayoutAccount:
    async with in_account(identity.account_id):
        await _reach(request, identity, person_id, STAFF)
        return await payout_account(person_id, identity.login_id)


@post("/api/people/{person_id:uuid}/iban", opt=MANAGE, summary="Enter another IBAN, which somebody else confirms", tags=TAGS)
async def enter(request: HttpRequest, identity: Caller, person_id: FromPath[UUID], data: JSONBody[Iban]) -> Created:
    async with in_account(identity.account_id):
        await _reach(request, identity, person_id, OPERATORS)
        made = await ask_for_iban(actor_of(identity), person_id, data.iban, request.app.state.clock())
    return Created(made or person_id)


@post("/api/iban-changes/{change_id:uuid}/confirm", status_code=204, opt=MANAGE, tags=TAGS,
      summary="Confirm an IBAN that somebody else entered")  # fmt: skip
async def confirm(request: HttpRequest, identity: Caller, change_id: FromPath[UUID]) -> None:
    async with in_account(identity.account_id):
        await _reach(request, identity, await person_of_change(change_id), OPERATORS)
    await confirm_iban(actor_of(identity), change_id, request.app.state.clock())


@delete("/api/iban-changes/{change_id:uuid}", opt=MANAGE, summary="Take an IBAN back before it is confirmed", tags=TAGS)
async def withdraw(request: HttpRequest, identity: Caller, change_id: FromPath[UUID]) -> None:
    async with in_account(identity.account_id):
        await _reach(request, identity, await person_of_change(change_id), OPERATORS)
    await withdraw_iban(actor_of(identity), change_id, request.app.state.clock())


ROUTES = [account, enter, confirm, withdraw]
