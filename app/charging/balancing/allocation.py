"""Who charges in the coming step, and with how much: admission at the minimum, then filling in two stages. Pure.

A current is 0 or at least the car's minimum. So it is first decided who charges at all: by priority, who is inside a dwell
time, who is planned, who can wait least. All of these get their minimum. Then all rise together: first towards the plan or
the must-rate (what the car needs from now on to be full in time), then the rest by weight and urgency.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from app.charging.balancing.model import Car, Circuit, car_of, circuit_of, turn
from app.charging.balancing.network import Network, Rows, rows_of
from app.charging.balancing.phasors import phasors_of
from app.charging.balancing.solar import fill_with_sun, surplus_kw

LEAST_NEED = 0.02
LEAST_URGENCY = 0.05
NOTHING_A = 1e-9


def allocate(
    sessions: Sequence[Mapping[str, Any]], circuits: Sequence[Mapping[str, Any]], now_min: float, dt_min: float
) -> dict[str, float]:
    """Amperes per station and phase for the coming `dt_min` minutes; a station that is not named gets 0.

    Raises ValueError where a circuit is unknown or its own ancestor.
    """
    cars = [car_of(row) for row in sessions]
    tree = [circuit_of(row) for row in circuits]
    amps = share_out(cars, network_of(cars, tree), now_min, dt_min, surplus_kw(tree))
    return {car.station: amount for car, amount in zip(cars, amps, strict=True) if amount > 0}


def network_of(cars: Sequence[Car], circuits: Sequence[Circuit]) -> Network:
    """Phasors where every car hangs between two lines, else plain addition, which is never less than the phasors' sum."""
    if cars and all(car.line_to_line for car in cars):
        return phasors_of(cars, circuits)
    return rows_of(cars, circuits)


def share_out(cars: Sequence[Car], network: Network, now_min: float, dt_min: float, surplus: float = 0.0) -> list[float]:
    """Amperes per car, in the cars' order. What they take is taken from the network's room. `surplus`: kilowatts of sun, for
    cars that want no more than it, or no more above their minimum."""
    caps = [car.cap_a(dt_min) for car in cars]
    first = [cap if car.mode == "fast" else min(car.min_a, cap) if car.mode == "minimum" else 0.0
             for car, cap in zip(cars, caps, strict=True)]  # fmt: skip
    amps = [0.0] * len(cars)
    _, admitted = admit(cars, network, first, amps, now_min)
    _raise(network, amps, first, _towards_need(cars, admitted, first, now_min, dt_min))
    _raise(network, amps, first, _the_rest(cars, admitted, first, now_min))
    if first != caps and isinstance(network, Rows):
        admitted += fill_with_sun(cars, network, caps, amps, surplus, set(admitted), now_min)
    _round(cars, network, amps, caps, admitted)
    return amps


def admit(
    cars: Sequence[Car], network: Network, caps: Sequence[float], amps: list[float], now_min: float
) -> tuple[list[int], list[int]]:  # fmt: skip
    """Give each car in turn its minimum, as long as that fits. Returns all in their order, and who was admitted."""
    order = sorted(range(len(cars)), key=lambda index: turn(cars[index], now_min))
    admitted = []
    for index in order:
        least = min(cars[index].min_a, caps[index])
        if caps[index] > NOTHING_A and network.fits(index, least):
            network.take(index, least)
            amps[index] = least
            admitted.append(index)
    return order, admitted


Stage = Mapping[int, tuple[float, float]]  # per admitted car: up to which current, with which weight


def _towards_need(cars: Sequence[Car], admitted: Sequence[int], caps: Sequence[float], now_min: float, dt_min: float) -> Stage:
    stage = {}
    for index in admitted:
        car = cars[index]
        if car.planned_a is None:
            stage[index] = (must_rate_a(car, now_min, dt_min), _urgency(car, now_min, LEAST_NEED))
        else:
            stage[index] = (car.planned_a, max(car.planned_a, LEAST_NEED))
    return stage


def must_rate_a(car: Car, now_min: float, dt_min: float) -> float:
    """The current that, held until the car leaves, just fills it."""
    left_min = max(dt_min, car.leaves_min(now_min) - now_min)
    return 60.0 * car.remaining_kwh / (car.kw_per_a * left_min)


def _the_rest(cars: Sequence[Car], admitted: Sequence[int], caps: Sequence[float], now_min: float) -> Stage:
    return {index: (caps[index], cars[index].weight * _share(cars[index], now_min)) for index in admitted}


def _share(car: Car, now_min: float) -> float:
    return _urgency(car, now_min, LEAST_URGENCY) if car.planned_a is None else car.priority


def _urgency(car: Car, now_min: float, least: float) -> float:
    """The share of its time that a car needs to be full, squared: who can hardly wait goes first, but not alone."""
    left_min = max(1.0, car.leaves_min(now_min) - now_min)
    return float(max(least, min(1.0, car.full_in_min() / left_min)) ** 2)


def _raise(network: Network, amps: list[float], caps: Sequence[float], stage: Stage) -> None:
    upto = [max(amps[index], min(caps[index], stage[index][0])) if index in stage else amps[index] for index in range(len(amps))]
    network.fill(amps, upto, [stage[index][1] if index in stage else 1.0 for index in range(len(amps))])


def _round(cars: Sequence[Car], network: Network, amps: list[float], caps: Sequence[float], admitted: Sequence[int]) -> None:
    """Down to what the station can be told; what that leaves goes out again, a step each in the order of admission."""
    for index in admitted:
        step = cars[index].step_a
        if step > 0:
            whole = int(amps[index] / step + 1e-6) * step
            network.take(index, whole - amps[index])
            amps[index] = whole
    for index in admitted:
        step = cars[index].step_a
        if step > 0 and amps[index] + step <= caps[index] + NOTHING_A and network.fits(index, step):
            network.take(index, step)
            amps[index] += step
