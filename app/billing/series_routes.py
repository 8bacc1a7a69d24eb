"""Series over HTTP: residents see their own places and days, the console houses, points and meters, developers what they may."""

from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery

from app.accounts.api_access import sites_for_developer
from app.accounts.model import Identity
from app.accounts.routes import throttle_of
from app.accounts.rules import CONSOLE, RESIDENTS
from app.accounts.web.access import Caller, HttpRequest
from app.billing import series
from app.billing.charge_series import of_charge_points
from app.billing.meter_shares import shares_of
from app.billing.series_files import TYPES, Form, file_of
from app.database.transaction import fetch, fetchrow, fetchval, in_account
from app.kernel.calendar import local_midnight
from app.kernel.errors import not_found
from app.metering.model import Medium
from app.metering.raw_readings import MOST_READ, PageSize, RawReading, page_of, raw_readings
from app.metering.series_rules import Step, in_utc
from app.sites.access import reach
from app.sites.routes import today_of

SEE: dict[str, Any] = {"roles": sorted(CONSOLE), "scope": "sites"}
OWN: dict[str, Any] = {"roles": sorted(RESIDENTS), "scope": "anyone"}
DEVELOPER: dict[str, Any] = {"roles": ["developer"], "api": True, "problems": (429,)}
TAGS = ["series"]
ApiKind = Literal["electricity", "heat", "cooling", "hot_water", "cold_water", "charge_point"]
FAR = date(9999, 12, 31)
STAYS = """
SELECT o.billing_point_id AS point, b.name, b.site_id, s.time_zone, lower(o.period) AS first, upper(o.period) - 1 AS last FROM occupancy o
JOIN billing_point b ON b.account_id = o.account_id AND b.id = o.billing_point_id
JOIN site s ON s.account_id = b.account_id AND s.id = b.site_id
WHERE o.person_id = $1 AND NOT o.vacancy ORDER BY upper(o.period) DESC NULLS FIRST, b.name, o.id
"""
KINDS = """
SELECT DISTINCT l.billing_point_id AS point, m.medium FROM meter_link l JOIN meter m ON m.account_id = l.account_id AND m.id = l.meter_id
WHERE l.billing_point_id = ANY($1::uuid[])
"""
ORDER = ("electricity", "heat", "cooling", "hot_water", "cold_water")
INDEXES = """
SELECT m.serial, m.name, m.medium, r.taken_at AS at, r.imported, r.exported FROM meter_link l
JOIN meter m ON m.account_id = l.account_id AND m.id = l.meter_id CROSS JOIN LATERAL (
    SELECT taken_at, imported, exported FROM index_reading i WHERE i.account_id = m.account_id AND i.meter_id = m.id
    AND i.taken_at >= $3 AND i.taken_at <= $4 ORDER BY i.taken_at DESC LIMIT 1) r
WHERE l.billing_point_id = ANY($1::uuid[]) AND l.period @> $2::date ORDER BY m.medium, m.serial
"""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place of mine, from when to when, and the kinds that have a meter there."""

    point_id: UUID
    name: str
    first: date
    last: date | None
    kinds: list[str]


class MeterIndex(msgspec.Struct, frozen=True, kw_only=True):
    """What a meter showed last on a day."""

    serial: str
    name: str
    medium: str
    at: datetime
    imported: int
    exported: int | None


async def _stays(identity: Identity) -> list[Any]:
    return [] if identity.person_id is None else list(await fetch(STAYS, identity.person_id))


@get("/api/usage/places", opt=OWN, summary="My places, and what is measured there", tags=TAGS)
async def places(identity: Caller) -> list[Place]:
    async with in_account(identity.account_id):
        stays = await _stays(identity)
        kinds: dict[UUID, set[str]] = {}
        for row in await fetch(KINDS, [row["point"] for row in stays]):
            kinds.setdefault(row["point"], set()).add(row["medium"])
    return [
        Place(point_id=row["point"], name=row["name"], first=row["first"], last=row["last"],
              kinds=[kind for kind in ORDER if kind in kinds.get(row["point"], ())]) for row in stays
    ]  # fmt: skip


@get("/api/usage/series", opt=OWN, summary="What I used, within the days of my own stay", tags=TAGS)
async def own(
    request: HttpRequest, identity: Caller, first: FromQuery[date], last: FromQuery[date], step: FromQuery[Step] = "day",
    kind: FromQuery[Medium] = "electricity", point_id: FromQuery[UUID | None] = None, form: FromQuery[Form] = "json",
) -> Response[Any]:  # fmt: skip
    series.check_span(first, last, step)

    async def now() -> series.Series:
        async with in_account(identity.account_id):
            stays = [row for row in await _stays(identity) if point_id is None or row["point"] == point_id]
        if not stays:
            raise not_found("place of yours")
        site_id, zone = stays[0]["site_id"], stays[0]["time_zone"]
        final_only = await series.prepared(identity.account_id, site_id, _scheme(kind), request.app.state.clock())
        mine = [(row["point"], row["first"], row["last"] or FAR) for row in stays if row["site_id"] == site_id]
        async with in_account(identity.account_id):
            return await series.of_points(mine, kind, first, last, zone, step, final_only=final_only)

    async def body() -> bytes:
        return msgspec.json.encode(await now())

    if form != "json":
        return file_of(await now(), form)
    asked = (identity.person_id, point_id, kind, first, last, step)
    return Response(await request.app.state.kept.answer(identity.account_id, asked, body), media_type=TYPES["json"])


@get("/api/usage/indexes", opt=OWN, summary="What my meters showed on a day of my stay", tags=TAGS)
async def indexes(identity: Caller, day: FromQuery[date]) -> list[MeterIndex]:
    async with in_account(identity.account_id):
        found: list[MeterIndex] = []
        for row in await _stays(identity):
            if row["first"] <= day <= (row["last"] or FAR):
                zone = row["time_zone"]
                rows = await fetch(
                    INDEXES, [row["point"]], day, local_midnight(row["first"], zone), local_midnight(day + timedelta(1), zone)
                )
                found += [MeterIndex(**one) for one in rows]
    return found


@get("/api/billing-points/{point_id:uuid}/series", opt=SEE, summary="What a place used", tags=TAGS)
async def of_point(
    request: HttpRequest, identity: Caller, point_id: FromPath[UUID], first: FromQuery[date], last: FromQuery[date],
    step: FromQuery[Step] = "day", kind: FromQuery[Medium] = "electricity", form: FromQuery[Form] = "json",
) -> Response[Any]:  # fmt: skip
    series.check_span(first, last, step)
    async with in_account(identity.account_id):
        site_id = await reach(
            identity, await fetchval("SELECT site_id FROM billing_point WHERE id = $1", point_id), today_of(request), CONSOLE
        )
        zone = await fetchval("SELECT time_zone FROM site WHERE id = $1", site_id)
    final_only = await series.prepared(identity.account_id, site_id, _scheme(kind), request.app.state.clock())
    async with in_account(identity.account_id):
        mine = [(point_id, date.min, FAR)]
        return file_of(await series.of_points(mine, kind, first, last, zone, step, final_only=final_only), form)


@get("/api/meters/{meter_id:uuid}/series", opt=SEE, summary="A meter's validated series", tags=TAGS)
async def of_meter(
    request: HttpRequest, identity: Caller, meter_id: FromPath[UUID], first: FromQuery[date], last: FromQuery[date],
    step: FromQuery[Step] = "day", form: FromQuery[Form] = "json",
) -> Response[Any]:  # fmt: skip
    async with in_account(identity.account_id):
        site_id = await reach(identity, await fetchval("SELECT site_id FROM meter WHERE id = $1", meter_id), today_of(request), CONSOLE)
    return file_of(await _meter(request, identity, site_id, meter_id, first, last, step), form)


async def _meter(
    request: HttpRequest, identity: Identity, site_id: UUID, meter_id: UUID, first: date, last: date, step: Step
) -> series.Series:
    series.check_span(first, last, step)
    async with in_account(identity.account_id):
        row = await fetchrow("SELECT m.medium, s.time_zone FROM meter m JOIN site s ON s.account_id = m.account_id AND s.id = m.site_id"
                             " WHERE m.id = $1 AND m.site_id = $2", meter_id, site_id)  # fmt: skip
    if row is None:
        raise not_found("meter")
    final_only = await series.prepared(identity.account_id, site_id, _scheme(row["medium"]), request.app.state.clock())
    async with in_account(identity.account_id):
        return await series.of_meter(meter_id, row["medium"], first, last, row["time_zone"], step, final_only=final_only)


@get("/api/sites/{site_id:uuid}/series", opt=SEE, summary="A house: use, production, grid, storage; or the sum of a kind", tags=TAGS)
async def of_site(
    request: HttpRequest, identity: Caller, site_id: FromPath[UUID], first: FromQuery[date], last: FromQuery[date],
    step: FromQuery[Step] = "day", kind: FromQuery[Medium] = "electricity", building_id: FromQuery[UUID | None] = None,
    form: FromQuery[Form] = "json",
) -> Response[Any]:  # fmt: skip
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), CONSOLE)
    return file_of(await _house(request, identity, site_id, first, last, step, kind, building_id), form)


async def _house(
    request: HttpRequest, identity: Identity, site_id: UUID, first: date, last: date, step: Step, kind: Medium, building_id: UUID | None
) -> series.Series | series.HouseSeries:
    series.check_span(first, last, step)
    final_only = await series.prepared(identity.account_id, site_id, _scheme(kind), request.app.state.clock())
    async with in_account(identity.account_id):
        zone = await fetchval("SELECT time_zone FROM site WHERE id = $1", site_id)
        if kind == "electricity" and building_id is None:
            return await series.of_house(site_id, first, last, zone, step)
        rows = await fetch("SELECT id FROM billing_point WHERE site_id = $1 AND ($2::uuid IS NULL OR building_id = $2)",
                           site_id, building_id)  # fmt: skip
        mine = [(row["id"], date.min, FAR) for row in rows]
        return await series.of_points(mine, kind, first, last, zone, step, final_only=final_only)


async def _allowed(request: HttpRequest, identity: Identity, site_id: UUID, name: str) -> None:
    """Once a second, and only where owner and operator have consented. Raises Refused too_fast, not_found."""
    await throttle_of(request).pace(f"{identity.account_id}:{identity.login_id}:{name}")
    async with in_account(identity.account_id):
        if site_id not in await sites_for_developer(identity.login_id):
            raise not_found("site")


@get("/api/v1/sites/{site_id:uuid}/series", opt=DEVELOPER, summary="A site's series by kind", tags=["api"])
async def api_series(
    request: HttpRequest, identity: Caller, site_id: FromPath[UUID], first: FromQuery[date], last: FromQuery[date],
    step: FromQuery[Step] = "day", kind: FromQuery[ApiKind] = "electricity", form: FromQuery[Form] = "json",
) -> Response[Any]:  # fmt: skip
    await _allowed(request, identity, site_id, "series")
    if kind == "charge_point":
        series.check_span(first, last, step)
        async with in_account(identity.account_id):
            zone = await fetchval("SELECT time_zone FROM site WHERE id = $1", site_id)
            made = await of_charge_points(site_id, first, last, zone, step, request.app.state.clock())
        return file_of(made, form, plain_times=True)
    found = await _house(request, identity, site_id, first, last, step, kind, None)
    if form != "json" or isinstance(found, series.Series):
        return file_of(found, form, plain_times=True)
    async with in_account(identity.account_id):
        meters = await shares_of(site_id, first, last, found.time_zone, step, in_utc)
    return file_of(found, form, plain_times=True, more={"meters": meters})


@get("/api/v1/sites/{site_id:uuid}/meters/{meter_id:uuid}/series", opt=DEVELOPER, summary="A meter's series", tags=["api"])
async def api_meter_series(
    request: HttpRequest, identity: Caller, site_id: FromPath[UUID], meter_id: FromPath[UUID], first: FromQuery[date],
    last: FromQuery[date], step: FromQuery[Step] = "day", form: FromQuery[Form] = "json",
) -> Response[Any]:  # fmt: skip
    await _allowed(request, identity, site_id, "meter-series")
    return file_of(await _meter(request, identity, site_id, meter_id, first, last, step), form, plain_times=True)


@get("/api/v1/sites/{site_id:uuid}/meters/{meter_id:uuid}/readings", opt=DEVELOPER, summary="A meter's readings as they came", tags=["api"])
async def api_raw(
    request: HttpRequest, identity: Caller, site_id: FromPath[UUID], meter_id: FromPath[UUID], first: FromQuery[date],
    last: FromQuery[date], after: FromQuery[str] = "", limit: PageSize = MOST_READ,
) -> Response[list[RawReading]]:  # fmt: skip
    await _allowed(request, identity, site_id, "meter-readings")
    async with in_account(identity.account_id):
        if await fetchval("SELECT site_id FROM meter WHERE id = $1", meter_id) != site_id:
            raise not_found("meter")
        return page_of(request, await raw_readings(meter_id, site_id, first, last, after, limit), limit)


def _scheme(kind: str) -> str:
    return "heating" if kind == "heat" else kind


ROUTES = [places, own, indexes, of_point, of_meter, of_site, api_series, api_meter_series, api_raw]
