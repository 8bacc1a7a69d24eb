"""Kill -9 whatever an installation runs, one after another, by a seed; its supervisor has to bring it back."""

import asyncio
import os
import signal
from collections import Counter
from random import Random

from tests.infra.local.conftest import Installation, processes

PARTS = ("ocpp", "ocpp", "ocpp", "postgres", "backend", "valkey", "worker", "web")  # the listeners most of all


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
        alive = processes()
        pids = (self.house.ready() or {"pids": {}})["pids"]
        found = pids.get("postgres" if part == "backend" else part)
        chosen = self.rng.choice(found) if isinstance(found, list) else found
        if part == "backend":
            backends = sorted(pid for pid, (parent, _) in alive.items() if parent == chosen)
            chosen = self.rng.choice(backends) if backends else None
        family = self.house.family()
        if chosen in family and chosen != self.house.process.pid:
            os.kill(chosen, signal.SIGKILL)
            self.kills[part] += 1
