"""Reckoned meters: sums and differences, and none that is a part of itself."""

import numpy as np

from app.metering.equipment_rules import in_order, reckon

MISSING = -1


def test_a_reckoned_meter_comes_after_its_parts_and_none_is_a_part_of_itself():
    assert in_order({"house": ["flats", "common"], "flats": ["a", "b"]}) == ["flats", "house"]
    assert in_order({}) == []
    assert in_order({"a": ["a"]}) is None
    assert in_order({"a": ["b"], "b": ["c"], "c": ["a"]}) is None


def test_a_sum_of_a_difference_is_reckoned_and_a_gap_in_a_part_is_a_gap():
    wh = np.array([[10, 20, MISSING, 5], [4, 5, 6, 9], [0, 0, 0, 0], [0, 0, 0, 0]])
    reckon(wh, {3: [(2, 1), (1, 1)], 2: [(0, 1), (1, -1)]}, MISSING)
    assert wh[2].tolist() == [6, 15, MISSING, 0]  # never below zero
    assert wh[3].tolist() == [10, 20, MISSING, 9]
