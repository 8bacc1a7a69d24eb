"""kill -9 in the middle of a gateway's batch: what was acknowledged is stored, once; what was not comes again and is stored, once."""

import asyncio
import os
import socket
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from app.audit.model import Actor
from app.metering import tokens
from app.metering.equipment import NewMeter, add_meter
from tests.charging.house import make_house
from tests.metering.test_interval_import import until

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
WAITS = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'stale_day'::regclass"
COUNT = "SELECT count(*)::int FROM index_reading"


def batch(first: int, count: int) -> dict[str, Any]:
    return {"readings": [{"meter": "E-1", "at": (NOW - timedelta(minutes=15 * (300 - n))).isoformat(), "import": n * 50}
                         for n in range(first, first + count)]}  # fmt: skip


class Web:
    """`hofstrom web` as a process of its own."""

    def __init__(self, dsn: str, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.environ = {**os.environ, "DATABASE_URL": dsn, "HOFSTROM_DATA": str(folder), "HOFSTROM_SECRET_KEY": "s" * 40,
                        "HOFSTROM_HTTP_PORT": str(self.port), "HOFSTROM_ENV": "test", "HOFSTROM_TEST_CLOCK": NOW.isoformat()}  # fmt: skip

    async def start(self) -> None:
        quiet = asyncio.subprocess.DEVNULL
        argv = (sys.executable, "-m", "app.cli", "web")
        self.process = await asyncio.create_subprocess_exec(*argv, stdout=quiet, stderr=quiet, env=self.environ)
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            except OSError:
                assert self.process.returncode is None
                await asyncio.sleep(0.05)

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


async def test_a_batch_whose_server_is_killed_is_stored_once_when_it_comes_again(database: str, dsn: str, tmp_path: Path) -> None:
    house = await make_house()
    actor = Actor(account_id=house.account_id, name="Ivan")
    await add_meter(actor, house.site_id, NewMeter(serial="E-1", kind="production"), NOW)
    headers = {"authorization": f"Bearer {(await tokens.make_token(actor, house.site_id, 'Cellar', NOW)).token}"}
    line, web = await asyncpg.connect(dsn), Web(dsn, tmp_path)
    await web.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{web.port}", headers=headers, timeout=60) as client:
            assert (await client.post("/api/gateway/readings", json=batch(0, 50))).json()["stored"] == 50
            await web.kill()
            assert await line.fetchval(COUNT) == 50  # acknowledged: there
            await web.start()
            async with line.transaction():
                await line.execute("LOCK TABLE stale_day IN ACCESS EXCLUSIVE MODE")  # the readings are in by then
                asking = asyncio.create_task(client.post("/api/gateway/readings", json=batch(40, 60)))
                waits = await until(line, WAITS)
                await web.kill()
                [answer] = await asyncio.gather(asking, return_exceptions=True)
                assert isinstance(answer, httpx.HTTPError)
            await until(line, "SELECT NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = $1)", waits)
            assert await line.fetchval(COUNT) == 50  # not acknowledged: nothing of it
            await web.start()
            again = [(await client.post("/api/gateway/readings", json=batch(40, 60))).json() for _ in range(2)]
            assert [(one["stored"], one["known"]) for one in again] == [(50, 10), (0, 60)] and await line.fetchval(COUNT) == 100
    finally:
        await web.kill()
        await line.close()
