"""Direct debits over HTTP: mandates, files for the bank, what came back."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody

from app.accounts.rules import OPERATORS
from app.accounts.web.access import Caller, HttpRequest
from app.billing import direct_debits, mandates
from app.database.transaction import in_account
from app.sites.routes import Created, actor_of

OPERATE: dict[str, Any] = {"roles": sorted(OPERATORS)}
XML = "application/xml"
TAGS = ["accounting"]


class SchemeId(msgspec.Struct, forbid_unknown_fields=True):
    """The creditor identifier; empty: nothing is collected."""

    scheme_id: str


class Returned(msgspec.Struct, forbid_unknown_fields=True):
    """Why, and on which day, the bank gave a debit back."""

    reason: str
    returned_on: date


@get("/api/operator/mandates", opt=OPERATE, summary="Mandates for direct debits", tags=TAGS)
async def listed(identity: Caller) -> list[mandates.Mandate]:
    async with in_account(identity.account_id):
        return await mandates.mandates()


@post("/api/operator/mandates", opt={**OPERATE, "problems": (409,)}, summary="Enter a signed mandate", tags=TAGS)
async def add(request: HttpRequest, identity: Caller, data: JSONBody[mandates.NewMandate]) -> Created:
    return Created(await mandates.add_mandate(actor_of(identity), data, request.app.state.clock()))


@delete("/api/operator/mandates/{mandate_id:uuid}", opt=OPERATE, summary="End a mandate", tags=TAGS)
async def end(request: HttpRequest, identity: Caller, mandate_id: FromPath[UUID]) -> None:
    await mandates.end_mandate(actor_of(identity), mandate_id, request.app.state.clock())


@get("/api/operator/creditors", opt=OPERATE, summary="Who bills, and their creditor identifiers", tags=TAGS)
async def creditors(identity: Caller) -> list[mandates.SepaCreditor]:
    async with in_account(identity.account_id):
        return await mandates.creditors()


@put("/api/operator/creditors/{creditor_id:uuid}/scheme-id", status_code=204, opt=OPERATE, summary="Set a creditor identifier", tags=TAGS)
async def set_scheme_id(request: HttpRequest, identity: Caller, creditor_id: FromPath[UUID], data: JSONBody[SchemeId]) -> None:
    await mandates.set_scheme_id(actor_of(identity), creditor_id, data.scheme_id, request.app.state.clock())


@get("/api/operator/debits", opt=OPERATE, summary="What waits to be collected, and what was", tags=TAGS)
async def debits(request: HttpRequest, identity: Caller) -> list[direct_debits.DebitLine]:
    async with in_account(identity.account_id):
        return await direct_debits.debits(request.app.state.clock().date())


@post("/api/operator/debits/{debit_id:uuid}/return", status_code=204, opt=OPERATE, summary="A debit that the bank gave back", tags=TAGS)
async def give_back(request: HttpRequest, identity: Caller, debit_id: FromPath[UUID], data: JSONBody[Returned]) -> None:
    now = request.app.state.clock()
    await direct_debits.return_debit(actor_of(identity), debit_id, data.reason, data.returned_on, now)


@post("/api/operator/debit-files", status_code=200, opt=OPERATE, summary="Put what is due under mandates into files for the bank",
      tags=TAGS)  # fmt: skip
async def make(request: HttpRequest, identity: Caller) -> direct_debits.Made:
    return await direct_debits.make_files(actor_of(identity), request.app.state.clock())


@get("/api/operator/debit-files", opt=OPERATE, summary="Files of direct debits", tags=TAGS)
async def files(identity: Caller) -> list[direct_debits.DebitFile]:
    async with in_account(identity.account_id):
        return await direct_debits.files()


@get("/api/operator/debit-files/{file_id:uuid}", opt=OPERATE, media_type=XML, tags=TAGS,
     summary="A file of direct debits as the bank takes it (pain.008)")  # fmt: skip
async def content(identity: Caller, file_id: FromPath[UUID]) -> Response[bytes]:
    async with in_account(identity.account_id):
        number, pain008 = await direct_debits.content_of(file_id)
    headers = {"content-disposition": f'attachment; filename="{number}.xml"', "cache-control": "private, no-store"}
    return Response(pain008, media_type=XML, headers=headers)


ROUTES = [listed, add, end, creditors, set_scheme_id, debits, give_back, make, files, content]
