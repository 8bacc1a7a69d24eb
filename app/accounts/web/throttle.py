"""Slow down guessing: so many tries per key in a window, counted in Redis, in this process while Redis is away."""

import time
from collections import OrderedDict

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.kernel.errors import Refused

log = structlog.get_logger()

WINDOW_SECONDS = 300
MOST_PER_EMAIL = 10
MOST_PER_ADDRESS = 50
PACE_MS = 1000
TOO_FAST = Refused("too_fast", 429, "One request a second for each call. Wait a second, then go on.", retry_after_s=1)


class Throttle:
    """Counts tries per key."""

    def __init__(self, redis: "Redis | None") -> None:
        self._redis = redis
        self._own: OrderedDict[str, tuple[int, float]] = OrderedDict()

    async def check(self, email: str, address: str) -> None:
        """Count a try. Raises Refused too_many_attempts."""
        for key, most in ((f"try:email:{email.strip().lower()}", MOST_PER_EMAIL), (f"try:address:{address}", MOST_PER_ADDRESS)):
            count, retry_after_s = await self._count(key)
            if count > most:
                text = "Too many tries. Wait a few minutes, or ask for a sign-in link."
                raise Refused("too_many_attempts", 429, text, retry_after_s=retry_after_s)

    async def pace(self, key: str) -> None:
        """Let one request a second through. Raises Refused too_fast."""
        if self._redis is not None:
            try:
                if not await self._redis.set(f"pace:{key}", "1", nx=True, px=PACE_MS):
                    raise TOO_FAST
                return
            except (RedisError, OSError) as error:
                log.warning("throttle counts in this process", error=str(error))
        now = time.monotonic()
        _, since = self._own.pop(f"pace:{key}", (0, now - PACE_MS))
        too_fast = now - since < PACE_MS / 1000
        self._own[f"pace:{key}"] = (1, since if too_fast else now)
        if too_fast:
            raise TOO_FAST

    async def forgive(self, email: str) -> None:
        """A right password clears the count of its e-mail."""
        key = f"try:email:{email.strip().lower()}"
        self._own.pop(key, None)
        if self._redis is not None:
            try:
                await self._redis.delete(key)
            except (RedisError, OSError) as error:
                log.warning("throttle not cleared", error=str(error))

    async def _count(self, key: str) -> tuple[int, int]:
        if self._redis is not None:
            try:
                async with self._redis.pipeline(transaction=True) as pipe:
                    pipe.incr(key)
                    pipe.expire(key, WINDOW_SECONDS, nx=True)
                    pipe.ttl(key)
                    count, _, ttl = await pipe.execute()
                return int(count), max(1, int(ttl))
            except (RedisError, OSError) as error:
                log.warning("throttle counts in this process", error=str(error))
        return self._count_here(key)

    def _count_here(self, key: str) -> tuple[int, int]:
        now = time.monotonic()
        count, since = self._own.pop(key, (0, now))
        if now - since > WINDOW_SECONDS:
            count, since = 0, now
        self._own[key] = (count + 1, since)
        while len(self._own) > 10_000:
            self._own.popitem(last=False)
        return count + 1, max(1, int(WINDOW_SECONDS - (now - since)))
