"""The two places of the benchmark: an apartment house with a fuse per phase, and a garage behind a delta-wye transformer."""

import cmath
import csv
import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).parent / "data"
PHASES = ("L1", "L2", "L3")
HOUSE_SHARE = (0.40, 0.33, 0.27)
CLOUDS = (0.35, 0.9, 0.6, 1.0, 0.2, 0.8, 0.7)


class Place:
    """Stations, circuits and the rows that their currents count in. What `Scheduler` asks of a site."""

    def __init__(self, name: str, dt: int, stations: dict[str, dict[str, Any]], circuits: dict[str, dict[str, Any]]) -> None:
        self.name, self.dt, self.stations, self.circuits = name, dt, stations, circuits
        self.ids = list(stations)
        self.ix = {station: number for number, station in enumerate(self.ids)}
        self.base: Callable[[int], dict[str, tuple[float, ...]]] = lambda _: {}
        self.M: Any = None
        self.limit: Any = None

    @functools.cache  # noqa: B019 - a place lives as long as the program
    def headroom(self, t: int) -> Any:
        """What each row has left for cars at minute `t`."""
        base = self.base(t)
        house = np.zeros(len(self.limit))
        for number, circuit in enumerate(self.circuits):
            if circuit in base:
                house[3 * number : 3 * number + 3] = base[circuit]
        return np.maximum(self.limit - house, 0.0)

    def tree(self, t: int) -> list[dict[str, Any]]:
        """The circuits in the contract's words."""
        base = self.base(t)
        return [{"id": name, **one, "base": base.get(name, (0.0, 0.0, 0.0))} for name, one in self.circuits.items()]


def apartment(fuse_a: float) -> Place:
    """40 stations on four feeders; every fourth has one phase (32 A, rotated). The house draws unequally, the sun feeds in."""
    circuits: dict[str, dict[str, Any]] = {"main": {"parent": None, "limit": (fuse_a,) * 3}}
    circuits |= {f"F{number}": {"parent": "main", "limit": (63.0,) * 3} for number in range(4)}
    stations = {}
    for number in range(40):
        single = number % 4 == 3
        phases = (PHASES[(number // 4) % 3],) if single else PHASES
        stations[f"S{number:02}"] = {
            "circuit": f"F{number // 10}", "phases": phases, "min_a": 6, "max_a": 32 if single else 16, "kw_per_a": 0.23 * len(phases),
        }  # fmt: skip
    place = Place(f"apartment {fuse_a:g} A", 15, stations, circuits)
    place.base = lambda t: {"main": house_a(t)}
    place.limit = np.array([limit for one in circuits.values() for limit in one["limit"]])
    place.M = np.zeros((len(place.limit), len(stations)))
    for column, one in enumerate(stations.values()):
        for name in (one["circuit"], "main"):
            for phase in one["phases"]:
                place.M[3 * list(circuits).index(name) + PHASES.index(phase), column] = 1.0
    return place


def house_a(t: int) -> tuple[float, ...]:
    """Amperes per phase that the house draws at minute `t`: an evening and a morning peak, less 30 kWp of sun."""
    day, hour = t // 1440, (t % 1440) / 60.0
    kw = 8 + 14 * math.exp(-(((hour - 19) / 2.2) ** 2)) + 5 * math.exp(-(((hour - 7.5) / 1.3) ** 2))
    kw *= 1 + 0.10 * math.sin(1.7 * day) + 0.05 * math.sin(t / 37.0)
    sun = 30.0 * 0.75 * math.sin(math.pi * (hour - 6.5) / 13) * CLOUDS[day % 7] if 6.5 < hour < 19.5 else 0.0
    return tuple((kw * share - sun / 3) / 0.23 for share in HOUSE_SHARE)


# The garage's points by the lines they hang between, as published with ACN-Sim (caltech-netlab/acnportal, BSD licence).
AFFINITY = tuple(f"CA-{number}" for number in (322, 493, 496, 320, 495, 321, 323, 494))
AEROVIRONMENT = tuple(f"CA-{number}" for number in (324, 325, 326, 327, 489, 490, 491, 492))
AB = tuple(f"CA-{number}" for number in (308, 508, 303, 513, 310, 506, 316, 500, 318, 498)) + AEROVIRONMENT + AFFINITY
BC = tuple(f"CA-{number}" for number in (304, 512, 305, 511, 313, 503, 311, 505, 317, 499, 148, 149, 212, 213))
CA = tuple(f"CA-{number}" for number in (307, 509, 309, 507, 306, 510, 315, 501, 319, 497, 312, 504, 314, 502))
PAIRS = ((AB, ("L1", "L2"), 30.0), (BC, ("L2", "L3"), -90.0), (CA, ("L3", "L1"), 150.0))
# How the three groups count: two pods, three lines behind and three lines before the transformer.
BEHIND = ((1, 0, -1), (-1, 1, 0), (0, -1, 1))
BEFORE = ((0.25, 0.25, -0.5), (-0.5, 0.25, 0.25), (0.25, -0.5, 0.25))


def garage(cap_kw: float) -> Place:
    """54 points of 208 V between two lines."""
    behind_a, before_a = cap_kw * 1000 / 3 / 120, cap_kw * 1000 / 3 / 277
    stations, group = {}, {}
    for number, (names, lines, _) in enumerate(PAIRS):
        for name in names:
            circuit = "pod_cc" if name in AFFINITY else "pod_av" if name in AEROVIRONMENT else "sec"
            stations[name] = {"circuit": circuit, "phases": lines, "min_a": 0, "max_a": 32, "kw_per_a": 0.208}
            group[name] = number
    circuits = {"sec": {"parent": None, "limit": (behind_a,) * 3}}
    circuits |= {pod: {"parent": "sec", "limit": (80.0, 80.0, 1e9)} for pod in ("pod_cc", "pod_av")}
    place = Place(f"garage {cap_kw:g} kW", 5, stations, circuits)
    turn = [cmath.exp(1j * math.radians(angle)) for _, _, angle in PAIRS]
    rows = [[1.0 if name in pod else 0.0 for name in stations] for pod in (AFFINITY, AEROVIRONMENT)]
    rows += [[share[group[name]] * turn[group[name]] for name in stations] for share in BEHIND + BEFORE]
    place.M = np.array(rows, complex)
    place.limit = np.array([80.0, 80.0, *[behind_a] * 3, *[before_a] * 3])
    return place


def sessions(path: Path, place: Place) -> list[dict[str, Any]]:
    """The sessions of a file in the place's steps, by arrival."""
    found = []
    with path.open() as file:
        for row in csv.DictReader(file):
            arrives, leaves = (int(float(row[key])) // place.dt for key in ("arrival_min", "departure_min"))
            if leaves > arrives and float(row["kwh"]) > 0:
                max_a = min(float(row["max_a"]), place.stations[row["station"]]["max_a"])
                found.append({"session": row["session"], "station": row["station"], "arrives": arrives, "leaves": leaves,
                              "kwh": float(row["kwh"]), "max_a": max_a, "priority": float(row.get("priority") or 1)})  # fmt: skip
    return sorted(found, key=lambda one: one["arrives"])
