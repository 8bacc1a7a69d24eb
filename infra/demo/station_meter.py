"""The physics of a demo station: a car with a battery and a meter that counts. Pure, in whole numbers."""

from typing import Literal

import msgspec

from infra.demo.station_limits import Limit, Profile

FULL_POWER_W = 11_000
LEAST_POWER_W = 900  # what a nearly full battery still takes
TAPER_FROM_PERMILLE = 800
RAMP_MS = 6_000  # from nothing to full power
MS_PER_HOUR = 3_600_000
ARRIVES_PERCENT = 30

Kind = Literal["started", "values", "ended"]


class Car(msgspec.Struct, kw_only=True):
    """A battery. Above 80 % it takes less and less; a full one takes nothing."""

    capacity_wh: int = 58_000
    held_w_ms: int = 58_000 * MS_PER_HOUR * ARRIVES_PERCENT // 100

    @property
    def permille(self) -> int:
        """The state of charge."""
        return self.held_w_ms * 1000 // (self.capacity_wh * MS_PER_HOUR)

    @property
    def room_w_ms(self) -> int:
        """What it still takes."""
        return max(0, self.capacity_wh * MS_PER_HOUR - self.held_w_ms)

    def set_percent(self, percent: int) -> None:
        """Another state of charge, 0 to 100."""
        self.held_w_ms = self.capacity_wh * MS_PER_HOUR * min(100, max(0, percent)) // 100

    def takes_w(self) -> int:
        """What the battery takes at most now."""
        if self.room_w_ms == 0:
            return 0
        left = min(1000 - TAPER_FROM_PERMILLE, 1000 - self.permille)
        return max(LEAST_POWER_W, FULL_POWER_W * left // (1000 - TAPER_FROM_PERMILLE))


class Charge(msgspec.Struct, kw_only=True):
    """A transaction as the station knows it. `number`: the server's transactionId (1.6), None until it has answered.
    `request_no`: of the server's request that began it (2.0.1). `profile`: the limit that came with that request."""

    local_id: str
    id_tag: str
    meter_start_wh: int
    started_at: str
    remote: bool = False
    request_no: int | None = None
    profile: Profile | None = None
    number: int | None = None
    ran_ms: int = 0
    power_w: int = 0
    events: int = 0
    told_state: str = ""


class Told(msgspec.Struct, kw_only=True):
    """Something about a transaction that the server has to know, in no version's words; it waits for its answer."""

    kind: Kind
    at: str
    local_id: str
    id_tag: str
    seq_no: int
    register_wh: int
    remote: bool
    offline: bool
    state: str
    power_w: int = 0
    offered_ma: int = 0
    phases: int = 3
    soc_percent: int | None = None
    reason: str | None = None
    request_no: int | None = None
    number: int | None = None
    tries: int = 0


class Memory(msgspec.Struct, kw_only=True):
    """What a station keeps when its power goes: the register, the cable, the running charge, the unsent messages.
    `operative`: in service."""

    register_w_ms: int = 2_418_000 * MS_PER_HOUR  # a meter that has been in use: 2,418 kWh
    plugged: bool = True
    operative: bool = True
    car: Car = msgspec.field(default_factory=Car)
    profiles: list[Profile] = []
    charge: Charge | None = None
    queue: list[Told] = []

    @property
    def register_wh(self) -> int:
        """What the meter shows."""
        return self.register_w_ms // MS_PER_HOUR


def charging_state(memory: Memory, limit: Limit) -> str:
    """What the car does, in OCPP's words."""
    charge = memory.charge
    if charge is None or not memory.plugged:
        return "Idle"
    if limit.power_w == 0:
        return "SuspendedEVSE"
    return "SuspendedEV" if memory.car.takes_w() == 0 else "Charging"


def power(charge: Charge, memory: Memory, limit: Limit) -> int:
    """What the car draws now, in W: no more than its battery takes and the station may give."""
    if not memory.plugged:
        return 0
    return min(FULL_POWER_W * charge.ran_ms // RAMP_MS, FULL_POWER_W, memory.car.takes_w(), limit.power_w)


def run(memory: Memory, milliseconds: int, limit: Limit) -> None:
    """Let time pass."""
    charge = memory.charge
    if charge is None:
        return
    charge.ran_ms += milliseconds
    charge.power_w = power(charge, memory, limit)
    taken = min(charge.power_w * milliseconds, memory.car.room_w_ms)
    memory.register_w_ms += taken
    memory.car.held_w_ms += taken
