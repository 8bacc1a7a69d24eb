"""Entries that balance, and their reversal."""

from datetime import datetime
from uuid import UUID

from app.ledger.model import Entry, Posting


class Unbalanced(ValueError):
    """An entry that does not sum to zero, or has fewer than two lines: a programming error, never a person's."""


def checked(entry: Entry) -> Entry:
    """The entry itself if it balances. Raises Unbalanced."""
    total = sum(posting.amount_minor for posting in entry.postings)
    if total != 0 or len(entry.postings) < 2:
        raise Unbalanced(f"{entry.source_key}: {len(entry.postings)} lines sum to {total}")
    return entry


def without_zeros(postings: list[Posting]) -> tuple[Posting, ...]:
    """The postings that move something; two of zero when none does, so that the entry can still be found."""
    moved = tuple(posting for posting in postings if posting.amount_minor != 0)
    return moved if len(moved) >= 2 else tuple(postings[:2])


def reversal(entry: Entry, entry_id: UUID, occurred_at: datetime) -> Entry:
    """The entry that undoes another: the same accounts, the opposite signs."""
    return Entry(
        source_key=f"reversal:{entry.source_key}",
        source_kind=entry.source_kind,
        source_id=entry.source_id,
        text=f"Reversal: {entry.text}",
        occurred_at=occurred_at,
        currency=entry.currency,
        postings=tuple(Posting(p.ledger_account, -p.amount_minor) for p in entry.postings),
        reverses=entry_id,
    )
