"""The feature rows with a passing test that bears their id: `make rows`. The last line is JSON."""

import csv
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
FEATURES = ROOT / "tests" / "features.tsv"


class Rows:
    """A pytest plugin that notes which rows passed and which failed."""

    def __init__(self) -> None:
        self.marked: dict[str, set[str]] = {}
        self.passed: set[str] = set()
        self.failed: set[str] = set()

    def pytest_collection_modifyitems(self, items, config):
        chosen = [item for item in items if list(item.iter_markers("row"))]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen
        for item in chosen:
            self.marked[item.nodeid] = {str(mark.args[0]) for mark in item.iter_markers("row")}

    def pytest_runtest_logreport(self, report):
        rows = self.marked.get(report.nodeid, set())
        if report.failed:
            self.failed |= rows
        elif report.when == "call" and report.passed:
            self.passed |= rows


def main() -> int:
    """Run the marked tests and count; 1 where a row's test fails or a marked row is not in the table."""
    import pytest

    rows = Rows()
    pytest.main(["-q", "-p", "no:cacheprovider", str(ROOT / "tests")], plugins=[rows])
    with FEATURES.open(newline="") as file:
        known = {row["id"]: row["priority"] for row in csv.DictReader(file, delimiter="\t")}
    done = (rows.passed - rows.failed) & known.keys()
    counts = Counter((row[0], known[row]) for row in done)
    for (group, priority), count in sorted(counts.items()):
        print(f"{group} {priority:<7} {count}")
    unknown = sorted((rows.passed | rows.failed) - known.keys())
    unproven = sorted(known.keys() - done)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    print(json.dumps({"done": sorted(done), "count": len(done), "unproven": unproven, "unknown": unknown, "commit": commit}))
    return 1 if unknown or unproven else 0


if __name__ == "__main__":
    sys.exit(main())
