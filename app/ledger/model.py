"""An entry and its postings."""

from datetime import datetime
from uuid import UUID

import msgspec


class Posting(msgspec.Struct, frozen=True):
    """One line of an entry: debit positive, credit negative, in minor units."""

    ledger_account: str
    amount_minor: int


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """What is booked together. `source_key` is unique in an account: the same key is booked once, ever."""

    source_key: str
    source_kind: str
    source_id: UUID | None
    text: str
    occurred_at: datetime
    currency: str
    postings: tuple[Posting, ...]
    reverses: UUID | None = None
