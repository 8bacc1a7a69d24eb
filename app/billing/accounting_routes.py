"""The books over HTTP: journal, VAT, open items, margin; credit notes, disputes, payments by hand, refunds."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from app.accounts.rules import OPERATORS
from app.accounts.web.access import Caller, HttpRequest
from app.billing import accounting, credit, credit_notes, reminders
from app.billing.charge_routes import person_of
from app.billing.routes import period_in
from app.database.transaction import in_account
from app.kernel.errors import Refused, not_found
from app.residents.queries import person
from app.sites.routes import Created, actor_of

OPERATE: dict[str, Any] = {"roles": sorted(OPERATORS)}
DECIDE: dict[str, Any] = {**OPERATE, "problems": (409,)}
RESIDENT: dict[str, Any] = {"roles": ["resident", "former_resident"]}
CSV, LEDGER = "text/csv; charset=utf-8", "text/plain; charset=utf-8"


class Reason(msgspec.Struct, forbid_unknown_fields=True):
    reason: str


class CreditNote(msgspec.Struct, forbid_unknown_fields=True):
    """Why a bill is taken back, and whether its charges go on the next one."""

    reason: str
    bill_again: bool = False


class Match(msgspec.Struct, forbid_unknown_fields=True):
    bill_id: UUID


class Refund(msgspec.Struct, forbid_unknown_fields=True):
    """Credit to give back; the same key is the same refund."""

    amount_minor: Annotated[int, msgspec.Meta(gt=0)]
    idempotency_key: Annotated[str, msgspec.Meta(min_length=8, max_length=100)]


class CreditView(msgspec.Struct, frozen=True):
    credit_minor: int


def _span(first: date, last: date) -> tuple[date, date]:
    if last < first:
        raise Refused("invalid_input", 422, "The last day lies before the first.", fields=["last"])
    return first, last


@get("/api/operator/journal", opt=OPERATE, summary="The accounting journal of some days", tags=["accounting"])
async def journal(identity: Caller, first: FromQuery[date], last: FromQuery[date]) -> list[accounting.JournalLine]:
    async with in_account(identity.account_id):
        return await accounting.journal(*_span(first, last))


@get("/api/operator/journal/export", opt={**OPERATE, "also": (LEDGER,)}, media_type=CSV, tags=["accounting"],
     summary="The journal as CSV, or for ledger and hledger")  # fmt: skip
async def journal_export(
    identity: Caller, first: FromQuery[date], last: FromQuery[date], form: FromQuery[Literal["csv", "ledger"]] = "csv"
) -> Response[str]:
    async with in_account(identity.account_id):
        lines = await accounting.journal(*_span(first, last))
    text, kind = (accounting.journal_csv(lines), CSV) if form == "csv" else (accounting.journal_ledger(lines), LEDGER)
    name = f"journal-{first}-{last}.{'csv' if form == 'csv' else 'journal'}"
    return Response(
        text, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"', "cache-control": "private, no-store"}
    )


@get("/api/operator/vat", opt=OPERATE, summary="VAT of the bills of some days, by rate", tags=["accounting"])
async def vat(identity: Caller, first: FromQuery[date], last: FromQuery[date]) -> list[accounting.VatLine]:
    async with in_account(identity.account_id):
        return await accounting.vat_report(*_span(first, last))


@get("/api/operator/open-items", opt=OPERATE, summary="Bills that are not settled", tags=["accounting"])
async def open_items(request: HttpRequest, identity: Caller) -> list[accounting.OpenItem]:
    async with in_account(identity.account_id):
        return await accounting.open_items(request.app.state.clock().date())


@get("/api/operator/margin", opt=OPERATE, summary="What the operator keeps, by site and month", tags=["accounting"])
async def margin(identity: Caller, first: FromQuery[str], last: FromQuery[str]) -> list[accounting.Margin]:
    async with in_account(identity.account_id):
        return await accounting.margins(*_span(period_in(first), period_in(last)))


@post("/api/operator/bills/{bill_id:uuid}/credit-note", opt=DECIDE, summary="Take a bill back by a credit note", tags=["accounting"])
async def credit_note(request: HttpRequest, identity: Caller, bill_id: FromPath[UUID], data: JSONBody[CreditNote]) -> Created:
    now = request.app.state.clock()
    return Created(await credit_notes.credit_bill(actor_of(identity), bill_id, data.reason, now, bill_again=data.bill_again))


@post(
    "/api/operator/bills/{bill_id:uuid}/dispute", opt=OPERATE, summary="Stop a bill's reminders until it is answered", tags=["accounting"]
)
async def dispute(request: HttpRequest, identity: Caller, bill_id: FromPath[UUID], data: JSONBody[Reason]) -> Created:
    return Created(await reminders.open_dispute(actor_of(identity), bill_id, data.reason, request.app.state.clock()))


@delete("/api/operator/bills/{bill_id:uuid}/dispute", opt=OPERATE, summary="Answer a dispute; reminders go on", tags=["accounting"])
async def answer(request: HttpRequest, identity: Caller, bill_id: FromPath[UUID], data: JSONBody[Reason]) -> None:
    await reminders.close_dispute(actor_of(identity), bill_id, data.reason, request.app.state.clock())


@post("/api/bills/{bill_id:uuid}/dispute", opt=RESIDENT, summary="Say that my bill is wrong", tags=["bills"])
async def my_dispute(request: HttpRequest, identity: Caller, bill_id: FromPath[UUID], data: JSONBody[Reason]) -> Created:
    person_id, now = person_of(identity), request.app.state.clock()
    return Created(await reminders.open_dispute(actor_of(identity), bill_id, data.reason, now, person_id))


@get(
    "/api/operator/payments/{payment_id:uuid}/suggestions",
    opt=OPERATE,
    summary="Open bills that a payment may belong to",
    tags=["accounting"],
)
async def suggestions(identity: Caller, payment_id: FromPath[UUID]) -> list[credit.Suggestion]:
    async with in_account(identity.account_id):
        return await credit.suggestions(payment_id)


@post(
    "/api/operator/payments/{payment_id:uuid}/match",
    status_code=204,
    opt=DECIDE,
    summary="Settle a bill with a payment",
    tags=["accounting"],
)
async def match(request: HttpRequest, identity: Caller, payment_id: FromPath[UUID], data: JSONBody[Match]) -> None:
    await credit.match_payment(actor_of(identity), payment_id, data.bill_id, request.app.state.clock())


@get("/api/operator/people/{person_id:uuid}/credit", opt=OPERATE, summary="A resident's credit", tags=["accounting"])
async def credit_of(identity: Caller, person_id: FromPath[UUID]) -> CreditView:
    async with in_account(identity.account_id):
        if await person(person_id) is None:
            raise not_found("person")
        return CreditView(await credit.credit_minor(person_id))


@post("/api/operator/people/{person_id:uuid}/refund", opt=DECIDE, summary="Give credit back", tags=["accounting"])
async def refund(request: HttpRequest, identity: Caller, person_id: FromPath[UUID], data: JSONBody[Refund]) -> Created:
    now = request.app.state.clock()
    return Created(await credit.refund(actor_of(identity), person_id, data.amount_minor, data.idempotency_key, now))


ROUTES = [journal, journal_export, vat, open_items, margin, credit_note, dispute, answer, my_dispute, suggestions, match, credit_of, refund]
