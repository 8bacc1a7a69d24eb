"""`make bench-ocpp`: this server, storing everything, against the stock server and an echo, which store nothing.

Interleaved runs, medians; the last line is one JSON object. `--short` is a trial of some seconds; `--stations`, `--kinds`, `--runs`,
`--idle` and `--reboot` choose a part. What counts is CPU-seconds, since others may use the machine: `others` is their share of it.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
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
from tests.bench.ocpp.figures import report
from tests.bench.ocpp.house import TAG, make_stations
from tests.bench.ocpp.processes import ROOT, Busy, Child, Load, cpu_seconds, family, free_port, memory_kib
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
            async with Load(child.port, PREFIX, TAG) as load:
                load.order(do="connect", first=1, count=stations)
                await load.report()
                load.order(do="talk", warm=warm, seconds=seconds)
                await load.report()
                busy = Busy([child.pid, load.process.pid])
                node, database = cpu_seconds([child.pid]), cpu_seconds(self.database_pids())
                done = (await load.report())["done"]
                node, database = cpu_seconds([child.pid]) - node, cpu_seconds(self.database_pids()) - database
                others = busy.others(database)
        finally:
            await child.end(signal.SIGKILL)
        answers = done["answers"]
        figures = {
            "msg_s": answers / done["seconds"], "msg_cpu_s": answers / node, "p50_ms": done["p50_ms"],
            "p99_ms": done["p99_ms"], "database_us": database / answers * 1e6, "callerrors": done["callerrors"], "cuts": done["cuts"],
            "others": others,
        }  # fmt: skip
        print(
            f"  {stations:>5} {kind:<5} " + "  ".join(f"{name} {value:,.2f}" for name, value in figures.items()), done["kinds"], flush=True
        )
        return figures

    async def idle(self, stations: int) -> float:
        """KiB of the node for each station that is connected and booted."""
        child = await self.server("own").start()
        try:
            async with Load(child.port, PREFIX, TAG) as load:
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
            async with Load(child.port, PREFIX, TAG) as load:
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


async def stored(dsn: str) -> dict[str, int]:
    line = await asyncpg.connect(dsn)
    try:
        return {
            table: await line.fetchval(f"SELECT count(*) FROM {table}") for table in ("meter_value", "station_message", "charging_session")
        }
    finally:
        await line.close()


async def measure(args: argparse.Namespace) -> dict[str, Any]:
    runs: dict[int, dict[str, list[dict[str, float]]]] = {}
    idle: dict[int, float] = {}
    back: dict[str, float] = {}
    async with bench(max(args.counts + args.idle_counts + [args.reboot])) as servers:
        for count in args.counts if args.runs else []:
            runs[count] = {kind: [] for kind in args.kinds}
            for _ in range(args.runs):
                for kind in args.kinds:
                    runs[count][kind].append(await servers.run(kind, count, args.warm, args.seconds))
        rows = await stored(servers.dsn)
        for count in args.idle_counts:
            idle[count] = await servers.idle(count)
            print(f"  {count} idle: {idle[count]:.1f} KiB each", flush=True)
        if args.reboot:
            back = await servers.reboot(args.reboot)
            print(f"  {args.reboot} back: {back}", flush=True)
    return {**report(runs, idle, back), "stored": rows}


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
        args.stations, args.runs, args.warm, args.seconds, args.idle, args.reboot = "50", 1, 0.5, 2.0, "200", 100
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was made for the benchmark goes with it
    args.kinds, args.counts = args.kinds.split(","), [int(one) for one in args.stations.split(",") if one]
    args.idle_counts = [int(one) for one in args.idle.split(",") if one]
    result = asyncio.run(measure(args))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    print(json.dumps({**result, "commit": commit, "cores": os.cpu_count()}))


if __name__ == "__main__":
    main()
