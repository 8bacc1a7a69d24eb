"""`make bench-start`: from the tap to the station, and from the station's start to the page, with 200 stations connected.

Everything that an installation runs is started by this program. One in ten stations charges and sends meter values. Beside each
tap the baseline is timed: the same request to a bare Litestar route, then the same StartTransaction to a bare `ocpp` echo.
The last line is one JSON object. `--short` is a trial of some seconds.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.bench.ocpp.processes import ROOT, Child
from tests.bench.start.page import Line, exchange, head, open_line, open_page
from tests.bench.start.stations import BenchStation
from tests.infra.local.conftest import Installation

STATIONS = 200
CHARGING = STATIONS // 10
VALUES_EVERY_S = 10.0
TAPS = 200
WARM_UP = 10


def figures(times_ms: list[float]) -> dict[str, float]:
    """p50 and p99."""
    return {"p50": round(statistics.median(times_ms), 2), "p99": round(statistics.quantiles(times_ms, n=100, method="inclusive")[98], 2)}


class Bench:
    """The house, its stations and the resident who taps."""

    def __init__(self, house: Installation, described: dict[str, Any]) -> None:
        account = described["accounts"][0]
        self.ready = house.ready()
        people = {login["role"]: login for login in account["logins"]}
        self.token = people["resident"]["token"]
        # One person a charge: a badge that charges elsewhere would be answered ConcurrentTx.
        others = {people[role]["person_id"] for role in ("resident", "former_resident")}
        self.badges = [one["uid"] for one in account["sites"][0]["badges"] if one["resident_id"] not in others][:CHARGING]
        self.stations = [BenchStation(one) for one in account["sites"][0]["stations"][:STATIONS]]
        self.tap_ms: list[float] = []
        self.page_ms: list[float] = []
        self.web_ms: list[float] = []
        self.echo_ms: list[float] = []

    async def tap(self, line: Line, station: BenchStation) -> None:
        """One start and its stop, both ends timed."""
        async with open_page(self.ready["http"], self.token, station.code) as page:
            body = json.dumps({"idempotency_key": str(uuid4())}).encode()
            tapped = time.perf_counter()
            status, answer = await exchange(line, head("POST", f"/api/c/{station.code}/start", self.token, body))
            if status != 202:
                raise RuntimeError(f"the tap was refused: {answer.decode()}")
            arrived, tag = await asyncio.wait_for(station.remote_starts.get(), 30)
            self.tap_ms.append((arrived - tapped) * 1000)
            began = time.perf_counter()
            starting = asyncio.create_task(station.start(tag))
            shown, _ = await asyncio.wait_for(page.until("session", code=station.code), 30)
            self.page_ms.append((shown - began) * 1000)
            await station.stop(await starting)

    async def baseline(self, line: Line, echo: BenchStation) -> None:
        """The same two ways through servers that do nothing."""
        body = json.dumps({"idempotency_key": str(uuid4())}).encode()
        began = time.perf_counter()
        await exchange(line, head("POST", "/start", self.token, body))
        between = time.perf_counter()
        await echo.start("0123456789ABCDEF")
        self.web_ms.append((between - began) * 1000)
        self.echo_ms.append((time.perf_counter() - between) * 1000)

    async def run(self, taps: int, web: Child, stock: Child) -> None:
        """All taps, one after another, on changing stations."""
        async with AsyncExitStack() as stack:
            await self._arrive(stack)
            echo = BenchStation({"id": "ECHO", "qr_url": "/ECHO", "password": "x"})
            stack.push_async_callback(echo.leave)
            await echo.arrive(f"ws://127.0.0.1:{stock.port}")
            ours, bare = await open_line(self.ready["http"]), await open_line(f"http://127.0.0.1:{web.port}")
            for _, writer in (ours, bare):
                stack.callback(writer.close)
            idle = self.stations[CHARGING:]
            for number in range(WARM_UP + taps):
                if number == WARM_UP:
                    for times in (self.tap_ms, self.page_ms, self.web_ms, self.echo_ms):
                        times.clear()
                await self.tap(ours, idle[number % len(idle)])
                await self.baseline(bare, echo)

    async def _arrive(self, stack: AsyncExitStack) -> None:
        for first in range(0, len(self.stations), 20):
            await asyncio.gather(*(one.arrive(self.ready["ocpp"]) for one in self.stations[first : first + 20]))
        for station in self.stations:
            stack.push_async_callback(station.leave)
        charging = zip(self.stations[:CHARGING], self.badges, strict=True)
        busy = [asyncio.create_task(one.charge(badge, VALUES_EVERY_S)) for one, badge in charging]
        stack.push_async_callback(ended, busy)

    def report(self) -> dict[str, Any]:
        """The last line."""
        both = [web + echo for web, echo in zip(self.web_ms, self.echo_ms, strict=True)]
        tap, page, base = figures(self.tap_ms), figures(self.page_ms), figures(both)
        return {
            "name": "bench-start", "tap_to_remote_start_ms": tap, "start_to_page_ms": page, "baseline_ms": base,
            "baseline_route_ms": figures(self.web_ms), "baseline_echo_ms": figures(self.echo_ms),
            "ratio": {"tap": round(tap["p50"] / base["p50"], 2), "page": round(page["p50"] / base["p50"], 2)},
            "taps": len(self.tap_ms), "stations": len(self.stations), "charging": CHARGING, "commit": commit(),
            "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 2),
        }  # fmt: skip


async def ended(tasks: list[asyncio.Task[None]]) -> None:
    """Stop the charging stations; one that failed before is an error of the whole run."""
    failed = [task.exception() for task in tasks if task.done() and not task.cancelled()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if failed:
        raise RuntimeError(f"{len(failed)} charging stations failed: {failed[0]!r}")


def commit() -> str:
    said = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return said.stdout.strip()


def say(text: str) -> None:
    print(text, flush=True)


async def measure(house: Installation, taps: int, say: Callable[[str], None] = say) -> dict[str, Any]:
    """Start what is missing, run, stop it. `house` is up."""
    say(f"· {STATIONS} stations")
    made = house.run("demo", "--json", "--stations", str(STATIONS), "--residents", str(CHARGING + 2), "--months", "0")
    if made.returncode:
        raise RuntimeError(made.stderr)
    bench = Bench(house, json.loads(made.stdout))
    web, stock = Child(["-m", "tests.bench.start.bare_web"]), Child(["-m", "tests.bench.ocpp.baselines", "stock"])
    try:
        await web.start()
        await stock.start()
        say(f"· {taps} taps, {CHARGING} stations charging")
        await bench.run(taps, web, stock)
    finally:
        await web.end()
        await stock.end()
    return bench.report()


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-start", description=__doc__)
    parser.add_argument("--short", action="store_true")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended, whoever stops the run
    folder = Path(tempfile.mkdtemp(prefix="hs-bench-", dir="/tmp"))
    folder.chmod(0o755)
    house = Installation(folder / "data")
    try:
        say("· the house")
        house.up("--no-demo")
        report = asyncio.run(measure(house, 20 if args.short else TAPS))
    finally:
        house.tidy()
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
