"""Other prices tried on a month that is over."""

from typing import Any
from uuid import UUID

from litestar import post
from litestar.params import FromPath, FromQuery, JSONBody

from app.accounts.web.access import Caller, HttpRequest
from app.billing.preview import Preview, preview_charging
from app.billing.routes import period_in
from app.database.transaction import in_account
from app.sites.access import MANAGERS, reach
from app.sites.routes import today_of
from app.tariffs.routes import NewPrices
from app.tariffs.rules import check_components, check_rate

MANAGE: dict[str, Any] = {"roles": sorted(MANAGERS)}


@post("/api/sites/{site_id:uuid}/tariffs/preview", status_code=200, opt=MANAGE, tags=["rates"],
      summary="What a month's charges would have cost at other prices")  # fmt: skip
async def preview(
    request: HttpRequest, identity: Caller, site_id: FromPath[UUID], period: FromQuery[str], data: JSONBody[NewPrices]
) -> Preview:
    check_components(data.components, "charging")
    check_rate(data.as_rate())
    month = period_in(period)
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), MANAGERS)
        return await preview_charging(site_id, data.as_rate(), month)


ROUTES = [preview]
