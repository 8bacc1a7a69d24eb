"""Account administration over HTTP: for superadmins only."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody

from app.accounts import licences
from app.accounts.licence_rules import LicenceKind, NewAccount
from app.accounts.web.access import Caller, HttpRequest

SUPERADMIN: dict[str, Any] = {"roles": ["superadmin"]}
ASK: dict[str, Any] = {**SUPERADMIN, "problems": (409,)}


class Asked(msgspec.Struct, frozen=True):
    """The application that was sent."""

    id: UUID


class Datapoints(msgspec.Struct, forbid_unknown_fields=True):
    """How many datapoints to add; negative: to remove."""

    datapoints: int


class OtherLicence(msgspec.Struct, forbid_unknown_fields=True):
    licence: LicenceKind


@get("/api/admin/accounts", opt=SUPERADMIN, summary="Active and expired accounts, and applications", tags=["account administration"])
async def listed(request: HttpRequest, identity: Caller) -> licences.Portfolio:
    return await licences.portfolio(request.app.state.clock().date())


@post("/api/admin/applications", opt=ASK, summary="Ask for a new account", tags=["account administration"])
async def ask(request: HttpRequest, identity: Caller, data: JSONBody[NewAccount]) -> Asked:
    return Asked(await licences.ask_for_account(identity.login_id, data, request.app.state.clock()))


@post("/api/admin/accounts/{account_id:uuid}/datapoints", opt=ASK, summary="Ask for more or fewer datapoints",
      tags=["account administration"])  # fmt: skip
async def datapoints(request: HttpRequest, identity: Caller, account_id: FromPath[UUID], data: JSONBody[Datapoints]) -> Asked:
    return Asked(await licences.ask_for_datapoints(identity.login_id, account_id, data.datapoints, request.app.state.clock()))


@post("/api/admin/accounts/{account_id:uuid}/licence", opt=ASK, summary="Ask for another licence", tags=["account administration"])
async def licence(request: HttpRequest, identity: Caller, account_id: FromPath[UUID], data: JSONBody[OtherLicence]) -> Asked:
    return Asked(await licences.ask_for_licence(identity.login_id, account_id, data.licence, request.app.state.clock()))


@post("/api/admin/accounts/{account_id:uuid}/renewal", opt=ASK, summary="Ask to renew for a year", tags=["account administration"])
async def renewal(request: HttpRequest, identity: Caller, account_id: FromPath[UUID]) -> Asked:
    return Asked(await licences.ask_for_renewal(identity.login_id, account_id, request.app.state.clock()))


@post("/api/admin/applications/{request_id:uuid}/answer", status_code=200, opt=ASK, summary="Approve or refuse an application",
      tags=["account administration"])  # fmt: skip
async def answer(request: HttpRequest, identity: Caller, request_id: FromPath[UUID], data: JSONBody[licences.Answer]) -> licences.Request:
    return await licences.answer(identity.login_id, request_id, data, request.app.state.clock())


ROUTES = [listed, ask, datapoints, licence, renewal, answer]
