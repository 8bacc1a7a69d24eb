"""The operator's fees that residents pay, by billing point."""

from typing import Any
from uuid import UUID

from litestar import get
from litestar.params import FromPath

from app.accounts.web.access import Caller, HttpRequest
from app.billing.fees import PointFee, fees_at
from app.database.transaction import fetchval, in_account
from app.sites.access import CONSOLE, reach
from app.sites.routes import today_of

SEE: dict[str, Any] = {"roles": sorted(CONSOLE), "scope": "sites"}


@get("/api/billing-points/{point_id:uuid}/fees", opt=SEE, summary="The operator's fees that a point's resident pays", tags=["points"])
async def fees(request: HttpRequest, identity: Caller, point_id: FromPath[UUID]) -> list[PointFee]:
    today = today_of(request)
    async with in_account(identity.account_id):
        await reach(identity, await fetchval("SELECT site_id FROM billing_point WHERE id = $1", point_id), today)
        return await fees_at(point_id, today)


ROUTES = [fees]
