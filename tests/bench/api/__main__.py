"""`make bench-api`: a resident's home, and a month of quarter-hours of one point, over 1,000 points x 24 months of data.

A real `uvicorn` with the whole application answers over real sockets. `ratio`: requests per CPU-second of the web process against
a handler behind the same sign-in that answers the same bytes from memory, in turns, the median of the rounds. `month` is asked as
a kept answer (the same question again) and as a first one (each question once); `p50_ms` and `p99_ms` of `month` are those of first
questions, one after another. The last line is one JSON object. `--short` is a trial with 20 points.
"""

import argparse
import asyncio
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from app.database.engine import close_database, open_database
from app.database.migrate import migrate
from app.kernel.settings import settings_from
from infra.demo.seed import Shape, seed
from infra.local.postgres import embedded_postgres
from tests.bench.api.platform import fill
from tests.bench.start.__main__ import commit, say
from tests.bench.start.page import Line, exchange, head, open_line

TICKS = os.sysconf("SC_CLK_TCK")
LINES, ROUNDS = 8, 5
MONTHS = 24


def cpu_s(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def asked(line: Line, path: str, token: str) -> bytes:
    status, body = await exchange(line, head("GET", path, token))
    if status != 200:
        raise RuntimeError(f"{path}: {status} {body[:300].decode()}")
    return body


async def per_cpu_second(pid: int, lines: list[Line], questions: Any, count: int) -> float:
    """Requests per CPU-second of the process, over several lines at once."""
    left = iter(range(count))

    async def work(line: Line) -> None:
        for _ in left:
            await asked(line, *next(questions))

    began = cpu_s(pid)
    await asyncio.gather(*(work(line) for line in lines))
    return count / max(cpu_s(pid) - began, 1 / TICKS)


async def times(line: Line, questions: Any, count: int) -> dict[str, float]:
    """p50 and p99 in ms, one question after another."""
    found = []
    for _ in range(count):
        began = time.perf_counter()
        await asked(line, *next(questions))
        found.append((time.perf_counter() - began) * 1000)
    found.sort()
    return {"p50_ms": round(found[count // 2], 2), "p99_ms": round(found[min(count - 1, count * 99 // 100)], 2)}


def months_before(day: date) -> list[str]:
    """The queries of the last two years, month by month."""
    found, first = [], day.replace(day=1)
    for _ in range(MONTHS):
        last = first - timedelta(days=1)
        first = last.replace(day=1)
        found.append(f"/api/usage/series?step=quarter&first={first}&last={last}")
    return found


async def measure(dsn: str, data: Path, points: int, count: int) -> dict[str, Any]:
    await migrate(dsn)
    settings = settings_from({"HOFSTROM_DATA": str(data), "HOFSTROM_SECRET_KEY": "s" * 40})
    await open_database(dsn)
    described = await seed(settings, datetime.now(UTC), Shape(months=0))
    await close_database()
    today = datetime.now(UTC).date()
    say(f"· {points} points x {MONTHS} months of quarter-hours")
    months = months_before(today)
    first = date.fromisoformat(months[-1].partition("first=")[2][:10])
    tokens = await fill(dsn, UUID(described["accounts"][0]["id"]), points, first, today - timedelta(days=1))
    environ = {**os.environ, "DATABASE_URL": dsn, "HOFSTROM_DATA": str(data), "HOFSTROM_SECRET_KEY": "s" * 40, "REDIS_URL": ""}
    web = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.api.bare_web", env=environ, stdout=asyncio.subprocess.PIPE
    )
    try:
        port = int(await web.stdout.readline()) if web.stdout else 0
        return await _figures(web.pid, await opened(f"http://127.0.0.1:{port}"), data, tokens, months, count)
    finally:
        web.terminate()
        await web.wait()


async def opened(address: str) -> list[Line]:
    """Lines to a server that has started to listen before it could answer."""
    while True:
        try:
            return [await open_line(address) for _ in range(LINES)]
        except OSError:
            await asyncio.sleep(0.05)


async def _figures(pid: int, lines: list[Line], data: Path, tokens: list[str], months: list[str], count: int) -> dict[str, Any]:
    home = itertools.cycle([("/api/home", token) for token in tokens])
    new = ((month, token) for month in months for token in tokens)  # each question once
    same = itertools.cycle([(months[0], token) for token in tokens[:50]])
    bare = {name: itertools.cycle([(f"/api/bare?name={name}", token) for token in tokens[:50]]) for name in ("home", "month")}
    (data / "home.json").write_bytes(await asked(lines[0], *next(home)))
    (data / "month.json").write_bytes(await asked(lines[0], *next(new)))
    if b'"total":null' in (data / "month.json").read_bytes():
        raise RuntimeError("the month has gaps")
    for questions in (home, same, bare["home"], bare["month"]):
        await per_cpu_second(pid, lines, questions, 100)
    took = {"home": await times(lines[0], home, count), "month": await times(lines[0], new, count)}
    kept = await times(lines[0], same, count)
    rates: dict[str, list[float]] = {name: [] for name in ("home", "bare_home", "kept", "first", "bare_month")}
    for _ in range(ROUNDS):
        await per_cpu_second(pid, lines, same, 50)  # the first questions of the round before have driven them out
        for name, questions in (("home", home), ("bare_home", bare["home"]), ("kept", same), ("first", new), ("bare_month", bare["month"])):
            rates[name].append(await per_cpu_second(pid, lines, questions, count if name != "first" else count // 4))

    def ratio(name: str, other: str) -> float:
        return round(statistics.median(one / two for one, two in zip(rates[name], rates[other], strict=True)), 3)

    def rate(name: str) -> int:
        return round(statistics.median(rates[name]))

    return {
        "home": {**took["home"], "ratio": ratio("home", "bare_home"), "requests_cpu_s": rate("home"), "bare_cpu_s": rate("bare_home")},
        "month": {**took["month"], "ratio": ratio("kept", "bare_month"), "ratio_first": ratio("first", "bare_month"),
                  "requests_cpu_s": rate("kept"), "first_cpu_s": rate("first"), "bare_cpu_s": rate("bare_month"),
                  "kept_p50_ms": kept["p50_ms"], "kept_p99_ms": kept["p99_ms"],
                  "kb": round((data / "month.json").stat().st_size / 1024)},
        "points": len(tokens), "months": MONTHS,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-api", description=__doc__)
    parser.add_argument("--short", action="store_true")
    points, count = (20, 60) if parser.parse_args().short else (1000, 1000)
    with tempfile.TemporaryDirectory(prefix="hs-bench-") as folder:
        Path(folder).chmod(0o755)
        with embedded_postgres(Path(folder)) as server:
            server.make_database("bench")
            data = Path(folder) / "data"
            data.mkdir()
            report = asyncio.run(measure(server.dsn("bench"), data, points, count))
    load = round(os.getloadavg()[0], 2)
    print(json.dumps({"name": "bench-api", **report, "commit": commit(), "cores": os.cpu_count(), "load": load}))


if __name__ == "__main__":
    main()
