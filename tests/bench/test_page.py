"""`make bench-page` runs and prints the keys that scripts rely on."""

import json
import subprocess
import sys

from tests.bench.ocpp.processes import ROOT


def test_the_last_line_says_what_a_page_loads_and_how_soon_it_obeys():
    said = subprocess.run([sys.executable, "-m", "tests.bench.page", "--short"], cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert said.returncode == 0, said.stderr[-3000:]
    report = json.loads(said.stdout.splitlines()[-1])
    assert (report["name"], list(report["pages"])) == ("bench-page", ["signin"])
    page = report["pages"]["signin"]
    assert sorted(page) == ["cls", "css_kb", "first_load_kb", "js_kb", "lcp_s", "tbt_ms", "tti_s"]
    assert 0 < page["css_kb"] < page["js_kb"] < page["first_load_kb"] < 90
    assert page["lcp_s"] > 0
    assert page["tti_s"] > 0
    assert 0 <= page["cls"] <= 0.02
    assert sorted(report["lighthouse"]) == ["accessibility", "best_practices", "performance", "seo"]
