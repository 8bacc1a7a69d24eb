"""Rows of the ledger."""

from piccolo.columns import UUID, BigInt, Integer, Text, Timestamptz, Varchar
from piccolo.table import Table

from app.database.columns import OrderedId


class LedgerEntry(Table, tablename="ledger_entry"):
    id = UUID(primary_key=True, default=OrderedId())
    account_id = UUID(default=None)
    source_key = Text()
    source_kind = Text()
    source_id = UUID(null=True, default=None)
    text = Text()
    occurred_at = Timestamptz(default=None)
    booked_at = Timestamptz(default=None)
    reverses = UUID(null=True, default=None)


class LedgerPosting(Table, tablename="ledger_posting"):
    entry_id = UUID(primary_key=True, default=None)
    account_id = UUID(default=None)
    line = Integer()
    ledger_account = Text()
    amount_minor = BigInt()
    currency = Varchar(length=3)
