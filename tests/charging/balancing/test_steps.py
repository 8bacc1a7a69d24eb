"""What follows the sharing out: pace, decrease before increase, the sun, reasons, and the check of a configuration."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.charging.balancing import allocate
from app.charging.balancing.allocation import network_of, share_out
from app.charging.balancing.checks import Wired, check
from app.charging.balancing.model import Circuit, car_of
from app.charging.balancing.pacing import SOLAR_DWELL_S, Pace, held, paced
from app.charging.balancing.planning import Ahead, plan
from app.charging.balancing.reasons import reasons
from app.charging.balancing.solar import sun_for_cars_kw
from app.charging.balancing.staging import staged
from app.charging.balancing.zone_checks import Zone, check_zones
from tests.charging.balancing.test_allocation import NOW, PHASES, STEP, car, main


def test_a_current_falls_at_once_and_rises_after_half_a_minute_by_four_amperes():
    pace = paced(Pace(), 16, 6, 0)
    assert pace.told_a == 6  # a car that has just come gets its minimum at once
    pace = paced(pace, 16, 6, 10)
    assert pace.told_a == 6
    pace = paced(pace, 16, 6, 40)
    assert pace.told_a == 10
    assert paced(pace, 10.9, 6, 42).told_a == 10  # not for less than an ampere
    assert paced(pace, 9, 6, 42).told_a == 9
    assert paced(pace, 0, 6, 42).told_a == 0


def test_nothing_rises_while_a_meter_is_silent():
    pace = paced(Pace(told_a=6, started=True), 16, 6, 100, may_rise=False)
    assert (pace.told_a, pace.rising_since) == (6, None)
    assert paced(Pace(), 16, 6, 0, may_rise=False).told_a == 0


def test_a_car_that_was_switched_on_keeps_its_place_for_an_hour():
    pace = paced(Pace(), 16, 6, 1000)
    assert held(pace, 4000) and not held(pace, 4700)
    assert not held(paced(pace, 0, 6, 1100), 1200)


def test_nobody_rises_on_room_that_another_has_not_left_yet():
    cars = [car_of(car(0, step_a=1)), car_of(car(1, step_a=1))]
    tree = [Circuit(id="main", parent=None, limit=(20, 20, 20))]
    assert staged(cars, tree, [6, 14], [14, 6]) == [6, 6]  # 14 still counts
    assert staged(cars, tree, [6, 14], [6, 6]) == [6, 14]  # the meter has shown 6
    assert staged(cars, tree, [6, 14], [10, 6]) == [6, 10]


@given(st.lists(st.tuples(st.integers(0, 16), st.integers(0, 16)), min_size=1, max_size=6), st.integers(6, 60))
@settings(max_examples=60, deadline=None)
def test_what_may_flow_never_passes_the_fuse_by_a_step_up(pairs, limit):
    cars = [car_of(car(number, step_a=1)) for number in range(len(pairs))]
    tree = [Circuit(id="main", parent=None, limit=(limit, limit, limit))]
    goals, counted = [float(a if a >= 6 else 0) for a, _ in pairs], [float(b if b >= 6 else 0) for _, b in pairs]
    told = staged(cars, tree, goals, counted)
    before, after = sum(counted), sum(max(one, at) for one, at in zip(told, counted, strict=True))
    assert after <= max(limit, before) + 1e-6
    assert all(one == 0 or one >= 6 for one in told)
    assert all(one <= goal + 1e-9 for one, goal in zip(told, goals, strict=True))


def sunny(kw):
    return main(63, base=tuple(-kw / 3 / 0.23 for _ in PHASES))


def test_a_car_that_wants_the_sun_only_takes_no_more_than_the_sun_and_waits_below_its_minimum():
    cars = [car(0, mode="solar", priority=2), car(1, mode="solar")]
    amps = allocate(cars, [sunny(9)], NOW, STEP)
    assert sum(amps.values()) * 0.69 == pytest.approx(9, abs=1e-3)
    assert amps["S0"] > amps["S1"] >= 6  # by priority
    assert set(allocate(cars, [sunny(5)], NOW, STEP)) == {"S0"}
    assert allocate(cars, [sunny(3)], NOW, STEP) == {}
    # Inside its dwell time a cloud does not switch it off.
    assert allocate([car(0, mode="solar", held=True)], [sunny(3)], NOW, STEP) == pytest.approx({"S0": 6})


def test_minimum_plus_sun_keeps_the_minimum_without_sun_and_adds_it_to_the_sun():
    cars = [car(0, mode="minimum")]
    assert allocate(cars, [main()], NOW, STEP) == pytest.approx({"S0": 6})
    assert allocate(cars, [sunny(6.9)], NOW, STEP) == pytest.approx({"S0": 10})
    assert allocate([car(0, mode="minimum"), car(1)], [main(20)], NOW, STEP)["S1"] == pytest.approx(14)


@pytest.mark.row("O33")
def test_the_sun_goes_to_the_largest_priority_of_a_billing_point_first():
    # Nobody has set one: all share. One has: it has all that it can take, the others what that leaves.
    cars = [car(number, mode="solar") for number in range(3)]
    assert {one["sun_priority"] for one in cars if "sun_priority" in one} == set()
    shared = allocate(cars, [sunny(15)], NOW, STEP)
    assert shared == pytest.approx({f"S{number}": 15 / 0.69 / 3 for number in range(3)})
    cars[2]["sun_priority"] = 5
    rest = 20 / 0.69 - 16
    assert allocate(cars, [sunny(20)], NOW, STEP) == pytest.approx({"S2": 16, "S0": rest / 2, "S1": rest / 2})
    assert set(allocate(cars, [sunny(16)], NOW, STEP)) == {"S2", "S0"}  # not enough for the least that a third takes
    cars[0]["sun_priority"] = 9
    assert allocate(cars, [sunny(11.04)], NOW, STEP) == pytest.approx({"S0": 16})


@pytest.mark.row("M27")
def test_cars_follow_what_is_produced_beyond_the_other_use_by_priority_and_keep_on_for_a_least_time():
    tree = lambda kw: [main(63, surplus_kw=kw)]  # noqa: E731
    cars = [car(0, mode="solar", sun_priority=1), car(1, mode="solar")]
    for kw in (5.0, 8.0, 12.0, 16.0, 20.0):
        amps = allocate(cars, tree(kw), NOW, STEP)
        assert sum(amps.values()) * 0.69 == pytest.approx(min(kw, 22.08), abs=4.14 if len(amps) < 2 else 1e-6)
        assert sum(amps.values()) * 0.69 <= kw + 1e-6
        assert amps["S0"] >= amps.get("S1", 0)
    # The sun goes: off at once, but for a car that has not been on for its least time.
    assert allocate(cars, tree(0.0), NOW, STEP) == {}
    since = paced(Pace(), 6, 6, 1000)
    for seconds, stays in ((SOLAR_DWELL_S - 1, True), (SOLAR_DWELL_S + 1, False)):
        kept = cars[0] | {"held": held(since, 1000 + seconds, SOLAR_DWELL_S)}
        assert allocate([kept, cars[1]], tree(0.0), NOW, STEP) == ({"S0": 6} if stays else {})


@pytest.mark.row("M28")
def test_the_house_comes_first_then_cars_or_the_battery_as_it_is_set_then_the_grid():
    house_feeds_in = [-10.0, -10.0, -10.0]  # 6.9 kW go to the grid beside what the battery takes
    assert sun_for_cars_kw(house_feeds_in, 3.0, battery_first=False) == pytest.approx(9.9)
    assert sun_for_cars_kw(house_feeds_in, 3.0, battery_first=True) == pytest.approx(6.9)
    # The house takes all: nothing for cars, not even what a battery gives, which is no sun.
    assert sun_for_cars_kw([2.0, 2.0, 2.0], 0.0, battery_first=False) == 0
    assert sun_for_cars_kw([-10.0, -10.0, -10.0], -6.9, battery_first=True) == pytest.approx(0)
    assert sun_for_cars_kw([-10.0, -10.0, -10.0], -6.9, battery_first=False) == pytest.approx(0)
    # All that a battery takes is a car's, where cars come first.
    assert sun_for_cars_kw([0.0, 0.0, 0.0], 5.0, battery_first=False) == pytest.approx(5)
    assert sun_for_cars_kw([0.0, 0.0, 0.0], 5.0, battery_first=True) == 0
    # What the cars leave goes on: they take no more than they can.
    assert allocate([car(0, mode="solar")], [main(63, surplus_kw=40.0)], NOW, STEP) == {"S0": 16}


@pytest.mark.row("M17")
def test_where_a_fair_share_is_below_six_amperes_cars_are_served_in_turn_and_the_others_wait_for_capacity():
    served = hours_of_sharing(cars=3, fuse=8, hours=12)
    for amps, why in served:
        assert sum(amps) <= 8 and all(one == 0 or one >= 6 for one in amps)
        assert {code for code, one in zip(why, amps, strict=True) if one == 0} == {"waiting_capacity"}
    minutes = [sum(1 for amps, _ in served if amps[number] > 0) for number in range(3)]
    assert min(minutes) > 0.8 * max(minutes)


@pytest.mark.row("M18")
def test_cars_share_equally_and_what_one_leaves_goes_to_the_others_and_turns_last_a_quarter_of_an_hour_at_least():
    cars = [car(number, planned_a=0.0, remaining_kwh=10 + 5 * number) for number in range(4)]
    assert allocate(cars, [main(40)], NOW, STEP) == pytest.approx({f"S{number}": 10 for number in range(4)})
    cars[0] |= {"observed_a": 6.0, "buffer_a": 1}
    assert allocate(cars, [main(40)], NOW, STEP) == pytest.approx({"S0": 7, "S1": 11, "S2": 11, "S3": 11})
    changes = [[] for _ in range(3)]
    served = hours_of_sharing(cars=3, fuse=8, hours=12)
    for minute in range(1, len(served)):
        for number in range(3):
            if (served[minute][0][number] > 0) != (served[minute - 1][0][number] > 0):
                changes[number].append(minute)
    gaps = [b - a for one in changes for a, b in itertools.pairwise(one)]
    assert gaps and min(gaps) >= 15


def hours_of_sharing(cars, fuse, hours):
    """Minute by minute: what each car is told, and why. Each wants more than it can get."""
    paces, had, found = [Pace() for _ in range(cars)], [0.0] * cars, []
    tree = [Circuit(id="main", parent=None, limit=(fuse, fuse, fuse))]
    for minute in range(60 * hours):
        at = 60.0 * minute
        live = [car_of(car(number, planned_a=0.0, remaining_kwh=60 - had[number], departure_min=None, step_a=1.0,
                           held=held(paces[number], at))) for number in range(cars)]  # fmt: skip
        targets = share_out(live, network_of(live, tree), NOW + minute, 1)
        paces = [paced(pace, target, 6, at) for pace, target in zip(paces, targets, strict=True)]
        amps = staged(live, tree, [pace.told_a for pace in paces], [0.0] * cars)
        had = [kwh + one * 0.69 / 60 for kwh, one in zip(had, amps, strict=True)]
        found.append((amps, [one.code for one in reasons(live, tree, targets, amps)]))
    return found


def test_a_grid_operators_cap_bounds_all_cars_together():
    amps = allocate([car(0), car(1)], [main(power_kw=8.28)], NOW, STEP)
    assert sum(amps.values()) * 0.69 == pytest.approx(8.28, abs=1e-6)
    assert allocate([car(0)], [main(power_kw=4.0)], NOW, STEP) == {}


def test_each_car_is_told_why_it_has_what_it_has():
    cars, tree = [car_of(car(number)) for number in range(6)], [Circuit(id="main", parent=None, limit=(40, 40, 40))]
    shared = [40 / 6] * 6
    first = reasons(cars, tree, shared, shared)[0]
    assert (first.code, first.cars, first.shared_a, first.circuit) == ("sharing", 6, 40, "main")
    assert math.isclose(first.limit_a, 40 / 6)
    codes = [one.code for one in reasons(cars, tree, [16, 12, 6, 0, 0, 0], [16, 8, 6, 0, 0, 0])]
    assert codes == ["full_speed", "rising", "sharing", "waiting_capacity", "waiting_capacity", "waiting_capacity"]
    assert {one.code for one in reasons(cars, tree, shared, shared, silent=True)} == {"meter_silent"}
    assert {one.code for one in reasons(cars, tree, shared, shared, capped=True)} == {"power_cap"}


def test_a_configuration_that_could_open_a_breaker_is_found():
    tree = [Circuit(id="main", parent=None, limit=(40, 40, 30)), Circuit(id="sub", parent="main", limit=(0, 0, 0))]
    wired = [Wired(station=f"S{number}", circuit="main") for number in range(4)] + [Wired(station="S9", circuit=None)]
    found = check(tree, wired, {"main": (10.0, 10.0, 10.0)})
    assert [(one.code, one.subject, one.phase) for one in found] == [
        ("station_without_circuit", "S9", None), ("circuit_without_limit", "sub", None), ("fail_safe_too_high", "main", "L3"),
    ]  # fmt: skip
    assert (found[2].needed_a, found[2].limit_a, found[2].grave) == (34, 30, True)


@pytest.mark.row("I10")
def test_one_feeder_is_one_zone_and_more_than_thirty_stations_are_a_warning_and_no_limit():
    zones = [Zone(id=name, limit_a=63, breaker=breaker, stations=3, consumption=None, dlm={})
             for name, breaker in (("a", "Q1"), ("b", "Q1"), ("c", "Q2"))]  # fmt: skip
    shared = [one for one in check_zones(zones, []) if one.code == "breaker_of_two_zones"]
    assert [(one.subject, one.grave) for one in shared] == [("a", True), ("b", True)]
    tree = [Circuit(id="main", parent=None, limit=(6300, 6300, 6300))]
    found = check(tree, [Wired(station=f"S{number:04}", circuit="main") for number in range(500)], {})
    assert [(one.code, one.grave, one.needed_a) for one in found] == [("many_stations", False, 500)]


def test_more_than_thirty_stations_on_a_circuit_are_a_warning():
    tree = [Circuit(id="main", parent=None, limit=(630, 630, 630))]
    assert check(tree, [Wired(station=f"S{number}", circuit="main") for number in range(30)], {}) == []
    (found,) = check(tree, [Wired(station=f"S{number}", circuit="main") for number in range(31)], {})
    assert (found.code, found.grave) == ("many_stations", False)


def test_a_circle_of_circuits_is_found_and_not_followed():
    tree = [Circuit(id="a", parent="b", limit=(1, 1, 1)), Circuit(id="b", parent="a", limit=(1, 1, 1))]
    assert {one.code for one in check(tree, [], {})} == {"circuit_in_circle"}


def test_the_plan_serves_the_car_that_leaves_first_and_says_that_it_is_short():
    import numpy as np

    cars = [car_of(car(0, departure_min=NOW + 60, remaining_kwh=8)), car_of(car(1, departure_min=NOW + 600, remaining_kwh=20))]
    ahead = Ahead(np.ones((1, 2)), lambda _: np.array([16.0]))
    found = plan(cars, ahead, NOW)
    assert found is not None
    assert sum(found.amps[0][:4]) * 0.69 / 4 == pytest.approx(8, abs=1e-6)
    assert not found.short
    short = plan([car_of(car(0, departure_min=NOW + 60, remaining_kwh=40))], Ahead(np.ones((1, 1)), lambda _: np.array([16.0])), NOW)
    assert short is not None and short.short
    assert plan([], ahead, NOW) is None


def test_where_more_counts_than_a_fuse_carries_nobody_goes_above_what_was_agreed_to():
    cars = [car_of(car(0, step_a=1)), car_of(car(1, step_a=1))]
    tree = [Circuit(id="main", parent=None, limit=(20, 20, 20))]
    # The second has agreed to none and is not proven: it may not come back while the first has not gone down.
    assert staged(cars, tree, [6, 14], [16, 16], [16, 0]) == [6, 0]
    assert staged(cars, tree, [6, 14], [6, 14], [6, 0]) == [6, 14]
