"""Cars come, charge and go; every step is held against the fuses. And what perfect foresight would have delivered."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import highspy
import numpy as np

from app.charging.balancing.planning import directions
from tests.bench.balance.places import Place

Allocate = Callable[[float, list["Live"]], dict[str, float]]


class Live:
    """A car that is plugged in, as `Scheduler` asks of it."""

    def __init__(self, row: dict[str, Any], place: Place, announced: int) -> None:
        at = place.stations[row["station"]]
        self.session, self.station, self.i = row["session"], row["station"], place.ix[row["station"]]
        self.circuit, self.phases, self.min_a, self.kw_per_a = at["circuit"], at["phases"], at["min_a"], at["kw_per_a"]
        self.max_a, self.prio, self.arr, self.dep, self.truth = row["max_a"], row["priority"], row["arrives"], announced, row["leaves"]
        self.left = self.wanted = row["kwh"]

    def contract(self, dt: int) -> dict[str, Any]:
        """The session in the contract's words."""
        return {
            "session": self.session, "station": self.station, "circuit": self.circuit, "phases": self.phases, "min_a": self.min_a,
            "max_a": self.max_a, "priority": self.prio, "remaining_kwh": self.left, "kw_per_a": self.kw_per_a,
            "arrival_min": self.arr * dt, "departure_min": self.dep * dt,
        }  # fmt: skip


def simulate(place: Place, rows: Sequence[dict[str, Any]], allocate: Allocate, wrong_h: float = 0.0) -> dict[str, Any]:
    """All sessions through an allocator. `wrong_h`: the announced departures are wrong by that much (standard deviation)."""
    random = np.random.default_rng(1)
    waiting, cars, step = list(rows), list[Live](), rows[0]["arrives"]
    delivered, overloads, worst_a, switches, took_ms, on = 0.0, 0, 0.0, 0, [], dict[str, bool]()
    while waiting or cars:
        while waiting and waiting[0]["arrives"] <= step:
            row = waiting.pop(0)
            wrong = round(random.normal(0, wrong_h * 60 / place.dt)) if wrong_h else 0
            cars.append(Live(row, place, max(row["arrives"] + 1, row["leaves"] + wrong)))
        cars = [car for car in cars if car.truth > step and car.left > 1e-6]
        for car in cars:
            car.dep = max(car.dep, step + 1)
        if not cars:
            step = waiting[0]["arrives"] if waiting else step
            continue
        began = time.perf_counter()
        amps = allocate(step * place.dt, cars)
        took_ms.append(1e3 * (time.perf_counter() - began))
        currents = np.zeros(len(place.ids))
        for car in cars:
            full = car.left / (car.kw_per_a * place.dt / 60)
            amount = min(amps.get(car.station, 0.0), car.max_a, full)
            if amount < min(car.min_a, full, car.max_a) - 1e-6:
                amount = 0.0  # a car does not charge below its minimum
            switches += (amount > 1e-6) != on.get(car.session, False)
            on[car.session] = amount > 1e-6
            currents[car.i] = amount
            kwh = min(car.left, amount * car.kw_per_a * place.dt / 60)
            car.left -= kwh
            delivered += kwh
        over = float(np.max(np.abs(place.M @ currents) - place.headroom(step * place.dt)))
        overloads, worst_a = overloads + (over > 1e-3), max(worst_a, over)
        step += 1
    return {"kwh": delivered, "overloads": int(overloads), "worst_a": round(worst_a, 3), "switches": switches / len(rows),
            "ms": statistics.mean(took_ms)}  # fmt: skip


def optimum_kwh(place: Place, rows: Sequence[dict[str, Any]]) -> float:
    """The most that anybody who knew everything could deliver; spells in which nobody is there part the problem."""
    total, spell, until = 0.0, list[dict[str, Any]](), -1
    for row in rows:
        if spell and row["arrives"] >= until:
            total, spell = total + _spell_kwh(place, spell), []
        until = max(until, row["leaves"]) if spell else row["leaves"]
        spell.append(row)
    return total + _spell_kwh(place, spell)


def _spell_kwh(place: Place, rows: Sequence[dict[str, Any]]) -> float:
    columns = np.array([(number, step) for number, row in enumerate(rows) for step in range(row["arrives"], row["leaves"])])
    owner, steps = columns[:, 0], columns[:, 1]
    station = np.array([place.ix[row["station"]] for row in rows])[owner]
    upper = np.array([row["max_a"] for row in rows])[owner]
    kwh = np.array([place.stations[row["station"]]["kw_per_a"] for row in rows])[owner] * place.dt / 60
    straight = directions(place.M)
    indices, values, limits = [], [], []
    for step in range(steps.min(), steps.max() + 1):
        here = np.flatnonzero(steps == step)
        room = place.headroom(int(step) * place.dt)
        for row, coefficients in straight:
            mine = coefficients[station[here]]
            if np.maximum(mine, 0) @ upper[here] > room[row]:
                used = np.flatnonzero(mine)
                indices.append(here[used])
                values.append(mine[used])
                limits.append(room[row])
    for number, row in enumerate(rows):
        mine = np.flatnonzero(owner == number)
        indices.append(mine)
        values.append(kwh[mine])
        limits.append(row["kwh"])
    lp, model = highspy.HighsLp(), highspy.Highs()
    model.setOptionValue("output_flag", False)
    model.setOptionValue("threads", 1)  # as the planner: HiGHS keeps one pool a process, and refuses another size
    lp.num_col_, lp.num_row_, lp.col_cost_ = len(columns), len(limits), -kwh
    lp.col_lower_, lp.col_upper_ = np.zeros(len(columns)), upper
    lp.row_lower_, lp.row_upper_ = np.full(len(limits), -highspy.kHighsInf), np.array(limits)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.concatenate([[0], np.cumsum([len(one) for one in indices])])
    lp.a_matrix_.index_, lp.a_matrix_.value_ = np.concatenate(indices), np.concatenate(values)
    model.passModel(lp)
    model.run()
    return -float(model.getInfo().objective_function_value)
