"""Why a car has what it has, as the code of a sentence and its numbers. Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from app.charging.balancing.model import PHASES, Car, Circuit

FULL_A = 0.5


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """`cars` share `shared_a` on `circuit`, and this one has `limit_a`. Codes: full_speed, sharing, waiting_capacity, rising,
    meter_silent, power_cap, waiting_solar."""

    code: str
    limit_a: float
    cars: int
    shared_a: float | None = None
    circuit: str | None = None


def reasons(cars: Sequence[Car], circuits: Sequence[Circuit], targets: Sequence[float], told: Sequence[float],
            silent: bool = False, capped: bool = False) -> list[Reason]:  # fmt: skip
    """One a car. `targets`: what was shared out; `told`: what it is told now."""
    tree = {circuit.id: circuit for circuit in circuits}
    return [_reason(index, cars, tree, targets, told, silent, capped) for index in range(len(cars))]


def _reason(index: int, cars: Sequence[Car], tree: Mapping[str, Circuit], targets: Sequence[float], told: Sequence[float],
            silent: bool, capped: bool) -> Reason:  # fmt: skip
    car, target, now = cars[index], targets[index], told[index]
    sharing, shared_a, circuit = _tightest(car, cars, tree, targets)
    if target >= car.max_a - FULL_A and now > 0:
        return Reason(code="full_speed" if now >= target - FULL_A else "rising", limit_a=now, cars=sharing)
    code = "sharing" if now >= target - FULL_A else "rising"
    if target <= 0 or now <= 0:
        code = "waiting_solar" if car.mode == "solar" else "waiting_capacity"
    if capped:
        code = "power_cap"
    if silent:
        code = "meter_silent"
    return Reason(code=code, limit_a=now, cars=sharing, shared_a=shared_a, circuit=circuit)


def _tightest(car: Car, cars: Sequence[Car], tree: Mapping[str, Circuit], amps: Sequence[float]) -> tuple[int, float, str]:
    """Of the rows that a car counts in, the fullest: how many charge there, what they share, and whose it is."""
    best: tuple[float, int, float, str] | None = None
    name: str | None = car.circuit
    while name is not None:
        circuit = tree[name]
        below = [one for one in range(len(cars)) if name in _line(cars[one].circuit, tree)]
        for phase in car.phases:
            sharing = [one for one in below if phase in cars[one].phases]
            room = circuit.room(PHASES.index(phase))
            left = room - sum(amps[one] for one in sharing)
            found = (left, sum(1 for one in sharing if amps[one] > 0), room, name)
            best = found if best is None or found[0] < best[0] else best
        name = circuit.parent
    assert best is not None  # noqa: S101 - a car has a circuit and at least one phase
    return best[1], best[2], best[3]


def _line(name: str | None, tree: Mapping[str, Circuit]) -> list[str]:
    found = []
    while name is not None:
        found.append(name)
        name = tree[name].parent
    return found
