"""Balances are views of the postings."""

from app.database.transaction import fetch, fetchval


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
