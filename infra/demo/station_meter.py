"""The physics of a demo station: a car that takes power and a meter that counts it. Pure, in whole numbers."""

import msgspec

FULL_POWER_W = 11_000
RAMP_MS = 6_000  # from nothing to full power
MS_PER_HOUR = 3_600_000


class Charge(msgspec.Struct, kw_only=True):
    """A transaction as the station knows it. `number`: the server's transactionId, None until it has answered."""

    local_id: str
    id_tag: str
    meter_start_wh: int
    number: int | None = None
    ran_ms: int = 0
    power_w: int = 0


class Memory(msgspec.Struct, kw_only=True):
    """What a station keeps when its power goes: the register, the cable, the running charge, the unsent messages."""

    register_w_ms: int = 2_418_000 * MS_PER_HOUR  # a meter that has been in use: 2,418 kWh
    plugged: bool = True
    battery_wh: int | None = None  # how much the car still takes; None: never full
    charge: Charge | None = None
    queue: list["Queued"] = []

    @property
    def register_wh(self) -> int:
        """What the meter shows."""
        return self.register_w_ms // MS_PER_HOUR


class Queued(msgspec.Struct, kw_only=True):
    """A message about a transaction that waits for its answer."""

    action: str
    payload: dict[str, object]
    local_id: str
    tries: int = 0


def power(charge: Charge, memory: Memory) -> int:
    """What the car draws now, in W."""
    taken_wh = memory.register_wh - charge.meter_start_wh
    if not memory.plugged or (memory.battery_wh is not None and taken_wh >= memory.battery_wh):
        return 0
    return min(FULL_POWER_W, FULL_POWER_W * charge.ran_ms // RAMP_MS)


def run(memory: Memory, milliseconds: int) -> None:
    """Let time pass."""
    charge = memory.charge
    if charge is None:
        return
    charge.ran_ms += milliseconds
    charge.power_w = power(charge, memory)
    memory.register_w_ms += charge.power_w * milliseconds
