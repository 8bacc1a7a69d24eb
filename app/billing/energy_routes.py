"""A house's electricity over HTTP: meters, quarter-hours, runs from freeze to bills."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, patch, post, put
from litestar.params import FromPath, JSONBody

from app.accounts.rules import INSTALLERS, OPERATORS, OWNERS
from app.accounts.web.access import Caller, HttpRequest
from app.billing.energy_draft import freeze
from app.billing.energy_issue import Run, issue_run, run_of, runs_of
from app.billing.shares import up_to_date
from app.database.transaction import fetchval, in_account
from app.metering.quarters import Meter, meters_of, rename_meter, store_day
from app.sites.access import CONSOLE, MANAGERS, reach
from app.sites.routes import Saved, actor_of, today_of

SEE: dict[str, Any] = {"roles": sorted(CONSOLE)}
# Only an installer enters and configures meters; whoever operates or owns the house renames them at most.
INSTALL: dict[str, Any] = {"roles": sorted(INSTALLERS), "problems": (409,), "scope": "sites"}
RENAME: dict[str, Any] = {"roles": sorted(OPERATORS | OWNERS | INSTALLERS), "problems": (409,), "scope": "sites"}
OPERATE: dict[str, Any] = {"roles": sorted(OPERATORS), "problems": (409,)}


class MeterName(msgspec.Struct, forbid_unknown_fields=True):
    """A meter's name, and the version that its editor saw."""

    version: int
    name: Annotated[str, msgspec.Meta(max_length=80)]


class Quarters(msgspec.Struct, forbid_unknown_fields=True):
    """The Wh of a local day's 92, 96 or 100 quarter-hours; null where nothing came."""

    wh: list[int | None]


class Stored(msgspec.Struct, frozen=True):
    """`billed`: the day stands on a bill already; the difference goes on the next one."""

    billed: bool


class Period(msgspec.Struct, forbid_unknown_fields=True):
    first: date
    last: date


class Issued(msgspec.Struct, frozen=True):
    bills: int
    failed: list[str]


@get("/api/sites/{site_id:uuid}/meters", opt=SEE, summary="The meters of a site", tags=["electricity"])
async def meters(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> list[Meter]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request))
        return await meters_of(site_id)


@patch("/api/meters/{meter_id:uuid}", opt=RENAME, summary="Rename a meter", tags=["electricity"])
async def rename(request: HttpRequest, identity: Caller, meter_id: FromPath[UUID], data: JSONBody[MeterName]) -> Saved:
    async with in_account(identity.account_id):
        site_id = await fetchval("SELECT site_id FROM meter WHERE id = $1", meter_id)
        await reach(identity, site_id, today_of(request), OPERATORS | OWNERS | INSTALLERS)
    return Saved(await rename_meter(actor_of(identity), meter_id, data.version, data.name, request.app.state.clock()))


@put("/api/meters/{meter_id:uuid}/days/{day:date}", opt=OPERATE, summary="A meter's quarter-hours of a day", tags=["electricity"])
async def store(request: HttpRequest, identity: Caller, meter_id: FromPath[UUID], day: FromPath[date], data: JSONBody[Quarters]) -> Stored:
    async with in_account(identity.account_id):
        await reach(identity, await fetchval("SELECT site_id FROM meter WHERE id = $1", meter_id), today_of(request), MANAGERS)
    return Stored(not await store_day(identity.account_id, meter_id, day, data.wh, request.app.state.clock()))


@get("/api/sites/{site_id:uuid}/energy-runs", opt=OPERATE, summary="A site's runs of electricity bills", tags=["electricity"])
async def runs(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> list[Run]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request))
        return await runs_of(site_id)


@post("/api/sites/{site_id:uuid}/energy-runs", opt=OPERATE, summary="Freeze a period: drafts with their warnings", tags=["electricity"])
async def draft(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[Period]) -> Run:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), MANAGERS)
    now = request.app.state.clock()
    await up_to_date(identity.account_id, now, site_id)
    run_id = await freeze(actor_of(identity), site_id, data.first, data.last, now)
    async with in_account(identity.account_id):
        return await run_of(run_id)


@get("/api/energy-runs/{run_id:uuid}", opt=OPERATE, summary="A run with its drafts and bills", tags=["electricity"])
async def run(request: HttpRequest, identity: Caller, run_id: FromPath[UUID]) -> Run:
    async with in_account(identity.account_id):
        await reach(identity, await fetchval("SELECT site_id FROM energy_run WHERE id = $1", run_id), today_of(request))
        return await run_of(run_id)


@post("/api/energy-runs/{run_id:uuid}/issue", status_code=200, opt=OPERATE, summary="Issue a run's bills", tags=["electricity"])
async def issue(request: HttpRequest, identity: Caller, run_id: FromPath[UUID]) -> Issued:
    async with in_account(identity.account_id):
        site_id = await reach(identity, await fetchval("SELECT site_id FROM energy_run WHERE id = $1", run_id), today_of(request), MANAGERS)
    now = request.app.state.clock()
    await up_to_date(identity.account_id, now, site_id)
    made, failed = await issue_run(actor_of(identity), run_id, now)
    return Issued(made, failed)


ROUTES = [meters, rename, store, runs, draft, run, issue]
