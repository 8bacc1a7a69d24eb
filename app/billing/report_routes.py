"""A resident's charges of a month for an employer."""

from typing import Literal

from litestar import Response, get
from litestar.params import FromPath, FromQuery

from app.accounts.web.access import Caller, HttpRequest
from app.billing.charge_routes import PAST, person_of
from app.billing.documents.report import report_csv, report_pdf
from app.billing.report import report_of
from app.billing.routes import PDF, period_in
from app.database.transaction import in_account


@get("/api/usage/reports/{period:str}", opt={**PAST, "also": ("text/csv",)}, media_type=PDF, tags=["charging"],
     summary="My charges of a month for an employer: PDF or CSV")  # fmt: skip
async def usage_report(
    request: HttpRequest, identity: Caller, period: FromPath[str], form: FromQuery[Literal["pdf", "csv"]] = "pdf"
) -> Response[bytes]:
    month = period_in(period)
    async with in_account(identity.account_id):
        found = await report_of(person_of(identity), month, request.app.state.clock)
    headers = {"content-disposition": f'attachment; filename="{period}.{form}"', "cache-control": "private, no-store"}
    if form == "csv":
        return Response(report_csv(found), media_type="text/csv; charset=utf-8", headers=headers)
    return Response(report_pdf(found), media_type=PDF, headers=headers)


ROUTES = [usage_report]
