"""The owner's pages: revenue, payouts, statements."""

from datetime import date, datetime
from typing import Literal, TypedDict
from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath, FromQuery

from app.accounts.model import Identity
from app.accounts.rules import OWNERS, persons
from app.accounts.web.access import Caller, HttpRequest
from app.billing import views
from app.billing.answers import SessionView
from app.billing.charge_routes import person_of
from app.billing.routes import PDF, pdf_answer, period_in
from app.charging.queries import sessions_of_site
from app.database.transaction import in_account
from app.kernel.calendar import month_bounds, month_end, month_of, months_before, period_text
from app.kernel.errors import not_found
from app.payouts import queries
from app.payouts.queries import Payout
from app.payouts.rules import Revenue
from app.sites import queries as sites
from app.sites.access import visible_sites
from app.sites.routes import today_of


class PayoutView(TypedDict):
    """A payout in a list, amounts in minor units. Of the account only the last four characters are told."""

    id: UUID
    site_id: UUID
    site_name: str
    period: str
    currency: str
    amount_minor: int
    reimbursed_minor: int
    withheld_minor: int
    gross_minor: int
    created_at: datetime
    iban_tail: str
    reference: str
    state: Literal["sent"]


class TermsView(TypedDict):
    """What share of the net revenue is reimbursed, in thousandths per class."""

    internal_permille: int
    external_permille: int


class SiteRevenue(TypedDict):
    """A site's revenue of a month by station and in total."""

    site_id: UUID
    site_name: str
    stations: list[Revenue]
    totals: Revenue
    payout: PayoutView | None
    terms: TermsView


class OwnerRevenue(TypedDict):
    """A month of an owner's sites, and the months to choose from."""

    period: str
    currency: str
    sites: list[SiteRevenue]
    periods: list[str]


OWNER = {"roles": sorted(OWNERS), "scope": "sites"}


def payout_view(payout: Payout) -> PayoutView:
    """A payout in a list. It is announced by its statement and sent with the bank's file."""
    return {
        "id": payout.id, "site_id": payout.site_id, "site_name": payout.site_name, "period": period_text(payout.period),
        "currency": payout.currency, "amount_minor": payout.amount_minor, "reimbursed_minor": payout.reimbursed_minor,
        "withheld_minor": payout.withheld_minor, "gross_minor": payout.gross_minor, "created_at": payout.created_at,
        "iban_tail": payout.iban_tail, "reference": payout.reference, "state": "sent",
    }  # fmt: skip


@get("/api/owner/revenue", opt=OWNER, summary="Revenue of a month by station", tags=["owner"])
async def revenue(request: HttpRequest, identity: Caller, period: FromQuery[str | None] = None) -> OwnerRevenue:
    this = month_of(request.app.state.clock().date())
    first = this if period is None else period_in(period)
    owner_id = person_of(identity)
    async with in_account(identity.account_id):
        payouts = await queries.payouts_of(owner_id)
        mine = await _limit(request, identity)
        listed = [await _site(site_id, first, payouts) for site_id in await _sites(owner_id, first) if mine is None or site_id in mine]
    periods = [period_text(months_before(this, back)) for back in range(13)]
    return {"period": period_text(first), "currency": identity.currency, "sites": listed, "periods": periods}


async def _limit(request: HttpRequest, identity: Identity) -> list[UUID] | None:
    """The sites to which this login is limited; None: all of the owner, past ones too (inside the caller's transaction)."""
    if persons(identity.grants, OWNERS):
        return None
    return await visible_sites(identity, today_of(request), OWNERS)


async def _sites(owner_id: UUID, period: date) -> list[UUID]:
    """The sites that were this owner's at the end of the month."""
    found = []
    for site_id in await sites.sites_of_owner(owner_id):
        terms = await sites.terms_on(site_id, month_end(period))
        if terms is not None and terms.owner_id == owner_id:
            found.append(site_id)
    return found


async def _site(site_id: UUID, period: date, payouts: list[Payout]) -> SiteRevenue:
    site, terms = await sites.site(site_id), await sites.terms_on(site_id, month_end(period))
    if site is None or terms is None:
        raise not_found("site")
    stations, total = await queries.site_revenue(site_id, period, terms)
    paid = [payout_view(p) for p in payouts if p.site_id == site_id and p.period == period]
    return {
        "site_id": site_id, "site_name": site.name, "stations": stations, "totals": total, "payout": paid[0] if paid else None,
        "terms": {"internal_permille": terms.internal_permille, "external_permille": terms.external_permille},
    }  # fmt: skip


@get("/api/owner/payouts", opt=OWNER, summary="My payouts", tags=["owner"])
async def payouts(request: HttpRequest, identity: Caller) -> list[PayoutView]:
    async with in_account(identity.account_id):
        mine = await _limit(request, identity)
        found = await queries.payouts_of(person_of(identity))
        return [payout_view(payout) for payout in found if mine is None or payout.site_id in mine]


@get("/api/owner/payouts/{payout_id:uuid}/statement", opt=OWNER, media_type=PDF, summary="A payout's statement as PDF",
     tags=["owner"])  # fmt: skip
async def statement(request: HttpRequest, identity: Caller, payout_id: FromPath[UUID]) -> Response[bytes]:
    owner_id = person_of(identity)
    async with in_account(identity.account_id):
        mine = await _limit(request, identity)
        known = any(p.id == payout_id and (mine is None or p.site_id in mine) for p in await queries.payouts_of(owner_id))
        pdf = await queries.statement_pdf(payout_id, owner_id) if known else None
    if pdf is None:
        raise not_found("payout")
    return pdf_answer(pdf, f"payout-{payout_id}")


@get("/api/owner/sessions", opt=OWNER, summary="Sessions on my stations, without personal data", tags=["owner"])
async def sessions(request: HttpRequest, identity: Caller, period: FromQuery[str]) -> list[SessionView]:
    first, now = period_in(period), request.app.state.clock()
    found: list[SessionView] = []
    async with in_account(identity.account_id):
        mine = await _limit(request, identity)
        for site_id in await _sites(person_of(identity), first):
            site = await sites.site(site_id)
            if site is not None and (mine is None or site_id in mine):
                listed = await sessions_of_site(site_id, *month_bounds(first, site.time_zone))
                found += await views.session_views(listed, now)
    return [{**view, "badge_tail": None, "bill_id": None} for view in found]


ROUTES = [revenue, payouts, statement, sessions]
