"""The owner's forms over HTTP: the link is sent by the operator, the forms are open to whoever holds it."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath, JSONBody

from app.accounts.web.access import PUBLIC, Caller, HttpRequest
from app.database.transaction import in_account
from app.kernel.errors import not_found
from app.onboarding import commands, papers
from app.onboarding.model import ContactForm, FormPage, RatesForm, SolutionsForm
from app.sites.access import MANAGERS, OPERATORS, STAFF, reach
from app.sites.routes import OPERATE, Created, actor_of, today_of

SEERS = MANAGERS | STAFF
PAPERS: dict[str, Any] = {"roles": sorted(SEERS), "scope": "sites"}
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
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


@get("/api/sites/{site_id:uuid}/papers/{paper:str}", opt={**PAPERS, "problems": (409,)}, media_type="application/pdf", tags=["onboarding"],
     summary="The management contract or the power of attorney, to be signed, as PDF")  # fmt: skip
async def paper(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], paper: FromPath[str]) -> Response[bytes]:
    kind = next((known for known in papers.PAPERS if known == paper), None)
    if kind is None:
        raise not_found("document")
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SEERS)
        made = await papers.paper(site_id, kind, today_of(request))
    headers = {"content-disposition": f'inline; filename="{kind}.pdf"', "cache-control": "private, no-store"}
    return Response(made, media_type="application/pdf", headers=headers)


@get("/api/sites/{site_id:uuid}/residents-sheet", opt=PAPERS, media_type=XLSX, tags=["onboarding"],
     summary="The residents' spreadsheet to fill in, one line a billing point")  # fmt: skip
async def residents_sheet(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> Response[bytes]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SEERS)
        made = await papers.residents_sheet(site_id)
    headers = {"content-disposition": 'attachment; filename="residents.xlsx"', "cache-control": "private, no-store"}
    return Response(made, media_type=XLSX, headers=headers)


ROUTES = [paper, residents_sheet, send_link, open_forms, draft, send]
