"""Rows for stations between two lines, behind a delta winding: their currents add up as phasors. Pure.

The line current is the root of a sum of squares, which is less than the sum: reckoning with phasors gives room away that
plain addition would keep back, and never more than a fuse carries.
"""

import cmath
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.charging.balancing.model import PHASES, Car, Circuit

TOLERANCE_A = 1e-9
FULL_A = 1e-6
# The voltage between two lines, as an angle; and per line, with which sign a station's current flows in it.
ANGLE = {("L1", "L2"): 30.0, ("L2", "L3"): -90.0, ("L1", "L3"): 150.0}
SIGNS = {("L1", "L2"): (1, -1, 0), ("L2", "L3"): (0, 1, -1), ("L1", "L3"): (-1, 0, 1)}
# How the currents between lines (L1L2, L2L3, L3L1) add up in the primary windings of a transformer of equal rating, as shares
# of what a balanced load puts on both sides.
PRIMARY = ((0.25, 0.25, -0.5), (-0.5, 0.25, 0.25), (0.25, -0.5, 0.25))
PRIMARY_PER_LINE = 0.75 / math.sqrt(3)
Complex = NDArray[np.complex128]


class Phasors:
    """Rows whose currents add up as phasors: |matrix x| <= room. `matrix`: a row a limit, a column a car."""

    def __init__(self, matrix: Complex, room: NDArray[np.float64]) -> None:
        self.matrix = matrix
        self.room = room
        self.used = np.zeros(len(room), complex)

    def fits(self, car: int, amps: float) -> bool:
        after = np.abs(self.used + self.matrix[:, car] * amps)
        return bool(np.all((after <= self.room + TOLERANCE_A) | (self.matrix[:, car] == 0)))

    def take(self, car: int, amps: float) -> None:
        self.used = self.used + self.matrix[:, car] * amps

    def fill(self, amps: list[float], upto: Sequence[float], weight: Sequence[float]) -> None:
        """Raise together, as far as the rows go: the next event is a cap or the first row that a straight line leaves."""
        x, top, weights = np.array(amps, float), np.array(upto, float), np.array(weight, float)
        going = top - x > TOLERANCE_A
        for _ in range(len(amps) + len(self.room)):
            if not going.any():
                break
            rise = np.where(going, weights / weights[going].max(), 0.0)
            rate = self.matrix @ rise
            step = min(float(((top - x)[going] / rise[going]).min()), self._reach(rate))
            x += rise * step
            self.used = self.used + rate * step
            going &= x < top - TOLERANCE_A
            full = np.abs(self.used) >= self.room - FULL_A
            worse = (np.conj(self.used[full])[:, None] * self.matrix[full]).real > TOLERANCE_A
            # A row without room: whoever is in it stops, whichever way it points.
            worse |= (self.room[full] <= FULL_A)[:, None] & (self.matrix[full] != 0)
            if step <= 0.0 and not worse[:, going].any():
                break
            going &= ~worse.any(axis=0)
        amps[:] = [float(one) for one in np.minimum(x, top)]

    def _reach(self, rate: Complex) -> float:
        """How far all rows allow to go on: |used + rate s| = room, solved for the first s >= 0."""
        a = np.abs(rate) ** 2
        b = (np.conj(self.used) * rate).real
        c = np.abs(self.used) ** 2 - self.room**2
        moves = a > 1e-24
        if not moves.any():
            return math.inf
        a, b, c = a[moves], b[moves], np.minimum(c[moves], 0.0)
        return float(max(0.0, ((-b + np.sqrt(b * b - a * c)) / a).min()))


def phasors_of(cars: Sequence[Car], circuits: Sequence[Circuit]) -> Phasors:
    """A tree of stations that all hang between two lines. Where nothing more is known, the root is fed by a transformer whose
    primary windings carry the same power: its rows are kept too."""
    parent = {circuit.id: circuit.parent for circuit in circuits}
    above = {circuit.id: _above(circuit.id, parent) for circuit in circuits}
    rows: list[list[complex]] = []
    room: list[float] = []
    for circuit in circuits:
        below = [_phasor(car) if circuit.id in above[car.circuit] else None for car in cars]
        for line in range(3):
            rows.append([0j if one is None else one[1][line] * one[0] for one in below])
            room.append(circuit.room(line))
        if circuit.parent is None:
            least = min(circuit.room(line) for line in range(3)) * PRIMARY_PER_LINE
            for shares in PRIMARY:
                rows.append([0j if one is None else shares[one[2]] * one[0] for one in below])
                room.append(least)
    return Phasors(np.array(rows, complex), np.array(room))


def _above(name: str | None, parent: dict[str, str | None]) -> set[str]:
    found: set[str] = set()
    while name is not None:
        if name not in parent or name in found:
            raise ValueError(f"circuit {name} is unknown or its own ancestor")
        found.add(name)
        name = parent[name]
    return found


def _phasor(car: Car) -> tuple[complex, tuple[int, int, int], int]:
    pair = tuple(sorted(car.phases, key=PHASES.index))
    key = (pair[0], pair[1])
    return cmath.exp(1j * math.radians(ANGLE[key])), SIGNS[key], list(ANGLE).index(key)
