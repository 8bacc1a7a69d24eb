"""Which rows a car's current counts in. A row is a fuse on one phase, a cap on power or a bound on unbalance. Pure.

Currents add up as numbers where every station has its neutral: `Rows`. Stations between two lines add up as phasors, in
`phasors.py`. Both are asked the same: does it fit, take it, raise all together.
"""

from collections.abc import Sequence
from typing import Protocol

from app.charging.balancing.filling import raise_all
from app.charging.balancing.model import PHASES, Car, Circuit

TOLERANCE_A = 1e-9
INDEX = {name: number for number, name in enumerate(PHASES)}
Column = tuple[tuple[int, float], ...]


class Network(Protocol):
    """Room for currents, of cars numbered from 0."""

    def fits(self, car: int, amps: float) -> bool: ...

    def take(self, car: int, amps: float) -> None: ...

    def fill(self, amps: list[float], upto: Sequence[float], weight: Sequence[float]) -> None: ...


class Rows:
    """Rows whose currents add up as numbers. `columns`: per car, the rows it counts in and how much of an ampere."""

    def __init__(self, columns: list[Column], room: list[float]) -> None:
        self.columns = columns
        self.room = room

    def fits(self, car: int, amps: float) -> bool:
        room = self.room
        return all(share * amps <= room[row] + TOLERANCE_A for row, share in self.columns[car])

    def take(self, car: int, amps: float) -> None:
        for row, share in self.columns[car]:
            self.room[row] -= share * amps

    def fill(self, amps: list[float], upto: Sequence[float], weight: Sequence[float]) -> None:
        raise_all(self.columns, self.room, amps, upto, weight)


def rows_of(cars: Sequence[Car], circuits: Sequence[Circuit]) -> Rows:
    """The tree as rows: one a circuit and phase, and those that bound unbalance or power.

    Raises ValueError where a circuit is its own ancestor or unknown.
    """
    room = [circuit.room(phase) for circuit in circuits for phase in range(3)]
    number = {circuit.id: index for index, circuit in enumerate(circuits)}
    lines = {circuit.id: _line(circuit.id, circuits, number) for circuit in circuits}
    extra = _extra_rows(circuits, room)
    known: dict[tuple[str, tuple[str, ...], float], Column] = {}
    columns = []
    for car in cars:
        key = (car.circuit, car.phases, car.kw_per_a)
        if key not in known:
            known[key] = _column(car, lines[car.circuit], extra)
        columns.append(known[key])
    return Rows(columns, room)


def _line(name: str | None, circuits: Sequence[Circuit], number: dict[str, int]) -> list[int]:
    found: list[int] = []
    while name is not None:
        if name not in number or number[name] in found:
            raise ValueError(f"circuit {name} is unknown or its own ancestor")
        found.append(number[name])
        name = circuits[number[name]].parent
    return found


def _extra_rows(circuits: Sequence[Circuit], room: list[float]) -> dict[int, tuple[int | None, int | None]]:
    """Per circuit with such bounds: the first of three rows of unbalance, and the row of power."""
    extra = {}
    for index, circuit in enumerate(circuits):
        unbalance = power = None
        if circuit.unbalance_a is not None:
            unbalance = len(room)
            room += [circuit.unbalance_a] * 3
        if circuit.power_kw is not None:
            power = len(room)
            room.append(max(0.0, circuit.power_kw))
        if unbalance is not None or power is not None:
            extra[index] = (unbalance, power)
    return extra


def _column(car: Car, line: list[int], extra: dict[int, tuple[int | None, int | None]]) -> Column:
    column: list[tuple[int, float]] = []
    for circuit in line:
        column += [(3 * circuit + INDEX[phase], 1.0) for phase in car.phases]
        unbalance, power = extra.get(circuit, (None, None))
        if unbalance is not None and len(car.phases) < 3:
            column += [(unbalance + INDEX[phase], 1.0) for phase in car.phases]
        if power is not None:
            column.append((power, car.kw_per_a))
    return tuple(column)
