"""What stations know of their own sessions, held against what the system stored and billed. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime

import msgspec

FAULTS = (
    "lost", "duplicate", "double_billed", "acknowledged_stop_not_stored", "wrong_energy", "invented", "not_billed",
    "other_number", "refused", "values_lost", "values_invented",
    "command_twice", "command_hanging",
)  # fmt: skip

Key = tuple[str, datetime]


class Session(msgspec.Struct, kw_only=True):
    """One charge, as its station has it. `numbers`: the transaction numbers it was given, one if all is well."""

    station: str
    begun: datetime
    ended: datetime
    meter_start: int
    meter_stop: int
    number: int | None = None
    numbers: set[int] = set()
    start_acknowledged: bool = False
    stop_acknowledged: bool = False
    errors: list[str] = []


class Stored(msgspec.Struct, frozen=True):
    """A row of the view accept_sessions."""

    station: str
    begun: datetime
    meter_start: int
    meter_stop: int | None
    billed_wh: int | None
    charges: int


class Journal(msgspec.Struct):
    """What all stations have done. `values`: the moments whose meter values were sent, and whether that was acknowledged.
    `commands`: how often each command was received, by its id."""

    sessions: list[Session] = []
    values: dict[Key, bool] = {}
    commands: Counter[str] = msgspec.field(default_factory=Counter)
    counts: Counter[str] = msgspec.field(default_factory=Counter)


def reconcile(journal: Journal, rows: Iterable[Stored], values: set[Key], hanging: int = 0) -> dict[str, int]:
    """How often each fault is there. `values`: the moments of meter values that are stored; `hanging`: commands without an end."""
    known: dict[Key, list[Stored]] = defaultdict(list)
    for row in rows:
        known[row.station, row.begun].append(row)
    faults: Counter[str] = Counter(dict.fromkeys(FAULTS, 0))
    for session in journal.sessions:
        faults.update(_faults_of(session, known.pop((session.station, session.begun), [])))
    faults["invented"] += sum(len(found) for found in known.values())
    faults["values_lost"] += sum(said and key not in values for key, said in journal.values.items())
    faults["values_invented"] += len(values - journal.values.keys())
    faults["command_twice"] += sum(times > 1 for times in journal.commands.values())
    faults["command_hanging"] += hanging
    return dict(faults)


def _faults_of(session: Session, found: list[Stored]) -> list[str]:
    faults = []
    if (session.start_acknowledged or session.stop_acknowledged) and not found:
        faults.append("lost")
    if len(found) > 1:
        faults.append("duplicate")
    charges = sum(row.charges for row in found)
    if charges > 1:
        faults.append("double_billed")
    if len(session.numbers) > 1:
        faults.append("other_number")
    if session.errors:
        faults.append("refused")
    if any(row.billed_wh is not None and row.billed_wh != session.meter_stop - session.meter_start for row in found):
        faults.append("wrong_energy")
    if session.stop_acknowledged and found:
        if not any(row.meter_stop == session.meter_stop for row in found):
            faults.append("acknowledged_stop_not_stored")
        if charges == 0:
            faults.append("not_billed")
    return faults
