"""The operator's pages: stations, the month, payments, and what a person has to look at."""

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.params import FromPath, FromQuery, JSONBody, MultipartBody

from app.accounts.rules import OPERATORS, STAFF
from app.accounts.web.access import Caller, HttpRequest
from app.billing import answers, commands, queries, views
from app.billing.bank_statements import BankStatement, book_statement
from app.billing.camt import MOST_BYTES
from app.billing.routes import PDF, pdf_answer, period_in
from app.charging import queries as charging
from app.database.transaction import fetch, in_account
from app.kernel.calendar import month_bounds, period_text
from app.kernel.errors import not_found
from app.sites import queries as sites

SEE = {"roles": sorted(STAFF)}
OPERATOR = {"roles": sorted(OPERATORS)}
CLOSES_A_MONTH = {**OPERATOR, "problems": (409,)}


@dataclass
class BankFileForm:
    """The bank's file: camt.053 or camt.054, as XML or as a zip of such files."""

    file: UploadFile


class Month(msgspec.Struct, forbid_unknown_fields=True):
    period: str


@get("/api/operator/stations", opt=SEE, summary="Stations and what runs on them", tags=["operator"])
async def stations(identity: Caller) -> list[answers.StationRow]:
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


@get("/api/operator/month", opt=SEE, summary="A month: sessions, bills, payments", tags=["operator"])
async def month(request: HttpRequest, identity: Caller, period: FromQuery[str]) -> answers.OperatorMonth:
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
async def run_month(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[Month]) -> answers.MonthRun:
    report = await commands.run_month(identity.account_id, site_id, period_in(data.period), request.app.state.clock())
    return {"bills": report.bills, "failed": list(report.failed)}


@get("/api/operator/bills/{bill_id:uuid}/pdf", opt=SEE, media_type=PDF, summary="Any bill of the account as PDF",
     tags=["operator"])  # fmt: skip
async def operator_bill_pdf(identity: Caller, bill_id: FromPath[UUID]) -> Response[bytes]:
    async with in_account(identity.account_id):
        found = await queries.bill_pdf(bill_id)
    if found is None:
        raise not_found("bill")
    return pdf_answer(found[2], found[1])


@post("/api/operator/payments", opt=OPERATOR, summary="Book a payment", tags=["operator"])
async def book_payment(request: HttpRequest, identity: Caller, data: JSONBody[commands.Credit]) -> Response[queries.Payment]:
    payment, new = await commands.book_payment(identity.account_id, data, request.app.state.clock())
    return Response(payment, status_code=201 if new else 200)


@post("/api/operator/bank-files", status_code=200, opt=OPERATOR, summary="Book a bank's statement or notice (camt.053, camt.054)",
      tags=["operator"], request_max_body_size=MOST_BYTES + 100_000)  # fmt: skip
async def book_bank_file(request: HttpRequest, identity: Caller, data: MultipartBody[BankFileForm]) -> BankStatement:
    return await book_statement(identity.account_id, await data.file.read(), request.app.state.clock())


ROUTES = [stations, month, run_month, operator_bill_pdf, book_payment, book_bank_file]
