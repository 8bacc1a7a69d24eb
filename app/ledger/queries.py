"""Balances are views of the postings."""

from uuid import UUID

from app.database.transaction import fetch, fetchrow, fetchval
from app.ledger.model import Entry, Posting


async def balance_minor(ledger_account: str) -> int:
    """The balance of a ledger account in minor units, debit positive (inside the caller's transaction)."""
    value = await fetchval("SELECT coalesce(sum(amount_minor), 0)::bigint FROM ledger_posting WHERE ledger_account = $1", ledger_account)
    return int(value)


async def postings_of(source_key: str) -> list[tuple[str, int]]:
    """The lines of one entry: (ledger account, minor units), in order."""
    rows = await fetch(
        "SELECT p.ledger_account, p.amount_minor FROM ledger_posting p JOIN ledger_entry e"
        " ON e.account_id = p.account_id AND e.id = p.entry_id WHERE e.source_key = $1 ORDER BY p.line",
        source_key,
    )
    return [(row["ledger_account"], row["amount_minor"]) for row in rows]


async def entry_of(source_key: str) -> tuple[UUID, Entry] | None:
    """An entry with its identity, as it was booked."""
    row = await fetchrow("SELECT * FROM ledger_entry WHERE source_key = $1", source_key)
    if row is None:
        return None
    lines = await fetch("SELECT ledger_account, amount_minor, currency FROM ledger_posting WHERE entry_id = $1 ORDER BY line", row["id"])
    entry = Entry(
        source_key=row["source_key"], source_kind=row["source_kind"], source_id=row["source_id"], text=row["text"],
        occurred_at=row["occurred_at"], currency=lines[0]["currency"], reverses=row["reverses"],
        postings=tuple(Posting(line["ledger_account"], line["amount_minor"]) for line in lines),
    )  # fmt: skip
    return row["id"], entry
