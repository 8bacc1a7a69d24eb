"""Readings over HTTP: a gateway's batches, entry by hand, raw readings, issues, schemes, corrections, tokens."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post, put
from litestar.datastructures import UploadFile
from litestar.params import FromPath, FromQuery, JSONBody, MultipartBody

from app.accounts.rules import INSTALLERS, MANAGERS
from app.accounts.web.access import PUBLIC, Caller, HttpRequest
from app.database.transaction import fetchval, in_account
from app.kernel.errors import Refused, not_found
from app.metering import issues, schemes, tokens
from app.metering.batches import MOST_PACKED, BrokerReport, batch_of, schema
from app.metering.intake import GATEWAY, HAND, THIRD_PARTY, Reading, Report, take
from app.metering.interval_import import MOST_BYTES, FileReport, import_file
from app.metering.quarters import set_isolated
from app.metering.raw_readings import MOST_READ, PageSize, RawReading, page_of, raw_readings
from app.metering.schemes import Correction, KindScheme, NewCorrection, Scheme, SchemeKind
from app.metering.tokens import Token, TokenShown
from app.sites.access import CONSOLE, OPERATORS, SETTERS, reach
from app.sites.routes import Created, Saved, actor_of, today_of

SEE: dict[str, Any] = {"roles": sorted(CONSOLE), "scope": "sites"}
OPERATE: dict[str, Any] = {"roles": sorted(OPERATORS), "problems": (409,), "scope": "sites"}
SET_UP: dict[str, Any] = {"roles": sorted(SETTERS), "problems": (409,), "scope": "sites"}
SEE_TOKENS: dict[str, Any] = {"roles": sorted(SETTERS | {"support"}), "scope": "sites"}
READ: dict[str, Any] = {"roles": sorted(SETTERS | MANAGERS), "problems": (409,), "scope": "sites"}
INSTALL: dict[str, Any] = {"roles": sorted(INSTALLERS), "problems": (409,), "scope": "sites"}
DOOR: dict[str, Any] = {"roles": PUBLIC, "exclude_from_csrf": True, "problems": (401, 413, 422)}
TAGS = ["readings"]
SITE_OF = "SELECT site_id FROM meter WHERE id = $1"
BAD_TOKEN = Refused("bad_token", 401, "This token opens nothing. Make a new one for the gateway.")
SENTENCES = {
    "unknown_meter": "This house has no such meter.", "no_time_zone": "The time has no zone: in autumn it may mean two hours.",
    "wrong_unit": "This unit does not belong to this kind of meter.", "no_index": "This is no index.",
    "one_way_only": "This meter counts one way only.", "in_future": "The reading is from the future. Check the clock.",
    "other_value": "There is another reading for this time already.", "index_fell": "The index is lower than the one before.",
    "above_next_index": "The index is higher than the one after.", "more_than_possible": "This is more than can have been used since.",
    "other_gateway": "This meter hangs on another gateway.", "too_long_ago": "The reading is from before 2000. Check the clock.",
    "kilo_slip": "The index looks as if kWh and Wh were mistaken for each other.",
}  # fmt: skip


class HandReading(msgspec.Struct, forbid_unknown_fields=True):
    """An index that somebody read off the meter: when, what, and who read it."""

    at: datetime
    imported: int
    reader: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    exported: int | None = None
    unit: Literal["", "Wh", "kWh", "l", "m3"] = ""


class Resolution(msgspec.Struct, forbid_unknown_fields=True):
    """How an issue was dealt with."""

    resolution: Annotated[str, msgspec.Meta(min_length=1, max_length=400)]


class TokenName(msgspec.Struct, forbid_unknown_fields=True):
    """What a token is for: an installed gateway, or the system of a third party."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    gateway_id: UUID | None = None
    third_party: bool = False


@dataclass
class GridFile:
    """Quarter-hours from a grid operator."""

    file: UploadFile
    confirmed: bool = False  # the amounts are right, although a thousand times what was known


class Isolation(msgspec.Struct, forbid_unknown_fields=True):
    """Whether a meter stands for itself alone."""

    isolated: bool


@post("/api/gateway/readings", status_code=200, opt=DOOR, request_max_body_size=MOST_PACKED,
      summary="A gateway's batch of readings: at most 10,000, plain or gzipped; stored when it is answered", tags=TAGS)  # fmt: skip
async def batch(request: HttpRequest) -> Report:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    now = request.app.state.clock()
    holder = await tokens.holder_of(token.strip(), now) if scheme.lower() == "bearer" and token.strip() else None
    if holder is None:
        raise BAD_TOKEN
    found = batch_of(await request.body(), request.headers.get("content-encoding", ""))
    way = THIRD_PARTY if holder.third_party else GATEWAY
    return await take(holder.account_id, holder.site_id, found.readings, way, holder.name, now, gateway_id=holder.gateway_id)


@get("/api/gateway/schema", opt={"roles": PUBLIC}, summary="The JSON Schema of a batch", tags=TAGS)
async def batch_schema() -> dict[str, Any]:
    return schema()


@get("/api/gateway/report-schema", opt={"roles": PUBLIC}, summary="The JSON Schema of a report over MQTT", tags=TAGS)
async def report_schema() -> dict[str, Any]:
    return schema(BrokerReport)


async def _reach_meter(request: HttpRequest, identity: Caller, meter_id: UUID, roles: Any = CONSOLE) -> UUID:
    """The site of a meter within reach (inside the caller's transaction)."""
    return await reach(identity, await fetchval(SITE_OF, meter_id), today_of(request), roles)


@post("/api/meters/{meter_id:uuid}/readings", status_code=201, opt=READ, summary="Enter an index that somebody read", tags=TAGS)
async def by_hand(request: HttpRequest, identity: Caller, meter_id: FromPath[UUID], data: JSONBody[HandReading]) -> Report:
    async with in_account(identity.account_id):
        site_id = await _reach_meter(request, identity, meter_id, SETTERS | MANAGERS)
        serial = await fetchval("SELECT serial FROM meter WHERE id = $1", meter_id)
    one = Reading(meter=serial, at=data.at, imported=data.imported, exported=data.exported, unit=data.unit)
    report = await take(identity.account_id, site_id, [one], HAND, "hand", request.app.state.clock(), " ".join(data.reader.split()))
    if report.refused:
        code = report.refused[0].code
        raise Refused(code, 422, SENTENCES[code], fields=["at" if code in ("no_time_zone", "in_future") else "imported"])
    return report


@post("/api/sites/{site_id:uuid}/readings-import", status_code=200, opt=OPERATE, request_max_body_size=MOST_BYTES + 100_000,
      summary="Load a grid operator's quarter-hours (CSV or SDAT-CH E66), the whole file or nothing", tags=TAGS)  # fmt: skip
async def by_file(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: MultipartBody[GridFile]) -> FileReport:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), OPERATORS)
    content, now = await data.file.read(), request.app.state.clock()
    return await import_file(actor_of(identity), site_id, data.file.filename, content, now, confirmed=data.confirmed)


@get("/api/meters/{meter_id:uuid}/readings", opt=SEE, summary="A meter's readings as they came, page by page", tags=TAGS)
async def raw(
    request: HttpRequest, identity: Caller, meter_id: FromPath[UUID], first: FromQuery[date], last: FromQuery[date],
    after: FromQuery[str] = "", limit: PageSize = MOST_READ,
) -> Response[list[RawReading]]:  # fmt: skip
    async with in_account(identity.account_id):
        site_id = await _reach_meter(request, identity, meter_id)
        return page_of(request, await raw_readings(meter_id, site_id, first, last, after, limit), limit)


@put("/api/meters/{meter_id:uuid}/isolated", status_code=204, opt=INSTALL, summary="Let a meter stand for itself alone", tags=TAGS)
async def isolate(request: HttpRequest, identity: Caller, meter_id: FromPath[UUID], data: JSONBody[Isolation]) -> None:
    async with in_account(identity.account_id):
        await _reach_meter(request, identity, meter_id, INSTALLERS)
    await set_isolated(actor_of(identity), meter_id, data.isolated, request.app.state.clock())


@get("/api/meters/{meter_id:uuid}/corrections", opt=SEE, summary="The corrections of a meter", tags=TAGS)
async def corrections(request: HttpRequest, identity: Caller, meter_id: FromPath[UUID]) -> list[Correction]:
    async with in_account(identity.account_id):
        await _reach_meter(request, identity, meter_id)
        return await schemes.corrections_of(meter_id)


@post("/api/meters/{meter_id:uuid}/corrections", opt=SET_UP, summary="Swap registers, or add or take off another meter", tags=TAGS)
async def correct(request: HttpRequest, identity: Caller, meter_id: FromPath[UUID], data: JSONBody[NewCorrection]) -> Created:
    async with in_account(identity.account_id):
        await _reach_meter(request, identity, meter_id, SETTERS)
    return Created(await schemes.add_correction(actor_of(identity), meter_id, data, request.app.state.clock()))


@get("/api/sites/{site_id:uuid}/reading-issues", opt=SEE, summary="Readings that could not be taken", tags=TAGS)
async def listed(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> list[issues.Issue]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request))
        return await issues.issues_of(site_id)


@post("/api/reading-issues/{issue_id:uuid}/close", status_code=204, opt=SET_UP, summary="Close an issue", tags=TAGS)
async def close(request: HttpRequest, identity: Caller, issue_id: FromPath[UUID], data: JSONBody[Resolution]) -> None:
    async with in_account(identity.account_id):
        site_id = await fetchval("SELECT site_id FROM reading_issue WHERE id = $1", issue_id)
        await reach(identity, site_id, today_of(request), SETTERS)
    await issues.close_issue(actor_of(identity), issue_id, data.resolution, request.app.state.clock())


@get("/api/sites/{site_id:uuid}/validation", opt=SEE, summary="How each kind of reading is validated", tags=TAGS)
async def validation(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> list[KindScheme]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request))
        return await schemes.schemes_of(site_id)


@put("/api/sites/{site_id:uuid}/validation/{kind:str}", opt=OPERATE, summary="Rules, lock and switches of a kind", tags=TAGS)
async def set_validation(
    request: HttpRequest, identity: Caller, site_id: FromPath[UUID], kind: FromPath[SchemeKind], data: JSONBody[Scheme]
) -> Saved:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), OPERATORS)
    return Saved(await schemes.set_scheme(actor_of(identity), site_id, kind, data, request.app.state.clock()))


@get("/api/sites/{site_id:uuid}/gateway-tokens", opt=SEE_TOKENS, summary="Tokens of a house's gateways", tags=TAGS)
async def listed_tokens(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> list[Token]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS | {"support"})
        return await tokens.tokens_of(site_id)


@post("/api/sites/{site_id:uuid}/gateway-tokens", opt=SET_UP, summary="Make a gateway's token; it is shown this once", tags=TAGS)
async def make_token(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[TokenName]) -> TokenShown:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), SETTERS)
    now = request.app.state.clock()
    return await tokens.make_token(actor_of(identity), site_id, data.name, now, data.gateway_id, third_party=data.third_party)


@delete("/api/gateway-tokens/{gateway_token_id:uuid}", opt=SET_UP, summary="Take a gateway's token away", tags=TAGS)
async def revoke(request: HttpRequest, identity: Caller, gateway_token_id: FromPath[UUID]) -> None:
    async with in_account(identity.account_id):
        site_id = await fetchval("SELECT site_id FROM gateway_token WHERE id = $1", gateway_token_id)
        if site_id is None:
            raise not_found("token")
        await reach(identity, site_id, today_of(request), SETTERS)
    await tokens.revoke_token(actor_of(identity), site_id, gateway_token_id, request.app.state.clock())


ROUTES = [batch, batch_schema, report_schema, by_hand, by_file, raw, isolate, corrections, correct, listed, close, validation,
          set_validation, listed_tokens, make_token, revoke]  # fmt: skip
