"""Sites whose owner collects: bills are individual statements, and nothing of them is the operator's."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.billing import rules
from app.billing.credit import use_credit
from app.billing.model import Charge
from app.database.transaction import execute
from app.ledger.commands import post
from app.ledger.queries import entry_of
from app.ledger.rules import reversal


async def leave_to_owner(account_id: UUID, invoice_id: UUID, open_minor: int, charges: Sequence[Charge], now: datetime) -> None:
    """Take out of the ledger what a bill and its charges booked, and leave nothing open (inside the transaction that issues it)."""
    await execute("INSERT INTO owner_statement (account_id, invoice_id, created_at) VALUES ($1, $2, $3)", account_id, invoice_id, now)
    keys = [rules.session_key(charge.session_id, charge.revision) for charge in charges if charge.corrects is None]
    for key in (*keys, rules.invoice_key(invoice_id)):
        booked = await entry_of(key)
        if booked is not None:
            await post(account_id, reversal(booked[1], booked[0], now), now)
    await use_credit(account_id, invoice_id, open_minor, now)
