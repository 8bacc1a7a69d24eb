"""Progressive filling: all rise together, each by its weight, until it reaches its cap or a row that it counts in is full.

The common level only moves from one event to the next: a car reaches its cap, or a row is full. A row fills up later once
one of its cars has stopped, never sooner; so a heap of rows, checked again when they come up, finds the next event. Each car
stops once and touches its own rows then: O(n d + (n + rows) log(n + rows)) for n cars in a tree of depth d. Pure.
"""

import heapq
from collections.abc import Sequence

SMALL = 1e-12


def raise_all(
    columns: Sequence[Sequence[tuple[int, float]]], room: list[float], amps: list[float], upto: Sequence[float], weight: Sequence[float]
) -> None:  # fmt: skip
    """Raise `amps` towards `upto`, as far as `room` goes; both are changed in place. `room` never falls below 0.

    `columns`: per car, the rows it counts in and how much of an ampere each. Weights above 0.
    """
    moving = [car for car in range(len(amps)) if upto[car] - amps[car] > SMALL]
    rate, cars_of = _rates(columns, moving, weight)
    since = dict.fromkeys(rate, 0.0)
    events = [((upto[car] - amps[car]) / weight[car], 0, car) for car in moving]
    events += [(max(0.0, room[row]) / rate[row], 1, row) for row in rate]
    heapq.heapify(events)
    going = set(moving)

    def stop(car: int, level: float) -> None:
        going.discard(car)
        amps[car] = min(upto[car], amps[car] + weight[car] * level)
        for row, share in columns[car]:
            room[row] = max(0.0, room[row] - rate[row] * (level - since[row]))
            since[row] = level
            rate[row] -= share * weight[car]

    while going:
        level, is_row, number = heapq.heappop(events)
        if not is_row:
            if number in going:
                stop(number, level)
            continue
        cars = [car for car in cars_of[number] if car in going]
        if not cars:
            continue
        full_at = since[number] + room[number] / max(rate[number], SMALL)
        if full_at > level + SMALL:
            heapq.heappush(events, (full_at, 1, number))
            cars_of[number] = cars
            continue
        for car in cars:
            stop(car, level)


def _rates(
    columns: Sequence[Sequence[tuple[int, float]]], moving: list[int], weight: Sequence[float]
) -> tuple[dict[int, float], dict[int, list[int]]]:  # fmt: skip
    """Per row: how fast it fills, and by whom."""
    rate: dict[int, float] = {}
    cars_of: dict[int, list[int]] = {}
    for car in moving:
        for row, share in columns[car]:
            rate[row] = rate.get(row, 0.0) + share * weight[car]
            cars_of.setdefault(row, []).append(car)
    return rate, cars_of
