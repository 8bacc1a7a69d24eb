"""Who asks and may they: bearer first, never falling back to the cookie; a route without roles is closed."""

from datetime import datetime
from typing import Any, TypeAlias

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult

from app.accounts.api_access import identity_of_ticket
from app.accounts.model import Identity
from app.accounts.queries import identity_of_bearer, identity_of_token
from app.accounts.rules import FORBIDDEN, may_enter, person_as
from app.kernel.errors import Refused

HttpRequest: TypeAlias = Request[Any, Any, Any]
Caller: TypeAlias = NamedDependency[Identity]
COOKIE = "hofstrom_session"
PUBLIC = "public"
# The framework serves these itself, so they cannot carry roles: they describe routes and hold nothing of anybody.
DOCUMENTS = ("/schema", "/schema/openapi.json", "/schema/openapi.yaml", "/schema/openapi.yml")
NOT_SIGNED_IN = "Sign in first, then try again."


class SignInMiddleware(AbstractAuthenticationMiddleware):
    """Finds the person; says nothing yet about what they may do."""

    async def authenticate_request(self, connection: ASGIConnection[Any, Any, Any, Any]) -> AuthenticationResult:
        now = connection.app.state.clock()
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        if scheme:
            identity = await self._bearer(connection, token.strip(), now) if scheme.lower() == "bearer" else None
            return AuthenticationResult(user=identity, auth=None)
        cookie = connection.cookies.get(COOKIE, "")
        identity = await identity_of_token(cookie, now) if cookie else None
        return AuthenticationResult(user=identity, auth=cookie)

    async def _bearer(self, connection: ASGIConnection[Any, Any, Any, Any], token: str, now: datetime) -> Identity | None:
        """A personal token, or one that the API's log-in has signed: only those have dots."""
        if "." in token:
            return await identity_of_ticket(token, connection.app.state.settings.secret_key, now)
        return await identity_of_bearer(token, now)


def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Denies where a route names no roles, where nobody is signed in, and where no role fits."""
    roles = handler.opt.get("roles")
    if roles == PUBLIC or connection.url.path in DOCUMENTS:
        return
    identity: Identity | None = connection.user
    if identity is None:
        raise Refused("not_signed_in", 401, NOT_SIGNED_IN)
    if identity.api and not handler.opt.get("api"):
        raise FORBIDDEN
    if not roles or not may_enter(identity.grants, roles, handler.opt.get("scope", "account")):
        raise FORBIDDEN


async def current_identity(request: Request[Any, Any, Any]) -> Identity | None:
    """For handlers: the person who asks (None on public routes), acting in the name of a role that the route names."""
    found: Identity | None = request.user
    roles = request.route_handler.opt.get("roles")
    if found is None or roles == PUBLIC or not roles:
        return found
    return msgspec.structs.replace(found, person_id=person_as(found.grants, roles))
