"""`make bench-console` runs and prints the keys that scripts rely on."""

import json
import subprocess
import sys

from tests.bench.ocpp.processes import ROOT


def test_the_last_line_has_the_figures_of_portfolio_and_search_and_those_of_the_bare_query():
    said = subprocess.run([sys.executable, "-m", "tests.bench.console", "--short"], cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert said.returncode == 0, said.stderr[-3000:]
    report = json.loads(said.stdout.splitlines()[-1])
    assert (report["name"], report["sites"], report["billing_points"]) == ("bench-console", 21, 203)
    for key in ("board", "search", "baseline_board", "baseline_search"):
        assert 0 < report[key]["p50_ms"] <= report[key]["p99_ms"]
    assert sorted(report["ratio"]) == ["board", "search"]
