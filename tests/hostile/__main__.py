"""`make hostile`: 10,000 malformed frames. The last line is JSON; the exit code is 1 where anybody else noticed."""

import argparse
import asyncio
import json
import os
import subprocess
import sys

from tests.hostile.run import Plan, attack
from tests.infra.local.conftest import ROOT

PATIENCE = 3.0  # times the quiet answer
ENOUGH_MS = 100.0


def main() -> int:
    top = argparse.ArgumentParser(prog="make hostile")
    for name, kind in (("frames", int), ("quiet-s", float), ("seed", int)):
        top.add_argument(f"--{name}", type=kind, default=getattr(Plan(), name.replace("-", "_")))
    result = asyncio.run(attack(Plan(**vars(top.parse_args()))))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    ratio = round(result["loud_p99_ms"] / result["quiet_p99_ms"], 2)
    quick = ratio <= PATIENCE or result["loud_p99_ms"] <= ENOUGH_MS
    print(json.dumps({**result, "ratio": ratio, "commit": commit, "cores": os.cpu_count()}))
    harmed = result["exits"] or result["witness_errors"] or result["charges"] or not result["welcome_again"] or not quick
    return 1 if harmed else 0


if __name__ == "__main__":
    sys.exit(main())
