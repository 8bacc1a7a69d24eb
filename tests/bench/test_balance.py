"""`make bench-balance` runs and prints the keys that scripts rely on."""

import json
import subprocess
import sys

from tests.bench.ocpp.processes import ROOT


def test_the_last_line_has_the_shares_the_baseline_and_what_must_not_happen():
    said = subprocess.run([sys.executable, "-m", "tests.bench.balance", "--short"], cwd=ROOT, capture_output=True, text=True, timeout=400)
    assert said.returncode == 0, said.stderr[-3000:]
    report = json.loads(said.stdout.splitlines()[-1])
    assert (report["name"], report["overloads"]) == ("bench-balance", 0)
    # The share of the optimum does not depend on the machine.
    assert report["apartment"]["50"]["allocator"] >= 97.5 > report["apartment"]["50"]["first_come"]
    assert report["ms_100"] > 0 and report["ms_1000"] > 0 and report["cores"] > 0
