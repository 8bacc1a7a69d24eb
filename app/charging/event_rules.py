"""What the events of a transaction of OCPP 2.0.1 come to: registers, states, what is still missing. Pure."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from app.charging.model import ValueReport

BEGIN, END = "Transaction.Begin", "Transaction.End"
# Held only until a message that is on its way has come; everything else waits for a person.
UNTIL_MORE_COMES = frozenset(("start_missing", "no_start_register", "unknown_connector"))
# What a page says of a place, by what the station says that the car does.
STATUS_OF = {
    "Charging": "Charging", "EVConnected": "Preparing", "SuspendedEV": "SuspendedEV", "SuspendedEVSE": "SuspendedEVSE",
}  # fmt: skip


class Register(msgspec.Struct, frozen=True):
    """A reading of the import register (Wh) at a time."""

    at: datetime
    energy_wh: int


def start_register(kind: str, values: Sequence[ValueReport]) -> Register | None:
    """The earliest register of an event, as the transaction's start.

    An Ended that shows one register alone shows the end: it is a start only where it says so.
    """
    known = _registers(values)
    said = [one for one in values if one.context == BEGIN and one.reading.energy_wh is not None]
    if said:
        return _registers(said)[0]
    if kind == "Ended" and len(known) < 2:
        return None
    return known[0] if known else None


def stop_register(values: Sequence[ValueReport]) -> Register | None:
    """The register at the end: what is marked so, else the latest."""
    marked = _registers([one for one in values if one.context == END])
    known = marked or _registers([one for one in values if one.context != BEGIN])
    return known[-1] if known else None


def _registers(values: Sequence[ValueReport]) -> list[Register]:
    found = [Register(one.taken_at, one.reading.energy_wh) for one in values if one.reading.energy_wh is not None]
    return sorted(found, key=lambda one: one.at)


def incomplete(first_seq: int, last_seq: int, seen: int, start_seq: int | None) -> bool:
    """Whether an event of the transaction is missing: its start, or a number in between."""
    return start_seq is None or start_seq != first_seq or last_seq - first_seq + 1 != seen


def place_status(statuses: Sequence[str]) -> str:
    """The state of an EVSE by those of its connectors: one car at a time, so the busiest counts."""
    return next((one for one in ("Occupied", "Reserved", "Available", "Faulted") if one in statuses), "Unavailable")
