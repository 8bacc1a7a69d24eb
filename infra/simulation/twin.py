"""The run of a twin: simulated time, real sockets, the real listener, database, limits and allocator. A step is a round of the
loop; after it every row of the tree is held against what the cars truly draw, at its beginning and at its end."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.charging import limits
from app.charging.balance_loop import tick
from app.charging.balance_planner import SitePlan
from app.charging.balancing.model import PHASES
from app.database.transaction import as_owner, fetch, fetchval
from app.kernel.settings import Settings
from infra.simulation.cars import SimCar
from infra.simulation.faults import Faults, Outages
from infra.simulation.house import TwinHouse, make_house, tell_meters, tell_wish
from infra.simulation.place import Three, TwinPlace
from infra.simulation.station import LinkLost, SimStation
from ocpp_server.main import Node, running_node

SLACK_A = 0.01  # milliamperes are whole numbers
WAIT_S = 60.0
OPEN = """
SELECT DISTINCT c.station_id FROM station_command c JOIN station s ON s.account_id = c.account_id AND s.id = c.station_id
WHERE c.state IN ('queued', 'sent') AND s.online
"""
NONE = (0.0, 0.0, 0.0)


class Sample(msgspec.Struct, frozen=True):
    """What flows at a moment at each circuit, per phase: everything that is no car, and the cars."""

    at_s: float
    base: dict[str, Three]
    cars: dict[str, Three]
    charging: int
    plugged: int


class Outcome(msgspec.Struct, kw_only=True):
    """What came of a run. `worst_a`: the most that a row was over its limit (negative: what was left)."""

    steps: int = 0
    delivered_wh: float = 0.0
    overloads: int = 0
    worst_a: float = -1e9
    messages: int = 0
    cut: int = 0
    silent: int = 0
    cars: list[SimCar] = []
    samples: list[Sample] = []


class SimClock:
    """The time of a run, for everything that asks."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class Twin:
    """A place while it runs."""

    def __init__(self, place: TwinPlace, house: TwinHouse, node: Node, url: str, clock: SimClock, outages: Outages) -> None:
        self.place, self.house, self.node, self.clock, self.outages = place, house, node, clock, outages
        self.begin = clock.now
        self.stations = {
            one.identity: SimStation(one, url, house.passwords[one.identity], house.badges[one.identity], clock) for one in place.stations
        }
        self.plan = SitePlan()
        self.outcome = Outcome()
        self._coming = list(place.visits)
        self._unsaid: set[str] = set()

    async def run(self, seconds: float, step_s: float, watch: Callable[[float, Outcome], Awaitable[None]] | None = None) -> Outcome:
        """Step by step; where no car is there, the time until the next one is skipped."""
        at = 0.0
        while at < seconds:
            await self.step(at, step_s)
            if watch is not None:
                await watch(at, self.outcome)
            at += step_s
            if not any(one.car for one in self.stations.values()) and (not self._coming or self._coming[0].arrives_s > at + step_s):
                before, at = at, seconds if not self._coming else self._coming[0].arrives_s // step_s * step_s
                self._idle(before, at)
        for one in self.stations.values():
            await one.cut()
        self.outcome.cars += [one.car for one in self.stations.values() if one.car is not None]
        self.outcome.messages = sum(one.told for one in self.stations.values())
        return self.outcome

    def _idle(self, begins: float, ends: float) -> None:
        """A spell without a car, for the picture: its beginning and its end."""
        none = {one.name: NONE for one in self.place.circuits}
        for at in (begins, ends - 1):
            self.outcome.samples.append(Sample(at, dict(self.place.base(at)), none, 0, 0))

    async def step(self, at: float, step_s: float) -> None:
        """One round of everything."""
        self.clock.now = self.begin + timedelta(seconds=at)
        await self._links(at)
        self._come_and_go(at)
        await asyncio.gather(*[self._tell(one) for one in self.stations.values() if one.online])
        heard = [(one.name, self.place.base(at).get(one.name, NONE)) for one in self.place.circuits
                 if one.has_meter and not self.outages.meter_away(one.name, at)]  # fmt: skip
        await tell_meters(self.house, heard, self.clock.now)
        await limits.tend(self.clock.now)
        await tick(self.house.account_id, self.house.site_id, "twin", self.clock.now, ahead=self.plan)
        await self._settled()
        self._flow(at, step_s)

    async def _links(self, at: float) -> None:
        """Links break and come back as the outages say; the server knows of it before anything else happens."""
        coming = []
        for name, one in self.stations.items():
            away = self.outages.link_away(name, at)
            if away and one.online:
                await one.cut()
                self.outcome.cut += 1
            elif not away and not one.online:
                coming.append(one)
        await asyncio.gather(*[one.connect() for one in coming])
        online = sum(one.online for one in self.stations.values())
        await self._until(lambda: _online(online))

    def _come_and_go(self, at: float) -> None:
        for one in self.stations.values():
            if one.car is not None and one.car.visit.leaves_s <= at:
                self.outcome.cars.append(one.car)
                self._unsaid.discard(one.made.identity)
                one.unplug()
        while self._coming and self._coming[0].arrives_s <= at:
            visit = self._coming.pop(0)
            self.stations[visit.station].plug(visit)
            self._unsaid.add(visit.station)

    async def _tell(self, station: SimStation) -> None:
        """All that a station has to say; what it cannot, it says later."""
        name = station.made.identity
        try:
            await station.flush()
            if name in self._unsaid or station.car is None:
                await station.tell_status()
            await station.tell_values()
        except LinkLost:
            return
        if name in self._unsaid and station.car is not None:
            self._unsaid.discard(name)
            visit = station.car.visit
            if visit.announced_s is not None:
                leaves = self.begin + timedelta(seconds=visit.announced_s)
                await tell_wish(self.house, name, leaves, visit.wh, self.clock.now)

    async def _settled(self) -> None:
        """All that the loop asked of stations that are there is answered."""

        async def quiet() -> bool:
            async with as_owner():
                waiting: list[UUID] = [row["station_id"] for row in await fetch(OPEN)]
            for station_id in waiting:
                if station_id in self.node.connections:
                    self.node.connections[station_id].commands.wake()
            return not waiting

        await self._until(quiet)

    async def _until(self, check: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not await check():  # noqa: ASYNC110 - other processes' rows and sockets
                await asyncio.sleep(0.01)

    def _flow(self, at: float, step_s: float) -> None:
        """Energy flows until the next round. Every row is held against the truth when that begins and just before it ends."""
        for moment in (at, at + step_s - 0.001):
            base, cars = self.place.base(moment), self._cars_at(self.begin + timedelta(seconds=moment))
            over = [b + c - limit for one in self.place.circuits
                    for b, c, limit in zip(base.get(one.name, NONE), cars[one.name], one.limit, strict=True) if c > 0]  # fmt: skip
            self.outcome.worst_a = max([self.outcome.worst_a, *over])
            self.outcome.overloads += any(one > SLACK_A for one in over)
            if moment == at:
                there = [one.car for one in self.stations.values() if one.car is not None]
        for one in self.stations.values():
            self.outcome.delivered_wh += one.flow(step_s, self.clock.now)
        self.outcome.samples.append(Sample(at, dict(self.place.base(at)), self._cars_at(self.clock.now),
                                           sum(one.drawn_a > 0 for one in there), len(there)))  # fmt: skip
        self.outcome.silent += sum(self.outages.meter_away(one.name, at) for one in self.place.circuits if one.has_meter)
        self.outcome.steps += 1

    def _cars_at(self, now: datetime) -> dict[str, Three]:
        """What the cars truly draw below each circuit."""
        found = {one.name: [0.0, 0.0, 0.0] for one in self.place.circuits}
        for one in self.stations.values():
            amps = one.draws_a(now)
            for name in self.place.line(one.made.circuit) if amps > 0 else ():
                for phase in one.made.phases:
                    found[name][PHASES.index(phase)] += amps
        return {name: (one[0], one[1], one[2]) for name, one in found.items()}


async def _online(wanted: int) -> bool:
    async with as_owner():
        return bool(await fetchval("SELECT count(*) FROM station WHERE online") == wanted)


async def run_twin(
    place: TwinPlace, settings: Settings, begin: datetime, seconds: float, faults: Faults | None = None, step_s: float = 60.0,
    watch: Callable[[float, Outcome], Awaitable[None]] | None = None,
) -> Outcome:  # fmt: skip
    """A run in the open, empty database of `settings`."""
    house = await make_house(place, settings.secret_key)
    outages = Outages(faults or Faults(), [one.identity for one in place.stations],
                      [one.name for one in place.circuits if one.has_meter], seconds)  # fmt: skip
    clock = SimClock(begin)
    async with running_node(settings, clock, port=0) as (node, port):
        twin = Twin(place, house, node, f"ws://127.0.0.1:{port}/ocpp", clock, outages)
        return await twin.run(seconds, step_s, watch)
