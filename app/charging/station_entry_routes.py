"""Stations of a site over HTTP: listed, entered, changed; and all equipment in one answer."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import get, patch, post
from litestar.params import FromPath, JSONBody

from app.accounts.web.access import Caller, HttpRequest
from app.charging import station_entry as entry
from app.database.transaction import fetchval, in_account
from app.metering.devices import Device, devices
from app.metering.equipment import Gateway, gateways
from app.metering.quarters import Meter, meters_of
from app.sites.access import CONSOLE, SETTERS, reach
from app.sites.routes import Saved, actor_of, today_of

SEE: dict[str, Any] = {"roles": sorted(CONSOLE), "scope": "sites"}
SET_UP: dict[str, Any] = {"roles": sorted(SETTERS), "problems": (409,), "scope": "sites"}
TAGS = ["equipment"]


class Equipment(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is installed in a house."""

    gateways: list[Gateway]
    meters: list[Meter]
    devices: list[Device]
    stations: list[entry.EnteredStation]


@get("/api/sites/{site_id:uuid}/equipment", opt=SEE, summary="Everything that is installed in a house", tags=TAGS)
async def equipment(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> Equipment:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request))
        return Equipment(gateways=await gateways(site_id), meters=await meters_of(site_id), devices=await devices(site_id),
                         stations=await entry.stations_of(site_id))  # fmt: skip


@get("/api/sites/{site_id:uuid}/stations", opt=SEE, summary="The stations of a site as they are entered", tags=TAGS)
async def stations(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> list[entry.EnteredStation]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request))
        return await entry.stations_of(site_id)


@post("/api/sites/{site_id:uuid}/stations", opt=SET_UP, summary="Add a station; its key is shown this once", tags=TAGS)
async def add_station(
    request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[entry.NewStation]
) -> entry.StationMade:  # fmt: skip
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
    secret = request.app.state.settings.secret_key
    return await entry.add_station(actor_of(identity), site_id, data, secret, request.app.state.clock())


@patch("/api/stations/{station_id:uuid}", opt=SET_UP, summary="Change a station", tags=TAGS)
async def change_station(request: HttpRequest, identity: Caller, station_id: FromPath[UUID], data: JSONBody[entry.StationChange]) -> Saved:
    async with in_account(identity.account_id):
        await reach(identity, await fetchval("SELECT site_id FROM station WHERE id = $1", station_id), today_of(request), SETTERS)
    return Saved(await entry.change_station(actor_of(identity), station_id, data, request.app.state.clock()))


ROUTES = [equipment, stations, add_station, change_station]
