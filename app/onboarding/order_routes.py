"""Orders of hardware, their terms, and a meter's new billing point, over HTTP."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, FromQuery, JSONBody

from app.accounts.rules import INSTALLERS
from app.accounts.web.access import Caller, HttpRequest
from app.database.transaction import fetchval, in_account
from app.onboarding import orders
from app.onboarding.meter_links import link_to_new_point
from app.onboarding.orders import NewOrder, OrdersPage, TermsOfSale
from app.residents.points import NewPoint
from app.sites.access import OPERATORS, SETTERS, reach
from app.sites.routes import Created, actor_of, today_of

SEERS = SETTERS | {"support"}
SEE: dict[str, Any] = {"roles": sorted(SEERS), "scope": "sites"}
ORDER: dict[str, Any] = {"roles": sorted(SETTERS), "problems": (409,), "scope": "sites"}
ANSWER: dict[str, Any] = {"roles": sorted(OPERATORS), "problems": (409,), "scope": "sites"}
INSTALL: dict[str, Any] = {"roles": sorted(INSTALLERS), "problems": (409,), "scope": "sites"}


class Delivery(msgspec.Struct, forbid_unknown_fields=True):
    """The day on which it arrived."""

    day: date


class Cancellation(msgspec.Struct, forbid_unknown_fields=True):
    reason: str


class PointForMeter(msgspec.Struct, forbid_unknown_fields=True):
    """A new billing point for a meter, and the day from which the meter counts for it."""

    point: NewPoint
    first: date


@get("/api/terms-of-sale", opt=SEE, summary="The general terms of sale, and when I accepted them", tags=["orders"])
async def terms(identity: Caller, locale: FromQuery[str] = "en") -> TermsOfSale:
    async with in_account(identity.account_id):
        return await orders.terms_of_sale(identity.login_id, locale)


@get("/api/sites/{site_id:uuid}/orders", opt=SEE, summary="A site's orders of hardware, and what its meters ask for", tags=["orders"])
async def listed(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> OrdersPage:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SEERS)
        return await orders.orders_of(site_id, request.app.state.clock())


@post("/api/sites/{site_id:uuid}/orders", opt=ORDER, summary="Order hardware", tags=["orders"])
async def order(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[NewOrder]) -> Created:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
    return Created(await orders.order(actor_of(identity), site_id, data, request.app.state.clock()))


@post("/api/orders/{order_id:uuid}/delivered", status_code=204, opt=ANSWER, summary="Say that an order has arrived", tags=["orders"])
async def delivered(request: HttpRequest, identity: Caller, order_id: FromPath[UUID], data: JSONBody[Delivery]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, await orders.site_of_order(order_id), today_of(request), OPERATORS)
    await orders.delivered(actor_of(identity), order_id, data.day, request.app.state.clock())


@post("/api/orders/{order_id:uuid}/cancel", status_code=204, opt=ANSWER, summary="Call an order off", tags=["orders"])
async def cancel(request: HttpRequest, identity: Caller, order_id: FromPath[UUID], data: JSONBody[Cancellation]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, await orders.site_of_order(order_id), today_of(request), OPERATORS)
    await orders.cancel(actor_of(identity), order_id, data.reason, request.app.state.clock())


@post("/api/meters/{meter_id:uuid}/new-point", opt=INSTALL, summary="Make a billing point for a meter, in one step", tags=["equipment"])
async def new_point(request: HttpRequest, identity: Caller, meter_id: FromPath[UUID], data: JSONBody[PointForMeter]) -> Created:
    async with in_account(identity.account_id):
        site_id = await fetchval("SELECT site_id FROM meter WHERE id = $1", meter_id)
        await reach(identity, site_id, today_of(request), INSTALLERS)
    return Created(await link_to_new_point(actor_of(identity), meter_id, data.point, data.first, request.app.state.clock()))


ROUTES = [terms, listed, order, delivered, cancel, new_point]
