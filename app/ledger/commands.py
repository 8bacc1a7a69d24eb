"""Book an entry once."""

from datetime import datetime
from uuid import UUID

from app.database.transaction import execute, fetchval
from app.kernel.identifiers import new_id
from app.ledger.model import Entry
from app.ledger.rules import checked

INSERT_ENTRY = """
INSERT INTO ledger_entry (account_id, id, source_key, source_kind, source_id, text, occurred_at, booked_at, reverses)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (account_id, source_key) DO NOTHING RETURNING id
"""
INSERT_POSTINGS = """
INSERT INTO ledger_posting (account_id, entry_id, line, ledger_account, amount_minor, currency)
SELECT $1, $2, line, ledger_account, amount_minor, $5
FROM unnest($3::text[], $4::bigint[]) WITH ORDINALITY AS p(ledger_account, amount_minor, line)
"""


async def post(account_id: UUID, entry: Entry, now: datetime) -> bool:
    """Book an entry inside the caller's transaction. False when its source key is booked already: nothing changes.

    Raises Unbalanced; PostgreSQL refuses an unbalanced entry again at the commit.
    """
    checked(entry)
    entry_id = await fetchval(
        INSERT_ENTRY, account_id, new_id(), entry.source_key, entry.source_kind, entry.source_id, entry.text,
        entry.occurred_at, now, entry.reverses,
    )  # fmt: skip
    if entry_id is None:
        return False
    accounts = [posting.ledger_account for posting in entry.postings]
    amounts = [posting.amount_minor for posting in entry.postings]
    await execute(INSERT_POSTINGS, account_id, entry_id, accounts, amounts, entry.currency)
    return True
