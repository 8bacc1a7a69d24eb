"""What pages are told of routine changes: each change once a moment, however often it happened, in one round trip."""

import asyncio
import contextlib
import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.charging.model import Changed
from app.outbox.wake import live_channel

log = structlog.get_logger()

WATCHED_SECONDS = 0.1  # between two announcements while somebody looks
UNWATCHED_SECONDS = 0.5  # and while nobody does; whoever comes sees the next
MOST_WAITING = 20_000


class Announcer:
    """`soon` takes changes; the first goes out at once, more of the same moment together after it."""

    def __init__(self, redis: "Redis | None") -> None:
        self._redis = redis
        self._changed: dict[Changed, None] = {}
        self._hints: dict[tuple[str, str], None] = {}
        self._urgent: list[Changed] = []
        self._something, self._hurry = asyncio.Event(), asyncio.Event()

    def soon(self, changed: list[Changed]) -> None:
        """Tell the pages of these accounts that they may look again."""
        if self._redis is None:
            return
        for change in changed:
            self._changed[change] = None
        if len(self._changed) > MOST_WAITING:
            self._changed.clear()  # Redis is away or drowned; pages look again by themselves
        self._something.set()

    def at_once(self, changed: list[Changed]) -> None:
        """The same, without waiting for the moment to be over: a charge has begun or ended."""
        if self._redis is not None:
            self._urgent += changed
            self._hurry.set()
            self._something.set()

    async def now(self, changed: list[Changed]) -> None:
        """Tell them at once, in one round trip."""
        await self._send(_messages(changed))

    def hint(self, channel: str, payload: dict[str, Any]) -> None:
        """Send a wake-up of another kind with the next announcements."""
        if self._redis is not None:
            self._hints[channel, text(payload)] = None
            self._something.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._something.wait()
            self._something.clear()
            messages = [*self._hints, *_messages(self._changed)]
            self._hints, self._changed = {}, {}
            watched = await self._send(messages) if messages else True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WATCHED_SECONDS if watched else UNWATCHED_SECONDS):
                    await self._hurrying()

    async def _hurrying(self) -> None:
        """Send what is urgent as it comes, until cancelled."""
        while True:
            await self._hurry.wait()
            self._hurry.clear()
            urgent, self._urgent = self._urgent, []
            await asyncio.shield(self._send(_messages(urgent)))

    async def _send(self, messages: list[tuple[str, str]]) -> bool:
        """Publish in one round trip; whether anybody was listening."""
        if self._redis is None:
            return False
        pipe = self._redis.pipeline(transaction=False)
        for channel, body in messages:
            pipe.publish(channel, body)
        try:
            return any(await pipe.execute())
        except (RedisError, OSError) as error:
            log.warning("changes not announced", count=len(messages), error=str(error))
            return False


def _messages(changed: Iterable[Changed]) -> list[tuple[str, str]]:
    return [(live_channel(one.account_id), text(msgspec.structs.asdict(one))) for one in changed]


def text(payload: dict[str, Any]) -> str:
    """A wake-up as it travels; what a change leaves open is left out."""
    return json.dumps({name: str(v) if isinstance(v, UUID) else v for name, v in payload.items() if v is not None})
