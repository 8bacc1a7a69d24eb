"""Stations over HTTP for operators and support: one station, commands, the log live, firmware and what stations left."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import get, post, put
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import ServerSentEvent, ServerSentEventMessage, Stream

from app.accounts.model import Identity
from app.accounts.rules import OPERATORS, STAFF
from app.accounts.web.access import Caller, HttpRequest
from app.charging import intents, operator_commands, station_files, station_setup, station_switches
from app.charging.model import Changed
from app.charging.station_view import StationDetail, station_detail
from app.database.transaction import in_account
from app.outbox.stream import wake_ups
from app.outbox.wake import COMMANDS, live_channel, publish
from app.sites.routes import actor_of

SEE = {"roles": sorted(STAFF)}
OPERATOR = {"roles": sorted(OPERATORS)}
QUIET_SECONDS = 10.0


class Ask(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A command, a key that makes a repeated request the same, and the ticket it belongs to."""

    command: operator_commands.OperatorCommand
    idempotency_key: UUID
    ticket: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None


async def announce(request: HttpRequest, changed: list[Changed], station_id: UUID | None = None) -> None:
    """After the commit: wake the station's node and the open pages."""
    redis = request.app.state.redis
    if station_id is not None:
        await publish(redis, COMMANDS, {"station_id": station_id})
    for change in changed:
        body = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not None}
        await publish(redis, live_channel(change.account_id), body)


@get("/api/operator/stations/{station_id:uuid}", opt=SEE, summary="One station, its commands and their log", tags=["operator"])
async def station(request: HttpRequest, identity: Caller, station_id: FromPath[UUID]) -> StationDetail:
    async with in_account(identity.account_id):
        return await station_detail(station_id, request.app.state.clock())


@post("/api/operator/stations/{station_id:uuid}/commands", status_code=202, opt={**SEE, "problems": (409,)},
      summary="Ask something of a station", tags=["operator"])  # fmt: skip
async def ask(request: HttpRequest, identity: Caller, station_id: FromPath[UUID], data: JSONBody[Ask]) -> StationDetail:
    settings, now = request.app.state.settings, request.app.state.clock()
    who = operator_commands.Asker(
        account_id=identity.account_id, login_id=identity.login_id, station_id=station_id, key=data.idempotency_key,
        ticket=data.ticket, secret=settings.secret_key, public_url=settings.public_url, folder=settings.data,
    )  # fmt: skip
    changed = await operator_commands.ask(who, data.command, now)
    await announce(request, changed, station_id)
    async with in_account(identity.account_id):
        return await station_detail(station_id, now)


class Setup(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Settings that the station must have from its next boot on, instead of those before."""

    settings: list[intents.Setting]


@put("/api/operator/stations/{station_id:uuid}/setup", opt={**SEE, "problems": (409, 422)},
     summary="What a station must have before it goes to work", tags=["operator"])  # fmt: skip
async def set_up(request: HttpRequest, identity: Caller, station_id: FromPath[UUID], data: JSONBody[Setup]) -> StationDetail:
    now = request.app.state.clock()
    await station_setup.want(identity.account_id, station_id, data.settings, now)
    async with in_account(identity.account_id):
        return await station_detail(station_id, now)


class Roaming(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whether customers of roaming partners may charge at the station."""

    allowed: bool


@put("/api/operator/stations/{station_id:uuid}/roaming", opt=OPERATOR, summary="Take partners' customers at a station, or no longer",
     tags=["operator"])  # fmt: skip
async def take_roaming(request: HttpRequest, identity: Caller, station_id: FromPath[UUID], data: JSONBody[Roaming]) -> StationDetail:
    now = request.app.state.clock()
    await station_switches.take_roaming(actor_of(identity), station_id, data.allowed, now)
    async with in_account(identity.account_id):
        return await station_detail(station_id, now)


@get("/api/operator/stations/{station_id:uuid}/events", opt=SEE, media_type="text/event-stream",
     summary="A station live, as server-sent events", tags=["operator"])  # fmt: skip
async def events(request: HttpRequest, identity: Caller, station_id: FromPath[UUID]) -> ServerSentEvent:
    async with in_account(identity.account_id):
        await station_detail(station_id, request.app.state.clock())  # a stranger's station is refused before the stream begins
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return ServerSentEvent(_stream(request, identity, station_id), headers=headers)


async def _stream(request: HttpRequest, identity: Identity, station_id: UUID) -> AsyncIterator[ServerSentEventMessage]:
    clock = request.app.state.clock
    async for wake in wake_ups(request.app.state.redis, identity.account_id, QUIET_SECONDS):
        if wake is not None and wake.get("station_id") != str(station_id):
            continue
        async with in_account(identity.account_id):
            detail = await station_detail(station_id, clock())
        yield ServerSentEventMessage(data=msgspec.json.encode(detail).decode(), event="station")


@get("/api/operator/firmware", opt=SEE, summary="Firmware in the store", tags=["operator"])
async def firmwares(identity: Caller) -> list[station_files.StationFile]:
    async with in_account(identity.account_id):
        return await station_files.firmware_files()


@post("/api/operator/firmware", opt={**OPERATOR, "problems": (413, 422)}, request_max_body_size=station_files.LARGEST_FIRMWARE + 2**20,
      summary="Keep a firmware for stations (the body is the file)", tags=["operator"])  # fmt: skip
async def add_firmware(request: HttpRequest, identity: Caller, name: FromQuery[str]) -> station_files.StationFile:
    folder, now = request.app.state.settings.data, request.app.state.clock()
    return await station_files.add_firmware(folder, identity.account_id, identity.login_id, name, request.stream(), now)


@get("/api/operator/files/{file_id:uuid}", opt=SEE, media_type="application/octet-stream",
     summary="A file that a station left, or a firmware", tags=["operator"])  # fmt: skip
async def download(request: HttpRequest, identity: Caller, file_id: FromPath[UUID]) -> Stream:
    async with in_account(identity.account_id):
        found = await station_files.file(file_id)
    return file_answer(request, identity.account_id, found)


def file_answer(request: HttpRequest, account_id: UUID, found: station_files.StationFile, body: Any = None) -> Stream:
    """A file as a download, never shown by the browser."""
    path = station_files.path_of(request.app.state.settings.data, account_id, found.id)
    headers = {
        "content-disposition": f'attachment; filename="{found.name}"', "content-length": str(found.size),
        "cache-control": "private, no-store",
    }  # fmt: skip
    return Stream(station_files.chunks(path) if body is None else body, media_type="application/octet-stream", headers=headers)


ROUTES = [station, ask, set_up, take_roaming, events, firmwares, add_firmware, download]
