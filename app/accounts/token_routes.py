"""Personal tokens, and taking an invitation, over HTTP."""

from uuid import UUID

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath, JSONBody

from app.accounts import commands, grants, invitations
from app.accounts.model import Identity, Me
from app.accounts.routes import ANYONE, TRIED, address_of, throttle_of, welcome
from app.accounts.web.access import Caller, HttpRequest
from app.audit.model import Actor
from app.database.transaction import in_account
from app.kernel.errors import Refused

TAGS = ["access"]


class Link(msgspec.Struct, forbid_unknown_fields=True):
    """The secret of an invitation's link; it travels in the body, never in an address."""

    token: str


class Acceptance(msgspec.Struct, forbid_unknown_fields=True):
    """The password: a new one, or that of the login which this address has already."""

    token: str
    password: str
    name: str = ""


def _actor(identity: Identity) -> Actor:
    return Actor(account_id=identity.account_id, login_id=identity.login_id, name=identity.name or identity.email)


@get("/api/me/tokens", opt=ANYONE, summary="My personal tokens", tags=TAGS)
async def my_tokens(identity: Caller) -> list[grants.TokenRow]:
    async with in_account(identity.account_id):
        return await grants.tokens(identity.login_id)


@post("/api/me/tokens", opt={**ANYONE, "problems": (409,)}, summary="Make a personal token; it is shown this once", tags=TAGS)
async def make_token(request: HttpRequest, identity: Caller, data: JSONBody[grants.NewToken]) -> grants.TokenMade:
    if identity.bearer:
        raise Refused("sign_in_needed", 403, "A token does not make another one. Sign in with your password first.")
    return await grants.make_token(_actor(identity), identity.login_id, data, request.app.state.clock())


@delete("/api/me/tokens/{token_id:uuid}", opt=ANYONE, summary="Revoke a personal token", tags=TAGS)
async def revoke_token(request: HttpRequest, identity: Caller, token_id: FromPath[UUID]) -> None:
    await grants.revoke_token(_actor(identity), identity.login_id, token_id, request.app.state.clock())


@post("/api/invitation/open", status_code=200, opt=TRIED, summary="What an invitation's link offers", tags=TAGS)
async def open_invitation(request: HttpRequest, data: JSONBody[Link]) -> invitations.Offer:
    await throttle_of(request).check("invitation", address_of(request))
    return await invitations.offer(data.token, request.app.state.clock())


@post("/api/invitation/accept", status_code=200, opt=TRIED, summary="Take an invitation, and sign in", tags=TAGS)
async def accept_invitation(request: HttpRequest, data: JSONBody[Acceptance]) -> Response[Me]:
    await throttle_of(request).check(f"invitation:{data.token[:16]}", address_of(request))
    now = request.app.state.clock()
    login_id, account_id = await invitations.accept(data.token, data.name, data.password, now)
    return await welcome(request, await commands.open_session(login_id, now, account_id))


ROUTES = [my_tokens, make_token, revoke_token, open_invitation, accept_invitation]
