"""Which phases a station hangs on, by what the meter shows when it is switched."""

import pytest

from app.charging.balancing.commissioning import MOST_TRIES, STEADY_S, STEP_S, Step, Told, carried, next_step, wiring_of


@pytest.mark.parametrize(
    ("rise", "found"),
    [((10, 0, 0), ("L1",)), ((0, 9.8, 0.5), ("L2",)), ((10, 10, 10), ("L1", "L2", "L3")), ((0, 7, 7), ("L2", "L3")), ((0, 0.4, 0), ()),
     ((10, 4, 0), None), ((10, -5, 0), None), ((30, 0, 0), None)],
)  # fmt: skip
def test_a_phase_carries_a_current_that_rises_there_and_nothing_is_said_where_the_house_changed(rise, found):
    before = (4.0, 21.0, -3.0)
    assert carried(before, [one + more for one, more in zip(before, rise, strict=True)], 10.0) == found


@pytest.mark.parametrize(
    ("wired", "found", "learnt"),
    [(("L1",), ("L3",), ("L3",)), (("L1", "L2", "L3"), ("L1",), ("L1", "L2", "L3")), (("L1", "L2", "L3"), ("L2",), ("L2", "L3", "L1")),
     (("L3", "L1", "L2"), ("L2",), ("L2", "L3", "L1")), (("L3", "L2", "L1"), ("L1",), ("L1", "L3", "L2")),
     (("L2", "L3", "L1"), ("L1", "L2", "L3"), ("L2", "L3", "L1")), (("L1",), ("L1", "L2", "L3"), ("L1", "L2", "L3")),
     (("L1", "L2", "L3"), ("L1", "L2"), None)],
)  # fmt: skip
def test_a_car_of_one_phase_shows_how_a_station_is_turned_and_all_three_leave_the_order(wired, found, learnt):
    assert wiring_of(wired, found) == learnt


def told(amps, at, measured=(0.0, 0.0, 0.0), measured_at=None, there=True):
    return Told(there=there, told_a=amps, told_s=at, measured_a=measured, measured_s=measured_at)


def test_the_meter_counts_only_once_the_charger_has_obeyed_for_a_while_and_a_restless_house_is_measured_again():
    step = next_step(Step(), told(8, 0), 100)
    assert step.stage == "off"
    assert next_step(step, told(0, 101, measured_at=100 + STEADY_S), 112).stage == "off"  # a second too early
    step = next_step(step, told(0, 101, (3, 3, 3), 101 + STEADY_S), 112)
    assert (step.stage, step.before_a) == ("on", (3, 3, 3))
    assert next_step(step, told(0, 101, (3, 3, 3), 125), 125).stage == "on"  # not switched on yet
    again = next_step(step, told(10, 120, (3, 8, 3), 131), 131)
    assert (again.stage, again.tries) == ("off", 1)
    done = next_step(step, told(10, 120, (3, 13, 3), 131), 131)
    assert (done.stage, done.found, done.verdict) == ("done", ("L2",), "learnt")
    for tries in range(MOST_TRIES):
        restless = Step(stage="on", since_s=112, began_s=100, tries=tries, before_a=(3, 3, 3))
        step = next_step(restless, told(10, 120, (3, 8, 3), 131), 131)
    assert step.verdict == "unclear"


def test_a_place_without_a_car_a_silent_meter_and_a_charger_that_does_nothing_are_left_with_the_reason():
    assert next_step(Step(), told(0, 0, there=False), 100).verdict == "no_car"
    step = next_step(Step(), told(8, 0), 100)
    assert next_step(step, told(8, 0, measured_at=100 + STEP_S), 101 + STEP_S).verdict == "no_answer"
    assert next_step(step, told(0, 101), 101 + STEP_S).verdict == "no_meter"
    off = next_step(step, told(0, 101, measured_at=120), 121)
    assert next_step(off, told(10, 130, measured_at=141), 142).verdict == "no_current"
