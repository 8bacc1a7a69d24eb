"""`hofstrom simulate`: replay a site's history, or the sessions of a file, in a scratch copy of the whole system."""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from app.database.engine import close_database, open_database
from app.database.migrate import migrate
from app.kernel.settings import Settings
from infra.local.postgres import embedded_postgres
from infra.simulation.faults import Faults
from infra.simulation.history import NothingToReplay, place_of
from infra.simulation.optimum import optimum_wh
from infra.simulation.place import TwinPlace, read_visits
from infra.simulation.report import figures, picture, words
from infra.simulation.twin import Outcome, run_twin

DAY_S = 86_400.0
TOLD_EVERY_S = 10.0


def _folder() -> Path:
    """A folder for servers that run under accounts of their own."""
    folder = Path(tempfile.mkdtemp(prefix="hs-twin-"))
    folder.chmod(0o755)
    return folder


def _keep(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@asynccontextmanager
async def scratch(settings: Settings) -> AsyncIterator[Settings]:
    """Settings of an empty system of its own, gone afterwards. It opens this process's database."""
    folder = _folder()
    try:
        with embedded_postgres(folder, bin_folder=settings.postgres_bin) as server:
            await migrate(server.dsn())
            await open_database(server.dsn())
            try:
                yield msgspec.structs.replace(settings, database_url=server.dsn(), redis_url="", ocpp_port=0, ocpp_tls_port=None)
            finally:
                await close_database()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def simulate(settings: Settings, sites: list[tuple[UUID, UUID, str]], args: argparse.Namespace, now: datetime) -> int:
    """Replay and report; 1 where a limit was passed. The site's database is open when it begins, and closed when it ends. `sites`:
    account, site and name of those that fit; there must be one."""
    if len(sites) > 1:
        raise NothingToReplay(f"there are {len(sites)} sites of that name; give the id")
    account_id, site_id, name = sites[0]
    begin = (now - timedelta(days=args.days)).replace(hour=0, minute=0, second=0, microsecond=0)
    place = await place_of(account_id, site_id, name, begin, args.days)
    await close_database()
    if args.file is not None:
        place = msgspec.structs.replace(place, visits=read_visits(args.file, place.stations, args.days))
    if not place.visits:
        raise NothingToReplay(f"{name} has no charges in the last {args.days} days; name more --days, or a --file of sessions")
    faults = Faults(seed=args.seed, link_a_day=args.link_failures, meter_a_day=args.meter_failures)
    found, drawn = await replayed(settings, place, begin, args.days * DAY_S, faults, args.step, quiet=args.json)
    file = args.picture or settings.data / "simulation.svg"
    _keep(file, drawn)
    print(json.dumps(found) if args.json else f"{words(found)}\n  picture      {file}")
    return 1 if found["overloads"] else 0


async def replayed(
    settings: Settings, place: TwinPlace, begin: datetime, seconds: float, faults: Faults, step_s: float, quiet: bool = True
) -> tuple[dict[str, Any], str]:  # fmt: skip
    """The figures of a run in a scratch system, and its picture."""
    told = time.monotonic()

    async def watch(at: float, outcome: Outcome) -> None:
        nonlocal told
        if not quiet and time.monotonic() - told >= TOLD_EVERY_S:
            told = time.monotonic()
            print(f"· day {int(at // DAY_S) + 1}, {int(at % DAY_S // 3600):02}:{int(at % 3600 // 60):02}: "
                  f"{outcome.delivered_wh / 1000:.0f} kWh, {outcome.overloads} overloads", flush=True)  # fmt: skip

    async with scratch(settings) as own:
        outcome = await run_twin(place, own, begin, seconds, faults, step_s, watch)
    found = figures(place, outcome, optimum_wh(place, seconds))
    return found, picture(place, outcome.samples)
