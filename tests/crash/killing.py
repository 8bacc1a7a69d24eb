"""Kill -9 whatever an installation runs, one after another, by a seed; its supervisor has to bring it back."""

import asyncio
import os
import signal
from collections import Counter
from random import Random

from redis import Redis
from redis.exceptions import RedisError

from tests.infra.local.conftest import Installation, processes

PARTS = ("ocpp", "ocpp", "ocpp", "postgres", "backend", "valkey", "flushall", "worker", "web")  # the listeners most of all


class Killer:
    """`work` kills until it is enough. A killed database may be one of its backends or the whole server."""

    def __init__(self, house: Installation, seed: int, every: tuple[float, float]) -> None:
        self.house, self.every = house, every
        self.rng = Random(f"{seed}/killer")
        self.kills: Counter[str] = Counter()

    async def work(self, enough: asyncio.Event) -> None:
        while not enough.is_set():
            try:
                await asyncio.wait_for(enough.wait(), self.rng.uniform(*self.every))
            except TimeoutError:
                self.kill(self.rng.choice(PARTS))

    def kill(self, part: str) -> None:
        """Kill a part, if it runs: only processes of this installation, whatever ready.json says."""
        ready = self.house.ready() or {"pids": {}, "redis_url": ""}
        if part == "flushall":
            self._forget(ready["redis_url"])
            return
        alive, pids = processes(), ready["pids"]
        found = pids.get("postgres" if part == "backend" else part)
        chosen = self.rng.choice(found) if isinstance(found, list) else found
        if part == "backend":
            backends = sorted(pid for pid, (parent, _) in alive.items() if parent == chosen)
            chosen = self.rng.choice(backends) if backends else None
        family = self.house.family()
        if chosen in family and chosen != self.house.process.pid:
            os.kill(chosen, signal.SIGKILL)
            self.kills[part] += 1

    def _forget(self, redis_url: str) -> None:
        """Nobody dies, but Redis knows nothing any more."""
        try:
            with Redis.from_url(redis_url, socket_timeout=2) as redis:
                redis.flushall()
            self.kills["flushall"] += 1
        except (RedisError, OSError, ValueError):
            return  # it is being started again
