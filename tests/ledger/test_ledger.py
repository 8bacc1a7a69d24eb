"""The ledger balances, twice over: in our rules and in PostgreSQL."""

from datetime import UTC, datetime

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.database.transaction import as_owner, execute, in_account
from app.kernel.identifiers import new_id
from app.ledger.commands import post
from app.ledger.model import Entry, Posting
from app.ledger.queries import balance_minor, postings_of
from app.ledger.rules import Unbalanced, checked, reversal, without_zeros
from tests.database.test_traps import make_account

NOW = datetime(2026, 11, 1, 8, tzinfo=UTC)


def entry(*amounts: int, key: str = "test:1") -> Entry:
    postings = tuple(Posting(f"account:{index}", amount) for index, amount in enumerate(amounts))
    return Entry(source_key=key, source_kind="test", source_id=None, text="t", occurred_at=NOW, currency="CHF",
                 postings=postings)  # fmt: skip


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=8))
def test_an_entry_is_accepted_exactly_when_it_sums_to_zero(amounts):
    checked(entry(*amounts, -sum(amounts)))
    with pytest.raises(Unbalanced):
        checked(entry(*amounts, -sum(amounts) + 1))


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=6))
def test_an_entry_and_its_reversal_cancel_account_by_account(amounts):
    first = entry(*amounts, -sum(amounts))
    back = reversal(first, new_id(), NOW)
    assert all(a.amount_minor + b.amount_minor == 0 for a, b in zip(first.postings, back.postings, strict=True))


def test_lines_of_zero_are_left_out_but_an_entry_of_nothing_keeps_two():
    assert without_zeros([Posting("a", 5), Posting("b", 0), Posting("c", -5)]) == (Posting("a", 5), Posting("c", -5))
    assert len(without_zeros([Posting("a", 0), Posting("b", 0), Posting("c", 0)])) == 2


async def test_the_same_key_is_booked_once(database):
    account_id = await make_account("A")
    for expected in (True, False):
        async with in_account(account_id):
            assert await post(account_id, entry(700, -700), NOW) is expected
    async with in_account(account_id):
        assert await balance_minor("account:0") == 700
        assert await postings_of("test:1") == [("account:0", 700), ("account:1", -700)]


async def test_postgresql_itself_refuses_an_entry_that_does_not_sum_to_zero(database):
    account_id = await make_account("A")
    with pytest.raises(asyncpg.CheckViolationError):
        async with in_account(account_id):
            await post(account_id, entry(700, -700), NOW)
            await execute(
                "INSERT INTO ledger_posting (account_id, entry_id, line, ledger_account, amount_minor, currency)"
                " SELECT account_id, id, 9, 'x', 1, 'CHF' FROM ledger_entry")  # fmt: skip


@pytest.mark.parametrize("statement", ["UPDATE ledger_posting SET amount_minor = 0", "DELETE FROM ledger_entry"])
async def test_nobody_changes_what_is_booked_not_even_the_owner(database, statement):
    account_id = await make_account("A")
    async with in_account(account_id):
        await post(account_id, entry(700, -700), NOW)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with in_account(account_id):
            await execute(statement)
    with pytest.raises(asyncpg.RestrictViolationError):
        async with as_owner():
            await execute(statement)
