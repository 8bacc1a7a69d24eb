"""`make bench-api` runs and prints the keys that scripts rely on."""

import json
import subprocess
import sys

from tests.bench.ocpp.processes import ROOT


def test_the_last_line_has_the_figures_of_home_and_month_and_their_ratios():
    said = subprocess.run([sys.executable, "-m", "tests.bench.api", "--short"], cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert said.returncode == 0, said.stderr[-3000:]
    report = json.loads(said.stdout.splitlines()[-1])
    assert (report["name"], report["points"], report["months"]) == ("bench-api", 20, 24)
    for key in ("home", "month"):
        assert 0 < report[key]["p50_ms"] <= report[key]["p99_ms"] and report[key]["ratio"] > 0
