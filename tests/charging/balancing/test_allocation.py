"""The allocator: properties that hold for every site, and the cases that people ask about."""

import math
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.charging.balancing import allocate
from app.charging.balancing.allocation import admit, network_of
from app.charging.balancing.filling import raise_all
from app.charging.balancing.model import car_of, circuit_of
from tests.charging.balancing.trees import Row, loads, room, sites

NOW, STEP = 600.0, 15.0
PHASES = ("L1", "L2", "L3")


def car(number: int, **more: Any) -> Row:
    """A three-phase car of 16 A that wants 40 kWh and leaves in ten hours."""
    return {
        "session": f"s{number}", "station": f"S{number}", "circuit": "main", "phases": PHASES, "min_a": 6, "max_a": 16, "priority": 1,
        "remaining_kwh": 40, "kw_per_a": 0.69, "arrival_min": NOW, "departure_min": NOW + 600, **more,
    }  # fmt: skip


def main(a: float = 40, **more: Any) -> Row:
    return {"id": "main", "parent": None, "limit": (a, a, a), "base": (0, 0, 0), **more}


@pytest.mark.row("M15")
@given(sites())
@settings(max_examples=100, deadline=None)
def test_no_row_is_ever_above_its_limit(site):
    circuits, sessions = site
    amps = allocate(sessions, circuits, NOW, STEP)
    for circuit in circuits:
        used = [loads(circuits, sessions, amps)[circuit["id"], phase] for phase in PHASES]
        assert all(used[phase] <= room(circuit, phase) + 1e-6 for phase in range(3))
        below = [one for one in sessions if circuit["id"] in _above(one["circuit"], circuits)]
        if circuit["power_kw"] is not None:
            assert sum(one["kw_per_a"] * amps.get(one["station"], 0) for one in below) <= circuit["power_kw"] + 1e-6
        if circuit["unbalance_a"] is not None:
            part = loads(circuits, [one for one in below if len(one["phases"]) < 3], amps)
            assert max(part[circuit["id"], phase] for phase in PHASES) <= circuit["unbalance_a"] + 1e-6


def _above(name: str | None, circuits: list[Row]) -> list[str]:
    parent, found = {one["id"]: one["parent"] for one in circuits}, []
    while name is not None:
        found.append(name)
        name = parent[name]
    return found


@given(sites())
@settings(max_examples=50, deadline=None)
def test_a_current_is_nothing_or_at_least_what_a_car_needs_and_at_most_what_it_can(site):
    circuits, sessions = site
    amps = allocate(sessions, circuits, NOW, STEP)
    for one in sessions:
        given_a, wanted = amps.get(one["station"], 0.0), 60 * one["remaining_kwh"] / (one["kw_per_a"] * STEP)
        least = one["min_a"] if one["step_a"] else min(one["min_a"], wanted)
        assert given_a == 0 or given_a >= least - 1e-6
        assert given_a <= one["max_a"] + 1e-9
        if one["step_a"] and given_a:
            assert math.isclose(given_a / one["step_a"], round(given_a / one["step_a"]), abs_tol=1e-6)


@given(sites(), st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_the_order_of_the_list_changes_nothing(site, seed):
    circuits, sessions = site
    before = allocate(sessions, circuits, NOW, STEP)
    mixed = random.Random(seed)
    circuits, sessions = mixed.sample(circuits, len(circuits)), mixed.sample(sessions, len(sessions))
    after = allocate(sessions, circuits, NOW, STEP)
    assert before.keys() == after.keys()
    assert all(math.isclose(before[one], after[one], abs_tol=1e-6) for one in before)


@given(sites())
@settings(max_examples=60, deadline=None)
def test_within_a_class_nobody_has_less_but_for_a_full_row_where_nobody_has_more(site):
    circuits, sessions = site
    sessions = [one | {"priority": 1, "planned_a": 0.0, "step_a": 0.0, "remaining_kwh": 100.0, "held": False} for one in sessions]
    circuits = [one | {"unbalance_a": None, "power_kw": None} for one in circuits]
    amps, by_id = allocate(sessions, circuits, NOW, STEP), {one["id"]: one for one in circuits}
    load = loads(circuits, sessions, amps)
    served = [one for one in sessions if one["station"] in amps]
    for one in served:
        if amps[one["station"]] >= one["max_a"] - 1e-6:
            continue
        level = (amps[one["station"]] - 6) / one["weight"]
        bottlenecks = [
            (circuit, phase) for circuit in _above(one["circuit"], circuits) for phase in one["phases"]
            if load[circuit, phase] >= room(by_id[circuit], PHASES.index(phase)) - 1e-6
        ]  # fmt: skip
        assert any(
            all(
                (amps[other["station"]] - 6) / other["weight"] <= level + 1e-6
                for other in served if phase in other["phases"] and circuit in _above(other["circuit"], circuits)
            )
            for circuit, phase in bottlenecks
        ), f"{one['session']} has less for no reason"  # fmt: skip


@given(st.lists(st.tuples(st.sets(st.integers(0, 4), min_size=1), st.integers(1, 32)), min_size=1, max_size=9),
       st.lists(st.integers(0, 60), min_size=5, max_size=5), st.lists(st.integers(0, 20), min_size=5, max_size=5))  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_more_room_never_leaves_the_poorest_with_less(cars, limits, more):
    columns = [tuple((row, 1.0) for row in sorted(rows)) for rows, _ in cars]

    def filled(room: list[float]) -> list[float]:
        amps = [0.0] * len(cars)
        raise_all(columns, room, amps, [float(cap) for _, cap in cars], [1.0] * len(cars))
        return sorted(amps)

    less, most = filled([float(one) for one in limits]), filled([float(a + b) for a, b in zip(limits, more, strict=True)])
    for poor, rich in zip(less, most, strict=True):
        if not math.isclose(poor, rich, abs_tol=1e-6):
            assert rich > poor
            return


@given(sites(), st.integers(1, 40))
@settings(max_examples=50, deadline=None)
def test_more_room_never_takes_the_turn_of_who_comes_first(site, more):
    circuits, sessions = site
    wider = [one | {"limit": tuple(limit + more for limit in one["limit"])} for one in circuits]

    def turns(tree: list[Row]) -> list[bool]:
        cars = [car_of(one) for one in sessions]
        caps = [one.cap_a(STEP) for one in cars]
        order, admitted = admit(cars, network_of(cars, [circuit_of(one) for one in tree]), caps, [0.0] * len(cars), NOW)
        return [index in set(admitted) for index in order]

    assert turns(wider) >= turns(circuits)


def test_six_cars_share_forty_amperes():
    amps = allocate([car(number) for number in range(6)], [main()], NOW, STEP)
    assert amps == pytest.approx({f"S{number}": 40 / 6 for number in range(6)})


def test_below_six_amperes_each_some_charge_and_the_others_wait():
    amps = allocate([car(number) for number in range(6)], [main(20)], NOW, STEP)
    assert len(amps) == 3
    assert all(one >= 6 for one in amps.values())


def test_who_is_inside_a_dwell_time_keeps_the_place():
    cars = [car(0, remaining_kwh=60), car(1, held=True)]
    assert allocate(cars, [main(7)], NOW, STEP) == pytest.approx({"S1": 7})
    assert allocate([cars[0], car(1)], [main(7)], NOW, STEP) == pytest.approx({"S0": 7})


def test_a_higher_priority_comes_first_and_a_weight_gives_more():
    assert allocate([car(0), car(1, priority=2)], [main(7)], NOW, STEP) == pytest.approx({"S1": 7})
    amps = allocate([car(0, max_a=32), car(1, weight=3, max_a=32)], [main(30)], NOW, STEP)
    assert amps["S1"] > amps["S0"] >= 6


def test_a_single_phase_car_takes_what_three_phase_cars_leave_on_its_phase():
    tree = [{"id": "main", "parent": None, "limit": (20, 20, 40), "base": (0, 0, 0)}]
    amps = allocate([car(0), car(1, phases=("L3",), kw_per_a=0.23, max_a=32, remaining_kwh=20)], tree, NOW, STEP)
    assert amps["S0"] > 6
    assert amps["S0"] + amps["S1"] == pytest.approx(40)


def test_what_a_car_does_not_draw_flows_on():
    cars = [car(0, observed_a=7, buffer_a=1), car(1)]
    assert allocate(cars, [main(24)], NOW, STEP) == pytest.approx({"S0": 8, "S1": 16})


def test_a_station_that_cannot_be_told_keeps_its_fail_safe_current():
    assert allocate([car(0)], [main(20, reserve=(6, 6, 10))], NOW, STEP) == pytest.approx({"S0": 10})


def test_stations_between_two_lines_add_up_as_phasors():
    cars = [car(number, phases=pair, kw_per_a=0.208, min_a=0, max_a=32, planned_a=32.0)
            for number, pair in enumerate((("L1", "L2"), ("L2", "L3"), ("L3", "L1")))]  # fmt: skip
    amps = allocate(cars, [main(40)], NOW, STEP)
    assert sum(amps.values()) == pytest.approx(3 * 40 / math.sqrt(3), abs=1e-3)


def test_a_tree_with_a_circle_is_refused():
    with pytest.raises(ValueError, match="ancestor"):
        allocate([car(0)], [{"id": "main", "parent": "main", "limit": (1, 1, 1), "base": (0, 0, 0)}], NOW, STEP)
