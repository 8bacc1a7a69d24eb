"""All balanced sites, tick by tick, for as long as the process lives. Any number of processes may run it: leases decide."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.charging import limits
from app.charging.balance_loop import next_expiry_s, open_charges, sites_with_circuits, tick
from app.charging.balance_planner import SitePlan
from app.charging.model import Changed
from app.kernel.clock import Clock
from app.kernel.identifiers import new_id
from app.outbox.wake import live_channel

log = structlog.get_logger()

TICK_S = 2.0
GATHER_S = 0.2  # what comes together is answered together
TEND_S = 6.0
JUMP_S = 5.0
LIVE = live_channel("*")


class BalanceRunner:
    """`announce` tells open pages, `wake` the nodes of stations."""

    def __init__(self, clock: Clock, announce: Callable[[list[Changed]], Awaitable[None]], wake: Callable[[list[UUID]], Awaitable[None]],
                 monotonic: Callable[[], float] = time.monotonic) -> None:  # fmt: skip
        self.owner = str(new_id())
        self._clock, self._announce, self._wake, self._monotonic = clock, announce, wake, monotonic
        self._plans: dict[UUID, SitePlan] = {}
        self._asked = asyncio.Event()
        self._hurried: set[UUID] = set()
        self._charging: set[str] = set()
        self._offset: float | None = None
        self._tended = self._monotonic() - TEND_S
        self._wait_s = TICK_S

    async def run(self) -> None:
        """Until cancelled. A round that fails tells the chargers nothing, and they fall back by themselves."""
        only: set[UUID] | None = None
        while True:
            try:
                await self.once(only)
            except Exception:  # reported, and the next round must come whatever happened in this one
                log.exception("nothing balanced")
            only = await self._next_round()

    async def _next_round(self) -> set[UUID] | None:
        """Wait for the next tick, or for an event before it; the accounts that it is for, None: all."""
        try:
            async with asyncio.timeout(min(TICK_S, self._wait_s)):
                await self._asked.wait()
        except TimeoutError:
            return None
        await asyncio.sleep(GATHER_S)
        self._asked.clear()
        hurried, self._hurried = self._hurried, set()
        return hurried

    async def listen(self, redis: "Redis | None") -> None:
        """Hear of starts, stops, wishes and meters, until cancelled; while Redis is away the ticks must do."""
        while redis is not None:
            try:
                async with redis.pubsub() as subscription:
                    await subscription.psubscribe(LIVE)
                    async for message in subscription.listen():
                        if message["type"] == "pmessage":
                            self.hear(json.loads(message["data"]))
            except (RedisError, OSError) as error:
                log.warning("events are not heard", error=str(error))
                await asyncio.sleep(1)

    def hear(self, told: Mapping[str, Any]) -> None:
        """Hurry for what cannot wait: a new charge, a place that changes, a wish, a meter, a circuit. Values of running
        charges can."""
        if told.get("kind") in ("balance", "connector") or (told.get("kind") == "session" and told.get("id") not in self._charging):
            self._hurried.add(UUID(str(told["account_id"])))
            self._asked.set()

    async def once(self, only: Collection[UUID] | None = None) -> None:
        """One round over all sites, or those of some accounts. A failing site stops no other."""
        jumped = self._clock_jumped()
        if self._monotonic() - self._tended >= TEND_S:
            self._tended = self._monotonic()
            await self._wake(await limits.tend(self._clock()))
        self._charging = await open_charges()
        for account_id, site_id in await sites_with_circuits():
            if only is not None and account_id not in only:
                continue
            try:
                woken, changed = await tick(account_id, site_id, self.owner, self._clock(), jumped,
                                            self._plans.setdefault(site_id, SitePlan()))  # fmt: skip
            except (ValueError, KeyError) as error:  # circuits that make no tree: the check names them; others go on
                log.error("site not balanced", site=str(site_id), error=str(error))
                continue
            await self._wake(woken)
            await self._announce(changed)
        # What another owns falls free at a moment that is known: a node that died is followed at once, not a tick later.
        expiry = await next_expiry_s(self.owner)
        self._wait_s = TICK_S if expiry is None else max(0.0, expiry) + 0.05

    def _clock_jumped(self) -> bool:
        """Whether the wall clock has moved otherwise than time has."""
        offset = self._clock().timestamp() - self._monotonic()
        jumped = self._offset is not None and abs(offset - self._offset) > JUMP_S
        self._offset = offset
        return jumped
