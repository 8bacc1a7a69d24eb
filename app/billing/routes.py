"""Bills, badges, and the operator's month."""

from datetime import date
from typing import Any, cast
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post

from app.accounts.model import Identity
from app.billing import answers, commands, queries, views
from app.billing.charge_routes import RESIDENT, person_of
from app.billing.issue import positions
from app.charging import queries as charging
from app.database.transaction import fetch, in_account
from app.kernel.calendar import month_bounds, parse_period, period_text
from app.kernel.errors import Refused, not_found
from app.residents.commands import report_badge_lost
from app.residents.queries import Badge, badges_of
from app.sites import queries as sites

OPERATOR = {"roles": ["operator", "superadmin"]}
CLOSES_A_MONTH = {**OPERATOR, "problems": (409,)}
PDF = "application/pdf"


class Month(msgspec.Struct):
    period: str


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


@get("/api/bills", opt=RESIDENT, summary="My bills", tags=["bills"])
async def bills(request: Request[Any, Any, Any], identity: Identity) -> list[answers.BillView]:
    async with in_account(identity.account_id):
        found = await queries.bills_of_person(person_of(identity), request.app.state.clock().date())
    return [views.bill_view(bill) for bill in found]


@get("/api/bills/{bill_id:uuid}", opt=RESIDENT, summary="One bill with its sessions", tags=["bills"])
async def bill(request: Request[Any, Any, Any], identity: Identity, bill_id: UUID) -> answers.BillDetail:
    now = request.app.state.clock()
    async with in_account(identity.account_id):
        found = await queries.bill(bill_id, now.date())
        if found is None or found.person_id != identity.person_id:
            raise not_found("bill")
        charges = await queries.charges_of_bill(bill_id)
        listed = [s for charge in charges if (s := await charging.session(charge.session_id)) is not None]
        return {
            **views.bill_view(found),
            "lines": [views.line_view(line) for line in positions(charges)],
            "sessions": await views.session_views(listed, now),
        }


@get("/api/bills/{bill_id:uuid}/pdf", opt=RESIDENT, media_type=PDF, summary="The bill as PDF", tags=["bills"])
async def bill_pdf(identity: Identity, bill_id: UUID) -> Response[bytes]:
    async with in_account(identity.account_id):
        found = await queries.bill_pdf(bill_id)
    if found is None or found[0] != identity.person_id:
        raise not_found("bill")
    return pdf_answer(found[2], found[1])


@get("/api/badges", opt=RESIDENT, summary="My badges", tags=["badges"])
async def badges(identity: Identity) -> list[Badge]:
    async with in_account(identity.account_id):
        return await badges_of(person_of(identity))


@post("/api/badges/{badge_id:uuid}/lost", status_code=200, opt=RESIDENT, summary="Report a badge lost", tags=["badges"])
async def badge_lost(identity: Identity, badge_id: UUID) -> Badge:
    return await report_badge_lost(identity.account_id, person_of(identity), badge_id)


@get("/api/operator/stations", opt=OPERATOR, summary="Stations and what runs on them", tags=["operator"])
async def stations(identity: Identity) -> list[answers.StationRow]:
    async with in_account(identity.account_id):
        rows = await fetch(
            "SELECT st.id AS station_id, st.identity, st.name, s.name AS site_name, st.online,"
            " st.online_changed_at AS since, st.vendor, st.model, st.firmware, st.last_message_at FROM station st"
            " JOIN site s ON s.account_id = st.account_id AND s.id = st.site_id ORDER BY s.name, st.name"
        )
        connectors = await fetch("SELECT station_id, number, public_code AS code, status, error_code FROM connector ORDER BY number")
        running = await fetch(
            "SELECT station_id, id AS session_id, greatest(0, coalesce(last_meter_wh, meter_start_wh) - meter_start_wh)"
            " AS energy_wh, last_power_w AS power_w, started_at FROM charging_session WHERE state = 'open'"
        )
    return [cast("answers.StationRow", {**row, "connectors": _of(row, connectors), "running": _of(row, running)}) for row in rows]


def _of(station: Any, rows: list[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in rows if row["station_id"] == station["station_id"]]


@get("/api/operator/month", opt=OPERATOR, summary="A month: sessions, bills, payments", tags=["operator"])
async def month(request: Request[Any, Any, Any], identity: Identity, period: str) -> answers.OperatorMonth:
    first, today = period_in(period), request.app.state.clock().date()
    async with in_account(identity.account_id):
        listed: list[answers.SiteMonth] = []
        unmatched = await queries.payments_unmatched()
        for site in await sites.sites():
            found = await charging.sessions_of_site(site.id, *month_bounds(first, site.time_zone))
            issued = await queries.bills_of_site(site.id, first, today)
            charges = await queries.charges_of_site(site.id, first)
            listed.append({
                "site_id": site.id, "site_name": site.name, "state": "issued" if issued else "open",
                "sessions": len(found), "energy_wh": sum(charge.energy_wh for charge in charges),
                "gross_minor": sum(charge.gross_minor for charge in charges), "currency": site.currency,
                "held": sum(session.state == "held" for session in found),
                "bills": [{**views.bill_view(b), "resident_name": b.resident_name} for b in issued],
                "payments_unmatched": unmatched,
            })  # fmt: skip
    return {"period": period_text(first), "sites": listed}


@post("/api/operator/sites/{site_id:uuid}/month", status_code=202, opt=CLOSES_A_MONTH, summary="Issue a month's bills",
      tags=["operator"])  # fmt: skip
async def run_month(request: Request[Any, Any, Any], identity: Identity, site_id: UUID, data: Month) -> answers.MonthRun:
    report = await commands.run_month(identity.account_id, site_id, period_in(data.period), request.app.state.clock())
    return {"bills": report.bills, "failed": list(report.failed)}


@get("/api/operator/bills/{bill_id:uuid}/pdf", opt=OPERATOR, media_type=PDF, summary="Any bill of the account as PDF",
     tags=["operator"])  # fmt: skip
async def operator_bill_pdf(identity: Identity, bill_id: UUID) -> Response[bytes]:
    async with in_account(identity.account_id):
        found = await queries.bill_pdf(bill_id)
    if found is None:
        raise not_found("bill")
    return pdf_answer(found[2], found[1])


@post("/api/operator/payments", opt=OPERATOR, summary="Book a payment", tags=["operator"])
async def book_payment(request: Request[Any, Any, Any], identity: Identity, data: commands.Credit) -> Response[queries.Payment]:
    payment, new = await commands.book_payment(identity.account_id, data, request.app.state.clock())
    return Response(payment, status_code=201 if new else 200)


@get("/api/operator/review", opt=OPERATOR, summary="What a person has to look at", tags=["operator"])
async def review(identity: Identity) -> list[charging.ReviewItem]:
    async with in_account(identity.account_id):
        return await charging.review_list()


ROUTES = [bills, bill, bill_pdf, badges, badge_lost, stations, month, run_month, operator_bill_pdf, book_payment, review]
