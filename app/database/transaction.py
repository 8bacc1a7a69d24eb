"""Transactions that say for whom they work: one account, the machine's cross-account tables, or the owner (seeding)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg

from app.database.engine import APP_ROLE, DB, MACHINE_ROLE, OWNER_ROLE

SCOPE = "SELECT set_config('role', $1, true), set_config('hofstrom.account', $2, true)"


class NoTransaction(RuntimeError):
    """A query outside a transaction: it would belong to no account, so it is refused."""


@asynccontextmanager
async def _scoped(role: str, account: str) -> AsyncIterator[None]:
    async with DB.transaction() as transaction:
        await transaction.connection.fetchval(SCOPE, role, account)
        yield


@asynccontextmanager
async def in_account(account_id: UUID) -> AsyncIterator[None]:
    """A transaction that sees and writes the rows of one account only. Committed on leaving, rolled back on an error."""
    async with _scoped(APP_ROLE, str(account_id)):
        yield


@asynccontextmanager
async def as_machine() -> AsyncIterator[None]:
    """A transaction across accounts on the tables that the machine role has been given: stations and sign-in."""
    async with _scoped(MACHINE_ROLE, ""):
        yield


@asynccontextmanager
async def as_owner() -> AsyncIterator[None]:
    """A transaction as the owner of all tables: setting up accounts, seeding. Never for a request."""
    async with _scoped(OWNER_ROLE, ""):
        yield


def connection() -> asyncpg.Connection:
    """The connection of the present transaction. Raises NoTransaction outside one."""
    transaction = DB.current_transaction.get()
    if transaction is None:
        raise NoTransaction("open in_account(), as_machine() or as_owner() before a query")
    return transaction.connection


async def fetch(sql: str, *args: Any) -> list[asyncpg.Record]:
    """All rows of a query with $1 placeholders."""
    return await connection().fetch(sql, *args)


async def fetchrow(sql: str, *args: Any) -> asyncpg.Record | None:
    """The first row, or None."""
    return await connection().fetchrow(sql, *args)


async def fetchval(sql: str, *args: Any) -> Any:
    """The first column of the first row, or None."""
    return await connection().fetchval(sql, *args)


async def execute(sql: str, *args: Any) -> str:
    """Run a statement; returns PostgreSQL's command tag, such as 'UPDATE 1'."""
    return await connection().execute(sql, *args)
