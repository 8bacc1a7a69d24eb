"""What the allocator sees: cars that are plugged in and the circuits that feed them. Amperes, kilowatts and minutes."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

PHASES = ("L1", "L2", "L3")
NOTHING = (0.0, 0.0, 0.0)
# A two-phase station with less than this per ampere hangs between two lines (208 V), not between two lines and neutral.
LINE_TO_LINE_KW_PER_A = 0.3
# Where nobody has said when the car leaves: this long after its arrival, and never sooner than the second from now.
ASSUMED_STAY_MIN = 600.0
ASSUMED_LEFT_MIN = 120.0

Mode = Literal["fast", "minimum", "solar"]


class Car(msgspec.Struct, kw_only=True):
    """A car on a station. `max_a` is the least of station, cable and car; per phase. `mode`: fast, minimum plus solar, solar only.

    `sun_priority`: of cars that follow the sun, the larger one has it first.
    `planned_a`: what the planner wants for it now; None without a plan. `held`: still inside its dwell time. `on`: it
    charges now.
    `observed_a`: what it drew at most lately, None while unknown. `step_a`: what the station can be told (0: any value).
    """

    session: str
    station: str
    circuit: str
    phases: tuple[str, ...]
    min_a: float
    max_a: float
    kw_per_a: float
    remaining_kwh: float
    arrival_min: float = 0.0
    departure_min: float | None = None
    priority: float = 1.0
    weight: float = 1.0
    sun_priority: int = 0
    mode: Mode = "fast"
    planned_a: float | None = None
    held: bool = False
    on: bool = False
    observed_a: float | None = None
    step_a: float = 0.0
    buffer_a: float = 2.0

    def leaves_min(self, now_min: float) -> float:
        """When it leaves, or is taken to leave."""
        if self.departure_min is not None:
            return self.departure_min
        return max(self.arrival_min + ASSUMED_STAY_MIN, now_min + ASSUMED_LEFT_MIN)

    def full_in_min(self) -> float:
        """How long it takes at its full current."""
        return 60.0 * self.remaining_kwh / max(self.kw_per_a * self.max_a, 1e-9)

    def laxity_min(self, now_min: float) -> float:
        """How long it may still wait and be full in time."""
        return self.leaves_min(now_min) - now_min - self.full_in_min()

    def cap_a(self, dt_min: float) -> float:
        """What it can take in the coming step: its maximum, its observed draw with a buffer, the energy it still wants."""
        most = min(self.max_a, 60.0 * self.remaining_kwh / (self.kw_per_a * dt_min))
        if self.step_a > 0:
            # A station is told a current, not an energy: for the last drop too it needs the least that it can be told.
            most = min(self.max_a, max(most, self.min_a))
        return most if self.observed_a is None else min(most, max(self.min_a, self.observed_a + self.buffer_a))

    @property
    def line_to_line(self) -> bool:
        return len(self.phases) == 2 and self.kw_per_a < LINE_TO_LINE_KW_PER_A


class Circuit(msgspec.Struct, kw_only=True):
    """A fuse per phase and what else hangs on it. `base`: measured draw of everything that is no car, exports negative.

    `reserve`: what stations draw that cannot be told anything. `margin_a` is kept free. `unbalance_a`: the most that cars on
    one or two phases may add to one of them. `power_kw`: a cap on the cars' power below, such as a grid operator's.
    `surplus_kw`: what the sun gives beyond the house's own use; None: what the base exports. `cars_a`: the most that all cars
    below may have on a phase, where what else flows is not known.
    """

    id: str
    parent: str | None
    limit: tuple[float, float, float]
    base: tuple[float, float, float] = NOTHING
    reserve: tuple[float, float, float] = NOTHING
    margin_a: float = 0.0
    unbalance_a: float | None = None
    power_kw: float | None = None
    surplus_kw: float | None = None
    cars_a: float | None = None

    def room(self, phase: int) -> float:
        room = max(0.0, self.limit[phase] - self.margin_a - self.base[phase] - self.reserve[phase])
        return room if self.cars_a is None else min(room, max(0.0, self.cars_a - self.reserve[phase]))


def car_of(row: Mapping[str, Any]) -> Car:
    """A session in the contract's words. Unknown keys are left alone."""
    return Car(**{name: row[name] for name in Car.__struct_fields__ if name in row and row[name] is not None})


def circuit_of(row: Mapping[str, Any]) -> Circuit:
    """A circuit in the contract's words."""
    return Circuit(**{"parent": None, **{name: row[name] for name in Circuit.__struct_fields__ if name in row and row[name] is not None}})


def turn(car: Car, now_min: float) -> tuple[float, bool, float, float, str]:
    """Who comes first: by priority, then who is inside a dwell time, then who is planned, then who can wait least."""
    planned = 0.0 if car.planned_a is None else min(car.planned_a, car.min_a)
    return -car.priority, not car.held, -planned, car.laxity_min(now_min), car.session
