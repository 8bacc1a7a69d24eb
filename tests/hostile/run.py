"""One run: a whole installation, a hostile station, five witnesses."""

import asyncio
import time
from collections import Counter
from random import Random
from typing import Any

import msgspec

from app.kernel.tasks import ended
from tests.crash.run import installation, prepare, stored
from tests.hostile.frames import hostile
from tests.infra.local.conftest import Installation
from tests.ocpp_server.raw_station import RawStation, RefusedUpgrade

VERSIONS = ("ocpp1.6", "ocpp2.0.1")
WITNESSES = 5
PAUSE_S = 0.05
CONNECTION_SECONDS = 20
BROKEN = (OSError, RefusedUpgrade, asyncio.IncompleteReadError)


class Plan(msgspec.Struct, frozen=True):
    """How many malformed frames, and how long the witnesses are alone before."""

    frames: int = 10_000
    quiet_s: float = 10.0
    seed: int = 1


class Witness:
    """An honest station; `took` are the seconds of its answers, `errors` what went wrong."""

    def __init__(self, port: int, identity: str, version: str) -> None:
        self.raw = RawStation(port, identity, f"password-of-{identity}")
        self.version = version
        self.took: list[float] = []
        self.errors: list[str] = []

    async def live(self) -> None:
        """Until cancelled: a message, a pause."""
        await self.raw.open(protocols=(self.version,))
        await self.raw.boot()
        turn = 0
        while True:
            turn += 1
            began = time.perf_counter()
            action, payload = ("Heartbeat", {}) if turn % 2 else ("StatusNotification", self.raw.status("Available"))
            try:
                answer = await self.raw.call(action, payload)
                self.took.append(time.perf_counter() - began)
                if answer[0] != 3:
                    self.errors.append(f"{action}: {answer}")
            except BROKEN as error:
                self.errors.append(f"{action}: {error!r} {self.raw.close_code}")
                return
            await asyncio.sleep(PAUSE_S)


class Attacker:
    """Sends frames over new connections as the old ones are closed on it."""

    def __init__(self, port: int, identity: str, seed: int) -> None:
        self.port, self.identity = port, identity
        self.rng = Random(f"{seed}/hostile")
        self.streams = {version: hostile(self.rng, version) for version in VERSIONS}
        self.counts: Counter[str] = Counter(sent=0, connections=0, closed=0)

    async def attack(self, frames: int) -> None:
        while self.counts["sent"] < frames:
            version = self.rng.choice(VERSIONS)
            raw = RawStation(self.port, self.identity, f"password-of-{self.identity}")
            try:
                async with asyncio.timeout(CONNECTION_SECONDS):
                    await self._misbehave(await raw.open(protocols=(version,)), version)
            except BROKEN:
                self.counts["closed"] += 1
            finally:
                if raw.reading is not None:
                    raw.cut()

    async def _misbehave(self, raw: RawStation, version: str) -> None:
        self.counts["connections"] += 1
        for _ in range(self.rng.randrange(1, 20)):
            opcode, data, wrong = next(self.streams[version])
            await raw.frame(opcode, data, **wrong)
            self.counts["sent"] += 1
            await asyncio.sleep(0.002)  # the pace of the attack


async def attack(plan: Plan) -> dict[str, Any]:
    """The whole run: what was sent, who fell, what the witnesses saw."""
    async with installation(nodes=1) as house:
        ready = house.ready()
        await prepare(ready["database_url"], 1 + WITNESSES)
        port = int(ready["ocpp"].split(":")[2].split("/")[0])
        before = parts(house)
        witnesses = [Witness(port, f"K-{2 + n}", VERSIONS[n % 2]) for n in range(WITNESSES)]
        tasks = [asyncio.create_task(one.live()) for one in witnesses]
        await asyncio.sleep(plan.quiet_s)
        quiet = [took for one in witnesses for took in one.took]
        for one in witnesses:
            one.took = []
        attacker = Attacker(port, "K-1", plan.seed)
        await attacker.attack(plan.frames)
        loud = [took for one in witnesses for took in one.took]
        ends = await ended(tasks)
        honest = await afterwards(port)
        rows, _ = await stored(ready["database_url"])
        exits = gone(before, parts(house), house.family())
    errors = [error for one in witnesses for error in one.errors]
    errors += [repr(end) for end in ends if isinstance(end, Exception)]
    return {
        "name": "hostile", "frames": attacker.counts["sent"], "connections": attacker.counts["connections"],
        "closed_on_it": attacker.counts["closed"], "exits": exits, "witness_errors": errors, "welcome_again": honest,
        "charges": sum(row.charges for row in rows), "answers": {"quiet": len(quiet), "loud": len(loud)},
        "quiet_p99_ms": p99_ms(quiet), "loud_p99_ms": p99_ms(loud),
    }  # fmt: skip


def p99_ms(seconds: list[float]) -> float:
    """The answer that one in a hundred exceeds."""
    return round(sorted(seconds)[int(len(seconds) * 0.99)] * 1000, 1)


def parts(house: Installation) -> dict[str, int]:
    """Every part by name, with its process."""
    pids = (house.ready() or {"pids": {}})["pids"]
    return {name: pid[0] if isinstance(pid, list) else pid for name, pid in pids.items()}


def gone(before: dict[str, int], after: dict[str, int], alive: dict[int, str]) -> list[str]:
    """The parts that have ended meanwhile, whether or not they were started again."""
    return sorted(name for name, pid in before.items() if after.get(name) != pid or pid not in alive)


async def afterwards(port: int) -> bool:
    """Whether the same station, behaving, is served."""
    raw = await RawStation(port, "K-1", "password-of-K-1").open()
    said = await raw.boot()
    raw.cut()
    return bool(said["status"] == "Accepted")
