"""Installing over HTTP: the steps of a house, what an installer brings, checks, labels, hand-over, and a gateway's live values."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from app.accounts.web.access import PUBLIC, Caller, HttpRequest
from app.database.transaction import in_account
from app.installing import commands, handover, labels, live, queries
from app.installing.commands import NewEntry
from app.installing.control import ControlledMeter, control
from app.installing.model import Obstacle
from app.installing.photos import MOST_BYTES
from app.kernel.errors import Refused, not_found
from app.metering import tokens
from app.sites.access import SETTERS, reach
from app.sites.administration import site_detail
from app.sites.routes import actor_of, today_of

SEERS = SETTERS | {"support"}
SEE: dict[str, Any] = {"roles": sorted(SEERS), "scope": "sites"}
WORK: dict[str, Any] = {"roles": sorted(SETTERS), "problems": (409, 422), "scope": "sites"}
DOOR: dict[str, Any] = {"roles": PUBLIC, "exclude_from_csrf": True, "problems": (401, 404)}
TAGS = ["installing"]
Locale = Literal["de", "fr", "it", "en", "nl"]


class InstallPage(msgspec.Struct, frozen=True, kw_only=True):
    """A house in the hands of its installer. `reasons`: why it cannot be handed over yet."""

    site_id: UUID
    name: str
    city: str
    status: str
    steps: list[queries.DeviceStep]
    reasons: list[Obstacle]
    told_at: datetime


class Controlled(msgspec.Struct, frozen=True, kw_only=True):
    """The meters of a house with their live values and checks."""

    meters: list[ControlledMeter]
    told_at: datetime


@get("/api/sites/{site_id:uuid}/install", opt=SEE, summary="A house's steps, and what keeps it from hand-over", tags=TAGS)
async def page(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> InstallPage:
    now = request.app.state.clock()
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SEERS)
        site = await site_detail(site_id)
        if site is None:
            raise not_found("site")
        return InstallPage(site_id=site_id, name=site.name, city=site.city, status=site.status, steps=await queries.steps(site_id, now),
                           reasons=await handover.reasons(site_id, now), told_at=now)  # fmt: skip


@post("/api/sites/{site_id:uuid}/install/entries", status_code=204, opt=WORK, summary="Enter what was done and measured at a device",
      tags=TAGS)  # fmt: skip
async def enter(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[NewEntry]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
    await commands.enter(actor_of(identity), site_id, data, request.app.state.clock())


@post("/api/sites/{site_id:uuid}/install/photos", status_code=204, opt={**WORK, "problems": (409, 413, 422)}, tags=TAGS,
      request_max_body_size=MOST_BYTES + 100_000, summary="Keep a photo of a device (the body is the file)")  # fmt: skip
async def add_photo(
    request: HttpRequest, identity: Caller, site_id: FromPath[UUID], photo_id: FromQuery[UUID], object_id: FromQuery[UUID],
    taken_at: FromQuery[datetime],
) -> None:  # fmt: skip
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
    now = request.app.state.clock()
    await commands.keep_photo(actor_of(identity), site_id, object_id, photo_id, taken_at, await request.body(), now)


@get("/api/install-photos/{photo_id:uuid}", opt=SEE, media_type="image/jpeg", summary="A photo of a device", tags=TAGS)
async def photo(request: HttpRequest, identity: Caller, photo_id: FromPath[UUID]) -> Response[bytes]:
    async with in_account(identity.account_id):
        site_id, _, body = await queries.photo(photo_id)
        await reach(identity, site_id, today_of(request), SEERS)
    headers = {"content-disposition": 'inline; filename="photo.jpg"', "cache-control": "private, max-age=86400, immutable"}
    return Response(body, media_type="image/jpeg", headers=headers)


@delete("/api/install-photos/{photo_id:uuid}", opt=WORK, summary="Take a photo away for good", tags=TAGS)
async def delete_photo(request: HttpRequest, identity: Caller, photo_id: FromPath[UUID]) -> None:
    async with in_account(identity.account_id):
        site_id, _, _ = await queries.photo(photo_id)
        await reach(identity, site_id, today_of(request), SETTERS)
    await commands.delete_photo(actor_of(identity), site_id, photo_id, request.app.state.clock())


@get("/api/sites/{site_id:uuid}/meter-control", opt=SEE, summary="Live values of each meter and what the checks say", tags=TAGS)
async def meter_control(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> Controlled:
    now = request.app.state.clock()
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SEERS)
        return Controlled(meters=await control(site_id, now), told_at=now)


@post("/api/sites/{site_id:uuid}/meter-checks", status_code=200, opt=WORK, summary="Check every meter and keep what came of it", tags=TAGS)
async def check(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> Controlled:
    now = request.app.state.clock()
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
    await commands.run_checks(actor_of(identity), site_id, now)
    async with in_account(identity.account_id):
        return Controlled(meters=await control(site_id, now), told_at=now)


@post("/api/sites/{site_id:uuid}/hand-over", status_code=204, opt=WORK, summary="Hand a house over to be verified", tags=TAGS)
async def hand_over(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
    await commands.hand_over(actor_of(identity), site_id, request.app.state.clock())


@get("/api/sites/{site_id:uuid}/labels", opt={**SEE, "problems": (409,)}, media_type="application/pdf", tags=TAGS,
     summary="Labels with QR codes to print, as PDF")  # fmt: skip
async def label_sheet(
    request: HttpRequest, identity: Caller, site_id: FromPath[UUID], locale: FromQuery[Locale] = "de", only: FromQuery[UUID | None] = None
) -> Response[bytes]:
    settings, now = request.app.state.settings, request.app.state.clock()
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SEERS)
        made = await labels.sheet(site_id, only, locale, settings.public_url, today_of(request), now)
    headers = {"content-disposition": 'inline; filename="labels.pdf"', "cache-control": "private, no-store"}
    return Response(made, media_type="application/pdf", headers=headers)


@post("/api/gateway/live", status_code=200, opt=DOOR, summary="A gateway's live values, and what answered on its buses", tags=TAGS)
async def moment(request: HttpRequest, data: JSONBody[live.Moment]) -> live.Taken:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    now = request.app.state.clock()
    holder = await tokens.holder_of(token.strip(), now) if scheme.lower() == "bearer" and token.strip() else None
    if holder is None:
        raise Refused("bad_token", 401, "This token opens nothing. Make a new one for the gateway.")
    return await live.take_moment(holder.account_id, holder.site_id, holder.gateway_id, data, now)


ROUTES = [page, enter, add_photo, photo, delete_photo, meter_control, check, hand_over, label_sheet, moment]
