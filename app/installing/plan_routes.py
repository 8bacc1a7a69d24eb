"""The plan of a house over HTTP."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath, FromQuery

from app.accounts.web.access import Caller, HttpRequest
from app.database.transaction import in_account
from app.installing.plan import Wishes, plan_beside
from app.installing.plan_rules import Need
from app.kernel.errors import Refused
from app.sites.access import SETTERS, reach
from app.sites.routes import today_of

SEE: dict[str, Any] = {"roles": sorted(SETTERS | {"support"}), "problems": (422,), "scope": "sites"}
MOST = 10_000


@get("/api/sites/{site_id:uuid}/hardware-plan", opt=SEE, summary="What a house needs for its solutions, and what is entered of it",
     tags=["installing"])  # fmt: skip
async def hardware_plan(
    request: HttpRequest, identity: Caller, site_id: FromPath[UUID], stations: FromQuery[int] = 0, machines: FromQuery[int] = 0,
    sockets: FromQuery[int] = 0, pv: FromQuery[bool] = False, battery: FromQuery[bool] = False, heat_pump: FromQuery[bool] = False,
    entry_a: FromQuery[int] = 0,
) -> list[Need]:  # fmt: skip
    wishes = Wishes(stations=stations, machines=machines, sockets=sockets, pv=pv, battery=battery, heat_pump=heat_pump, entry_a=entry_a)
    odd = [name for name, value in msgspec.structs.asdict(wishes).items() if not 0 <= value <= MOST]
    if odd:
        raise Refused("invalid_input", 422, f"Write numbers from 0 to {MOST}.", fields=odd)
    today = today_of(request)
    async with in_account(identity.account_id):
        await reach(identity, site_id, today, SETTERS | {"support"})
        return await plan_beside(site_id, wishes, today)


ROUTES = [hardware_plan]
