"""The API for registered developers, and the consent of owners and operators to it."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody

from app.accounts import api_access
from app.accounts.api_access import ApiRight, Credential, Ticket
from app.accounts.model import Identity
from app.accounts.routes import TRIED, address_of, throttle_of
from app.accounts.rules import MANAGERS
from app.accounts.web.access import Caller, HttpRequest
from app.database.transaction import fetch, in_account
from app.kernel.errors import Refused, not_found
from app.sites.access import CONSOLE, OPERATORS, reach, visible_sites
from app.sites.routes import Created, actor_of, today_of

DEVELOPER: dict[str, Any] = {"roles": ["developer"], "api": True, "problems": (429,)}
SEE: dict[str, Any] = {"roles": sorted(CONSOLE), "scope": "sites"}
CONSENT: dict[str, Any] = {"roles": sorted(MANAGERS), "scope": "sites"}
TAGS = ["api"]
SITES = "SELECT id, name, reference, street, postcode, city, country, time_zone, currency FROM site WHERE id = ANY($1) ORDER BY name"
METERS = """
SELECT NULL::uuid AS id, c.station_id, c.number AS connector, s.name, 'charge_point' AS kind, NULL AS mode, NULL AS serial, 'Wh' AS unit
FROM connector c JOIN station s ON s.account_id = c.account_id AND s.id = c.station_id WHERE s.site_id = $1
UNION ALL SELECT m.id, NULL, NULL, m.name, m.medium, m.kind, m.serial, CASE WHEN m.medium LIKE '%water' THEN 'l' ELSE 'Wh' END
FROM meter m WHERE m.site_id = $1 ORDER BY name, connector, serial
"""


class ApiLogin(msgspec.Struct, forbid_unknown_fields=True):
    """The credentials for the API, which are not those of the portal."""

    username: str
    password: str


class Developer(msgspec.Struct, forbid_unknown_fields=True):
    """Whom the consent is for, by the address of their login."""

    email: str


class ApiSite(msgspec.Struct, frozen=True, kw_only=True):
    """A site as the API tells it."""

    id: UUID
    name: str
    reference: str
    street: str
    postcode: str
    city: str
    country: str
    time_zone: str
    currency: str


class ApiMeter(msgspec.Struct, frozen=True, kw_only=True):
    """A meter by its id, or a charge point by station and connector."""

    name: str
    kind: str
    unit: str
    id: UUID | None = None
    mode: str | None = None
    serial: str | None = None
    station_id: UUID | None = None
    connector: int | None = None


@post("/api/me/api-credential", opt={"roles": ["developer"]}, summary="Make my credentials for the API; those before no longer work",
      tags=TAGS)  # fmt: skip
async def make_credential(request: HttpRequest, identity: Caller) -> Credential:
    if identity.bearer:
        raise Refused("sign_in_needed", 403, "A token does not make another one. Sign in with your password first.")
    return await api_access.make_credential(actor_of(identity), identity.login_id, request.app.state.clock())


@post("/api/v1/login", status_code=200, opt=TRIED, summary="A token of fifteen minutes for the API", tags=TAGS)
async def log_in(request: HttpRequest, data: JSONBody[ApiLogin]) -> Ticket:
    throttle = throttle_of(request)
    await throttle.pace(f"login:{data.username[:80]}")
    await throttle.check(f"api:{data.username}", address_of(request))
    ticket = await api_access.log_in(data.username, data.password, request.app.state.settings.secret_key, request.app.state.clock())
    await throttle.forgive(f"api:{data.username}")
    return ticket


async def _paced(request: HttpRequest, identity: Identity, name: str) -> None:
    """One request a second for each call and person."""
    await throttle_of(request).pace(f"{identity.account_id}:{identity.login_id}:{name}")


async def _allowed(identity: Identity, site_id: UUID) -> ApiSite:
    """The site where both have consented (inside the caller's transaction). Raises Refused not_found."""
    if site_id not in await api_access.sites_for_developer(identity.login_id):
        raise not_found("site")
    rows = await fetch(SITES, [site_id])
    return ApiSite(**rows[0])


@get("/api/v1/sites", opt=DEVELOPER, summary="The sites whose owner and operator have consented", tags=TAGS)
async def api_sites(request: HttpRequest, identity: Caller) -> list[ApiSite]:
    await _paced(request, identity, "sites")
    async with in_account(identity.account_id):
        allowed = await api_access.sites_for_developer(identity.login_id)
        return [ApiSite(**row) for row in await fetch(SITES, list(allowed))]


@get("/api/v1/sites/{site_id:uuid}", opt=DEVELOPER, summary="One site", tags=TAGS)
async def api_site(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> ApiSite:
    await _paced(request, identity, "site")
    async with in_account(identity.account_id):
        return await _allowed(identity, site_id)


@get("/api/v1/sites/{site_id:uuid}/meters", opt=DEVELOPER, summary="The meters of a site", tags=TAGS)
async def api_meters(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> list[ApiMeter]:
    await _paced(request, identity, "meters")
    async with in_account(identity.account_id):
        await _allowed(identity, site_id)
        return [ApiMeter(**row) for row in await fetch(METERS, site_id)]


@get("/api/sites/{site_id:uuid}/api-rights", opt=SEE, summary="Who may read a site through the API", tags=TAGS)
async def rights(request: HttpRequest, identity: Caller, site_id: FromPath[UUID]) -> list[ApiRight]:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request))
        return await api_access.rights(site_id)


@post("/api/sites/{site_id:uuid}/api-rights", opt=CONSENT, summary="Consent to a developer's reading a site through the API", tags=TAGS)
async def consent(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], data: JSONBody[Developer]) -> Created:
    today = today_of(request)
    async with in_account(identity.account_id):
        await reach(identity, site_id, today, MANAGERS)
        sides = [await visible_sites(identity, today, roles) for roles in (MANAGERS - OPERATORS, OPERATORS)]
    owner, operator = [side is None or site_id in side for side in sides]
    made = await api_access.consent(actor_of(identity), site_id, data.email, owner=owner, operator=operator, now=request.app.state.clock())
    return Created(made)


@delete(
    "/api/sites/{site_id:uuid}/api-rights/{right_id:uuid}", opt=CONSENT, summary="Take a consent back; the right ends at once", tags=TAGS
)
async def end(request: HttpRequest, identity: Caller, site_id: FromPath[UUID], right_id: FromPath[UUID]) -> None:
    async with in_account(identity.account_id):
        await reach(identity, site_id, today_of(request), MANAGERS)
    await api_access.end_right(actor_of(identity), site_id, right_id, request.app.state.clock())


ROUTES = [make_credential, log_in, api_sites, api_site, api_meters, rights, consent, end]
