"""A database that goes away and comes back, or comes late, ends no part."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from app.database.engine import close_database, open_when_it_answers
from app.database.migrate import migrate
from app.kernel.identifiers import new_id
from infra.local.postgres import EmbeddedPostgres
from tests.charging.house import SECRET
from tests.infra.local.conftest import ROOT, wait_until

ENQUEUE = 'SELECT enqueue_job(\'RequestDeadlinePassed\', \'{{"account_id": "{0}", "request_id": "{0}"}}\'::jsonb, NULL, NULL, NULL)'
LEFT = "SELECT count(*) FROM procrastinate.procrastinate_jobs WHERE task_name = 'RequestDeadlinePassed'"


@pytest.fixture
def server(state_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A migrated cluster that does not run."""
    folder = Path(tempfile.mkdtemp(dir=state_folder))
    folder.chmod(0o755)
    made = EmbeddedPostgres(folder, folder / "postgres.log")
    made.start()
    asyncio.run(migrate(made.dsn()))
    made.stop()
    yield made
    made.stop()


def test_every_part_outlives_a_killed_database(house):
    before = house.up("--no-demo")["pids"]
    os.kill(before["postgres"], signal.SIGKILL)
    wait_until(lambda: house.ready()["pids"]["postgres"] != before["postgres"], "the database has another process")
    wait_until(lambda: house.get("/ready") == 200, "all parts answer again")
    after = house.ready()["pids"]
    assert [part for part in ("web", "ocpp", "worker") if after[part] != before[part]] == []


def test_the_worker_goes_on_where_it_was_when_the_database_is_back(server, tmp_path):
    server.start()
    log = tmp_path / "worker.log"
    env = {
        **os.environ,
        "DATABASE_URL": server.dsn(),
        "REDIS_URL": "",
        "HOFSTROM_SECRET_KEY": SECRET.decode(),
        "HOFSTROM_DATA": str(tmp_path),
    }
    with log.open("w") as out:
        worker = subprocess.Popen([sys.executable, "-m", "app.cli", "worker"], cwd=ROOT, env=env, stdout=out, stderr=out)

    def done() -> bool:
        return server.sql(LEFT, "hofstrom").stdout.strip() == "0"

    try:
        assert server.sql(ENQUEUE.format(new_id()), "hofstrom").returncode == 0
        wait_until(done, "the worker works")
        server.stop()
        wait_until(lambda: "the queue is away" in log.read_text(), "the worker has noticed")
        server.start()
        assert server.sql(ENQUEUE.format(new_id()), "hofstrom").returncode == 0
        wait_until(done, "the worker works again")
        assert worker.poll() is None
    finally:
        worker.kill()
        worker.wait()


async def test_a_part_that_starts_before_the_database_waits_for_it(server):
    opening = asyncio.create_task(open_when_it_answers(server.dsn()))
    _, waiting = await asyncio.wait({opening}, timeout=1)
    assert waiting, "it should wait for a server that is not there"
    await asyncio.to_thread(server.start)
    await asyncio.wait_for(opening, 30)
    await close_database()


async def test_a_database_that_does_not_exist_is_not_waited_for(server):
    await asyncio.to_thread(server.start)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await open_when_it_answers(server.dsn("nowhere"))
