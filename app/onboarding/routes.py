"""The owner's forms over HTTP: the link is sent by the operator, the forms are open to whoever holds it."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import post
from litestar.params import FromPath, JSONBody

from app.accounts.web.access import PUBLIC, Caller, HttpRequest
from app.database.transaction import in_account
from app.onboarding import commands
from app.onboarding.model import ContactForm, FormPage, RatesForm, SolutionsForm
from app.sites.access import OPERATORS, reach
from app.sites.routes import OPERATE, Created, actor_of, today_of

HOLDER: dict[str, Any] = {"roles": PUBLIC, "problems": (404, 409)}


class Recipient(msgspec.Struct, forbid_unknown_fields=True):
    recipient: str


class Token(msgspec.Struct, forbid_unknown_fields=True):
    """The secret of the link; it travels in the body, never in an address."""

    token: str


class Draft(msgspec.Struct, forbid_unknown_fields=True):
    """What is filled in so far; a part that is left out stays as it was."""

    token: str
    version: int
    contact: ContactForm | None = None
    solutions: SolutionsForm | None = None
    rates: RatesForm | None = None


@post("/api/sites/{site_id:uuid}/form-link", opt=OPERATE, summary="Send the owner the link to the forms", tags=["onboarding"])
async def send_link(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[Recipient]) -> Created:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), OPERATORS)
    return Created(await commands.send_link(actor_of(identity), site_id, data.recipient.strip(), request.app.state.clock()))


@post("/api/forms/open", status_code=200, opt=HOLDER, summary="Open the owner's forms", tags=["onboarding"])
async def open_forms(request: HttpRequest, data: JSONBody[Token]) -> FormPage:
    return await commands.page(data.token, request.app.state.clock())


@post("/api/forms/draft", status_code=200, opt=HOLDER, summary="Keep what is filled in so far", tags=["onboarding"])
async def draft(request: HttpRequest, data: JSONBody[Draft]) -> FormPage:
    return await commands.save_draft(data.token, data.version, data.contact, data.solutions, data.rates, request.app.state.clock())


@post("/api/forms/send", status_code=200, opt=HOLDER, summary="Send the owner's forms", tags=["onboarding"])
async def send(request: HttpRequest, data: JSONBody[Token]) -> FormPage:
    return await commands.submit(data.token, request.app.state.clock())


ROUTES = [send_link, open_forms, draft, send]
