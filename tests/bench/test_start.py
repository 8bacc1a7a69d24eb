"""`make bench-start` runs and prints the keys that scripts rely on."""

import json
import subprocess
import sys

from tests.bench.ocpp.processes import ROOT


def test_the_last_line_has_the_figures_the_baseline_and_where_they_were_measured():
    said = subprocess.run([sys.executable, "-m", "tests.bench.start", "--short"], cwd=ROOT, capture_output=True, text=True, timeout=400)
    assert said.returncode == 0, said.stderr[-3000:]
    report = json.loads(said.stdout.splitlines()[-1])
    assert (report["name"], report["stations"], report["charging"]) == ("bench-start", 200, 20)
    for key in ("tap_to_remote_start_ms", "start_to_page_ms", "baseline_ms"):
        assert 0 < report[key]["p50"] <= report[key]["p99"] < 30_000
    assert sorted(report["ratio"]) == ["page", "tap"] and report["cores"] > 0 and report["commit"]
