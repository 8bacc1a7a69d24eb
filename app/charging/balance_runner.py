"""All balanced sites, tick by tick, for as long as the process lives. Any number of processes may run it: leases decide."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from app.charging import limits
from app.charging.balance_loop import sites_with_circuits, tick
from app.charging.model import Changed
from app.kernel.clock import Clock
from app.kernel.identifiers import new_id

log = structlog.get_logger()

TICK_S = 2.0
TEND_EVERY = 3  # ticks
JUMP_S = 5.0


class BalanceRunner:
    """`announce` tells open pages, `wake` the nodes of stations."""

    def __init__(self, clock: Clock, announce: Callable[[list[Changed]], Awaitable[None]], wake: Callable[[list[UUID]], Awaitable[None]],
                 monotonic: Callable[[], float] = time.monotonic) -> None:  # fmt: skip
        self.owner = str(new_id())
        self._clock, self._announce, self._wake, self._monotonic = clock, announce, wake, monotonic
        self._offset: float | None = None
        self._round = 0

    async def run(self) -> None:
        """Until cancelled. A round that fails tells the chargers nothing, and they fall back by themselves."""
        while True:
            try:
                await self.once()
            except Exception:  # reported, and the next round must come whatever happened in this one
                log.exception("nothing balanced")
            await asyncio.sleep(TICK_S)

    async def once(self) -> None:
        """One round over all sites. A failing site stops no other."""
        jumped = self._clock_jumped()
        self._round += 1
        if self._round % TEND_EVERY == 0:
            await self._wake(await limits.tend(self._clock()))
        for account_id, site_id in await sites_with_circuits():
            try:
                woken, changed = await tick(account_id, site_id, self.owner, self._clock(), jumped)
            except (ValueError, KeyError) as error:  # circuits that make no tree: the check names them; others go on
                log.error("site not balanced", site=str(site_id), error=str(error))
                continue
            await self._wake(woken)
            await self._announce(changed)

    def _clock_jumped(self) -> bool:
        """Whether the wall clock has moved otherwise than time has."""
        offset = self._clock().timestamp() - self._monotonic()
        jumped = self._offset is not None and abs(offset - self._offset) > JUMP_S
        self._offset = offset
        return jumped
