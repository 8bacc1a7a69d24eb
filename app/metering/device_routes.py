"""Devices over HTTP, and every field of a meter."""

from typing import Any
from uuid import UUID

from litestar import get, patch, post
from litestar.params import FromPath, JSONBody

from app.accounts.rules import INSTALLERS
from app.accounts.web.access import Caller, HttpRequest
from app.database.transaction import fetchval, in_account
from app.metering import devices as kept
from app.metering.meter_change import MeterChange, change_meter
from app.sites.access import CONSOLE, SETTERS, reach
from app.sites.routes import Created, Saved, actor_of, today_of

SEE: dict[str, Any] = {"roles": sorted(CONSOLE), "scope": "sites"}
SET_UP: dict[str, Any] = {"roles": sorted(SETTERS), "problems": (409,), "scope": "sites"}
INSTALL: dict[str, Any] = {"roles": sorted(INSTALLERS), "problems": (409,), "scope": "sites"}
TAGS = ["equipment"]


@get("/api/sites/{site_id:uuid}/devices", opt=SEE, summary="Routers, converters, relay modules, readers, PV and batteries", tags=TAGS)
async def devices(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> list[kept.Device]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request))
        return await kept.devices(site_id)


@post("/api/sites/{site_id:uuid}/devices", opt=SET_UP, summary="Add a device", tags=TAGS)
async def add_device(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[kept.NewDevice]) -> Created:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
    return Created(await kept.add_device(actor_of(identity), site_id, data, request.app.state.clock()))


@patch("/api/devices/{device_id:uuid}", opt=SET_UP, summary="Change a device", tags=TAGS)
async def change_device(request: HttpRequest, identity: Caller, device_id: FromPath[UUID], data: JSONBody[kept.DeviceChange]) -> Saved:
    async with in_account(identity.account_id):
        await reach(identity, await kept.site_of_device(device_id), today_of(request), SETTERS)
    return Saved(await kept.change_device(actor_of(identity), device_id, data, request.app.state.clock()))


@patch("/api/meters/{meter_id:uuid}/configuration", opt=INSTALL, summary="Change a meter in any of its fields", tags=TAGS)
async def configure(request: HttpRequest, identity: Caller, meter_id: FromPath[UUID], data: JSONBody[MeterChange]) -> Saved:
    async with in_account(identity.account_id):
        await reach(identity, await fetchval("SELECT site_id FROM meter WHERE id = $1", meter_id), today_of(request), INSTALLERS)
    return Saved(await change_meter(actor_of(identity), meter_id, data, request.app.state.clock()))


ROUTES = [devices, add_device, change_device, configure]
