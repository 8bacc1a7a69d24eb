"""Other prices tried on a month that is over."""

from typing import Any
from uuid import UUID

from litestar import post
from litestar.params import FromPath, FromQuery, JSONBody

from app.accounts.web.access import Caller, HttpRequest
from app.billing.preview import Preview, preview_charging, preview_electricity
from app.billing.routes import period_in
from app.database.transaction import in_account
from app.sites.access import MANAGERS, reach
from app.sites.routes import today_of
from app.tariffs.defaults import defaulted
from app.tariffs.routes import NewPrices
from app.tariffs.rules import check_components, check_rate

MANAGE: dict[str, Any] = {"roles": sorted(MANAGERS)}


@post("/api/sites/{site_id:uuid}/tariffs/preview", status_code=200, opt=MANAGE, tags=["rates"],
      summary="What a month's charges or electricity would have cost at other prices")  # fmt: skip
async def preview(
    request: HttpRequest, identity: Caller, site_id: FromPath[UUID], period: FromQuery[str], data: JSONBody[NewPrices]
) -> Preview:
    month = period_in(period)
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), MANAGERS)
        rate = await defaulted(site_id, data.valid_from, data.as_rate())
        check_components(rate.components, rate.solution)
        check_rate(rate)
        return await (preview_charging if rate.solution == "charging" else preview_electricity)(site_id, rate, month)


ROUTES = [preview]
