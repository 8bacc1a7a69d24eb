"""Reminders of overdue bills, at most three, and disputes, which stop them."""

from datetime import date, datetime
from uuid import UUID

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import execute, fetch, fetchval, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.outbox.commands import record

DAYS_OVERDUE = (10, 25, 40)  # after so many days the first, the second and the third go out
OWNER_FROM = 2

OVERDUE = """
SELECT i.id, i.gross_minor - s.settled_minor AS open_minor, i.due_on,
       (SELECT coalesce(max(r.level), 0) FROM reminder r WHERE r.account_id = i.account_id AND r.invoice_id = i.id) AS level,
       (SELECT max(r.sent_on) FROM reminder r WHERE r.account_id = i.account_id AND r.invoice_id = i.id) AS sent_on
FROM invoice i JOIN invoice_settled s ON s.account_id = i.account_id AND s.invoice_id = i.id
WHERE i.corrects_id IS NULL AND i.kind <> 'guest' AND i.due_on < $1 AND i.gross_minor > s.settled_minor AND NOT EXISTS (
    SELECT 1 FROM dispute d WHERE d.account_id = i.account_id AND d.invoice_id = i.id AND d.closed_at IS NULL)
ORDER BY i.due_on, i.number
"""


def next_level(due_on: date, level: int, sent_on: date | None, today: date) -> int | None:
    """The reminder that is due today, or None: one after the other, never two at once, none after the third."""
    if level >= len(DAYS_OVERDUE) or (today - due_on).days < DAYS_OVERDUE[level]:
        return None
    gap = DAYS_OVERDUE[level] - DAYS_OVERDUE[level - 1] if level else 0
    return level + 1 if sent_on is None or (today - sent_on).days >= gap else None


async def remind_overdue(account_id: UUID, today: date, now: datetime) -> int:
    """Send what is due of an account's reminders; returns how many. Again on the same day: none."""
    sent = 0
    async with in_account(account_id):
        for row in await fetch(OVERDUE, today):
            level = next_level(row["due_on"], row["level"], row["sent_on"], today)
            if level is None:
                continue
            made = await fetchval(
                "INSERT INTO reminder (account_id, id, invoice_id, level, open_minor, sent_on, owner_told, created_at)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id",
                account_id, new_id(), row["id"], level, row["open_minor"], today, level >= OWNER_FROM, now,
            )  # fmt: skip
            if made is not None:
                await record("BillReminded", {"invoice_id": row["id"], "level": level}, account_id=account_id)
                sent += 1
    return sent


async def open_dispute(actor: Actor, invoice_id: UUID, reason: str, now: datetime, person_id: UUID | None = None) -> UUID:
    """Stop reminders of a bill until somebody has answered. A resident disputes only an own bill (`person_id`).

    Raises Refused not_found, reason_missing. A bill that is disputed already keeps its dispute.
    """
    if not reason.strip():
        raise Refused("reason_needed", 422, "Write a reason. It stands in the log for good.", fields=["reason"])
    async with in_account(actor.account_id):
        await execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 3))", str(invoice_id))
        owner = await fetchval("SELECT person_id FROM invoice WHERE id = $1 AND corrects_id IS NULL", invoice_id)
        if owner is None or (person_id is not None and owner != person_id):
            raise not_found("bill")
        known = await fetchval("SELECT id FROM dispute WHERE invoice_id = $1 AND closed_at IS NULL", invoice_id)
        if known is not None:
            return UUID(str(known))
        dispute_id = new_id()
        await execute("INSERT INTO dispute (account_id, id, invoice_id, reason, opened_at, opened_by) VALUES ($1, $2, $3, $4, $5, $6)",
                      actor.account_id, dispute_id, invoice_id, reason.strip()[:1000], now, actor.name)  # fmt: skip
        await note(actor, "invoice", invoice_id, "disputed", now, reason=reason)
    return dispute_id


async def close_dispute(actor: Actor, invoice_id: UUID, answer: str, now: datetime) -> None:
    """Answer a dispute; reminders go on. Raises Refused not_found, reason_missing."""
    if not answer.strip():
        raise Refused("reason_needed", 422, "Write a reason. It stands in the log for good.", fields=["answer"])
    async with in_account(actor.account_id):
        closed = await fetchval("UPDATE dispute SET closed_at = $2, closed_by = $3, answer = $4 WHERE invoice_id = $1"
                                " AND closed_at IS NULL RETURNING id", invoice_id, now, actor.name, answer.strip()[:1000])  # fmt: skip
        if closed is None:
            raise not_found("dispute")
        await note(actor, "invoice", invoice_id, "dispute_closed", now, reason=answer)
