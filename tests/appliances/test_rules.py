"""When a relay is on: by the sun, by the clock, by hand, and for its least time."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.appliances.model import Period, Relay, State
from app.appliances.rules import decide, holds, steps

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)  # a Wednesday
EVERY_DAY = [1, 2, 3, 4, 5, 6, 7]
NIGHT = Period(days=EVERY_DAY, from_time=time(22), to_time=time(5))
LUNCH = Period(days=[3], from_time=time(11), to_time=time(13))


def one(surplus=0, at=NOON, state=None, **relay):
    made = Relay(id="r", **({"power_w": 2000} | relay))
    found = decide([made], {"r": state or State()}, surplus, at)["r"]
    return found.phases, found.reason


ON = State(phases=1, on_since=NOON - timedelta(hours=2))


@pytest.mark.row("M21")
def test_each_mode_is_on_when_it_says_and_only_then():
    night, noon = NOON.replace(hour=23), NOON
    said = {
        mode: [one(surplus, at, mode=mode, periods=(NIGHT,), by_hand=False)[0] for surplus, at in ((0, noon), (5000, noon), (0, night))]
        for mode in ("solar", "solar_timer", "timer", "on", "off", "manual")
    }
    assert said == {
        "solar": [0, 1, 0], "solar_timer": [0, 1, 1], "timer": [0, 0, 1], "on": [1, 1, 1], "off": [0, 0, 0], "manual": [0, 0, 0],
    }  # fmt: skip
    assert one(0, mode="manual", by_hand=True) == (1, "by_hand")


@pytest.mark.row("M22")
def test_the_sun_switches_on_only_what_it_covers_in_full_and_a_period_of_the_night_forces_it_on():
    assert [one(surplus, mode="solar")[0] for surplus in (1999, 2000, 2001)] == [0, 1, 1]
    # On: its own use is in what is measured, so it stays on down to a surplus of nothing, and not below.
    assert [one(surplus, state=ON, mode="solar")[0] for surplus in (0, -1)] == [1, 0]
    assert one(None, mode="solar", state=ON) == (0, "too_little_sun")  # nobody measures
    assert [one(0, NOON.replace(hour=hour), mode="solar_timer", periods=(NIGHT,)) for hour in (21, 22, 4, 5)] == [
        (0, "too_little_sun"), (1, "period"), (1, "period"), (0, "too_little_sun"),
    ]  # fmt: skip
    assert one(2000, mode="solar_timer", periods=(NIGHT,)) == (1, "sun")


@pytest.mark.row("M23")
def test_once_on_it_stays_on_for_its_least_time_although_the_sun_goes():
    state = State(phases=1, on_since=NOON)
    for minutes, phases in ((0, 1), (29, 1), (30, 0), (31, 0)):
        assert one(-3000, NOON + timedelta(minutes=minutes), state, mode="solar", min_on_min=30)[0] == phases
    assert one(-3000, NOON + timedelta(minutes=5), state, mode="off", min_on_min=30)[0] == 0  # somebody has switched it off
    assert one(-3000, NOON + timedelta(minutes=5), State(), mode="solar", min_on_min=30)[0] == 0


@pytest.mark.row("M26")
def test_a_heater_of_three_phases_needs_two_without_its_neutral_and_heats_on_each_alone_with_it():
    alone = {"kind": "heater3", "mode": "solar", "power_w": 6000, "neutral": True}
    assert [one(surplus, **alone)[0] for surplus in (1999, 2000, 3999, 4000, 5999, 6000)] == [0, 1, 1, 2, 2, 3]
    series = alone | {"neutral": False}
    assert [one(surplus, **series)[0] for surplus in (2000, 2999, 3000, 5999, 6000)] == [0, 0, 2, 2, 3]
    assert [count for count, _ in steps(Relay(id="h", kind="heater3", power_w=6000, neutral=False))] == [2, 3]
    # A cloud in its least time: down to the least that it can be on with, never to one phase without a neutral.
    state = State(phases=3, on_since=NOON)
    assert [one(-9000, NOON + timedelta(minutes=5), state, min_on_min=30, **kind)[0] for kind in (alone, series)] == [1, 2]


@pytest.mark.row("M25")
def test_a_heat_pumps_contact_closes_while_there_is_sun_to_store_and_opens_after():
    pump = {"kind": "sg_ready", "mode": "solar", "power_w": 2500, "min_on_min": 20}
    assert one(2600, **pump) == (1, "sun")
    closed = State(phases=1, on_since=NOON)
    assert one(-500, NOON + timedelta(minutes=10), closed, **pump) == (1, "least_time")
    assert one(-500, NOON + timedelta(minutes=20), closed, **pump) == (0, "too_little_sun")


def test_the_sun_goes_to_the_largest_priority_first_and_what_is_on_counts_as_it_is():
    relays = [Relay(id="a", mode="solar", power_w=2000), Relay(id="b", mode="solar", power_w=3000, priority=5)]
    assert {key: found.phases for key, found in decide(relays, {}, 3500, NOON).items()} == {"b": 1, "a": 0}
    assert {key: found.phases for key, found in decide(relays, {}, 5000, NOON).items()} == {"b": 1, "a": 1}
    assert {key: found.phases for key, found in decide(relays, {"a": ON}, 1500, NOON).items()} == {"b": 1, "a": 0}


def test_a_period_over_midnight_belongs_to_the_day_on_which_it_began():
    friday = Period(days=[5], from_time=time(22), to_time=time(5))
    zurich = ZoneInfo("Europe/Zurich")
    days = {"fri 23": datetime(2026, 11, 27, 23, tzinfo=zurich), "sat 4": datetime(2026, 11, 28, 4, tzinfo=zurich),
            "sat 23": datetime(2026, 11, 28, 23, tzinfo=zurich), "fri 4": datetime(2026, 11, 27, 4, tzinfo=zurich)}  # fmt: skip
    assert {name: holds(friday, at) for name, at in days.items()} == {"fri 23": True, "sat 4": True, "sat 23": False, "fri 4": False}
    assert holds(LUNCH, NOON) and not holds(LUNCH, NOON.replace(hour=13)) and not holds(LUNCH, NOON + timedelta(days=1))
