"""The plan of one site, as its owner's node keeps it: made anew every quarter of an hour and whenever the cars or wishes change."""

import asyncio
from collections.abc import Sequence

import numpy as np

from app.charging.balancing.model import Car, Circuit
from app.charging.balancing.network import Rows, rows_of
from app.charging.balancing.planning import Ahead, Planned, kept, plan

PLAN_EVERY_MIN = 15.0
SECONDS = 2.0


class SitePlan:
    """Remembers one plan. It only ever hands over targets; a node that takes a site over begins without one. Without a car that
    has said when it leaves there is nothing to plan: all share equally."""

    def __init__(self) -> None:
        self._planned: Planned | None = None
        self._at_min = -1e12
        self._known: tuple[object, ...] = ()
        self._number: dict[str, int] = {}

    async def lay_over(self, cars: Sequence[Car], circuits: Sequence[Circuit], now_min: float) -> None:
        """Give each car that has said when it leaves what is planned for it now. Cars that follow the sun have no plan."""
        planned = [car for car in cars if car.mode == "fast"]
        if all(car.departure_min is None for car in planned):
            self._planned, self._known = None, ()
            return
        known = tuple((car.session, car.departure_min, car.priority) for car in planned)
        if known != self._known or not 0 <= now_min - self._at_min < PLAN_EVERY_MIN:
            await self._make(planned, circuits, now_min)
            self._known = known
        if self._planned is None:
            return
        slot = max(index for index, start in enumerate(self._planned.starts_min) if start <= now_min + 1e-6)
        for car in planned:
            if car.departure_min is not None:
                car.planned_a = kept(car, self._planned.amps[self._number[car.session]][slot])

    async def _make(self, cars: Sequence[Car], circuits: Sequence[Circuit], now_min: float) -> None:
        rows = rows_of(cars, circuits)
        room = np.array(rows.room)
        matrix = dense(rows)
        # What else flows is taken to go on as it is: at the next quarter it is asked again.
        self._planned = await asyncio.to_thread(plan, cars, Ahead(matrix, lambda _: room), now_min, SECONDS)
        self._at_min = now_min
        self._number = {car.session: index for index, car in enumerate(cars)}


def dense(rows: Rows) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """The rows as a matrix: a row a limit, a column a car."""
    matrix = np.zeros((len(rows.room), len(rows.columns)))
    for car, column in enumerate(rows.columns):
        for row, share in column:
            matrix[row, car] += share
    return matrix
