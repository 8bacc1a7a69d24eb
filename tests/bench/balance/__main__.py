"""`make bench-balance`: the share of the energy that perfect foresight would deliver, and the cost of one allocation.

Sessions of an apartment house at three sizes of fuse, and real ones of a garage. The baseline is who comes first is served
first, in the same simulation. The last line is one JSON object. `--short` takes the apartment house at 50 A only.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import time
from typing import Any

import numpy as np

from app.charging.balancing import Scheduler, allocate
from tests.bench.balance.places import DATA, PHASES, Place, apartment, garage, sessions
from tests.bench.balance.simulation import Allocate, Live, optimum_kwh, simulate
from tests.bench.ocpp.processes import ROOT

FUSES = (40, 50, 63)


def alone(place: Place) -> Allocate:
    """The allocator without a memory or a plan."""
    return lambda t, cars: allocate([car.contract(place.dt) for car in cars], place.tree(int(t)), t, place.dt)


def first_come(place: Place) -> Allocate:
    """The baseline: in order of arrival, all that still fits."""

    def serve(t: float, cars: list[Live]) -> dict[str, float]:
        used, room, found = np.zeros(len(place.limit), place.M.dtype), place.headroom(int(t)), {}
        for car in sorted(cars, key=lambda one: one.arr):
            column, full = place.M[:, car.i], car.left / (car.kw_per_a * place.dt / 60)
            tries = [part * min(car.max_a, full) / 64 for part in range(64, 0, -1)]
            fit = next((amps for amps in tries if np.all(np.abs(used + column * amps) <= room + 1e-9)), 0.0)
            found[car.station] = fit if fit >= min(car.min_a, full) else 0.0
            used = used + column * found[car.station]
        return found

    return serve


def measure(place: Place, file: str, planned: bool) -> dict[str, Any]:
    """Shares of the optimum in per cent, and what must not happen."""
    rows = sessions(DATA / file, place)
    best = optimum_kwh(place, rows)
    runs = {"allocator": simulate(place, rows, alone(place)), "first_come": simulate(place, rows, first_come(place))}
    if planned:
        runs["planner"] = simulate(place, rows, Scheduler(place).schedule)
        runs["planner_2h"] = simulate(place, rows, Scheduler(place).schedule, wrong_h=2.0)
    found: dict[str, Any] = {name: round(100 * run["kwh"] / best, 2) for name, run in runs.items()}
    own = [run for name, run in runs.items() if name != "first_come"]
    found["overloads"] = sum(run["overloads"] for run in own)
    found["switches"] = round(runs["planner" if planned else "allocator"]["switches"], 2)
    return found


def tree(stations: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Ten stations a group, eight groups a feeder, too little for all at every level."""
    pick = random.Random(1)
    groups = -(-stations // 10)
    circuits: list[dict[str, Any]] = [{"id": "main", "parent": None, "limit": (6.0 * stations,) * 3, "base": (0, 0, 0)}]
    circuits += [{"id": f"f{n}", "parent": "main", "limit": (620.0, 580.0, 600.0), "base": (0, 0, 0)} for n in range(-(-groups // 8))]
    circuits += [{"id": f"g{n}", "parent": f"f{n // 8}", "limit": (90.0, 80.0, 85.0), "base": (0, 0, 0)} for n in range(groups)]
    cars = []
    for number in range(stations):
        phases = (PHASES[number % 3],) if pick.random() < 0.25 else PHASES
        cars.append({
            "session": f"s{number}", "station": f"S{number}", "circuit": f"g{number // 10}", "phases": phases, "min_a": 6,
            "max_a": 32 if len(phases) == 1 else 16, "priority": 1 + (pick.random() < 0.1), "remaining_kwh": pick.uniform(2, 60),
            "kw_per_a": 0.23 * len(phases), "arrival_min": 0, "departure_min": pick.uniform(60, 900),
        })  # fmt: skip
    return cars, circuits


def cost_ms(stations: int) -> float:
    """Milliseconds of processor time for one allocation: the median."""
    cars, circuits = tree(stations)
    took = []
    for _ in range(15):
        began = time.process_time()
        allocate(cars, circuits, 0, 15)
        took.append(1e3 * (time.process_time() - began))
    return round(statistics.median(took), 3)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-balance", description=__doc__)
    parser.add_argument("--short", action="store_true")
    args = parser.parse_args()
    report: dict[str, Any] = {"name": "bench-balance", "apartment": {}, "caltech": {}}
    for fuse in (50,) if args.short else FUSES:
        report["apartment"][str(fuse)] = measure(apartment(fuse), "apartment.csv", not args.short)
        print(f"· {fuse} A", report["apartment"][str(fuse)], flush=True)
    if not args.short:
        report["caltech"]["30"] = measure(garage(30), "caltech_2019-03.csv", True)
        print("· garage", report["caltech"]["30"], flush=True)
    places = [*report["apartment"].values(), *report["caltech"].values()]
    report["overloads"] = sum(one["overloads"] for one in places)
    report["switches"] = max(one["switches"] for one in report["apartment"].values())
    report["ms_100"], report["ms_1000"] = cost_ms(100), cost_ms(1000)
    report["ratio"] = {name: round(one["allocator"] / one["first_come"], 3) for name, one in report["apartment"].items()}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    print(json.dumps(report | {"commit": commit.stdout.strip(), "cores": os.cpu_count()}))


if __name__ == "__main__":
    main()
