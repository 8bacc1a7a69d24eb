"""Real servers for the tests: one embedded PostgreSQL and Valkey a test process, a fresh database a test."""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from app.database.engine import close_database, open_database
from app.database.migrate import migrate
from infra.local.accounts import account_for
from infra.local.postgres import EmbeddedPostgres, embedded_postgres
from infra.local.valkey import embedded_valkey

settings.register_profile("no_clock", deadline=None)  # how fast the machine is is no property of the code
settings.load_profile("no_clock")
TEMPLATE = "hofstrom_template"
# Folders with long files begin first, so that no worker sits idle at the end.
LONG = ("tests/browser/", "tests/infra/", "tests/bench/", "tests/ocpp_server/")
MEMORY_BYTES = 4 * 1024**3
numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long folders first; the order is the same in every process."""
    items.sort(key=lambda item: next((place for place, folder in enumerate(LONG) if item.nodeid.startswith(folder)), len(LONG)))


def roomy_memory() -> Path:
    """Memory that is a folder, where there is plenty; else the folder for passing files: a database a test writes much."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > MEMORY_BYTES else Path("/tmp")


@pytest.fixture(scope="session")
def state_folder() -> Iterator[Path]:
    """A short folder that the servers' accounts can enter."""
    folder = Path(tempfile.mkdtemp(prefix="hs-", dir=roomy_memory()))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(state_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A cluster with a migrated, unconnected template."""
    with embedded_postgres(state_folder, bin_folder=os.environ.get("HOFSTROM_POSTGRES_BIN", "")) as server:
        # Processes are killed here, machines are not: nothing waits for a disk.
        server.sql("ALTER SYSTEM SET fsync = off")
        server.sql("SELECT pg_reload_conf()")
        server.make_database(TEMPLATE)
        asyncio.run(migrate(server.dsn(TEMPLATE)))
        yield server


@pytest.fixture
def dsn(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The address of a fresh database."""
    name = f"t{os.getpid()}_{next(numbers)}"
    made = postgres.sql(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")
    assert made.returncode == 0, made.stderr
    yield postgres.dsn(name)
    postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[str]:
    """A fresh database with this process's pool open on it."""
    await open_database(dsn)
    yield dsn
    await close_database()


@pytest.fixture(scope="session")
def redis_url(state_folder: Path) -> Iterator[str]:
    """A running Valkey."""
    with embedded_valkey(state_folder) as server:
        yield server.url


@pytest.fixture(scope="session")
def server_account() -> str:
    """The account that runs the embedded database."""
    return account_for("db").name
