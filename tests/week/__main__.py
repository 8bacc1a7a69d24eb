"""`make week`: the whole week; the last line is JSON, the exit code 1 where a limit was passed. ARGS="--days 1 --seed 7"."""

import argparse
import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from app.kernel.settings import settings_from
from infra.simulation.command import DAY_S, replayed
from infra.simulation.faults import Faults
from infra.simulation.report import words
from tests.bench.ocpp.processes import ROOT
from tests.week.house import apartment_twin

BEGIN = datetime(2026, 11, 2, tzinfo=UTC)
SETTINGS = {"HOFSTROM_SECRET_KEY": "a secret for a simulated week, long enough"}


def main() -> int:
    top = argparse.ArgumentParser(prog="make week")
    top.add_argument("--days", type=float, default=7.0)
    top.add_argument("--step", type=float, default=60.0)
    top.add_argument("--seed", type=int, default=1)
    top.add_argument("--link-failures", type=float, default=3.0, help="of each station, a day")
    top.add_argument("--meter-failures", type=float, default=12.0, help="of each meter, a day")
    top.add_argument("--picture", type=Path)
    args = top.parse_args()
    faults = Faults(seed=args.seed, link_a_day=args.link_failures, meter_a_day=args.meter_failures)
    run = replayed(settings_from(SETTINGS), apartment_twin(args.days), BEGIN, args.days * DAY_S, faults, args.step, quiet=False)
    found, drawn = asyncio.run(run)
    if args.picture is not None:
        args.picture.write_text(drawn)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    print(words(found))
    print(json.dumps({"name": "week", "days": args.days, **found, "commit": commit.stdout.strip(), "cores": os.cpu_count()}))
    return 1 if found["overloads"] else 0


if __name__ == "__main__":
    sys.exit(main())
