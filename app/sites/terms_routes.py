"""What is agreed about a site, and its notes, over HTTP."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody

from app.accounts.web.access import Caller, HttpRequest
from app.audit.model import TrailLine
from app.audit.queries import trail
from app.database.transaction import in_account
from app.sites import administration, notes, terms
from app.sites.access import OPERATORS, STAFF, reach
from app.sites.model import Method, Rhythm, Solution
from app.sites.routes import OPERATE, SEE, Created, Saved, actor_of, today_of

NOTES: dict[str, Any] = {"roles": sorted(STAFF), "problems": (409,), "scope": "sites"}


class LastDay(msgspec.Struct, forbid_unknown_fields=True):
    last: date


class SolutionChange(msgspec.Struct, forbid_unknown_fields=True):
    solution: Solution
    active: bool
    day: date
    rhythm: Rhythm | None = None


class MethodChange(msgspec.Struct, forbid_unknown_fields=True):
    method: Method
    first: date


class ConditionChange(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    condition: terms.NewCondition


class ConditionEnd(msgspec.Struct, frozen=True):
    """What became of a fee: removed (never billed) or ended (with the last day billed)."""

    outcome: str


class Resolution(msgspec.Struct, forbid_unknown_fields=True):
    resolution: str


class Reason(msgspec.Struct, forbid_unknown_fields=True):
    reason: str


@post("/api/sites/{site_id:uuid}/stakeholders", status_code=204, opt=OPERATE, summary="Name a stakeholder from a day on", tags=["sites"])
async def add_stakeholder(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[terms.NewStakeholder]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), OPERATORS)
    await terms.add_stakeholder(actor_of(identity), site_id, data, request.app.state.clock())


@post("/api/stakeholders/{stakeholder_id:uuid}/end", status_code=204, opt=OPERATE, summary="End a stakeholder's part", tags=["sites"])
async def end_stakeholder(request: HttpRequest, identity: Caller, stakeholder_id: FromPath[UUID], data: JSONBody[LastDay]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, await administration.site_of_stakeholder(stakeholder_id), today_of(request), OPERATORS)
    await terms.end_stakeholder(actor_of(identity), stakeholder_id, data.last, request.app.state.clock())


@post(
    "/api/sites/{site_id:uuid}/solutions", status_code=204, opt=OPERATE, summary="Activate or end a solution from a day on", tags=["sites"]
)
async def set_solution(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[SolutionChange]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), OPERATORS)
    await terms.set_solution(actor_of(identity), site_id, data.solution, data.active, data.day, data.rhythm, request.app.state.clock())


@post("/api/sites/{site_id:uuid}/method", status_code=204, opt=OPERATE, summary="Who bills and collects from a month on", tags=["sites"])
async def set_method(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[MethodChange]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), OPERATORS)
    await terms.set_method(actor_of(identity), site_id, data.method, data.first, request.app.state.clock())


@post("/api/sites/{site_id:uuid}/conditions", opt=OPERATE, summary="Agree on a fee", tags=["sites"])
async def add_condition(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[terms.NewCondition]) -> Created:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), OPERATORS)
    return Created(await terms.add_condition(actor_of(identity), site_id, data, request.app.state.clock()))


@patch("/api/conditions/{condition_id:uuid}", opt=OPERATE, summary="Change a fee that was never billed", tags=["sites"])
async def change_condition(request: HttpRequest, identity: Caller, condition_id: FromPath[UUID], data: JSONBody[ConditionChange]) -> Saved:
    async with in_account(identity.account_id):
        await reach(identity, await administration.site_of_condition(condition_id), today_of(request), OPERATORS)
    return Saved(await terms.change_condition(actor_of(identity), condition_id, data.version, data.condition, request.app.state.clock()))


@delete(
    "/api/conditions/{condition_id:uuid}", status_code=200, opt=OPERATE, summary="Remove a fee, or end one already billed", tags=["sites"]
)
async def remove_condition(request: HttpRequest, identity: Caller, condition_id: FromPath[UUID]) -> ConditionEnd:
    async with in_account(identity.account_id):
        await reach(identity, await administration.site_of_condition(condition_id), today_of(request), OPERATORS)
    return ConditionEnd(await terms.remove_condition(actor_of(identity), condition_id, request.app.state.clock()))


@post("/api/sites/{site_id:uuid}/notes", opt=NOTES, summary="Write a note, to-do or issue", tags=["sites"])
async def add_note(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[notes.NewNote]) -> Created:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), STAFF)
    return Created(await notes.add_note(actor_of(identity), site_id, data, request.app.state.clock()))


@patch("/api/notes/{note_id:uuid}", opt=NOTES, summary="Change a note", tags=["sites"])
async def change_note(request: HttpRequest, identity: Caller, note_id: FromPath[UUID], data: JSONBody[notes.NoteChange]) -> Saved:
    await _reach_note(request, identity, note_id)
    return Saved(await notes.change_note(actor_of(identity), note_id, data, request.app.state.clock()))


@post("/api/notes/{note_id:uuid}/close", status_code=204, opt=NOTES, summary="Close a note with its resolution", tags=["sites"])
async def close_note(request: HttpRequest, identity: Caller, note_id: FromPath[UUID], data: JSONBody[Resolution]) -> None:
    await _reach_note(request, identity, note_id)
    await notes.close_note(actor_of(identity), note_id, data.resolution, request.app.state.clock())


@post("/api/notes/{note_id:uuid}/reopen", status_code=204, opt=NOTES, summary="Open a closed note again", tags=["sites"])
async def reopen_note(request: HttpRequest, identity: Caller, note_id: FromPath[UUID], data: JSONBody[Reason]) -> None:
    await _reach_note(request, identity, note_id)
    await notes.reopen_note(actor_of(identity), note_id, data.reason, request.app.state.clock())


@get("/api/notes/{note_id:uuid}/trail", opt=SEE, summary="Who changed a note and when", tags=["sites"])
async def note_trail(request: HttpRequest, identity: Caller, note_id: FromPath[UUID]) -> list[TrailLine]:
    async with in_account(identity.account_id):
        await reach(identity, await administration.site_of_note(note_id), today_of(request))
        return await trail("site_note", note_id)


async def _reach_note(request: HttpRequest, identity: Caller, note_id: UUID) -> None:
    async with in_account(identity.account_id):
        await reach(identity, await administration.site_of_note(note_id), today_of(request), STAFF)


ROUTES = [
    add_stakeholder, end_stakeholder, set_solution, set_method, add_condition, change_condition, remove_condition, add_note,
    change_note, close_note, reopen_note, note_trail,
]  # fmt: skip
