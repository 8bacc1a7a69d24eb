"""The invoices of an account as the console shows them: those of the sites within reach, with their PDF."""

from typing import Any
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from app.accounts.model import Identity
from app.accounts.web.access import Caller, HttpRequest
from app.billing import answers, queries, views
from app.billing.routes import PDF, pdf_answer
from app.database.transaction import in_account
from app.kernel.errors import not_found
from app.residents.access import reach_person
from app.sites.access import MANAGERS, visible_sites
from app.sites.routes import today_of

SEERS = MANAGERS | {"support"}
SEE: dict[str, Any] = {"roles": sorted(SEERS), "scope": "sites"}


@get("/api/people/{person_id:uuid}/bills", opt=SEE, summary="The bills of a person's account", tags=["people"])
async def bills(request: HttpRequest, identity: Caller, person_id: FromPath[UUID]) -> list[answers.BillView]:
    async with in_account(identity.account_id):
        return [views.bill_view(bill) for bill in await _seen(request, identity, person_id)]


@get("/api/people/{person_id:uuid}/bills/{bill_id:uuid}/pdf", opt=SEE, media_type=PDF, summary="A bill of a person's account as PDF",
     tags=["people"])  # fmt: skip
async def bill_pdf(request: HttpRequest, identity: Caller, person_id: FromPath[UUID], bill_id: FromPath[UUID]) -> Response[bytes]:
    async with in_account(identity.account_id):
        found = await queries.bill_pdf(bill_id) if bill_id in {bill.id for bill in await _seen(request, identity, person_id)} else None
    if found is None:
        raise not_found("bill")
    return pdf_answer(found[2], found[1])


async def _seen(request: HttpRequest, identity: Identity, person_id: UUID) -> list[queries.Bill]:
    """Somebody may live in houses of several owners: each of these sees what their own house has billed."""
    today = today_of(request)
    await reach_person(identity, person_id, today, SEERS)
    sites = await visible_sites(identity, today, SEERS)
    return [bill for bill in await queries.bills_of_person(person_id, today) if sites is None or bill.site_id in sites]


ROUTES = [bills, bill_pdf]
