"""The post list over HTTP: bills that wait for the post or for eBill, printed in one file, and what has been handed over."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromQuery, JSONBody

from app.accounts.rules import OPERATORS
from app.accounts.web.access import Caller, HttpRequest
from app.billing import mailings
from app.billing.routes import PDF, pdf_answer
from app.database.transaction import in_account
from app.sites.routes import actor_of

OPERATE: dict[str, Any] = {"roles": sorted(OPERATORS)}
MOST_BILLS = 10_000


class HandOver(msgspec.Struct, forbid_unknown_fields=True):
    """Bills, and reminders of bills, that are in the post, or in the eBill network."""

    bill_ids: Annotated[list[UUID], msgspec.Meta(max_length=MOST_BILLS)] = []
    reminder_ids: Annotated[list[UUID], msgspec.Meta(max_length=MOST_BILLS)] = []


class HandedOver(msgspec.Struct, frozen=True):
    """How many were not handed over before."""

    bills: int


@get("/api/operator/mailings", opt=OPERATE, summary="Bills and reminders that wait for the post, or for eBill", tags=["accounting"])
async def waiting(identity: Caller, channel: FromQuery[Literal["post", "ebill"]] = "post") -> list[mailings.Waiting]:
    async with in_account(identity.account_id):
        return await mailings.waiting(channel)


@get("/api/operator/mailings/print", opt={**OPERATE, "problems": (404,)}, media_type=PDF, tags=["accounting"],
     summary="Bills and reminders that wait for the post, in one file to print")  # fmt: skip
async def printed(request: HttpRequest, identity: Caller) -> Response[bytes]:
    async with in_account(identity.account_id):
        pdf = await mailings.to_print()
    return pdf_answer(pdf, f"post-{request.app.state.clock().date()}")


@post("/api/operator/mailings/handed-over", status_code=200, opt=OPERATE, summary="Say that bills are in the post, or in eBill",
      tags=["accounting"])  # fmt: skip
async def handed_over(request: HttpRequest, identity: Caller, data: JSONBody[HandOver]) -> HandedOver:
    now = request.app.state.clock()
    return HandedOver(await mailings.hand_over(actor_of(identity), data.bill_ids, now, data.reminder_ids))


ROUTES = [waiting, printed, handed_over]
