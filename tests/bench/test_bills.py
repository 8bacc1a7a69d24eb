"""`make bench-bills` and `make bench-allocate` run and print the keys that scripts rely on."""

import json
import subprocess
import sys
from typing import Any

from tests.bench.ocpp.processes import ROOT


def last_line(name: str) -> dict[str, Any]:
    said = subprocess.run([sys.executable, "-m", f"tests.bench.{name}", "--short"], cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert said.returncode == 0, said.stderr[-3000:]
    found: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return found


def test_bills_of_a_month_are_measured_beside_the_floor_which_finds_the_same_energy():
    report = last_line("bills")
    for name, houses in (("points_1000", 1), ("points_10000", 2)):
        found = report[name]
        assert found["houses"] == houses and found["cpu_s"] > 0 and found["floor_cpu_s"] > 0 and found["ratio"] > 0
        assert abs(found["net_minor"] - found["floor_net_minor"]) < found["net_minor"] / 1000
    assert report["peak_mb"] > 0 and report["pdf_per_min"] > 0


def test_shares_are_measured_beside_polars_and_duckdb_which_find_the_same_to_the_watt_hour():
    report = last_line("allocate")
    assert sorted(report["ratio"]) == ["duckdb", "polars"] and report["quarters"] == 20 * 192
