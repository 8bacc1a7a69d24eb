"""Billing points, occupancy and moves over HTTP."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from litestar import get, patch, post, put
from litestar.datastructures import UploadFile
from litestar.params import FromPath, FromQuery, JSONBody, MultipartBody

from app.accounts.web.access import Caller, HttpRequest
from app.audit.model import TrailLine
from app.audit.queries import trail
from app.database.transaction import in_account
from app.kernel.errors import Refused, not_found
from app.residents import administration, moves, points
from app.residents.access import reach_person
from app.residents.administration import Advance, PointRow, StayView
from app.residents.expense_rules import ExpenseKey, ExpenseShare, expense_shares
from app.residents.imports import RowReport, import_residents
from app.residents.model import Move
from app.residents.spreadsheet import MOST_BYTES
from app.sites.access import CONSOLE, MANAGERS, reach
from app.sites.administration import site_of_building
from app.sites.routes import Created, Saved, actor_of, today_of

SEE: dict[str, Any] = {"roles": sorted(CONSOLE), "scope": "sites"}
MANAGE: dict[str, Any] = {"roles": sorted(MANAGERS), "problems": (409,), "scope": "sites"}

MOST_MINOR = 10**12


class PointPage(msgspec.Struct, frozen=True, kw_only=True):
    """A billing point with its time line and advances."""

    point: PointRow
    stays: list[StayView]
    advances: list[Advance]
    trail: list[TrailLine]


class NewStay(msgspec.Struct, forbid_unknown_fields=True):
    person_id: UUID
    entry: date
    last: date | None = None


class StayEnd(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    last: date | None


class MoveForm(msgspec.Struct, forbid_unknown_fields=True):
    newcomer_id: UUID | None = None
    entry: date | None = None
    exit: date | None = None


@dataclass
class Sheet:
    """The spreadsheet, CSV in UTF-8 or XLSX."""

    file: UploadFile


class AdvanceForm(msgspec.Struct, forbid_unknown_fields=True):
    amount_minor: int
    valid_from: date


@get("/api/sites/{site_id:uuid}/billing-points", opt=SEE, summary="The billing points of a site", tags=["billing points"])
async def listed(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> list[PointRow]:
    today = today_of(request)
    async with in_account(identity.account_id):
        await reach(identity, site_id, today)
        return await administration.points(site_id, today)


@get("/api/sites/{site_id:uuid}/expense-shares", opt={**SEE, "problems": (409,)}, tags=["billing points"],
     summary="How a general cost is shared by the billing points that take part in the expense statement")  # fmt: skip
async def shares_of_expense(
    request: HttpRequest, identity: Caller, site_id: FromPath[UUID], amount_minor: FromQuery[int], key: FromQuery[ExpenseKey] = "share"
) -> list[ExpenseShare]:
    if not 0 < amount_minor <= MOST_MINOR:
        raise Refused("bad_amount", 422, "Write an amount above zero.", fields=["amount_minor"])
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request))
        return expense_shares(amount_minor, await administration.points(site_id, today_of(request)), key)


@post("/api/billing-points", opt=MANAGE, summary="Create a billing point", tags=["billing points"])
async def create(request: HttpRequest, identity: Caller, data: JSONBody[points.NewPoint]) -> Created:
    async with in_account(identity.account_id):
        await reach(identity, await site_of_building(data.building_id), today_of(request), MANAGERS)
    return Created(await points.create_point(actor_of(identity), data, request.app.state.clock()))


@get("/api/billing-points/{point_id:uuid}", opt=SEE, summary="A billing point and its time line", tags=["billing points"])
async def page(request: HttpRequest, identity: Caller, point_id: FromPath[UUID]) -> PointPage:
    today = today_of(request)
    async with in_account(identity.account_id):
        found = await administration.point(point_id, today)
        await reach(identity, None if found is None else found.site_id, today)
        if found is None:
            raise not_found("billing point")
        return PointPage(point=found, stays=await administration.time_line(point_id), advances=await administration.advances(point_id),
                         trail=await trail("billing_point", point_id))  # fmt: skip


@patch("/api/billing-points/{point_id:uuid}", opt=MANAGE, summary="Change a billing point", tags=["billing points"])
async def change(request: HttpRequest, identity: Caller, point_id: FromPath[UUID], data: JSONBody[points.PointChange]) -> Saved:
    await _reach(request, identity, point_id)
    if isinstance(data.building_id, UUID):
        async with in_account(identity.account_id):
            await reach(identity, await site_of_building(data.building_id), today_of(request), MANAGERS)
    return Saved(await points.change_point(actor_of(identity), point_id, data, request.app.state.clock()))


@put("/api/billing-points/{point_id:uuid}/advance", opt=MANAGE, summary="The monthly advance from a day on", tags=["billing points"])
async def advance(request: HttpRequest, identity: Caller, point_id: FromPath[UUID], data: JSONBody[AdvanceForm]) -> Created:
    await _reach(request, identity, point_id)
    now = request.app.state.clock()
    return Created(await points.set_advance(actor_of(identity), point_id, data.amount_minor, data.valid_from, now))


@post("/api/billing-points/{point_id:uuid}/stays", opt=MANAGE, summary="Put somebody on a billing point", tags=["billing points"])
async def assign(request: HttpRequest, identity: Caller, point_id: FromPath[UUID], data: JSONBody[NewStay]) -> Created:
    await _reach(request, identity, point_id, data.person_id)
    now = request.app.state.clock()
    return Created(await moves.assign(actor_of(identity), point_id, data.person_id, data.entry, data.last, now))


@post("/api/billing-points/{point_id:uuid}/moves", status_code=200, opt=MANAGE, summary="Register a move", tags=["billing points"])
async def move(request: HttpRequest, identity: Caller, point_id: FromPath[UUID], data: JSONBody[MoveForm]) -> list[StayView]:
    await _reach(request, identity, point_id, data.newcomer_id)
    wanted = Move(newcomer_id=data.newcomer_id, entry=data.entry, exit=data.exit)
    await moves.register_move(actor_of(identity), point_id, wanted, request.app.state.clock())
    async with in_account(identity.account_id):
        return await administration.time_line(point_id)


@patch("/api/stays/{stay_id:uuid}", opt=MANAGE, summary="Change the last day of a stay", tags=["billing points"])
async def end(request: HttpRequest, identity: Caller, stay_id: FromPath[UUID], data: JSONBody[StayEnd]) -> Saved:
    async with in_account(identity.account_id):
        await reach(identity, await administration.site_of_stay(stay_id), today_of(request), MANAGERS)
    return Saved(await moves.end_stay(actor_of(identity), stay_id, data.version, data.last, request.app.state.clock()))


async def _reach(request: HttpRequest, identity: Caller, point_id: UUID, person_id: UUID | None = None) -> None:
    today = today_of(request)
    async with in_account(identity.account_id):
        found = await administration.point(point_id, today)
        await reach(identity, None if found is None else found.site_id, today, MANAGERS)
        if person_id is not None:
            await reach_person(identity, person_id, today, MANAGERS)


@post("/api/sites/{site_id:uuid}/residents-import", status_code=200, opt=MANAGE, summary="Import the residents' spreadsheet",
      tags=["billing points"], request_max_body_size=MOST_BYTES + 100_000)  # fmt: skip
async def import_sheet(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: MultipartBody[Sheet]) -> list[RowReport]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), MANAGERS)
    content = await data.file.read()
    return await import_residents(actor_of(identity), site_id, data.file.filename, content, request.app.state.clock())


ROUTES = [shares_of_expense, import_sheet, listed, create, page, change, advance, assign, move, end]
