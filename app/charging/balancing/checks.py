"""What is wrong with a site's circuits, before a car is hurt by it. Pure."""

from collections.abc import Sequence

import msgspec

from app.charging.balancing.model import PHASES, Circuit

MANY_STATIONS = 30
USUAL_LIMIT_A = 63.0


class Wired(msgspec.Struct, frozen=True, kw_only=True):
    """A station and where it hangs; `circuit` None: nowhere yet."""

    station: str
    circuit: str | None
    phases: tuple[str, ...] = PHASES
    fail_safe_a: float = 6.0


class CircuitFinding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. `grave`: the site must not go live with it. `phase`, `needed_a`, `limit_a`: where it is about a fuse."""

    code: str
    subject: str
    grave: bool
    phase: str | None = None
    needed_a: float | None = None
    limit_a: float | None = None


def check(circuits: Sequence[Circuit], wired: Sequence[Wired], worst: dict[str, tuple[float, float, float]]) -> list[CircuitFinding]:
    """`worst`: per circuit, the worst load of everything else. Fail-safes and that load must fit every fuse together."""
    tree = {circuit.id: circuit for circuit in circuits}
    found = [CircuitFinding(code="station_without_circuit", subject=one.station, grave=True) for one in wired if one.circuit not in tree]
    for circuit in circuits:
        if not any(circuit.limit):
            found.append(CircuitFinding(code="circuit_without_limit", subject=circuit.id, grave=True))
        if circuit.parent is not None and circuit.parent not in tree:
            found.append(CircuitFinding(code="parent_unknown", subject=circuit.id, grave=True))
        if _circular(circuit, tree):
            found.append(CircuitFinding(code="circuit_in_circle", subject=circuit.id, grave=True))
    if any(one.code in ("circuit_in_circle", "parent_unknown") for one in found):
        return found
    for circuit in circuits:
        below = [one for one in wired if one.circuit in tree and circuit.id in _line(one.circuit, tree)]
        found += _fuses(circuit, below, worst.get(circuit.id, (0.0, 0.0, 0.0)))
        if len(below) > MANY_STATIONS:
            found.append(
                CircuitFinding(code="many_stations", subject=circuit.id, grave=False, needed_a=float(len(below)), limit_a=MANY_STATIONS)
            )
    return found


def _fuses(circuit: Circuit, below: Sequence[Wired], worst: tuple[float, float, float]) -> list[CircuitFinding]:
    found = []
    for index, phase in enumerate(PHASES):
        needed = sum(one.fail_safe_a for one in below if phase in one.phases) + max(0.0, worst[index]) + circuit.margin_a
        if any(circuit.limit) and needed > circuit.limit[index]:
            found.append(CircuitFinding(code="fail_safe_too_high", subject=circuit.id, grave=True, phase=phase, needed_a=needed,
                                 limit_a=circuit.limit[index]))  # fmt: skip
    return found


def _circular(circuit: Circuit, tree: dict[str, Circuit]) -> bool:
    seen, at = {circuit.id}, circuit.parent
    while at is not None and at in tree:
        if at in seen:
            return True
        seen.add(at)
        at = tree[at].parent
    return False


def _line(name: str | None, tree: dict[str, Circuit]) -> list[str]:
    found = []
    while name is not None:
        found.append(name)
        name = tree[name].parent
    return found
