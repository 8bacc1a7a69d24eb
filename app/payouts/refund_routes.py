"""Files of refunds for the bank, over HTTP."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.accounts.rules import OPERATORS
from app.accounts.web.access import Caller, HttpRequest
from app.database.transaction import in_account
from app.payouts import refunds
from app.sites.routes import actor_of

OPERATE = {"roles": sorted(OPERATORS)}
XML = "application/xml"


@post("/api/operator/refund-files", status_code=200, opt=OPERATE, summary="Put the refunds that wait into files for the bank",
      tags=["accounting"])  # fmt: skip
async def make(request: HttpRequest, identity: Caller) -> refunds.Made:
    return await refunds.make_files(actor_of(identity), request.app.state.clock())


@get("/api/operator/refund-files", opt=OPERATE, summary="Files of refunds", tags=["accounting"])
async def listed(identity: Caller) -> list[refunds.RefundFile]:
    async with in_account(identity.account_id):
        return await refunds.files()


@get("/api/operator/refund-files/{file_id:uuid}", opt=OPERATE, media_type=XML, summary="A file of refunds as the bank takes it (pain.001)",
     tags=["accounting"])  # fmt: skip
async def content(identity: Caller, file_id: FromPath[UUID]) -> Response[bytes]:
    async with in_account(identity.account_id):
        number, pain001 = await refunds.content_of(file_id)
    headers = {"content-disposition": f'attachment; filename="{number}.xml"', "cache-control": "private, no-store"}
    return Response(pain001, media_type=XML, headers=headers)


ROUTES = [make, listed, content]
