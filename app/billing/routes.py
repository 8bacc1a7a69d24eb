"""A resident's bills and badges."""

from datetime import date
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from app.accounts.web.access import Caller, HttpRequest
from app.billing import answers, queries, views
from app.billing.charge_routes import PAST, RESIDENT, person_of
from app.billing.issue import positions
from app.billing.mailings import fee_on
from app.charging import queries as charging
from app.database.transaction import in_account
from app.kernel.calendar import parse_period
from app.kernel.errors import Refused, not_found
from app.residents.commands import report_badge_lost
from app.residents.queries import Badge, badges_of

PDF = "application/pdf"


def period_in(text: str) -> date:
    """A month from a request. Raises Refused invalid_input."""
    try:
        return parse_period(text)
    except ValueError as error:
        raise Refused("invalid_input", 422, str(error), fields=["period"]) from error


def pdf_answer(pdf: bytes, name: str) -> Response[bytes]:
    """A PDF that the browser saves under a name."""
    headers = {"content-disposition": f'attachment; filename="{name}.pdf"', "cache-control": "private, no-store"}
    return Response(pdf, media_type=PDF, headers=headers)


@get("/api/bills", opt=PAST, summary="My bills", tags=["bills"])
async def bills(request: HttpRequest, identity: Caller) -> list[answers.BillView]:
    async with in_account(identity.account_id):
        found = await queries.bills_of_person(person_of(identity), request.app.state.clock().date())
    return [views.bill_view(bill) for bill in found]


@get("/api/bills/{bill_id:uuid}", opt=PAST, summary="One bill with its sessions", tags=["bills"])
async def bill(request: HttpRequest, identity: Caller, bill_id: FromPath[UUID]) -> answers.BillDetail:
    now = request.app.state.clock()
    async with in_account(identity.account_id):
        found = await queries.bill(bill_id, now.date())
        if found is None or found.person_id != identity.person_id:
            raise not_found("bill")
        charges = await queries.charges_of_bill(bill_id)
        listed = [s for charge in charges if (s := await charging.session(charge.session_id)) is not None]
        return {
            **views.bill_view(found),
            "lines": [views.line_view(line) for line in (*positions(charges), *await fee_on(bill_id))],
            "sessions": await views.session_views(listed, now),
        }


@get("/api/bills/{bill_id:uuid}/pdf", opt=PAST, media_type=PDF, summary="The bill as PDF", tags=["bills"])
async def bill_pdf(identity: Caller, bill_id: FromPath[UUID]) -> Response[bytes]:
    async with in_account(identity.account_id):
        found = await queries.bill_pdf(bill_id)
    if found is None or found[0] != identity.person_id:
        raise not_found("bill")
    return pdf_answer(found[2], found[1])


@get("/api/badges", opt=PAST, summary="My badges", tags=["badges"])
async def badges(identity: Caller) -> list[Badge]:
    async with in_account(identity.account_id):
        return await badges_of(person_of(identity))


@post("/api/badges/{badge_id:uuid}/lost", status_code=200, opt=RESIDENT, summary="Report a badge lost", tags=["badges"])
async def badge_lost(identity: Caller, badge_id: FromPath[UUID]) -> Badge:
    return await report_badge_lost(identity.account_id, person_of(identity), badge_id)


ROUTES = [bills, bill, bill_pdf, badges, badge_lost]
