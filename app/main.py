"""The web application: a composition root. It mounts every package's routes and holds no rules."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import uvicorn
from litestar import Litestar, Response, get, route
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.middleware.csrf import CSRFMiddleware
from litestar.openapi import ResponseSpec
from litestar.params import FromPath
from litestar.plugins.prometheus import PrometheusConfig
from litestar.types import Message, Receive, Scope, Send
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.accounts import licence_routes, token_routes
from app.accounts import routes as accounts
from app.accounts.web.access import PUBLIC, HttpRequest, SignInMiddleware, current_identity, guard
from app.accounts.web.document import described, document_config
from app.accounts.web.problems import HANDLERS
from app.accounts.web.pwa_files import file_answer
from app.accounts.web.throttle import Throttle
from app.appliances import routes as appliances
from app.billing import (
    accounting_routes,
    card_routes,
    charge_routes,
    debit_routes,
    energy_routes,
    fee_routes,
    live,
    mailing_routes,
    operator_routes,
    person_routes,
    rates_routes,
    report_routes,
    review_routes,
    series_routes,
    service_routes,
)
from app.billing import routes as billing
from app.billing.kept_answers import KeptAnswers
from app.charging import (
    balance_routes,
    commissioning_routes,
    security_routes,
    station_entry_routes,
    station_file_routes,
    station_routes,
)
from app.communities import routes as communities
from app.database.changes import Changes
from app.database.engine import close_database, open_when_it_answers
from app.database.transaction import as_machine, fetchval
from app.installing import handover, plan_routes
from app.installing import routes as installing
from app.kernel.clock import Clock, shifted_clock, utc_now
from app.kernel.settings import Settings
from app.kernel.tasks import ended
from app.metering import device_routes, equipment_routes, gateway_routes, grid_source_routes, reading_routes
from app.onboarding import order_routes
from app.onboarding import routes as onboarding
from app.payouts import refund_routes
from app.payouts import routes as payouts
from app.privacy import routes as privacy
from app.residents import access_request_routes, access_routes, iban_routes, my_routes, people_routes, search
from app.residents import routes as residents
from app.sites import api_routes, terms_routes
from app.sites import routes as sites
from app.tariffs import grid_routes
from app.tariffs import routes as tariffs

POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; object-src 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
WORKER_BEAT = "worker:beat"
EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - compared with, never bound to


class CookieOnlyCSRF(CSRFMiddleware):
    """CSRF protection for cookies; a bearer's request carries its own proof."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", []))
        if headers.get(b"authorization", b"").lower().startswith(b"bearer "):
            await self.app(scope, receive, send)
            return
        await super().__call__(scope, receive, send)


@get("/health", opt={"roles": PUBLIC}, summary="The process lives", tags=["system"])
async def health() -> dict[str, str]:
    return {"status": "ok"}


NOT_READY = ResponseSpec(dict[str, Any], generate_examples=False, description="A part does not answer; `parts` says which.")


@get("/ready", opt={"roles": PUBLIC}, responses={503: NOT_READY}, summary="Every part answers", tags=["system"])
async def ready(state: State) -> Response[dict[str, Any]]:
    parts = {
        "database": await _database_answers(),
        "redis": await _redis_answers(state.redis),
        "ocpp": await _port_answers(state.settings),
        "worker": await _worker_beats(state.redis),
    }
    status = 200 if all(parts.values()) else 503
    return Response({"status": "ready" if status == 200 else "not ready", "parts": parts}, status_code=status)


async def _database_answers() -> bool:
    try:
        async with as_machine():
            return await fetchval("SELECT 1") == 1
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False


async def _redis_answers(redis: "Redis | None") -> bool:
    try:
        return redis is None or bool(await redis.ping())
    except (RedisError, OSError):
        return False


async def _worker_beats(redis: "Redis | None") -> bool:
    try:
        return redis is None or bool(await redis.exists(WORKER_BEAT))
    except (RedisError, OSError):
        return False


async def _port_answers(settings: Settings) -> bool:
    # Where plain sockets are off, the one over TLS says whether it listens; it needs no handshake for that.
    host, port = (settings.plain_host, settings.ocpp_port) if settings.plain_host else (settings.host, settings.ocpp_tls_port)
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1" if host in EVERY_ADDRESS else host, port), 2)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


@route(["/", "/{path:path}"], http_method=["GET", "HEAD"], opt={"roles": PUBLIC, "exclude_from_csrf": True},
       include_in_schema=False)  # fmt: skip
async def pages(request: HttpRequest, path: FromPath[str] = "") -> Response[bytes]:
    return file_answer(request, path.lstrip("/"))


@get("/metrics", opt={"roles": PUBLIC}, summary="Figures for Prometheus", media_type="text/plain", tags=["system"])
async def metrics_page() -> Response[str]:
    return Response(generate_latest().decode(), media_type=CONTENT_TYPE_LATEST)


ROUTES = [
    accounts.ROUTES,
    token_routes.ROUTES,
    licence_routes.ROUTES,
    station_routes.ROUTES,
    balance_routes.ROUTES,
    commissioning_routes.ROUTES,
    appliances.ROUTES,
    station_file_routes.ROUTES,
    charge_routes.ROUTES,
    card_routes.ROUTES,
    billing.ROUTES,
    operator_routes.ROUTES,
    security_routes.ROUTES,
    review_routes.ROUTES,
    rates_routes.ROUTES,
    report_routes.ROUTES,
    accounting_routes.ROUTES,
    debit_routes.ROUTES,
    mailing_routes.ROUTES,
    energy_routes.ROUTES,
    fee_routes.ROUTES,
    person_routes.ROUTES,
    reading_routes.ROUTES,
    grid_source_routes.ROUTES,
    gateway_routes.ROUTES,
    equipment_routes.ROUTES,
    device_routes.ROUTES,
    station_entry_routes.ROUTES,
    communities.ROUTES,
    series_routes.ROUTES,
    live.ROUTES,
    payouts.ROUTES,
    refund_routes.ROUTES,
    service_routes.ROUTES,
    sites.ROUTES,
    terms_routes.ROUTES,
    api_routes.ROUTES,
    residents.ROUTES,
    people_routes.ROUTES,
    my_routes.ROUTES,
    search.ROUTES,
    access_routes.ROUTES,
    access_request_routes.ROUTES,
    iban_routes.ROUTES,
    privacy.ROUTES,
    tariffs.ROUTES,
    grid_routes.ROUTES,
    onboarding.ROUTES,
    order_routes.ROUTES,
    installing.ROUTES,
    plan_routes.ROUTES,
    [health, ready, metrics_page],
]


def create_app(settings: Settings, clock: Clock = utc_now) -> Litestar:
    """The application for one process."""
    redis = Redis.from_url(settings.redis_url, socket_timeout=30) if settings.redis_url else None
    changes = Changes()

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await open_when_it_answers(settings.database_url, max_size=10)
        hearing = asyncio.create_task(changes.listen(settings.database_url))
        yield
        await ended([hearing])
        if redis is not None:
            await redis.aclose()
        await close_database()

    async def secure(message: Message, scope: Scope) -> None:
        if message["type"] == "http.response.start":
            _add_security_headers(message, scope, settings.https)

    csrf = CSRFConfig(
        secret=settings.secret_key.hex(), cookie_name="csrftoken", header_name="x-csrftoken", cookie_samesite="lax",
        cookie_secure=settings.https, exclude_from_csrf_key="exclude_from_csrf",
    )  # fmt: skip
    metrics = PrometheusConfig(group_path=True)
    return Litestar(
        route_handlers=[*described(handler for group in ROUTES for handler in group), pages],
        lifespan=[lifespan],
        guards=[guard],
        dependencies={"identity": Provide(current_identity)},
        middleware=[metrics.middleware, DefineMiddleware(CookieOnlyCSRF, config=csrf),
                    DefineMiddleware(SignInMiddleware, exclude=["^/assets/", "^/health$"])],
        exception_handlers=HANDLERS,
        before_send=[secure],
        openapi_config=document_config(),
        state=State({"settings": settings, "clock": clock, "redis": redis, "throttle": Throttle(redis),
                     "handover_reasons": handover.reasons,
                     "kept": KeptAnswers(changes)}),
        debug=False,
    )  # fmt: skip


def document(settings: Settings) -> bytes:
    """The OpenAPI document as it is committed for the pages' types: sorted, so that a change shows as a small one."""
    schema = create_app(settings).openapi_schema.to_schema()
    return (json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _add_security_headers(message: Message, scope: Scope, https: bool) -> None:
    headers = {
        "content-security-policy": POLICY, "x-content-type-options": "nosniff", "referrer-policy": "same-origin",
        "permissions-policy": "camera=(self), geolocation=(), microphone=()", "cross-origin-opener-policy": "same-origin",
    }  # fmt: skip
    if https:
        headers["strict-transport-security"] = "max-age=63072000; includeSubDomains"
    known = {name for name, _ in message["headers"]}  # type: ignore[typeddict-item]
    if scope["path"].startswith("/api/") and b"cache-control" not in known:
        headers["cache-control"] = "no-store"
    if scope["path"].startswith("/schema"):
        headers.pop("content-security-policy")
    message["headers"] = [*message["headers"], *[(k.encode(), v.encode()) for k, v in headers.items()]]  # type: ignore


def run(settings: Settings) -> None:
    """The process of `hofstrom web`."""
    clock = utc_now if settings.test_clock is None else shifted_clock(settings.test_clock)
    uvicorn.run(
        create_app(settings, clock), host=settings.host, port=settings.http_port, loop="uvloop", http="httptools",
        timeout_graceful_shutdown=2, server_header=False, log_level="warning", forwarded_allow_ips="127.0.0.1",
    )  # fmt: skip
