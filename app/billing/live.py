"""Live pages: server-sent events, read anew from the database at each wake-up; Redis only says that something changed."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog
from litestar import get
from litestar.params import FromQuery
from litestar.response import ServerSentEvent, ServerSentEventMessage
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.accounts.model import Identity
from app.accounts.web.access import Caller, HttpRequest
from app.billing import views
from app.billing.charge_routes import RESIDENT, person_of
from app.charging import queries as charging
from app.database.transaction import in_account
from app.kernel.clock import Clock
from app.outbox.wake import live_channel

log = structlog.get_logger()
PING_SECONDS = 10.0


class Page:
    """One open page: whose it is and which place it watches."""

    def __init__(self, identity: Identity, code: str | None, clock: Clock) -> None:
        self.identity = identity
        self.person_id = person_of(identity)
        self.code = code
        self.clock = clock
        self.number = 0

    def message(self, event: str, data: Any) -> ServerSentEventMessage:
        """An event with a growing id."""
        self.number += 1
        body = msgspec.json.encode(data).decode()
        return ServerSentEventMessage(data=body, event=event, id=str(self.number))

    def ping(self) -> ServerSentEventMessage:
        """A sign of life with the server's time."""
        return self.message("ping", {"at": self.clock()})

    async def everything(self) -> list[ServerSentEventMessage]:
        """The present state: what runs, what is asked, the watched place."""
        now = self.clock()
        async with in_account(self.identity.account_id):
            running = await views.session_views(await charging.open_sessions(self.person_id), now)
            asked = await charging.open_requests(self.person_id)
            place = await self._place(now)
        messages = [self.message("session", view) for view in running]
        messages += [self.message("request", views.request_view(request)) for request in asked]
        return messages + place

    async def changed(self, wake: dict[str, Any]) -> list[ServerSentEventMessage]:
        """What a wake-up means for this page; nothing of other people's."""
        now, kind = self.clock(), wake.get("kind")
        async with in_account(self.identity.account_id):
            if kind == "session" and wake.get("person_id") == str(self.person_id):
                session = await charging.session(UUID(wake["id"]))
                return [] if session is None else [self.message("session", await views.session_view(session, now))]
            if kind == "request" and wake.get("person_id") == str(self.person_id):
                request = await charging.request(UUID(wake["id"]))
                return [] if request is None else [self.message("request", views.request_view(request))]
            if kind == "connector":
                return await self._place(now)
        return []

    async def _place(self, now: datetime) -> list[ServerSentEventMessage]:
        connector = None if self.code is None else await charging.connector_by_code(self.code)
        if connector is None:
            return []
        view = await views.connector_view(connector, self.person_id, self.identity.hotline, now)
        return [self.message("connector", view)]


@get("/api/events", opt=RESIDENT, media_type="text/event-stream", summary="Live changes as server-sent events", tags=["charging"])
async def events(request: HttpRequest, identity: Caller, code: FromQuery[str | None] = None) -> ServerSentEvent:
    page = Page(identity, code.strip().upper() if code else None, request.app.state.clock)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return ServerSentEvent(_stream(page, request.app.state.redis), headers=headers)


async def _stream(page: Page, redis: "Redis | None") -> AsyncIterator[ServerSentEventMessage]:
    """Wake-ups from Redis; while Redis is away everything is read again at each ping."""
    while True:
        try:
            async for message in _listen(page, redis):
                yield message
        except (RedisError, OSError) as error:
            log.warning("live display polls", error=str(error))
        for message in await page.everything():
            yield message
        await asyncio.sleep(PING_SECONDS)
        yield page.ping()


async def _listen(page: Page, redis: "Redis | None") -> AsyncIterator[ServerSentEventMessage]:
    if redis is None:
        return
    async with redis.pubsub() as subscription:
        await subscription.subscribe(live_channel(page.identity.account_id))
        for message in await page.everything():
            yield message
        yield page.ping()
        while True:
            heard = await subscription.get_message(ignore_subscribe_messages=True, timeout=PING_SECONDS)
            if heard is None:
                yield page.ping()
                continue
            for message in await page.changed(json.loads(heard["data"])):
                yield message


ROUTES = [events]
