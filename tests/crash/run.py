"""One run: an installation with two listeners, stations on both versions, kills; then the reconciliation."""

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from app.database.engine import close_database, open_database
from app.database.transaction import as_owner, fetch
from app.tariffs.commands import enter_tariff
from app.tariffs.model import Component
from tests.bench.ocpp.house import make_stations
from tests.charging.house import SECRET
from tests.crash.journal import FAULTS, Journal, Stored, reconcile
from tests.crash.killing import Killer
from tests.crash.station import ChaosStation
from tests.infra.local.conftest import Installation

VERSIONS = ("ocpp1.6", "ocpp2.0.1")
SETTLE_SECONDS = 300.0
BASE = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=90)
UNCHARGED = "SELECT count(*) FROM accept_sessions WHERE meter_stop IS NOT NULL AND charges = 0"
HANGING = "SELECT count(*) FROM station_command WHERE state IN ('queued', 'sent')"
COMMANDS = "SELECT state, count(*) FROM station_command GROUP BY state ORDER BY state"


class Plan(msgspec.Struct, frozen=True):
    """How long, how many, how rough. The same seed makes the same stations and the same order of kills."""

    seconds: float = 600
    stations: int = 200
    nodes: int = 2
    seed: int = 1
    every: tuple[float, float] = (2.0, 6.0)
    pace_s: float = 3.0


def entered_by_all() -> Path:
    """A short folder for the servers' accounts."""
    folder = Path(tempfile.mkdtemp(prefix="hs-crash-", dir="/tmp"))
    folder.chmod(0o755)
    return folder


@asynccontextmanager
async def installation(nodes: int) -> AsyncIterator[Installation]:
    """A whole `hofstrom up` in a folder of its own, gone afterwards."""
    folder = entered_by_all()
    house = Installation(folder / "data")
    try:
        settings = {"HOFSTROM_SECRET_KEY": SECRET.decode(), "HOFSTROM_OCPP_NODES": str(nodes)}
        await asyncio.to_thread(house.up, "--no-demo", **settings)
        yield house
    finally:
        await asyncio.to_thread(house.tidy)
        shutil.rmtree(folder, ignore_errors=True)


async def prepare(dsn: str, stations: int) -> None:
    """Stations, a badge that may charge at each, a price."""
    await open_database(dsn)
    try:
        await make_stations(dsn, stations, "K")
        async with as_owner():
            for site in await fetch("SELECT account_id, id FROM site"):
                price = Component(dimension="kwh", unit_price=Decimal("0.30"))
                await enter_tariff(site["account_id"], site["id"], "t", "CHF", Decimal("0.081"), date(2020, 1, 1), (price,))
    finally:
        await close_database()


async def crash(plan: Plan) -> dict[str, Any]:
    """The whole run; the counts of faults and what was done."""
    journal = Journal()
    async with installation(plan.nodes) as house:
        ready = house.ready()
        await prepare(ready["database_url"], plan.stations)
        port = int(ready["ocpp"].split(":")[2].split("/")[0])
        killer = Killer(house, plan.seed, plan.every)
        await charge(port, plan, journal, killer)
        before = time.monotonic()
        await settled(ready["database_url"])
        settle_s = round(time.monotonic() - before, 1)
        hanging = await ask(ready["database_url"], lambda line: line.fetchval(HANGING))
        commands = await ask(ready["database_url"], lambda line: line.fetch(COMMANDS))
        faults = reconcile(journal, *await stored(ready["database_url"]), hanging)
        alive = not house.ended()
    more = {"commands": dict(commands), "settle_s": settle_s, "stayed_up": alive}
    return report(plan, journal, killer.kills, faults) | more


async def charge(port: int, plan: Plan, journal: Journal, killer: Killer) -> None:
    """Stations live while parts are killed; then they finish what they have begun."""
    enough = asyncio.Event()
    stations = [
        ChaosStation(port, f"K-{n}", VERSIONS[n % len(VERSIONS)], BASE, plan.seed, journal, plan.pace_s)
        for n in range(1, plan.stations + 1)
    ]  # fmt: skip
    asyncio.get_running_loop().call_later(plan.seconds, enough.set)
    await asyncio.gather(killer.work(enough), *(one.live(enough) for one in stations))


async def ask(dsn: str, question: Callable[[asyncpg.Connection], Awaitable[Any]]) -> Any:
    line = await asyncpg.connect(dsn)
    try:
        return await question(line)
    finally:
        await line.close()


async def settled(dsn: str) -> None:
    """When every ended session is charged and every command has ended, or it has taken so long that what is left counts."""
    left = f"SELECT ({UNCHARGED}) + ({HANGING})"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SETTLE_SECONDS):
            while await ask(dsn, lambda line: line.fetchval(left)):  # noqa: ASYNC110  the worker gives no event
                await asyncio.sleep(1)


async def stored(dsn: str) -> tuple[list[Stored], set[tuple[str, datetime]]]:
    """What the views and tables hold at the end."""

    async def question(line: asyncpg.Connection) -> tuple[list[Stored], set[tuple[str, datetime]]]:
        rows = [Stored(*row) for row in await line.fetch(
            "SELECT station, start_ts, meter_start, meter_stop, billed_wh, charges FROM accept_sessions")]  # fmt: skip
        values = await line.fetch("SELECT DISTINCT s.identity, v.taken_at FROM meter_value v JOIN station s ON s.id = v.station_id")
        return rows, {(row["identity"], row["taken_at"]) for row in values}

    found: tuple[list[Stored], set[tuple[str, datetime]]] = await ask(dsn, question)
    return found


def report(plan: Plan, journal: Journal, kills: Counter[str], faults: dict[str, int]) -> dict[str, Any]:
    """One object: what was asked of it, what happened, what went wrong."""
    done = sum(one.stop_acknowledged for one in journal.sessions)
    return {
        "name": "crash", "seconds": plan.seconds, "stations": plan.stations, "nodes": plan.nodes, "seed": plan.seed,
        "sessions": len(journal.sessions), "stops_acknowledged": done, **dict(journal.counts), "kills": dict(sorted(kills.items())),
        **{name: faults[name] for name in FAULTS},
    }  # fmt: skip
