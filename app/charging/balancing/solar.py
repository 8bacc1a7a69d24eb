"""Sharing what the sun gives beyond the house's use. The surplus is a soft row: only cars that ask for it count in it. Pure."""

from collections.abc import Sequence

from app.charging.balancing.model import Car, Circuit, turn
from app.charging.balancing.network import TOLERANCE_A, Rows

KW_PER_A = 0.23


def sun_for_cars_kw(base: Sequence[float], battery_kw: float, battery_first: bool) -> float:
    """What the sun leaves to cars: the house comes first, then the cars or the battery. `base`: what the root draws of all that
    is no car, the battery in it; `battery_kw`: what that charges with, negative while it gives.

    What a battery gives is no sun. Where the cars come first, what it takes is theirs: it steps back by itself.
    """
    beyond = -sum(base) * KW_PER_A
    return max(0.0, beyond + (min(0.0, battery_kw) if battery_first else battery_kw))


def surplus_kw(circuits: Sequence[Circuit]) -> float:
    """What the roots have left of the sun, or export."""
    told = [circuit.surplus_kw for circuit in circuits if circuit.surplus_kw is not None]
    if told:
        return max(0.0, sum(told))
    return max(0.0, -sum(sum(circuit.base) for circuit in circuits if circuit.parent is None) * KW_PER_A)


def fill_with_sun(
    cars: Sequence[Car], rows: Rows, caps: Sequence[float], amps: list[float], surplus: float, admitted: set[int], now_min: float
) -> list[int]:  # fmt: skip
    """Raise the cars that follow the sun, on what the others leave of it: the largest priority of a billing point first, those
    of one class together. A car inside its dwell time keeps its minimum when a cloud comes. Returns who was admitted anew."""
    left = max(0.0, surplus - sum(amount * car.kw_per_a for car, amount in zip(cars, amps, strict=True)))
    sun = len(rows.room)
    rows.room.append(left)
    rows.columns = [
        (*column, (sun, car.kw_per_a)) if car.mode != "fast" else column for car, column in zip(cars, rows.columns, strict=True)
    ]
    new: list[int] = []
    for level in sorted({car.sun_priority for car in cars if car.mode != "fast"}, reverse=True):
        new += _admit_to_sun(level, cars, rows, caps, amps, sun, now_min)
        follows = [car.sun_priority == level and car.mode != "fast" and (index in admitted or index in new)
                   for index, car in enumerate(cars)]  # fmt: skip
        upto = [cap if follow else now for cap, follow, now in zip(caps, follows, amps, strict=True)]
        rows.fill(amps, upto, [car.priority * car.weight for car in cars])
    return new


def _admit_to_sun(
    level: int, cars: Sequence[Car], rows: Rows, caps: Sequence[float], amps: list[float], sun: int, now_min: float
) -> list[int]:  # fmt: skip
    new = []
    for index in sorted(range(len(cars)), key=lambda one: turn(cars[one], now_min)):
        car = cars[index]
        if car.sun_priority != level:
            continue
        least = min(car.min_a, caps[index])
        if car.mode != "solar" or caps[index] <= TOLERANCE_A:
            continue
        if car.held:
            rows.room[sun] = max(rows.room[sun], least * car.kw_per_a)
        if rows.fits(index, least):
            rows.take(index, least)
            amps[index] = least
            new.append(index)
    return new
