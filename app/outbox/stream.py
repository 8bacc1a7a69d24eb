"""The wake-ups of an account as a stream for open pages, with a sign of life while nothing happens."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.outbox.wake import live_channel

log = structlog.get_logger()


async def wake_ups(redis: "Redis | None", account_id: UUID, quiet_s: float) -> AsyncIterator[dict[str, Any] | None]:
    """Each wake-up as it comes; None at the beginning, after `quiet_s` seconds of silence, and at that pace while Redis is
    away: then the reader looks for itself."""
    while True:
        try:
            async for wake in _heard(redis, account_id, quiet_s):
                yield wake
        except (RedisError, OSError) as error:
            log.warning("live display polls", error=str(error))
        yield None
        await asyncio.sleep(quiet_s)


async def _heard(redis: "Redis | None", account_id: UUID, quiet_s: float) -> AsyncIterator[dict[str, Any] | None]:
    if redis is None:
        return
    async with redis.pubsub() as subscription:
        await subscription.subscribe(live_channel(account_id))
        yield None
        while True:
            message = await subscription.get_message(ignore_subscribe_messages=True, timeout=quiet_s)
            yield None if message is None else json.loads(message["data"])
