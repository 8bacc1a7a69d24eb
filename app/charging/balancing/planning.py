"""The plan: a linear programme over the cars that are plugged in, up to the last departure. HiGHS solves it.

It maximises the energy delivered, weighted by priority, sooner slightly better. Its first step is a target per car and
nothing more: the allocator keeps the fuses, whatever the plan says. A room under the least current that any car takes is no
room, so the plan does not count on it. Without a solution in time there is no plan, and the must-rate serves.
"""

from collections.abc import Callable, Sequence

import highspy
import msgspec
import numpy as np
from numpy.typing import NDArray

from app.charging.balancing.model import Car

SOONER = 0.1  # an ampere at the end of the horizon is worth so much less than one now
STAY_A = 4.0  # a car that charges keeps its place before one that is planned less than this
ENOUGH = 0.995
DEGREES = 10.0
SLOT_MIN = 15.0
# The first hours in quarters, then in longer steps: what lies far ahead changes before it comes.
STEPS = ((8, 1), (8, 2), (1000, 4))
LONGEST_MIN = 36 * 60.0
Matrix = NDArray[np.complex128] | NDArray[np.float64]
Floats = NDArray[np.float64]


class Ahead(msgspec.Struct, frozen=True):
    """What is known of the time to come: which rows a car's current counts in, and each row's room at a minute."""

    matrix: Matrix
    room: Callable[[float], Floats]


class Planned(msgspec.Struct, frozen=True):
    """Per car: amperes in each slot. `starts_min`: when the slots begin. `short`: not everybody gets everything."""

    starts_min: list[float]
    amps: list[list[float]]
    short: bool


class _Problem:
    """Rows and columns while they are gathered."""

    def __init__(self) -> None:
        self.columns: list[tuple[int, int]] = []  # car, slot
        self.cost: list[float] = []
        self.upper: list[float] = []
        self.starts = [0]
        self.indices: list[NDArray[np.int64]] = []
        self.values: list[Floats] = []
        self.limits: list[float] = []

    def row(self, indices: NDArray[np.int64], values: Floats, limit: float) -> None:
        self.indices.append(indices)
        self.values.append(values)
        self.starts.append(self.starts[-1] + len(indices))
        self.limits.append(limit)


def plan(cars: Sequence[Car], ahead: Ahead, now_min: float, seconds: float = 2.0) -> Planned | None:
    """The best use of the time ahead, as far as it is known; None where none was found in `seconds`."""
    if not cars:
        return None
    slots = slots_until(now_min, max(car.leaves_min(now_min) for car in cars))
    problem = _problem(cars, ahead, now_min, slots)
    solved = _solve(problem, seconds)
    if solved is None:
        return None
    amps = [[0.0] * len(slots) for _ in cars]
    for (car, slot), value in zip(problem.columns, solved, strict=True):
        amps[car][slot] = max(0.0, float(value))
    served = sum(
        amps[index][slot] * car.kw_per_a * length / 60.0 for index, car in enumerate(cars) for slot, (_, length) in enumerate(slots)
    )
    return Planned([start for start, _ in slots], amps, served < ENOUGH * sum(car.remaining_kwh for car in cars))


def kept(car: Car, amps: float) -> float:
    """What a car is planned for, in the order of admission: one that charges goes on, unless another needs the place clearly more."""
    return max(amps, STAY_A) if car.on else amps


def slots_until(now_min: float, last_min: float) -> list[tuple[float, float]]:
    """Start and length of each slot; the first one begins now."""
    slots: list[tuple[float, float]] = []
    at, end = float(now_min), min(last_min, now_min + LONGEST_MIN)
    for count, quarters in STEPS:
        for _ in range(count):
            if at >= end and slots:
                return slots
            slots.append((at, SLOT_MIN * quarters))
            at += SLOT_MIN * quarters
    return slots


def _problem(cars: Sequence[Car], ahead: Ahead, now_min: float, slots: Sequence[tuple[float, float]]) -> _Problem:
    problem, horizon = _Problem(), max(1.0, slots[-1][0] + slots[-1][1] - now_min)
    lines = directions(ahead.matrix)
    energy: list[list[tuple[int, float]]] = [[] for _ in cars]
    for slot, (start, length) in enumerate(slots):
        present: list[int] = []
        first = len(problem.columns)
        for index, car in enumerate(cars):
            inside = min(1.0, (max(car.leaves_min(now_min), now_min + 1.0) - start) / length)
            if inside > 0:
                kwh_per_a = car.kw_per_a * length / 60.0
                energy[index].append((len(problem.columns), kwh_per_a))
                problem.columns.append((index, slot))
                problem.upper.append(car.max_a * inside)
                problem.cost.append(-car.priority * (1.0 - SOONER * (start - now_min) / horizon) * kwh_per_a)
                present.append(index)
        _fuse_rows(problem, cars, present, first, lines, ahead, start, length)
    for index, parts in enumerate(energy):
        problem.row(np.array([column for column, _ in parts]), np.array([kwh for _, kwh in parts]), cars[index].remaining_kwh)
    return problem


def _fuse_rows(
    problem: _Problem, cars: Sequence[Car], present: Sequence[int], first: int,
    directions: Sequence[tuple[int, Floats]], ahead: Ahead, start: float, length: float,
) -> None:  # fmt: skip
    """The rows of one slot that can bind at all."""
    if not present:
        return
    room = np.mean([ahead.room(start + SLOT_MIN * quarter) for quarter in range(round(length / SLOT_MIN))], axis=0)
    most = np.array(problem.upper[first:])
    for row, coefficients in directions:
        mine = coefficients[list(present)]
        limit = float(room[row])
        if np.maximum(mine, 0.0) @ most <= limit:
            continue
        used = np.flatnonzero(mine)
        least = min(cars[present[int(index)]].min_a for index in used)
        problem.row(first + used, mine[used], limit if limit >= least else 0.0)


def directions(matrix: Matrix) -> list[tuple[int, Floats]]:
    """Straight rows: real ones as they are, phasors as tangents over the angles between them."""
    found: list[tuple[int, Floats]] = []
    for number, row in enumerate(np.asarray(matrix)):
        parts = row[np.abs(row) > 0]
        if not len(parts):
            continue
        turn = parts[0] / abs(parts[0])
        angles = np.degrees(np.angle(parts / turn))
        steps = np.arange(angles.min(), angles.max() + DEGREES, DEGREES) if np.ptp(angles) > 1e-6 else angles[:1]
        found += [(number, np.real(row / turn * np.exp(-1j * np.radians(angle)))) for angle in steps]
    return found


def _solve(problem: _Problem, seconds: float) -> Sequence[float] | None:
    model, lp = highspy.Highs(), highspy.HighsLp()
    model.setOptionValue("output_flag", False)
    model.setOptionValue("threads", 1)
    model.setOptionValue("time_limit", seconds)
    lp.num_col_, lp.num_row_ = len(problem.cost), len(problem.limits)
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = np.array(problem.cost), np.zeros(len(problem.cost)), np.array(problem.upper)
    lp.row_lower_, lp.row_upper_ = np.full(len(problem.limits), -highspy.kHighsInf), np.array(problem.limits)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.array(problem.starts)
    lp.a_matrix_.index_ = np.concatenate(problem.indices)
    lp.a_matrix_.value_ = np.concatenate(problem.values)
    model.passModel(lp)
    model.run()
    if model.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        return None
    return list(model.getSolution().col_value)
