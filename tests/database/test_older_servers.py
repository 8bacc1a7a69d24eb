"""The oldest PostgreSQL that is promised, where this machine has one (Debian: `apt-get install postgresql-15`)."""

import os
import tempfile
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from app.database.engine import close_database, open_database
from app.database.migrate import migrate, pending_steps
from app.database.transaction import as_owner, execute, fetchval, in_account
from app.kernel.identifiers import new_id
from infra.local.check import OLDEST_POSTGRES
from infra.local.postgres import embedded_postgres
from tests.database.test_traps import NOW, make_account

SERVERS = [path for path in (Path(f"/usr/lib/postgresql/{OLDEST_POSTGRES}/bin"),) if (path / "initdb").exists()]


@pytest.mark.parametrize("programs", SERVERS, ids=str)
async def test_the_oldest_server_takes_all_steps_and_keeps_the_ledger_balanced(programs):
    with tempfile.TemporaryDirectory(prefix="hs-old-", dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        with embedded_postgres(Path(folder), bin_folder=str(programs)) as server:
            dsn = server.dsn()
            assert await migrate(dsn)
            assert await migrate(dsn) == await pending_steps(dsn) == []
            await open_database(dsn)
            try:
                async with as_owner():
                    assert (await fetchval("SHOW server_version")).startswith(f"{OLDEST_POSTGRES}.")
                    assert UUID(str(await fetchval("SELECT uuidv7()"))).version == 7
                account_id = await make_account("A")
                with pytest.raises(asyncpg.CheckViolationError):
                    async with in_account(account_id):
                        await execute(
                            "INSERT INTO ledger_entry (account_id, id, source_key, source_kind, text, occurred_at, booked_at)"
                            " VALUES ($1, $2, 'k', 'test', 'no lines', $3, $3)", account_id, new_id(), NOW)  # fmt: skip
            finally:
                await close_database()
