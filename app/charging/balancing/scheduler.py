"""The allocator with a memory: who is inside a dwell time, and the plan of the quarter.

Stateful, but without a clock: the minute is an argument. It takes a site as the benchmark describes one (`ids`, `ix`, `dt`,
`M`, `limit`, `headroom(minute)`), so it is measured as it runs.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from app.charging.balancing.allocation import share_out
from app.charging.balancing.model import Car
from app.charging.balancing.network import Network, Rows
from app.charging.balancing.phasors import Phasors
from app.charging.balancing.planning import Ahead, Planned, kept, plan

DWELL_MIN = 60.0
PLAN_EVERY_MIN = 15.0


class Site(Protocol):
    """A site as rows: `M`, a row a limit and a column a station; real, or complex for phasors."""

    ids: list[str]
    dt: float
    M: Any
    limit: Any

    def headroom(self, t: Any) -> Any: ...


class Live(Protocol):
    """A session as the benchmark tells it. `arr`, `dep` in steps."""

    session: str
    station: str
    i: int
    circuit: str
    phases: tuple[str, ...]
    min_a: float
    max_a: float
    kw_per_a: float
    prio: float
    arr: int
    dep: int
    left: float


class Scheduler:
    """Allocator and planner for one site. `schedule` is asked once a step."""

    name = "Scheduler"
    dwell_min = DWELL_MIN
    planner = True

    def __init__(self, site: Site) -> None:
        self.site = site
        self.on_since: dict[str, float] = {}
        self.known: frozenset[str] = frozenset()
        self.planned: Planned | None = None
        self.cars_planned: dict[str, int] = {}
        self.planned_at = -1e9

    def start(self, rows: object) -> None:
        """Nothing to learn beforehand."""

    def schedule(self, t: float, live: Sequence[Live]) -> dict[str, float]:
        """Amperes per station for the step that begins at minute `t`."""
        cars = [self._car(one, t) for one in live]
        columns = [one.i for one in live]
        if self.planner:
            self._plan(cars, columns, t)
        amps = share_out(cars, network_of_rows(self.site.M[:, columns], np.asarray(self.site.headroom(t), float)), t, self.site.dt)
        self._remember(cars, amps, t)
        return {car.station: amount for car, amount in zip(cars, amps, strict=True)}

    def _car(self, one: Live, t: float) -> Car:
        return Car(
            session=one.session, station=one.station, circuit=one.circuit, phases=one.phases, min_a=one.min_a, max_a=one.max_a,
            kw_per_a=one.kw_per_a, remaining_kwh=one.left, arrival_min=one.arr * self.site.dt,
            departure_min=one.dep * self.site.dt, priority=one.prio,
            held=self.on_since.get(one.session, -1e9) + self.dwell_min > t, on=one.session in self.on_since,
        )  # fmt: skip

    def _plan(self, cars: list[Car], columns: list[int], t: float) -> None:
        here = frozenset(car.session for car in cars)
        if t - self.planned_at >= PLAN_EVERY_MIN or here != self.known:
            ahead = Ahead(self.site.M[:, columns], lambda at: np.asarray(self.site.headroom(round(at)), float))
            self.planned, self.planned_at, self.known = plan(cars, ahead, t), t, here
            self.cars_planned = {car.session: index for index, car in enumerate(cars)}
        if self.planned is not None:
            for car in cars:
                car.planned_a = kept(car, self.planned.amps[self.cars_planned[car.session]][0])

    def _remember(self, cars: list[Car], amps: list[float], t: float) -> None:
        on = {car.session for car, amount in zip(cars, amps, strict=True) if amount > 0}
        self.on_since = {session: t if self.on_since.get(session, -1e9) + self.dwell_min <= t else self.on_since[session] for session in on}


def network_of_rows(matrix: Any, room: Any) -> Network:
    """A network from a matrix: phasors where it is complex, else plain sums."""
    if np.iscomplexobj(matrix):
        return Phasors(matrix, room)
    columns = [tuple((int(row), float(matrix[row, car])) for row in np.flatnonzero(matrix[:, car])) for car in range(matrix.shape[1])]
    return Rows(columns, [float(one) for one in room])
