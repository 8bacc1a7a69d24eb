"""Rules of readings: what is taken, what indexes come to in quarter-hours, corrections. Properties hold for every series."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.metering.reading_rules import (
    ABSENT,
    ESTIMATED,
    MEASURED,
    MISSING,
    QUARTER_S,
    Index,
    combined,
    judge,
    quarters_of_indexes,
    swapped,
    use_before_pv,
)

MOST = 100_000  # Wh an hour
DAY = 86_400
START = 1_770_000_000 // DAY * DAY


@st.composite
def registers(draw: st.DrawFn) -> list[Index]:
    """A register that rises as a meter's does: irregular times, no more than MOST allows."""
    steps = draw(st.lists(st.tuples(st.integers(1, 20_000), st.integers(0, 1000)), min_size=2, max_size=60))
    at, value, found = START, draw(st.integers(0, 10**9)), []
    for seconds, rise in steps:
        at, value = at + seconds, value + rise
        found.append(Index(at, value, value // 3))
    return found


@given(registers(), st.randoms())
def test_readings_in_any_order_and_twice_are_taken_once(series: list[Index], dice) -> None:
    shuffled = dice.sample(series, len(series))
    half = len(series) // 2
    taken: list[Index] = []
    for batch in (shuffled[:half], shuffled[half:], shuffled):
        taken = sorted([*taken, *(one.index for one in judge(taken, batch, MOST) if not one.code)], key=lambda one: one.at)
    assert taken == series
    assert {one.code for one in judge(taken, series, MOST)} == {"known"}


@given(
    registers(),
    st.lists(st.builds(Index, st.integers(START, START + 10**6), st.integers(0, 2 * 10**9), st.integers(0, 10**9)), max_size=20),
)
def test_what_is_taken_never_falls(series: list[Index], wild: list[Index]) -> None:
    kept = sorted([*series, *(one.index for one in judge(series, wild, MOST) if not one.code)], key=lambda one: one.at)
    assert all(a.at < b.at and a.imported <= b.imported and (a.exported or 0) <= (b.exported or 0) for a, b in itertools.pairwise(kept))


@pytest.mark.parametrize(("new", "code"), [
    (Index(START + 900, 1_000_400, 50), ""),
    (Index(START, 1_000_000, 50), "known"),
    (Index(START, 1_000_001, 50), "other_value"),
    (Index(START + 900, 999_999, 50), "index_fell"),
    (Index(START + 900, 1_000_400, 49), "index_fell"),
    (Index(START + 900, 1_000, 50), "kilo_slip"),
    (Index(START + 900, 1_000_500_000, 50), "kilo_slip"),
    (Index(START + 900, 1_900_000, 50), "more_than_possible"),
    (Index(START - 900, 1_000_001, 50), "above_next_index"),
])  # fmt: skip
def test_a_reading_that_cannot_be_is_refused_with_its_reason(new: Index, code: str) -> None:
    assert [one.code for one in judge([Index(START, 1_000_000, 50)], [new], MOST)] == [code]


@given(registers())
def test_quarter_hours_sum_to_the_difference_of_the_indexes(series: list[Index]) -> None:
    times, values = np.array([one.at for one in series]), np.array([one.imported for one in series])
    edges = np.arange(-(-times[0] // QUARTER_S), times[-1] // QUARTER_S + 1) * QUARTER_S
    if len(edges) < 2:
        return
    wh, marks = quarters_of_indexes(times, values, edges)
    assert (wh >= 0).all() and not (marks == ABSENT).any()
    at_ends = np.interp([edges[0], edges[-1]], times, values - values[0])
    assert abs(int(wh.sum()) - (at_ends[1] - at_ends[0])) <= 1


@given(registers())
def test_every_unit_is_counted_once_where_days_meet(series: list[Index]) -> None:
    times, values = np.array([one.at for one in series]), np.array([one.imported for one in series])
    edges = np.arange(times[0] // QUARTER_S, times[-1] // QUARTER_S + 2) * QUARTER_S
    whole, _ = quarters_of_indexes(times, values, edges)
    cut = len(edges) // 2
    parts = np.concatenate([quarters_of_indexes(times, values, one)[0] for one in (edges[: cut + 1], edges[cut:])])
    assert (whole == parts).all()


def test_exact_quarters_are_measured_a_gap_is_estimated_and_the_ends_are_missing() -> None:
    times = START + np.array([0, 900, 1800, 9000, 9900])
    wh, marks = quarters_of_indexes(times, np.array([100, 110, 130, 210, 250]), START + np.arange(-1, 13) * 900)
    assert wh.tolist() == [MISSING, 10, 20, *[10] * 8, 40, MISSING]
    assert marks.tolist() == [ABSENT, MEASURED, MEASURED, *[ESTIMATED] * 8, MEASURED, ABSENT]
    open_gap, _ = quarters_of_indexes(times, np.array([100, 110, 130, 210, 250]), START + np.arange(-1, 13) * 900, 3600)
    assert open_gap.tolist() == [MISSING, 10, 20, *[MISSING] * 8, 40, MISSING]


@given(st.builds(Index, st.integers(0, 10), st.integers(0, 10), st.integers(0, 10)))
def test_swapping_registers_twice_changes_nothing(one: Index) -> None:
    assert swapped(swapped(one)) == one and (swapped(one).imported, swapped(one).exported) == (one.exported, one.imported)


def test_terms_are_taken_off_and_a_gap_of_a_part_is_a_gap_of_the_whole() -> None:
    own, below = np.array([100, 50, 10, MISSING]), np.array([30, MISSING, 20, 5])
    assert combined(own, [(-1, below)]).tolist() == [70, MISSING, 0, MISSING]
    assert combined(own, [(1, own)]).tolist() == [200, 100, 20, MISSING]


def test_pv_behind_a_meter_is_told_apart_from_use() -> None:
    """At noon 5 produced, 3 exported: 2 were used. At night 4 imported. In between 1 imported beside 2 produced."""
    assert use_before_pv(np.array([0, 4, 1]), np.array([3, 0, 0]), np.array([5, 0, 2])).tolist() == [2, 4, 3]
