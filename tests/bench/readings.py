"""`make bench-readings`: readings stored per second through the gateways' door and from a file, each against its bare unnest insert.

Each pair writes the same rows to the same table of one embedded PostgreSQL, in turns; the ratios are the medians of the rounds.
The last line is one JSON object, with the room that a million quarter-hours takes, raw and packed.
"""

import argparse
import asyncio
import gzip
import json
import os
import statistics
import subprocess
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from app.audit.model import Actor
from app.database.engine import close_database, open_database
from app.database.migrate import migrate
from app.database.transaction import as_owner, execute, fetch, fetchval, in_account
from app.kernel.settings import settings_from
from app.main import create_app
from app.metering import tokens
from app.metering.intake import INSERT
from app.metering.interval_import import INSERT as INSERT_INTERVALS
from app.metering.interval_import import import_file
from infra.local.postgres import embedded_postgres
from tests.charging.house import House, make_house

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
METERS, EACH = 100, 100  # 10,000 readings a call
ROUNDS = 7


def batch(round_no: int) -> list[dict[str, Any]]:
    """Ten thousand readings that nobody has sent before."""
    begin = NOW - timedelta(days=200) + round_no * EACH * timedelta(minutes=15)
    return [{"meter": f"M-{meter}", "at": (begin + n * timedelta(minutes=15)).isoformat(), "import": (round_no * EACH + n) * 50}
            for meter in range(METERS) for n in range(EACH)]  # fmt: skip


async def bare(house: House, ids: list[Any], round_no: int) -> float:
    """The statement alone, in one transaction of the application's role."""
    rows = [(ids[int(one["meter"][2:])], datetime.fromisoformat(one["at"]).timestamp(), one["import"]) for one in batch(round_no)]
    columns = [list(column) for column in zip(*rows, strict=True)]
    began = time.perf_counter()
    async with in_account(house.account_id):
        await execute(INSERT, house.account_id, NOW, 1, None, *columns, [None] * len(rows))
    return len(rows) / (time.perf_counter() - began)


async def door(client: httpx.AsyncClient, token: str, round_no: int) -> float:
    """A gzipped batch through the application."""
    body = gzip.compress(json.dumps({"readings": batch(round_no)}).encode(), 1)
    began = time.perf_counter()
    headers = {"authorization": f"Bearer {token}", "content-encoding": "gzip"}
    answer = await client.post("/api/gateway/readings", content=body, headers=headers)
    spent = time.perf_counter() - began
    if answer.json().get("stored") != METERS * EACH:
        raise RuntimeError(answer.text[:400])
    return METERS * EACH / spent


def lines(round_no: int) -> list[tuple[str, datetime, int]]:
    """Ten thousand quarter-hours of as many meters, as a grid operator's file has them."""
    begin = NOW - timedelta(days=200) + round_no * EACH * timedelta(minutes=15)
    return [(f"{meter}", begin + n * timedelta(minutes=15), 50 + n) for meter in range(METERS) for n in range(EACH)]


async def file(house: House, round_no: int) -> float:
    """A CSV through the import."""
    text = [f"F-{meter};{at.isoformat()};Wh;{wh}" for meter, at, wh in lines(round_no)]
    content = "\n".join(["Messpunkt;Von;Einheit;Bezug", *text]).encode()
    began = time.perf_counter()
    report = await import_file(Actor(account_id=house.account_id, name="bench"), house.site_id, "bench.csv", content, NOW)
    spent = time.perf_counter() - began
    if report.stored != METERS * EACH:
        raise RuntimeError(str(report)[:400])
    return METERS * EACH / spent


async def bare_file(house: House, ids: list[Any], round_no: int) -> float:
    """The import's statement alone."""
    rows = [(ids[int(meter)], at.timestamp(), NOW, wh, None, False) for meter, at, wh in lines(round_no)]
    columns = [list(column) for column in zip(*rows, strict=True)]
    began = time.perf_counter()
    async with in_account(house.account_id):
        await execute(INSERT_INTERVALS, house.account_id, 2, *columns)
    return len(rows) / (time.perf_counter() - began)


async def packed_size(house: House, ids: list[Any]) -> int:
    """What a million quarter-hours take in packed days, with their key."""
    days, table = 105, "quarter_day"
    async with as_owner():
        before = await fetchval(f"SELECT pg_total_relation_size('{table}')")
        await execute(f"INSERT INTO {table} (account_id, meter_id, day, wh, received_at) SELECT $1, m, date '2024-01-01' + n, $3, $4"
                      " FROM unnest($2::uuid[]) m, generate_series(1, $5) n", house.account_id, ids, bytes(384), NOW, days)  # fmt: skip
    async with as_owner():
        after = await fetchval(f"SELECT pg_total_relation_size('{table}')")
    return round((after - before) * 1_000_000 / (days * 96 * len(ids)))


async def measure(dsn: str, rounds: int) -> dict[str, Any]:
    """The figures of one run."""
    await migrate(dsn)
    await open_database(dsn)
    try:
        house = await make_house()
        async with as_owner():
            for number in range(METERS):
                for prefix, source in (("M", "physical"), ("B", "physical"), ("F", "dso"), ("G", "dso")):
                    await execute("INSERT INTO meter (account_id, site_id, kind, source, serial, created_at)"
                                  " VALUES ($1, $2, 'entry', $3, $4, $5)",
                                  house.account_id, house.site_id, source, f"{prefix}-{number}", NOW)  # fmt: skip
            ids, interval_ids = [[row["id"] for row in await fetch("SELECT id FROM meter WHERE serial LIKE $1 ORDER BY serial", f"{prefix}-%")]
                                 for prefix in ("B", "G")]  # fmt: skip
        token = (await tokens.make_token(Actor(account_id=house.account_id, name="bench"), house.site_id, "bench", NOW)).token
        settings = settings_from({"HOFSTROM_SECRET_KEY": "s" * 40, "HOFSTROM_DATA": tempfile.mkdtemp()})
        through, plain, filed, plain_filed = [], [], [], []
        transport = httpx.ASGITransport(app=create_app(settings, lambda: NOW))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://bench", timeout=60) as client:
            for number in range(rounds + 1):
                plain.append(await bare(house, ids, number))
                through.append(await door(client, token, number))
                plain_filed.append(await bare_file(house, interval_ids, number))
                filed.append(await file(house, number))
        async with as_owner():
            size = await fetchval(
                "SELECT sum(pg_total_relation_size(inhrelid))::bigint FROM pg_inherits WHERE inhparent = 'index_reading'::regclass"
            )
            count = await fetchval("SELECT count(*) FROM index_reading")
        packed = await packed_size(house, ids)
        return {"readings_s": middle(through), "unnest_s": middle(plain), "ratio_unnest": ratio(through, plain), "file_s": middle(filed),
                "file_unnest_s": middle(plain_filed), "ratio_file": ratio(filed, plain_filed),
                "raw_bytes_per_million": round(size * 1_000_000 / count), "packed_bytes_per_million": packed}  # fmt: skip
    finally:
        await close_database()


def middle(rates: list[float]) -> int:
    """The median; the first round warms up."""
    return round(statistics.median(rates[1:]))


def ratio(through: list[float], plain: list[float]) -> float:
    return round(statistics.median(one / other for one, other in zip(through[1:], plain[1:], strict=True)), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="hs-bench-") as folder:
        Path(folder).chmod(0o755)
        with embedded_postgres(Path(folder)) as server:
            server.make_database("bench")
            figures = asyncio.run(measure(server.dsn("bench"), rounds))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    print(json.dumps({"name": "bench-readings", **figures, "commit": commit, "cores": os.cpu_count()}))


if __name__ == "__main__":
    main()
