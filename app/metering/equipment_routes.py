"""Equipment over HTTP: gateways and meters, one by one or many at once."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from litestar import get, patch, post, put
from litestar.datastructures import UploadFile
from litestar.params import FromPath, JSONBody, MultipartBody

from app.accounts.rules import INSTALLERS
from app.accounts.web.access import Caller, HttpRequest
from app.database.transaction import fetchval, in_account
from app.kernel.spreadsheet import MOST_BYTES
from app.metering import equipment
from app.metering.meter_import import MeterRowReport, import_meters
from app.metering.model import Term
from app.sites.access import CONSOLE, SETTERS, reach
from app.sites.routes import Created, Saved, actor_of, today_of

SEE: dict[str, Any] = {"roles": sorted(CONSOLE), "scope": "sites"}
SET_UP: dict[str, Any] = {"roles": sorted(SETTERS), "problems": (409,), "scope": "sites"}
# Meters are entered and configured by installers alone.
INSTALL: dict[str, Any] = {"roles": sorted(INSTALLERS), "problems": (409,), "scope": "sites"}
TAGS = ["equipment"]


class Assignment(msgspec.Struct, forbid_unknown_fields=True):
    gateway_id: UUID
    meters: list[UUID]


class Assigned(msgspec.Struct, frozen=True):
    meters: int


class NewLink(msgspec.Struct, forbid_unknown_fields=True):
    """What a meter counts for from a day on; null: for no point."""

    billing_point_id: UUID | None
    first: date


class Replacement(msgspec.Struct, forbid_unknown_fields=True):
    """The meter that comes in this one's place, and its first day."""

    serial: str
    first: date


class Terms(msgspec.Struct, forbid_unknown_fields=True):
    terms: list[Term]


@dataclass
class MeterSheet:
    """A table of meters: CSV or XLSX, or what was pasted."""

    file: UploadFile


async def _site_of_meter(meter_id: UUID) -> UUID | None:
    found: UUID | None = await fetchval("SELECT site_id FROM meter WHERE id = $1", meter_id)
    return found


@get("/api/sites/{site_id:uuid}/gateways", opt=SEE, summary="The gateways of a site, and when they were last heard of", tags=TAGS)
async def gateways(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> list[equipment.Gateway]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request))
        return await equipment.gateways(site_id)


@post("/api/sites/{site_id:uuid}/gateways", opt=SET_UP, summary="Add a gateway", tags=TAGS)
async def add_gateway(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[equipment.NewGateway]) -> Created:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
    return Created(await equipment.add_gateway(actor_of(identity), site_id, data, request.app.state.clock()))


@patch("/api/gateways/{gateway_id:uuid}", opt=SET_UP, summary="Change a gateway", tags=TAGS)
async def change_gateway(
    request: HttpRequest, identity: Caller, gateway_id: FromPath[UUID], data: JSONBody[equipment.GatewayChange]
) -> Saved:
    async with in_account(identity.account_id):
        await reach(identity, await fetchval("SELECT site_id FROM gateway WHERE id = $1", gateway_id), today_of(request), SETTERS)
    return Saved(await equipment.change_gateway(actor_of(identity), gateway_id, data, request.app.state.clock()))


@post("/api/sites/{site_id:uuid}/meters", opt=INSTALL, summary="Enter a meter", tags=TAGS)
async def add_meter(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[equipment.NewMeter]) -> Created:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), INSTALLERS)
    return Created(await equipment.add_meter(actor_of(identity), site_id, data, request.app.state.clock()))


@post("/api/sites/{site_id:uuid}/meters-import", status_code=200, opt=INSTALL, summary="Enter many meters from a table, all or none",
      tags=TAGS, request_max_body_size=MOST_BYTES + 100_000)  # fmt: skip
async def import_sheet(
    request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: MultipartBody[MeterSheet]
) -> list[MeterRowReport]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), INSTALLERS)
    return await import_meters(actor_of(identity), site_id, data.file.filename, await data.file.read(), request.app.state.clock())


@post("/api/sites/{site_id:uuid}/meters-assigned", status_code=200, opt=INSTALL, summary="Hang meters on a gateway, all or none", tags=TAGS)
async def assign(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[Assignment]) -> Assigned:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), INSTALLERS)
    return Assigned(await equipment.assign(actor_of(identity), site_id, data.gateway_id, data.meters, request.app.state.clock()))


@put("/api/meters/{meter_id:uuid}/link", status_code=204, opt=INSTALL, summary="Say what a meter counts for from a day on", tags=TAGS)
async def link(request: HttpRequest, identity: Caller, meter_id: FromPath[UUID], data: JSONBody[NewLink]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, await _site_of_meter(meter_id), today_of(request), INSTALLERS)
    await equipment.link(actor_of(identity), meter_id, data.billing_point_id, data.first, request.app.state.clock())


@put("/api/meters/{meter_id:uuid}/terms", status_code=204, opt=INSTALL, summary="Say from which meters one is reckoned", tags=TAGS)
async def terms(request: HttpRequest, identity: Caller, meter_id: FromPath[UUID], data: JSONBody[Terms]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, await _site_of_meter(meter_id), today_of(request), INSTALLERS)
    await equipment.set_terms(actor_of(identity), meter_id, data.terms, request.app.state.clock())


@post("/api/meters/{meter_id:uuid}/replacement", opt=INSTALL, summary="Put another meter in this one's place from a day on", tags=TAGS)
async def replace(request: HttpRequest, identity: Caller, meter_id: FromPath[UUID], data: JSONBody[Replacement]) -> Created:
    async with in_account(identity.account_id):
        await reach(identity, await _site_of_meter(meter_id), today_of(request), INSTALLERS)
    return Created(await equipment.replace(actor_of(identity), meter_id, data.serial, data.first, request.app.state.clock()))


ROUTES = [gateways, add_gateway, change_gateway, add_meter, import_sheet, assign, link, terms, replace]
