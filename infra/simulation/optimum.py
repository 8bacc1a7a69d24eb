"""The most that anybody who knew every arrival and departure could deliver: a linear programme. Minimum currents are relaxed,
so it is a bound from above. Watt-hours."""

from collections.abc import Sequence

import highspy
import numpy as np

from app.charging.balancing.model import Car, Circuit
from app.charging.balancing.network import rows_of
from infra.simulation.place import VOLTS, TwinPlace

SLOT_S = 900.0


def optimum_wh(place: TwinPlace, seconds: float) -> float:
    """The bound over the whole time; what a car would get after its end does not count."""
    cars = [_car(place, number) for number in range(len(place.visits))]
    slots = int(-(-seconds // SLOT_S))
    owner, upper, wh = list[int](), list[float](), list[float]()
    indices, values, limits = list[np.ndarray](), list[np.ndarray](), list[float]()
    columns = rows_of(cars, circuits_at(place, 0.0)).columns
    for slot in range(slots):
        begins, ends = slot * SLOT_S, min(seconds, (slot + 1) * SLOT_S)
        room = rows_of([], circuits_at(place, begins + SLOT_S / 2)).room
        here: dict[int, list[tuple[int, float]]] = {}
        for number, visit in enumerate(place.visits):
            inside = min(ends, visit.leaves_s) - max(begins, visit.arrives_s)
            if inside <= 0:
                continue
            for row, share in columns[number]:
                here.setdefault(row, []).append((len(owner), share))
            owner.append(number)
            upper.append(visit.max_a * inside / SLOT_S)
            wh.append(1000 * cars[number].kw_per_a * SLOT_S / 3600)
        for row, parts in here.items():
            indices.append(np.array([column for column, _ in parts]))
            values.append(np.array([share for _, share in parts]))
            limits.append(room[row])
    whose = np.array(owner)
    for number, visit in enumerate(place.visits):
        mine = np.flatnonzero(whose == number)
        if len(mine):
            indices.append(mine)
            values.append(np.array(wh)[mine])
            limits.append(float(visit.wh))
    return _solved(np.array(wh), np.array(upper), indices, values, np.array(limits)) if owner else 0.0


def circuits_at(place: TwinPlace, at_s: float) -> list[Circuit]:
    """The tree with what else flows at a moment."""
    base = place.base(at_s)
    return [Circuit(id=one.name, parent=one.parent, limit=one.limit, base=base.get(one.name, (0.0, 0.0, 0.0)), margin_a=one.margin_a,
                    unbalance_a=one.unbalance_a) for one in place.circuits]  # fmt: skip


def _car(place: TwinPlace, number: int) -> Car:
    visit = place.visits[number]
    station = next(one for one in place.stations if one.identity == visit.station)
    return Car(session=visit.id, station=visit.station, circuit=station.circuit, phases=station.phases, min_a=0.0, max_a=visit.max_a,
               kw_per_a=VOLTS * len(station.phases) / 1000, remaining_kwh=visit.wh / 1000)  # fmt: skip


def _solved(wh: np.ndarray, upper: np.ndarray, indices: Sequence[np.ndarray], values: Sequence[np.ndarray], limits: np.ndarray) -> float:
    lp, model = highspy.HighsLp(), highspy.Highs()
    model.setOptionValue("output_flag", False)
    model.setOptionValue("threads", 1)  # as the planner: HiGHS keeps one pool a process, and refuses another size
    lp.num_col_, lp.num_row_, lp.col_cost_ = len(wh), len(limits), -wh
    lp.col_lower_, lp.col_upper_ = np.zeros(len(wh)), upper
    lp.row_lower_, lp.row_upper_ = np.full(len(limits), -highspy.kHighsInf), limits
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.concatenate([[0], np.cumsum([len(one) for one in indices])])
    lp.a_matrix_.index_, lp.a_matrix_.value_ = np.concatenate(indices), np.concatenate(values)
    model.passModel(lp)
    model.run()
    return -float(model.getInfo().objective_function_value)
