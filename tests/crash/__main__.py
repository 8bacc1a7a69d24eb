"""`make crash`: ten minutes of kills. The last line is JSON; the exit code is 1 where anything was lost, double or wrong."""

import argparse
import asyncio
import json
import os
import subprocess
import sys

from tests.crash.journal import FAULTS
from tests.crash.run import Plan, crash
from tests.infra.local.conftest import ROOT


def main() -> int:
    top = argparse.ArgumentParser(prog="make crash")
    for name, kind in (("seconds", float), ("stations", int), ("nodes", int), ("seed", int), ("pace-s", float)):
        top.add_argument(f"--{name}", type=kind, default=getattr(Plan(), name.replace("-", "_")))
    result = asyncio.run(crash(Plan(**vars(top.parse_args()))))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    print(json.dumps({**result, "commit": commit, "cores": os.cpu_count()}))
    return 1 if any(result[name] for name in FAULTS) or not result["stayed_up"] else 0


if __name__ == "__main__":
    sys.exit(main())
