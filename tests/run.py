"""All tests, one after another: the PWA's own, then everything of Python. The last line counts them."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "test-results"


def python_tests() -> tuple[int, int]:
    """(passed, failed) of pytest."""
    report = RESULTS / "pytest.xml"
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-n", "2", "-q", "--dist", "loadfile", "--no-loadscope-reorder", f"--junitxml={report}"]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if not report.exists():
        return 0, 1
    suite = ET.parse(report).getroot().find("testsuite")
    counts = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    failed = counts["failures"] + counts["errors"]
    return counts["tests"] - failed - counts["skipped"], failed or int(code != 0)


def page_tests() -> tuple[int, int]:
    """(passed, failed) of vitest."""
    report = RESULTS / "vitest.json"
    report.unlink(missing_ok=True)
    command = [str(ROOT / "infra/local/npm.sh"), "test", "--silent", "--", "--reporter=json", f"--outputFile={report}"]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if not report.exists():
        return 0, 1
    result = json.loads(report.read_text())
    return result["numPassedTests"], result["numFailedTests"] or int(code != 0)


def main() -> int:
    """Run both; 0 where nothing failed."""
    RESULTS.mkdir(exist_ok=True)
    results = [page_tests(), python_tests()]
    passed, failed = (sum(numbers) for numbers in zip(*results, strict=True))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
