"""One world for all tests of a process: what they do is taken back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.database.engine import close_database, open_database
from app.kernel.settings import Settings, settings_from
from infra.local.postgres import EmbeddedPostgres
from tests.access.matrix import Tries, settings_in
from tests.access.world import World, make_world
from tests.conftest import TEMPLATE


@pytest.fixture(scope="session")
def made(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Settings, World]]:
    """A database with both accounts in it."""
    postgres.sql(f"CREATE DATABASE access TEMPLATE {TEMPLATE} STRATEGY file_copy")
    folder: Path = tmp_path_factory.mktemp("access")
    settings = settings_from(settings_in(folder, postgres.dsn("access")))

    async def make() -> World:
        await open_database(settings.database_url)
        try:
            return await make_world(settings)
        finally:
            await close_database()

    yield settings, asyncio.run(make())
    postgres.sql("DROP DATABASE access WITH (FORCE)")


@pytest.fixture
async def tries(made: tuple[Settings, World]) -> AsyncIterator[Tries]:
    """The application on that world."""
    settings, world = made
    await open_database(settings.database_url, max_size=3)
    found = Tries(settings, world)
    await found.begin()
    yield found
    await close_database()
