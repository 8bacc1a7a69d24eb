"""Sites over HTTP: portfolio, data, buildings, status, steps, trail."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody

from app.accounts.model import Identity
from app.accounts.web.access import Caller, HttpRequest
from app.audit.model import Actor, TrailLine
from app.audit.queries import trail
from app.database.transaction import in_account
from app.kernel.errors import not_found
from app.sites import administration, commands, rules
from app.sites.access import CONSOLE, OPERATORS, SETTERS, STAFF, reach, visible_sites

SEE: dict[str, Any] = {"roles": sorted(CONSOLE), "scope": "sites"}
OPERATE: dict[str, Any] = {"roles": sorted(OPERATORS), "problems": (409,), "scope": "sites"}
SET_UP: dict[str, Any] = {"roles": sorted(SETTERS), "problems": (409,), "scope": "sites"}
CREATE: dict[str, Any] = {"roles": sorted(SETTERS), "problems": (409,)}


class Created(msgspec.Struct, frozen=True):
    """The id of what was made."""

    id: UUID


class Saved(msgspec.Struct, frozen=True):
    """The version that the next change must name."""

    version: int


class SitePage(msgspec.Struct, frozen=True, kw_only=True):
    """A site with everything that its page shows."""

    site: administration.SiteDetail
    buildings: list[administration.Building]
    steps: list[rules.Step]
    stakeholders: list[administration.Stakeholder]
    solutions: list[administration.SolutionPeriod]
    methods: list[administration.MethodPeriod]
    conditions: list[administration.Condition]
    notes: list[administration.Note]


class StatusChange(msgspec.Struct, forbid_unknown_fields=True):
    status: rules.Status
    reason: str = ""


class BuildingName(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    version: int = 0


def actor_of(identity: Identity) -> Actor:
    """The person as the trail names them; a resident by the role alone, since a trail outlives the name."""
    private = identity.roles <= {"resident", "former_resident"}
    name = "resident" if private else identity.name or identity.email
    return Actor(account_id=identity.account_id, login_id=identity.login_id, name=name)


def today_of(request: HttpRequest) -> date:
    """The day by the injected clock."""
    day: date = request.app.state.clock().date()
    return day


@get("/api/sites", opt=SEE, summary="The sites that I see", tags=["sites"])
async def portfolio(request: HttpRequest, identity: Caller) -> list[administration.SiteRow]:
    today = today_of(request)
    async with in_account(identity.account_id):
        return await administration.portfolio(today, await visible_sites(identity, today))


@post("/api/sites", opt=CREATE, summary="Create a site", tags=["sites"])
async def create(request: HttpRequest, identity: Caller, data: JSONBody[commands.NewSite]) -> Created:
    return Created(await commands.create_site(actor_of(identity), data, identity.roles, request.app.state.clock()))


@get("/api/sites/{site_id:uuid}", opt=SEE, summary="A site with its terms, steps and notes", tags=["sites"])
async def site(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> SitePage:
    today = today_of(request)
    async with in_account(identity.account_id):
        await reach(identity, site_id, today)
        detail = await administration.site_detail(site_id)
        if detail is None:
            raise not_found("site")
        shared = await visible_sites(identity, today, STAFF)
        return SitePage(
            site=detail, buildings=await administration.buildings(site_id), steps=await administration.setup_steps(site_id, today),
            stakeholders=await administration.stakeholders(site_id), solutions=await administration.solutions(site_id),
            methods=await administration.methods(site_id), conditions=await administration.conditions(site_id),
            notes=await administration.notes(site_id) if shared is None or site_id in shared else [],
        )  # fmt: skip


@patch("/api/sites/{site_id:uuid}", opt=OPERATE, summary="Change a site's data and parameters", tags=["sites"])
async def change(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[commands.SiteChange]) -> Saved:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), OPERATORS)
    return Saved(await commands.change_site(actor_of(identity), site_id, data, request.app.state.clock()))


@delete("/api/sites/{site_id:uuid}", opt=OPERATE, summary="Delete a site that was never used", tags=["sites"])
async def remove(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), OPERATORS)
    await commands.delete_site(actor_of(identity), site_id, request.app.state.clock())


@post("/api/sites/{site_id:uuid}/status", status_code=204, opt=SET_UP, summary="Move a site to another status", tags=["sites"])
async def status(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[StatusChange]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
    state = request.app.state
    await commands.set_status(actor_of(identity), site_id, data.status, data.reason, state.clock(), reasons=state.handover_reasons)


@post("/api/sites/{site_id:uuid}/steps/{step:str}", status_code=204, opt=OPERATE, summary="Mark a set-up step", tags=["sites"])
async def tick(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], step: FromPath[str]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), OPERATORS)
    await commands.tick_step(actor_of(identity), site_id, step, request.app.state.clock())


@post("/api/sites/{site_id:uuid}/buildings", opt=SET_UP, summary="Add a building", tags=["sites"])
async def add_building(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[BuildingName]) -> Created:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
    return Created(await commands.add_building(actor_of(identity), site_id, data.name, request.app.state.clock()))


@patch("/api/buildings/{building_id:uuid}", opt=SET_UP, summary="Rename a building", tags=["sites"])
async def rename_building(request: HttpRequest, identity: Caller, building_id: FromPath[UUID], data: JSONBody[BuildingName]) -> Saved:
    async with in_account(identity.account_id):
        await reach(identity, await administration.site_of_building(building_id), today_of(request), SETTERS)
    return Saved(await commands.rename_building(actor_of(identity), building_id, data.version, data.name, request.app.state.clock()))


@get("/api/sites/{site_id:uuid}/trail", opt=SEE, summary="Who changed what on a site", tags=["sites"])
async def site_trail(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> list[TrailLine]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request))
        return await trail("site", site_id)


ROUTES = [portfolio, create, site, change, remove, status, tick, add_building, rename_building, site_trail]
