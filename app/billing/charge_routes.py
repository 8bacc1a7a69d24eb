"""Charging as a resident meets it: places, start, live, stop, history."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from app.accounts.model import Identity
from app.accounts.rules import RESIDENTS, person_as
from app.accounts.web.access import PUBLIC, Caller, HttpRequest
from app.billing import answers, queries, views
from app.charging import queries as charging
from app.charging import requests
from app.charging.model import Changed, Connector
from app.database.transaction import as_machine, in_account
from app.kernel.calendar import local_date, month_of, months_before
from app.kernel.errors import Refused, not_found
from app.metering.queries import session_values
from app.outbox.wake import COMMANDS, live_channel, publish
from app.residents.queries import sites_occupied

RESIDENT = {"roles": ["resident"]}
PAST = {"roles": sorted(RESIDENTS)}  # who has moved out keeps what was theirs
ASKS_A_STATION = {"roles": ["resident"], "problems": (409,)}
TAGS = ["charging"]
MOST_POINTS = 240
UNKNOWN_CODE = Refused("unknown_code", 404, "No place has this code. Check the sticker, or choose a place from the list.")


class Start(msgspec.Struct, forbid_unknown_fields=True):
    idempotency_key: UUID


async def announce(request: HttpRequest, changed: list[Changed], station_id: UUID | None = None) -> None:
    """After the commit: wake the station's node and the open pages."""
    redis = request.app.state.redis
    if station_id is not None:
        await publish(redis, COMMANDS, {"station_id": station_id})
    for change in changed:
        body = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not None}
        await publish(redis, live_channel(change.account_id), body)


def person_of(identity: Identity) -> UUID:
    """The person behind a login. Raises Refused where the login is nobody's in particular."""
    if identity.person_id is None:
        raise Refused("forbidden", 403, "This login belongs to no resident. Ask the operator of your house.")
    return identity.person_id


@get("/api/c/{code:str}", opt={"roles": PUBLIC}, summary="A place by the code on its sticker", tags=TAGS)
async def place(request: HttpRequest, identity: NamedDependency[Identity | None], code: FromPath[str]) -> answers.PlaceView:
    now, clean = request.app.state.clock(), code.strip().upper()
    async with as_machine():
        account_id = await charging.account_of_code(clean)
    if account_id is None:
        raise UNKNOWN_CODE
    own = identity is not None and identity.account_id == account_id
    async with in_account(account_id):
        connector = await charging.connector_by_code(clean)
        if connector is None:
            raise UNKNOWN_CODE
        person_id = person_as(identity.grants, ["resident"]) if own and identity is not None else None
        view = await views.connector_view(connector, person_id, identity.hotline if own and identity else None, now)
    if identity is not None and person_id is None:
        view["refusal"] = "not_allowed"
    if not request.app.state.settings.stripe_secret_key:
        view["guest_hold_minor"] = None  # no cards, no guests
    return view


@get("/api/stations", opt=RESIDENT, summary="The places that this resident may use", tags=TAGS)
async def places(request: HttpRequest, identity: Caller) -> list[answers.PlaceView]:
    now = request.app.state.clock()
    async with in_account(identity.account_id):
        return await _places(identity, now)


async def _places(identity: Identity, now: datetime) -> list[answers.PlaceView]:
    person_id = person_of(identity)
    found: list[answers.PlaceView] = []
    for site_id in await sites_occupied(person_id, now.date()):
        for connector in await charging.connectors_of_site(site_id):
            if await _may_use(connector, person_id, now):
                found.append(await views.connector_view(connector, person_id, identity.hotline, now))
    return found


async def _may_use(connector: Connector, person_id: UUID, now: datetime) -> bool:
    if connector.billing_point_id is None:
        return True
    today = local_date(now, connector.time_zone)
    return connector.billing_point_id == await charging.billing_point_of(person_id, connector.site_id, today)


@post("/api/c/{code:str}/start", status_code=202, opt=ASKS_A_STATION, summary="Start a charge", tags=TAGS)
async def start(request: HttpRequest, identity: Caller, code: FromPath[str], data: JSONBody[Start]) -> answers.RequestView:
    now, person_id, clean = request.app.state.clock(), person_of(identity), code.strip().upper()
    async with in_account(identity.account_id):
        connector = await charging.connector_by_code(clean)
        priced = connector and await views.tariff_in_force(connector.site_id, local_date(now, connector.time_zone))
    if connector is not None and priced is None:
        raise requests.refused("price_unknown")
    asked, changed = await requests.request_start(
        identity.account_id, person_id, identity.login_id, clean, data.idempotency_key,
        request.app.state.settings.secret_key, now,
    )  # fmt: skip
    await announce(request, changed, asked.station_id)
    return views.request_view(asked)


@get("/api/requests/{request_id:uuid}", opt=RESIDENT, summary="What became of a start", tags=TAGS)
async def charge_request(identity: Caller, request_id: FromPath[UUID]) -> answers.RequestView:
    async with in_account(identity.account_id):
        found = await charging.request(request_id)
    if found is None or found.person_id != identity.person_id:
        raise not_found("request")
    return views.request_view(found)


@get("/api/sessions", opt=PAST, summary="History, newest first", tags=TAGS)
async def sessions(
    request: HttpRequest, identity: Caller, before: FromQuery[datetime | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=100)] = 30,
) -> answers.SessionPage:  # fmt: skip
    now, person_id = request.app.state.clock(), person_of(identity)
    async with in_account(identity.account_id):
        found = await charging.sessions_of_person(person_id, before, limit)
        items = await views.session_views(found, now)
        months = await queries.months_of_person(person_id, months_before(month_of(now.date()), 12))
    more = found[-1].started_at if len(found) == limit else None
    return {"items": items, "next": more, "months": [views.month_view(month) for month in months]}


@get("/api/sessions/{session_id:uuid}", opt=PAST, summary="One session with its curve", tags=TAGS)
async def session(request: HttpRequest, identity: Caller, session_id: FromPath[UUID]) -> answers.SessionDetail:
    async with in_account(identity.account_id):
        found = await charging.session(session_id)
        if found is None or found.person_id != identity.person_id:
            raise not_found("session")
        view = await views.session_view(found, request.app.state.clock())
        values = await session_values(session_id)
    step = max(1, len(values) // MOST_POINTS)
    return {**view, "power_series": [(v.taken_at, v.power_w, v.energy_wh) for v in values[::step]]}


@post("/api/sessions/{session_id:uuid}/stop", status_code=202, opt=ASKS_A_STATION, summary="Stop a charge", tags=TAGS)
async def stop(request: HttpRequest, identity: Caller, session_id: FromPath[UUID]) -> answers.SessionView:
    now = request.app.state.clock()
    person_id = person_of(identity)
    changed = await requests.request_stop(identity.account_id, person_id, identity.login_id, session_id, now)
    async with in_account(identity.account_id):
        found = await charging.session(session_id)
        if found is None:
            raise not_found("session")
        view = await views.session_view(found, now)
    await announce(request, changed, found.station_id)
    return view


@get("/api/home", opt=PAST, summary="What matters now", tags=TAGS)
async def home(request: HttpRequest, identity: Caller) -> answers.Home:
    now, person_id = request.app.state.clock(), person_of(identity)
    period = month_of(now.date())
    async with in_account(identity.account_id):
        running = await views.session_views(await charging.open_sessions(person_id), now)
        months = {m[0]: m for m in await queries.months_of_person(person_id, months_before(period, 12))}
        bills = await queries.bills_of_person(person_id, now.date())
        this = months.get(period, (period, 0, 0, 0))
        return {
            "running": running,
            "requests": [views.request_view(asked) for asked in await charging.open_requests(person_id)],
            "month": {**views.month_view(this), "currency": identity.currency,
                      "last_year_energy_wh": months[months_before(period, 12)][1]
                      if months_before(period, 12) in months else None},
            "connectors": await _places(identity, now),
            "bills_open": [views.bill_view(bill) for bill in bills if bill.open_minor > 0],
            "last_sessions": await views.session_views(await charging.sessions_of_person(person_id, None, 3), now),
        }  # fmt: skip


@get("/api/usage", opt=PAST, summary="Thirteen months", tags=TAGS)
async def usage(request: HttpRequest, identity: Caller) -> answers.Usage:
    period = month_of(request.app.state.clock().date())
    async with in_account(identity.account_id):
        months = {m[0]: m for m in await queries.months_of_person(person_of(identity), months_before(period, 12))}
    shown = [months_before(period, back) for back in range(12, -1, -1)]
    return {"months": [views.month_view(months.get(m, (m, 0, 0, 0))) for m in shown], "currency": identity.currency}


ROUTES = [place, places, start, charge_request, sessions, session, stop, home, usage]
