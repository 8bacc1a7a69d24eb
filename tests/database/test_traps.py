"""The traps of the foundation, each of which once leaked, lost or lied.

Two more stand where they belong: an error inside a handler (tests/database/test_handler_errors.py), and a session id that the
client chose (tests/accounts/test_sign_in.py).
"""

import contextlib
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from app.database.engine import DB, close_database, open_database
from app.database.transaction import NoTransaction, as_machine, as_owner, execute, fetch, fetchval, in_account
from app.kernel.identifiers import new_id
from app.ledger.tables import LedgerEntry

NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)


async def make_account(name: str):
    account_id = new_id()
    async with as_owner():
        await execute("INSERT INTO account (id, name, country, currency, created_at) VALUES ($1, $2, 'CH', 'CHF', $3)",
                      account_id, name, NOW)  # fmt: skip
    return account_id


async def test_a_failed_commit_gives_the_connection_back_and_forgets_the_account(database):
    account_id = await make_account("A")
    with pytest.raises(asyncpg.CheckViolationError):
        async with in_account(account_id):
            await execute(
                "INSERT INTO ledger_entry (account_id, source_key, source_kind, text, occurred_at, booked_at)"
                " VALUES ($1, 'k', 'test', 'no lines', $2, $2)", account_id, NOW)  # fmt: skip
    assert DB.current_transaction.get() is None
    assert DB.pool.get_size() - DB.pool.get_idle_size() == 0
    with pytest.raises(NoTransaction):
        await fetch("SELECT 1")


async def test_ids_made_in_python_differ_and_the_ddl_makes_its_own(database):
    first, second = (LedgerEntry(account_id=new_id(), occurred_at=NOW, booked_at=NOW) for _ in range(2))
    assert first.id != second.id
    assert first.id.version == 7
    async with as_owner():
        ddl = await fetchval("SELECT count(*) FROM pg_attrdef d WHERE pg_get_expr(d.adbin, d.adrelid) ~ '''[0-9a-f-]{36}''::uuid'")
        assert ddl == 0
        made = await fetch("SELECT uuidv7() AS id FROM generate_series(1, 3)")
    assert len({row["id"] for row in made}) == 3


async def test_no_role_of_the_application_is_granted_a_partition(database):
    async with as_owner():
        granted = await fetch(
            "SELECT c.relname, g.grantee FROM pg_class c JOIN information_schema.role_table_grants g"
            " ON g.table_name = c.relname WHERE c.relispartition AND g.grantee IN ('hofstrom_app', 'hofstrom_machine')"
        )
    assert granted == []


async def test_a_new_partition_shows_nobody_another_accounts_rows(database):
    """It inherits no row-level security, so nothing but its parent may be readable."""
    mine, other = await make_account("A"), await make_account("B")
    async with as_owner():
        await execute("CREATE TABLE station_message_2026_11 PARTITION OF station_message FOR VALUES FROM ('2026-11-01') TO ('2026-12-01')")
        await execute("INSERT INTO station_message (account_id, station_id, received_at, message_id, action, body)"
                      " VALUES ($1, $2, $3, 'm', 'Heartbeat', '{}')", other, uuid4(), NOW)  # fmt: skip
        assert await fetchval("SELECT count(*) FROM station_message_2026_11") == 1
    for scope in (lambda: in_account(mine), as_machine):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with scope():
                await fetch("SELECT * FROM station_message_2026_11")
    async with in_account(mine):
        assert await fetch("SELECT * FROM station_message") == []


async def test_every_table_with_an_account_forces_row_level_security(database):
    async with as_owner():
        open_tables = await fetch(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'account_id'"
            " JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname NOT IN ('login_session')"
            " AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
        )
    assert [row["relname"] for row in open_tables] == []


async def test_an_account_sees_its_own_rows_and_no_account_sees_nothing(database):
    mine, other = await make_account("A"), await make_account("B")
    async with in_account(mine):
        assert [row["id"] for row in await fetch("SELECT id FROM account")] == [mine]
    async with in_account(uuid4()):
        assert await fetch("SELECT id FROM account") == []
    async with in_account(other):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await execute("INSERT INTO creditor (account_id, name, street, postcode, city, country, iban)"
                          " VALUES ($1, 'x', 'x', 'x', 'x', 'CH', 'x')", mine)  # fmt: skip


async def test_the_machine_role_cannot_read_money_and_the_application_cannot_read_logins(database):
    account_id = await make_account("A")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with as_machine():
            await fetch("SELECT * FROM ledger_posting")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with in_account(account_id):
            await fetch("SELECT password_hash FROM login")


async def test_a_transaction_inside_another_is_refused(database):
    account_id = await make_account("A")
    with pytest.raises(Exception, match="nested"):
        async with in_account(account_id):
            async with in_account(account_id):
                pass


async def test_a_connection_carries_nothing_from_one_transaction_into_the_next(dsn):
    """Nothing is reset between two transactions, so each has to leave its connection as it was: committed or failed."""
    await open_database(dsn, min_size=1, max_size=1)
    state = "SELECT current_user::text || '/' || coalesce(current_setting('hofstrom.account', true), '')"
    try:
        mine = await make_account("A")
        for ends_well in (True, False):
            for scope in (lambda: in_account(mine), as_machine, as_owner):
                with contextlib.suppress(ZeroDivisionError):
                    async with scope():
                        assert (await fetchval("SELECT current_user::text")).startswith("hofstrom_")
                        if not ends_well:
                            raise ZeroDivisionError
                async with DB.pool.acquire() as idle:
                    assert await idle.fetchval(state) == "hofstrom_app/"
    finally:
        await close_database()
