"""What a twin is made of: circuits, stations, what else flows, and cars that come and go. Pure; amperes, seconds from the start."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from app.charging.balancing.model import PHASES

Three = tuple[float, float, float]
Base = Callable[[float], Mapping[str, Three]]  # second from the start -> per circuit what flows that is no car; exports negative
VOLTS = 230.0
LEAST_A = 6.0


class TwinCircuit(msgspec.Struct, frozen=True, kw_only=True):
    """A circuit as it is wired. `margin_a`: kept free; it must carry what the house adds while a meter's word is awaited."""

    name: str
    parent: str | None = None
    limit: Three
    margin_a: float = 0.0
    unbalance_a: float | None = None
    worst: Three = (0.0, 0.0, 0.0)
    safe_a: float | None = None
    has_meter: bool = False


class TwinStation(msgspec.Struct, frozen=True, kw_only=True):
    """A station with one place. `unit`: what its profiles are told in, A or W."""

    identity: str
    name: str
    circuit: str
    phases: tuple[str, ...] = PHASES
    max_a: float = 16.0
    fail_safe_a: float = LEAST_A
    step_a: float = 1.0
    priority: int = 1
    version: str = "ocpp1.6"
    unit: str = "A"


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """A car that comes, wants so much and leaves. `announced_s`: when it says that it leaves, None: it says nothing."""

    id: str
    station: str
    arrives_s: float
    leaves_s: float
    wh: int
    max_a: float
    announced_s: float | None = None


class TwinPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A site and its cars, by arrival."""

    name: str
    circuits: Sequence[TwinCircuit]
    stations: Sequence[TwinStation]
    visits: Sequence[Visit]
    base: Base

    def line(self, circuit: str) -> list[str]:
        """A circuit and all above it."""
        parent = {one.name: one.parent for one in self.circuits}
        found: list[str] = []
        name: str | None = circuit
        while name is not None:
            found.append(name)
            name = parent[name]
        return found


class BadFile(ValueError):
    """A file of sessions that cannot be read; the text says why."""


def visits_of(rows: Iterable[Mapping[str, str]], stations: Sequence[TwinStation], days: float) -> list[Visit]:
    """The sessions of a file: session, station, arrival_min, departure_min, kwh, max_a. A station is named by its name or
    identity; other names are given the places that are left, in their order. Raises BadFile."""
    known = {key: one for one in stations for key in (one.name, one.identity)}
    named: dict[str, TwinStation] = {}
    found: list[Visit] = []
    for number, row in enumerate(rows, start=2):
        try:
            arrives, leaves = float(row["arrival_min"]), float(row["departure_min"])
            wh, name = round(1000 * float(row["kwh"])), row["station"]
            max_a = float(row.get("max_a") or 32)
        except (KeyError, TypeError, ValueError) as error:
            raise BadFile(f"line {number}: {error!r}; the columns are session, station, arrival_min, departure_min, kwh, max_a") from error
        if arrives >= days * 1440 or wh <= 0 or leaves <= arrives:
            continue
        station = named[name] = named.get(name) or known.get(name) or _next_free(name, stations, named)
        found.append(Visit(id=row.get("session") or f"{number}", station=station.identity, arrives_s=60 * arrives, leaves_s=60 * leaves,
                           wh=wh, max_a=min(max_a, station.max_a), announced_s=60 * leaves))  # fmt: skip
    return without_overlaps(found)


def _next_free(name: str, stations: Sequence[TwinStation], named: Mapping[str, TwinStation]) -> TwinStation:
    taken = {one.identity for one in named.values()}
    free = next((one for one in stations if one.identity not in taken), None)
    if free is None:
        raise BadFile(f"the file names more stations than the site has ({len(stations)}); {name} has no place")
    return free


def read_visits(path: Path, stations: Sequence[TwinStation], days: float) -> list[Visit]:
    """The same from a file. Raises BadFile."""
    try:
        with path.open(newline="") as file:
            return visits_of(csv.DictReader(file), stations, days)
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"{path} cannot be read: {error}") from error


def without_overlaps(visits: Iterable[Visit]) -> list[Visit]:
    """By arrival; a car that comes to a place before the last one has left it comes when that has."""
    until: dict[str, float] = {}
    found = []
    for one in sorted(visits, key=lambda visit: (visit.arrives_s, visit.id)):
        begins = max(one.arrives_s, until.get(one.station, 0.0) + 60)
        if one.leaves_s - begins >= 60:
            found.append(msgspec.structs.replace(one, arrives_s=begins))
            until[one.station] = one.leaves_s
    return sorted(found, key=lambda visit: (visit.arrives_s, visit.id))
