"""`make bench-ocpp` runs and prints the keys that scripts rely on."""

import json
import subprocess
import sys

from tests.bench.ocpp.figures import report
from tests.bench.ocpp.processes import ROOT


def test_the_last_line_has_the_figures_and_those_of_the_baselines():
    said = subprocess.run([sys.executable, "-m", "tests.bench.ocpp", "--short"], cwd=ROOT, capture_output=True, text=True, timeout=400)
    assert said.returncode == 0, said.stderr[-3000:]
    found = json.loads(said.stdout.splitlines()[-1])
    figures = found["stations"]["50"]
    assert found["name"] == "bench-ocpp" and found["commit"] and found["cores"] > 0
    for key in ("msg_s", "msg_cpu_s", "p50_ms", "p99_ms"):
        assert figures[key] > 0 and figures["stock"][key] > 0 and figures["echo"][key] > 0
    for key in ("ratio_stock", "ratio_echo", "idle_kib", "reboot_s", "database_us_per_message"):
        assert found[key] > 0
    assert found["callerrors"] == 0
    assert min(found["stored"].values()) > 0


def test_one_figure_stands_for_the_worst_where_it_is_promised():
    def run(kind_cpu_s, database_us):
        return {"msg_s": 1.0, "msg_cpu_s": kind_cpu_s, "p50_ms": 1.0, "p99_ms": 2.0, "database_us": database_us, "callerrors": 1}

    def runs(own, stock, database_us):
        return {"own": [run(own, database_us)] * 2, "stock": [run(stock, 0.0)] * 2}

    found = report({200: runs(80.0, 10.0, 20.0), 1000: runs(90.0, 10.0, 30.0), 5000: runs(10.0, 10.0, 90.0)}, {10: 3.0, 100: 2.0}, {})
    assert (found["ratio_stock"], found["ratio_echo"], found["database_us_per_message"]) == (8.0, None, 30.0)
    assert (found["idle_kib"], found["reboot_s"], found["callerrors"]) == (2.0, None, 6)
    assert found["stations"]["5000"]["ratio_stock"] == 1.0
