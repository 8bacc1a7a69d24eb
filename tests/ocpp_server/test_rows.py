"""Every row of the stations' rules has a test that bears its number, on each version that the rule is about."""

import ast
import csv
import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
ROW = re.compile(r"st(\d\d)")
BOTH = {"1.6", "2.0.1"}
BY_FIXTURE = {"version", "protocols", "protocol", "town"}  # parameters that run a test on both versions


def versions(path: Path, test: ast.AsyncFunctionDef | ast.FunctionDef) -> set[str]:
    """The versions that a test speaks, as its text tells."""
    text = ast.unparse(test)
    if isinstance(test, ast.FunctionDef) or BY_FIXTURE & {one.arg for one in test.args.args} or ("V16" in text and "V201" in text):
        return BOTH
    return {"2.0.1"} if "201" in path.name or "V201" in text or "ocpp2.0.1" in text else {"1.6"}


def numbers_in_tests() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and node.name.startswith("test_"):
                for number in ROW.findall(node.name):
                    found.setdefault(f"ST-{number}", set()).update(versions(path, node))
    return found


def test_every_row_has_a_test_on_each_of_its_versions():
    with (Path(__file__).parent / "rows.tsv").open(newline="") as file:
        rows = {row["row"]: BOTH if row["versions"] == "both" else {row["versions"]} for row in csv.DictReader(file, delimiter="\t")}
    found = numbers_in_tests()
    missing = {row: sorted(wanted - found.get(row, set())) for row, wanted in rows.items() if wanted - found.get(row, set())}
    assert missing == {}, "no test bears these numbers"
    assert sorted(found.keys() - rows.keys()) == [], "numbers that are in no row"
