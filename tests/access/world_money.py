"""Payments, files for banks and direct debits of a house of the world."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.database.transaction import fetchrow, fetchval

Insert = Callable[..., Awaitable[UUID]]


async def money_of(insert: Insert, account: UUID, site: UUID, name: str, mark: str, now: datetime) -> list[tuple[str, UUID]]:
    """(kind, id) of each."""
    payment = await insert("payment", account_id=account, bank_reference=f"bank-{name}", received_on=now.date(), currency="CHF",
                           amount_minor=500, payer=mark, reference="", booked_at=now)  # fmt: skip
    creditor = await fetchval("SELECT creditor_id FROM site WHERE id = $1", site)
    made: dict[str, Any] = {"account_id": account, "creditor_id": creditor, "amount_minor": 500, "created_at": now, "created_by": mark}
    refunds = await insert("refund_file", number=f"R-{name}", currency="CHF", refunds=1, pain001=mark.encode(), **made)
    debits = await insert("debit_file", number=f"D-{name}", debits=1, pain008=mark.encode(), **made)
    bill = await fetchrow("SELECT id, person_id FROM invoice WHERE site_id = $1 ORDER BY number LIMIT 1", site)
    assert bill is not None
    mandate = await insert("debit_mandate", account_id=account, person_id=bill["person_id"], creditor_id=creditor,
                           reference=f"M-{name}".upper(), holder=mark, iban="DE02120300000000202051", signed_on=now.date(), created_at=now,
                           created_by=mark)  # fmt: skip
    debit = await insert("debit", account_id=account, file_id=debits, mandate_id=mandate, invoice_id=bill["id"], amount_minor=500,
                         collect_on=now.date() + timedelta(days=9))  # fmt: skip
    return [("payment_id", payment), ("refund_file_id", refunds), ("debit_file_id", debits), ("mandate_id", mandate), ("debit_id", debit),
            ("creditor_id", creditor)]  # fmt: skip
