"""`make bench-console`: the portfolio and the search over 1,000 sites, 10,000 billing points and 30,000 people.

Everything that an installation runs is started by this program. An operator's requests go over one connection that stays open,
one after another; beside each the baseline is timed: the same SQL over a bare connection. The last line is one JSON object.
`--short` is a trial with 20 sites.
"""

import argparse
import asyncio
import itertools
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from app.database.engine import APP_ROLE
from app.residents import search
from app.sites.administration import PORTFOLIO
from tests.bench.console.platform import NOW, fill
from tests.bench.start.__main__ import commit, figures, say
from tests.bench.start.page import exchange, head, open_line
from tests.infra.local.conftest import Installation

SITES, REQUESTS, WARM_UP = 1_000, 200, 10
TEXTS = ("ke", "keller", "bernasconi-12", "siedlung 7", "w 3", "person-2999", "luzern", "nobody at all")


async def bare(line: asyncpg.Connection, account_id: UUID, *queries: tuple[str, tuple[Any, ...]]) -> float:
    """ms of the same SQL, in one transaction of the same role."""
    began = time.perf_counter()
    async with line.transaction():
        await line.execute("SELECT set_config('role', $1, true), set_config('hofstrom.account', $2, true)", APP_ROLE, str(account_id))
        for sql, args in queries:
            await line.fetch(sql, *args)
    return (time.perf_counter() - began) * 1000


async def measure(house: Installation, sites: int, requests: int) -> dict[str, Any]:
    """Fill, ask, report. `house` is up."""
    made = house.run("demo", "--json", "--months", "0")
    if made.returncode:
        raise RuntimeError(made.stderr)
    account = json.loads(made.stdout)["accounts"][0]
    account_id, ready = UUID(account["id"]), house.ready()
    token = next(login["token"] for login in account["logins"] if login["role"] == "operator")
    say(f"· {sites} sites")
    size = await fill(ready["database_url"], account_id, sites)
    database, web = await asyncpg.connect(ready["database_url"]), await open_line(ready["http"])
    times: dict[str, list[float]] = {name: [] for name in ("board", "search", "board_sql", "search_sql")}
    texts = itertools.cycle(TEXTS)
    say(f"· {requests} requests each")
    try:
        for number in range(WARM_UP + requests):
            if number == WARM_UP:
                for kept in times.values():
                    kept.clear()
            text = next(texts)
            times["board"].append(await asked(web, "/api/sites", token))
            times["board_sql"].append(await bare(database, account_id, (PORTFOLIO, (NOW.date(), None))))
            times["search"].append(await asked(web, f"/api/search?q={text.replace(' ', '%20')}", token))
            wanted = (text, None, search.MOST_OF_A_KIND)
            times["search_sql"].append(await bare(database, account_id, *((sql, wanted) for sql in search.ALL)))
    finally:
        web[1].close()
        await database.close()
    of = {name: figures(kept) for name, kept in times.items()}
    return {
        "name": "bench-console", "board": ms(of["board"]), "search": ms(of["search"]), "baseline_board": ms(of["board_sql"]),
        "baseline_search": ms(of["search_sql"]),
        "ratio": {name: round(of[name]["p50"] / of[f"{name}_sql"]["p50"], 2) for name in ("board", "search")},
        "requests": requests, "sites": size["site"], "billing_points": size["billing_point"], "people": size["person"],
        "commit": commit(), "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 2),
    }  # fmt: skip


def ms(found: dict[str, float]) -> dict[str, float]:
    return {f"{name}_ms": value for name, value in found.items()}


async def asked(web: Any, path: str, token: str) -> float:
    """ms from the request to the whole answer."""
    began = time.perf_counter()
    status, answer = await exchange(web, head("GET", path, token))
    taken = (time.perf_counter() - began) * 1000
    if status != 200 or (path == "/api/sites" and len(json.loads(answer)) < 2):
        raise RuntimeError(f"{path}: {status} {answer[:300].decode()}")
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-console", description=__doc__)
    parser.add_argument("--short", action="store_true")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended, whoever stops the run
    folder = Path(tempfile.mkdtemp(prefix="hs-bench-", dir="/tmp"))
    folder.chmod(0o755)
    house = Installation(folder / "data")
    try:
        say("· the house")
        house.up("--no-demo")
        report = asyncio.run(measure(house, *((20, 10) if args.short else (SITES, REQUESTS))))
    finally:
        house.tidy()
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
