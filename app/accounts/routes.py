"""Sign-in over HTTP."""

from typing import Any

import msgspec
from litestar import Response, get, patch, post
from litestar.datastructures import Cookie
from litestar.params import JSONBody

from app.accounts import commands
from app.accounts.known_roles import KnownRole, known_roles
from app.accounts.model import Me, me_of
from app.accounts.queries import identity_of_token
from app.accounts.rules import CONSOLE, EVERYBODY
from app.accounts.web.access import COOKIE, PUBLIC, Caller, HttpRequest
from app.accounts.web.throttle import Throttle
from app.kernel.errors import Refused

ANYONE: dict[str, Any] = {"roles": EVERYBODY, "scope": "anyone"}


class Credentials(msgspec.Struct, forbid_unknown_fields=True):
    email: str
    password: str


class LinkRequest(msgspec.Struct, forbid_unknown_fields=True):
    email: str
    locale: str = "en"


class LinkToken(msgspec.Struct, forbid_unknown_fields=True):
    token: str


class Locale(msgspec.Struct, forbid_unknown_fields=True):
    """`version` is the one that the page saw in /api/me."""

    version: int
    locale: str


class PasswordChange(msgspec.Struct, forbid_unknown_fields=True):
    current: str
    new: str


def throttle_of(request: HttpRequest) -> Throttle:
    """What slows guessing down."""
    found: Throttle = request.app.state.throttle
    return found


def address_of(request: HttpRequest) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else ""


async def welcome(request: HttpRequest, token: str) -> Response[Me]:
    """The answer to whoever has signed in: who they are, and the cookie."""
    identity = await identity_of_token(token, request.app.state.clock())
    if identity is None:
        raise Refused("wrong_credentials", 401, "This login has no role in any house today. Ask the operator.")
    cookie = Cookie(
        key=COOKIE, value=token, httponly=True, samesite="lax", secure=request.app.state.settings.https, path="/",
        max_age=commands.SESSION_DAYS * 86400,
    )  # fmt: skip
    return Response(me_of(identity), cookies=[cookie])


TRIED = {"roles": PUBLIC, "problems": (401, 429)}


@post("/api/sign-in", status_code=200, opt=TRIED, summary="Sign in with e-mail and password", tags=["accounts"])
async def sign_in(request: HttpRequest, data: JSONBody[Credentials]) -> Response[Me]:
    throttle = throttle_of(request)
    await throttle.check(data.email, address_of(request))
    token = await commands.sign_in(data.email, data.password, request.app.state.clock())
    await throttle.forgive(data.email)
    return await welcome(request, token)


@post("/api/sign-in-link", status_code=204, opt={"roles": PUBLIC, "problems": (429,)}, summary="Ask for a one-time link by mail",
      tags=["accounts"])  # fmt: skip
async def request_link(request: HttpRequest, data: JSONBody[LinkRequest]) -> None:
    await throttle_of(request).check(f"link:{data.email}", address_of(request))
    await commands.request_link(data.email, data.locale, request.app.state.clock())


@post("/api/sign-in-link/redeem", status_code=200, opt=TRIED, summary="Sign in by link", tags=["accounts"])
async def redeem_link(request: HttpRequest, data: JSONBody[LinkToken]) -> Response[Me]:
    await throttle_of(request).check("redeem", address_of(request))
    return await welcome(request, await commands.redeem_link(data.token, request.app.state.clock()))


@post("/api/sign-out", status_code=204, opt=ANYONE, summary="Sign out", tags=["accounts"])
async def sign_out(request: HttpRequest) -> Response[None]:
    if request.auth:
        await commands.sign_out(request.auth)
    return Response(None, status_code=204, cookies=[Cookie(key=COOKIE, value="", max_age=0, path="/")])


@get("/api/me", opt=ANYONE, summary="The signed-in person", tags=["accounts"])
async def me(identity: Caller) -> Me:
    return me_of(identity)


@get("/api/roles", opt={"roles": sorted(CONSOLE), "scope": "sites"}, summary="Names of roles on other platforms, and what they are here",
     tags=["access"])  # fmt: skip
async def roles() -> list[KnownRole]:
    return known_roles()


@patch("/api/me", opt={**ANYONE, "problems": (409,)}, summary="Choose a language", tags=["accounts"])
async def change_me(identity: Caller, data: JSONBody[Locale]) -> Me:
    version = await commands.set_locale(identity.login_id, data.version, data.locale)
    return me_of(msgspec.structs.replace(identity, locale=data.locale, version=version))


@post("/api/me/password", status_code=204, opt={**ANYONE, "problems": (400, 429)}, summary="Change the password",
      tags=["accounts"])  # fmt: skip
async def change_password(request: HttpRequest, identity: Caller, data: JSONBody[PasswordChange]) -> None:
    await throttle_of(request).check(identity.email, address_of(request))
    now = request.app.state.clock()
    await commands.change_password(identity.login_id, data.current, data.new, request.auth or "", now)


ROUTES = [sign_in, request_link, redeem_link, sign_out, me, roles, change_me, change_password]
