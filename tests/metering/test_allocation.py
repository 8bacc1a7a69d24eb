"""Sharing keys against vectors (tests/vectors/sharing_keys.json names their sources), and what holds for every key."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.metering import allocation_rules
from app.metering.key_rules import (
    Shared,
    Step,
    austrian,
    fixed,
    hybrid,
    in_wh,
    operators_first,
    priority,
    prorata,
    shared_wh,
    symmetric,
    weighted,
)  # fmt: skip

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "sharing_keys.json").read_text())
WH = st.integers(0, 100_000)
MEMBERS = st.lists(st.tuples(WH, st.integers(1, 9), st.integers(0, 2)), min_size=1, max_size=7)


def numbers(texts: list[Any]) -> list[Fraction]:
    return [Fraction(text) for text in texts]


def by_method(case: dict[str, Any]) -> Shared:
    offer, demand, key = Fraction(case["production_kwh"]), numbers(case["consumption_kwh"]), numbers(case.get("key", []))
    steps = [Step(Fraction(s["weight"]), tuple(numbers(s["key"])) if "key" in s else None) for s in case.get("iterations", [])]
    return {
        "prorata": lambda: prorata(offer, demand),
        "fixed_one_round": lambda: fixed(offer, demand, key),
        "fixed_multi_round": lambda: fixed(offer, demand, key, rounds=True),
        "hybrid": lambda: hybrid(offer, demand, key),
        "weighted_iterations": lambda: weighted(offer, demand, steps, carry_surplus=case["carry_surplus"]),
        # The vector counts classes from the first; our numbers fill the largest first.
        "priority": lambda: priority(offer, demand, [-rank for rank in case["priority"]]),
    }[case["method"]]()


@pytest.mark.parametrize("case", VECTORS["interval_cases"], ids=lambda case: case["name"])
def test_an_interval_is_shared_as_the_method_says(case: dict[str, Any]) -> None:
    found, want = by_method(case), case["expected"]
    assert list(found.shared) == numbers(want["shared"])
    assert list(found.grid_draw) == numbers(want["grid_draw"])
    assert found.grid_feed == Fraction(want["grid_feed"])


@pytest.mark.parametrize("case", VECTORS["vzev_symmetric"], ids=lambda case: case["name"])
def test_a_virtual_community_exchanges_net_balances(case: dict[str, Any]) -> None:
    found = symmetric(case["balance_wh"])
    assert {name: list(getattr(found, name)) for name in case["expected"]} == {name: numbers(v) for name, v in case["expected"].items()}


@pytest.mark.parametrize("case", VECTORS["austria"], ids=lambda case: case["name"])
def test_austrian_registers(case: dict[str, Any]) -> None:
    found = austrian(
        numbers(case["production"]), numbers(case["consumption_G01"]), numbers(case["participation_factor"]), case["static_key"]
    )
    names = {"G01T": found.g01t, "G02_offered": found.g02, "G03_covered": found.g03, "P01T_surplus": found.p01t}
    assert {name: list(value) for name, value in names.items()} == {name: numbers(v) for name, v in case["expected"].items()}


def test_the_static_austrian_model_offers_by_key_and_covers_at_most_the_use() -> None:
    found = austrian([Fraction(10)], numbers([2, 9]), numbers([1, 1]), numbers(["0.4", "0.6"]))
    assert (list(found.g02), list(found.g03), list(found.p01t)) == ([4, 6], [2, 6], [2])


@pytest.mark.parametrize("case", VECTORS["largest_remainder"], ids=lambda case: str(case["total_wh"]) + str(case["weights"]))
def test_watt_hours_are_split_by_largest_remainder(case: dict[str, Any]) -> None:
    assert shared_wh(case["total_wh"], case["weights"]) == case["expected"]


def every_method(offer: int, members: list[tuple[int, int, int]]) -> dict[str, Shared]:
    demand = [row[0] for row in members]
    key = [Fraction(row[1], sum(row[1] for row in members)) for row in members]
    steps = [Step(Fraction(3, 5), tuple(key)), Step(Fraction(2, 5))]
    return {
        "prorata": prorata(offer, demand), "priority": priority(offer, demand, [row[2] for row in members]),
        "hybrid": hybrid(offer, demand, key), "rounds": fixed(offer, demand, key, rounds=True), "fixed": fixed(offer, demand, key),
        "weighted": weighted(offer, demand, steps, carry_surplus=False), "carried": weighted(offer, demand, steps, carry_surplus=True),
    }  # fmt: skip


@given(WH, MEMBERS)
def test_no_key_gives_more_than_is_used_or_offered_and_nothing_is_lost(offer: int, members: list[tuple[int, int, int]]) -> None:
    demand, most = [row[0] for row in members], min(offer, sum(row[0] for row in members))
    found = every_method(offer, members)
    for name, result in found.items():
        assert all(0 <= a <= c for a, c in zip(result.shared, demand, strict=True)), name
        assert sum(result.shared) <= most, name
        assert offer == sum(result.shared) + result.grid_feed, name
        assert all(c == a + g for a, g, c in zip(result.shared, result.grid_draw, demand, strict=True)), name
        rounded = in_wh(result.shared)
        assert sum(rounded) == int(sum(result.shared)), name
        assert all(0 <= wh <= c and abs(wh - a) < 1 for wh, a, c in zip(rounded, result.shared, demand, strict=True)), name
    for name in ("prorata", "priority", "hybrid", "rounds"):
        assert sum(found[name].shared) == most, name
    assert sum(found["fixed"].shared) <= sum(found["rounds"].shared)


@given(WH, MEMBERS, st.randoms(use_true_random=False), st.integers(1, 50))
def test_order_and_scale_change_nothing_but_order_and_scale(
    offer: int, members: list[tuple[int, int, int]], random: Any, factor: int
) -> None:
    order = list(range(len(members)))
    random.shuffle(order)
    found = every_method(offer, members)
    moved = every_method(offer, [members[i] for i in order])
    scaled = every_method(offer * factor, [(wh * factor, key, level) for wh, key, level in members])
    for name, result in found.items():
        assert list(moved[name].shared) == [result.shared[i] for i in order], name
        assert list(scaled[name].shared) == [share * factor for share in result.shared], name


@given(WH, st.lists(WH, min_size=1, max_size=6), st.lists(WH, min_size=1, max_size=4))
def test_who_uses_nothing_changes_nothing_and_the_dynamic_austrian_share_is_prorata(
    offer: int, demand: list[int], production: list[int]
) -> None:
    assert prorata(offer, [*demand, 0]).shared[:-1] == prorata(offer, demand).shared
    shares = austrian(production, demand, [Fraction(1)] * len(demand), None)
    assert shares.g03 == prorata(sum(production), demand).shared
    assert sum(shares.g03) + sum(shares.p01t) == sum(production)


@given(st.lists(st.integers(-100_000, 100_000), max_size=8))
def test_inside_a_virtual_community_what_is_bought_is_sold(balances: list[int]) -> None:
    found = symmetric(balances)
    assert sum(found.buy) == sum(found.sell)
    for i, balance in enumerate(balances):
        assert found.buy[i] + found.grid_draw[i] - found.sell[i] - found.grid_feed[i] == balance
    assert not (sum(found.grid_draw) and sum(found.grid_feed))


@pytest.mark.row("B05")
@given(
    st.lists(st.tuples(WH, st.lists(WH, min_size=4, max_size=4)), min_size=1, max_size=6),
    st.lists(st.integers(0, 2), min_size=4, max_size=4),
)
def test_arrays_are_allocated_as_the_rule_says_interval_by_interval(slots: list[tuple[int, list[int]]], priorities: list[int]) -> None:
    production = np.array([offer for offer, _ in slots])
    use = np.array([demand for _, demand in slots]).T
    shared = allocation_rules.allocate(production, use, priorities)
    assert (shared.sum(axis=0) == np.minimum(production, use.sum(axis=0))).all()
    for slot, (offer, demand) in enumerate(slots):
        exact = priority(offer, demand, priorities).shared
        assert all(abs(wh - share) < 1 for wh, share in zip(shared[:, slot].tolist(), exact, strict=True))
        if len(set(priorities)) == 1:
            assert shared[:, slot].tolist() == in_wh(exact)


def test_the_larger_priority_is_filled_first_equal_ones_share_and_the_rest_is_grid() -> None:
    production, use = np.array([7000, 0, 30_000]), np.array([[2000, 500, 1000], [3000, 500, 1000], [11_000, 500, 1000]])
    assert allocation_rules.allocate(production, use, [2, 2, 1]).tolist() == [[2000, 0, 1000], [3000, 0, 1000], [2000, 0, 1000]]
    assert allocation_rules.allocate(production, use, [0, 0, 5]).tolist()[2] == [7000, 0, 1000]


def test_a_meter_below_another_is_not_counted_twice_and_an_excess_is_told() -> None:
    readings = np.array([[1000, 500], [300, 200], [100, 0], [700, 700]])  # building, flat below it, station below the flat, apart
    net, excess = allocation_rules.net_of_children(readings, [None, 0, 1, None])
    assert net.tolist() == [[700, 300], [200, 200], [100, 0], [700, 700]]
    assert (net[:3].sum(axis=0) == readings[0]).all() and excess == 0
    net, excess = allocation_rules.net_of_children(np.array([[100, 500], [160, 200]]), [None, 0])
    assert (net.tolist(), excess) == ([[0, 300], [160, 200]], 60)


def test_the_operators_figures_win_and_the_difference_is_shown() -> None:
    assert operators_first([100, 200, 300], [110, None, 290]) == ([110, 200, 290], [10, 0, -10])


def test_weights_that_do_not_sum_to_one_are_refused() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        weighted(10, [1], [Step(Fraction(1, 2))], carry_surplus=True)
