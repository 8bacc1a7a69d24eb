"""`make bench-ocpp`: this server, storing everything, against the stock server and an echo, which store nothing.

Interleaved runs, medians; the last line is one JSON object. `--short` is a trial of some seconds.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from app.database.engine import close_database, open_database
from app.database.migrate import migrate
from infra.local.postgres import EmbeddedPostgres, embedded_postgres
from infra.local.valkey import embedded_valkey
from tests.bench.ocpp.house import BADGE_ANNA, make_stations
from tests.bench.ocpp.processes import ROOT, Child, Load, cpu_seconds, family, free_port, memory_kib
from tests.charging.house import SECRET

PREFIX = "B"
KINDS = ("own", "stock", "echo")


class Bench:
    """The servers of one benchmark."""

    def __init__(self, postgres: EmbeddedPostgres, dsn: str, redis_url: str, log: Path) -> None:
        self.postgres, self.dsn, self.redis_url, self.log = postgres, dsn, redis_url, log

    def server(self, kind: str) -> Child:
        if kind != "own":
            return Child(["-m", "tests.bench.ocpp.baselines", kind])
        port = free_port()
        env = {"DATABASE_URL": self.dsn, "REDIS_URL": self.redis_url, "HOFSTROM_SECRET_KEY": SECRET.decode(),
               "HOFSTROM_OCPP_PORT": str(port), "HOFSTROM_DATA": str(self.log.parent)}  # fmt: skip
        return Child(["-m", "app.cli", "ocpp"], port, env, self.log)

    def database_pids(self) -> list[int]:
        assert self.postgres.process is not None
        return family(self.postgres.process.pid)

    async def run(self, kind: str, stations: int, warm: float, seconds: float) -> dict[str, float]:
        """One run at full load."""
        child = await self.server(kind).start()
        try:
            async with Load(child.port, PREFIX, BADGE_ANNA) as load:
                load.order(do="connect", first=1, count=stations)
                await load.report()
                load.order(do="talk", warm=warm, seconds=seconds)
                await load.report()
                node, database = cpu_seconds([child.pid]), cpu_seconds(self.database_pids())
                done = (await load.report())["done"]
                node, database = cpu_seconds([child.pid]) - node, cpu_seconds(self.database_pids()) - database
        finally:
            await child.end(signal.SIGKILL)
        answers = done["answers"]
        figures = {
            "msg_s": answers / done["seconds"], "msg_cpu_s": answers / node, "p50_ms": done["p50_ms"],
            "p99_ms": done["p99_ms"], "database_us": database / answers * 1e6, "callerrors": done["callerrors"], "cuts": done["cuts"],
        }  # fmt: skip
        print(
            f"  {stations:>5} {kind:<5} " + "  ".join(f"{name} {value:,.1f}" for name, value in figures.items()), done["kinds"], flush=True
        )
        return figures

    async def idle(self, stations: int) -> float:
        """KiB of the node for each station that is connected and booted."""
        child = await self.server("own").start()
        try:
            async with Load(child.port, PREFIX, BADGE_ANNA) as load:
                load.order(do="connect", first=1, count=100)  # what is made once is made by now
                await load.report()
                before = memory_kib(child.pid)
                load.order(do="connect", first=101, count=stations - 100)
                await load.report()
                await asyncio.sleep(8)  # what a connection does in its first seconds is over
                return (memory_kib(child.pid) - before) / (stations - 100)
        finally:
            await child.end(signal.SIGKILL)

    async def reboot(self, stations: int) -> dict[str, float]:
        """kill -9, start again: the seconds until every station is accepted, and the errors that any was told."""
        child = await self.server("own").start()
        try:
            async with Load(child.port, PREFIX, BADGE_ANNA) as load:
                load.order(do="connect", first=1, count=stations)
                await load.report()
                load.order(do="return")
                await load.report()
                await child.end(signal.SIGKILL)
                began = time.monotonic()
                await child.start()
                load.order(do="all_back")
                report = await load.report()
                return {"seconds": time.monotonic() - began, "callerrors": report["callerrors"], "refused": report["refused"]}
        finally:
            await child.end(signal.SIGKILL)


@asynccontextmanager
async def bench(stations: int) -> AsyncIterator[Bench]:
    """Embedded servers with durable settings, and houses with that many stations."""
    folder = Path(tempfile.mkdtemp(prefix="hs-bench-", dir="/tmp"))
    os.chmod(folder, 0o755)
    try:
        with embedded_postgres(folder) as postgres, embedded_valkey(folder) as valkey:
            dsn = postgres.dsn()
            await migrate(dsn)
            await open_database(dsn)
            await make_stations(dsn, stations, PREFIX)
            await close_database()
            yield Bench(postgres, dsn, valkey.url, folder / "node.log")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def middle(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(run[name] for run in runs), 1) for name in (runs[0] if runs else {})}


async def stored(dsn: str) -> dict[str, int]:
    line = await asyncpg.connect(dsn)
    try:
        return {
            table: await line.fetchval(f"SELECT count(*) FROM {table}") for table in ("meter_value", "station_message", "charging_session")
        }
    finally:
        await line.close()


async def measure(args: argparse.Namespace) -> dict[str, Any]:
    counts = [int(one) for one in args.stations.split(",")]
    result: dict[str, Any] = {"name": "ocpp", "stations": {}, "stock": {}, "echo": {}, "ratio_stock": {}, "ratio_echo": {},
                              "database_us_per_message": {}, "callerrors": 0, "idle_kib": {}}  # fmt: skip
    async with bench(max(counts + args.idle_counts + [args.reboot])) as servers:
        for count in counts if args.runs else []:
            runs: dict[str, list[dict[str, float]]] = {kind: [] for kind in args.kinds}
            for _ in range(args.runs):
                for kind in args.kinds:
                    runs[kind].append(await servers.run(kind, count, args.warm, args.seconds))
            found = {kind: middle(those) for kind, those in runs.items()}
            own = found["own"]
            result["stations"][count] = {name: own[name] for name in ("msg_s", "msg_cpu_s", "p50_ms", "p99_ms")}
            result["database_us_per_message"][count] = own["database_us"]
            result["callerrors"] += sum(int(run["callerrors"]) for run in runs["own"])
            for kind in set(args.kinds) - {"own"}:
                result[kind][count] = found[kind]
                ratios = [a["msg_cpu_s"] / b["msg_cpu_s"] for a, b in zip(runs["own"], runs[kind], strict=True)]
                result[f"ratio_{kind}"][count] = round(statistics.median(ratios), 2)
        result["stored"] = await stored(servers.dsn)
        for count in args.idle_counts:
            result["idle_kib"][count] = round(await servers.idle(count), 1)
            print(f"  {count} idle: {result['idle_kib'][count]} KiB each", flush=True)
        if args.reboot:
            back = await servers.reboot(args.reboot)
            print(f"  {args.reboot} back: {back}", flush=True)
            result["reboot_s"] = round(back["seconds"], 1)
            result["callerrors"] += int(back["callerrors"])
    return result


def main() -> None:
    top = argparse.ArgumentParser(prog="make bench-ocpp")
    top.add_argument("--short", action="store_true")
    top.add_argument("--stations", default="200,1000,5000")
    top.add_argument("--kinds", default=",".join(KINDS))
    for name, default in (("runs", 3), ("reboot", 5000)):
        top.add_argument(f"--{name}", type=int, default=default)
    for name, seconds in (("warm", 3.0), ("seconds", 8.0)):
        top.add_argument(f"--{name}", type=float, default=seconds)
    top.add_argument("--idle", default="1000,10000")
    args = top.parse_args()
    if args.short:
        args.stations, args.runs, args.warm, args.seconds, args.idle, args.reboot = "200", 1, 1.0, 3.0, "1000", 500
    args.kinds = args.kinds.split(",")
    args.idle_counts = [int(one) for one in args.idle.split(",") if one]
    result = asyncio.run(measure(args))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    print(json.dumps({**result, "commit": commit, "cores": os.cpu_count()}))


if __name__ == "__main__":
    main()
