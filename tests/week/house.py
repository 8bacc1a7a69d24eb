"""The apartment house of the benchmark as a twin: 40 stations on four feeders behind a fuse that is too small for all."""

import csv
import math

from infra.simulation.place import Base, Three, TwinCircuit, TwinPlace, TwinStation, visits_of
from tests.bench.balance.places import DATA, PHASES, house_a

FUSE_A, FEEDER_A = 50.0, 63.0
MARGIN_A = 3.0  # what the house may add before the next word of its meter, and in the minute after the last one


def base_from(begin_min: float) -> Base:
    """The house's own use from a minute on, with what goes on and off in minutes on top."""

    def base(at_s: float) -> dict[str, Three]:
        l1, l2, l3 = house_a(int(begin_min + at_s / 60))
        ripple = 0.6 * math.sin(at_s / 67) + 0.4 * math.sin(at_s / 41)
        return {"main": (l1 + ripple, l2 + ripple, l3 + ripple)}

    return base


def apartment_twin(days: float, begin_min: float = 0.0) -> TwinPlace:
    """Half of the stations speak 1.6, half 2.0.1; every fifth takes watts and refuses amperes; every fourth has one phase."""
    base = base_from(begin_min)
    seen = [base(60.0 * minute)["main"] for minute in range(0, round(days * 1440) + 15, 5)]
    worst = (max(one[0] for one in seen) + 1, max(one[1] for one in seen) + 1, max(one[2] for one in seen) + 1)
    circuits = [TwinCircuit(name="main", limit=(FUSE_A,) * 3, margin_a=MARGIN_A, worst=worst, has_meter=True)]
    circuits += [TwinCircuit(name=f"F{number}", parent="main", limit=(FEEDER_A,) * 3) for number in range(4)]
    stations = []
    for number in range(40):
        single = number % 4 == 3
        stations.append(TwinStation(
            identity=f"S{number:02}", name=f"Place {number}", circuit=f"F{number // 10}",
            phases=(PHASES[(number // 4) % 3],) if single else PHASES, max_a=32.0 if single else 16.0, fail_safe_a=0.0,
            version="ocpp2.0.1" if number % 2 else "ocpp1.6", unit="W" if number % 5 == 4 else "A",
        ))  # fmt: skip
    with (DATA / "apartment.csv").open(newline="") as file:
        rows = [
            row | {"arrival_min": str(float(row["arrival_min"]) - begin_min), "departure_min": str(float(row["departure_min"]) - begin_min)}
            for row in csv.DictReader(file)
        ]
    here = [row for row in rows if float(row["departure_min"]) > 0]
    for row in here:
        row["arrival_min"] = str(max(0.0, float(row["arrival_min"])))
    return TwinPlace(
        name="Apartment house, 40 stations", circuits=circuits, stations=stations, visits=visits_of(here, stations, days), base=base
    )
