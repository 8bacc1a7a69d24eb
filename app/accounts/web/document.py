"""The OpenAPI document: every route with its summary, its roles and the problem documents it may answer with."""

import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, OpenAPIResponse, Operation, Reference, SecurityScheme

from app.accounts.web.access import COOKIE, PUBLIC
from app.accounts.web.problems import MEDIA_TYPE

INJECTED = {"request", "identity", "state", "self"}
PATH_PARAMETER = re.compile(r"{(\w+):\w+}")
MEANINGS = {
    400: "The body cannot be read.",
    401: "Nobody is signed in, or the session or token is no longer valid.",
    403: "The role does not allow it, or the page's CSRF token is missing.",
    404: "There is no such object, or it is a stranger's.",
    409: "It cannot be done as things stand; the code says why.",
    413: "The body is too large.",
    422: "Some of the input cannot be used; `params.fields` names it.",
    429: "Too many tries; `Retry-After` says when to come back.",
    503: "A part that this needs does not answer; `code` says which.",
}


class Problem(msgspec.Struct, kw_only=True):
    """An RFC 9457 problem document. `code` is stable; `params` are figures for a translated sentence."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    params: dict[str, Any]


@dataclass
class RoutedOperation(Operation):
    """An operation that names the roles that may call it: `public`, or at least one of those listed."""

    x_roles: list[str] = field(default_factory=list, metadata={"alias": "x-roles"})

    def __post_init__(self) -> None:
        # The framework adds a 400 of its own form wherever something is validated; ours is a 422.
        unread = self.responses or {}
        if self.request_body is None:
            unread.pop("400", None)


@cache
def _operation(roles: tuple[str, ...], also: tuple[str, ...]) -> type[RoutedOperation]:
    @dataclass
    class Routed(RoutedOperation):
        x_roles: list[str] = field(default_factory=lambda: list(roles), metadata={"alias": "x-roles"})

        def __post_init__(self) -> None:
            super().__post_init__()
            answer = (self.responses or {}).get("200")
            if isinstance(answer, OpenAPIResponse) and answer.content:
                answer.content |= dict.fromkeys(also, next(iter(answer.content.values())))

    return Routed


def described(handlers: Iterable[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """The handlers with roles, security and error answers for the document. A route adds its own: opt `problems`, and `also` for
    further media types of its good answer."""
    return [_describe(handler) for handler in handlers]


def _describe(handler: HTTPRouteHandler) -> HTTPRouteHandler:
    roles = handler.opt.get("roles") or []
    named = (PUBLIC,) if roles == PUBLIC else tuple(roles)
    handler.operation_class = _operation(named, tuple(handler.opt.get("also", ())))
    handler.security = [] if roles == PUBLIC else [{"bearer": []}, {"session": []}]
    own = handler.responses or {}
    handler.responses = {**own} | {
        status: ResponseSpec(Problem, generate_examples=False, description=MEANINGS[status], media_type=MEDIA_TYPE)
        for status in sorted(_problems(handler, roles))
        if status not in own
    }
    return handler


def _problems(handler: HTTPRouteHandler, roles: Any) -> set[int]:
    in_path = {name for path in handler.paths for name in PATH_PARAMETER.findall(path)}
    asked = set(inspect.signature(handler.fn).parameters) - INJECTED - in_path
    found: set[int] = {int(status) for status in handler.opt.get("problems", ())}
    if roles != PUBLIC:
        found |= {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    if in_path:
        found.add(HTTPStatus.NOT_FOUND)
    if asked:
        found.add(HTTPStatus.UNPROCESSABLE_ENTITY)
    if "data" in asked:
        found |= {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
        if roles != PUBLIC:  # a body may name an object that is not there, or a stranger's
            found.add(HTTPStatus.NOT_FOUND)
    if handler.http_methods - {"GET", "HEAD"}:
        found.add(HTTPStatus.FORBIDDEN)
    return {int(status) for status in found}


def document_config() -> OpenAPIConfig:
    """What the document says of itself. Only JSON is served: viewers would load code from elsewhere."""
    schemes: dict[str, SecurityScheme | Reference] = {
        "bearer": SecurityScheme(type="http", scheme="bearer", description="A personal token, with the rights of its person."),
        "session": SecurityScheme(type="apiKey", name=COOKIE, security_scheme_in="cookie", description="A signed-in browser."),
    }
    return OpenAPIConfig(
        title="Hofstrom", version="0.1.0", description="Charging stations and bills for apartment houses.",
        components=Components(security_schemes=schemes), render_plugins=[JsonRenderPlugin()],
    )  # fmt: skip
