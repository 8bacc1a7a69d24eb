"""Reminders of overdue bills, at most three, each by the channel that the resident has chosen; and disputes, which stop them."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
import structlog

from app.audit.commands import note
from app.audit.model import Actor
from app.billing.documents.bill import BillDocument
from app.billing.documents.reminder import render_reminder
from app.billing.issue import resident_party
from app.database.transaction import execute, fetch, fetchrow, fetchval, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.outbox.commands import record
from app.residents.queries import person

log = structlog.get_logger()
DAYS_OVERDUE = (10, 25, 40)  # after so many days the first, the second and the third go out
OWNER_FROM = 2

OVERDUE = """
SELECT i.id, i.gross_minor - s.settled_minor AS open_minor, i.due_on, i.person_id, i.document,
       (SELECT coalesce(max(r.level), 0) FROM reminder r WHERE r.account_id = i.account_id AND r.invoice_id = i.id) AS level,
       (SELECT max(r.sent_on) FROM reminder r WHERE r.account_id = i.account_id AND r.invoice_id = i.id) AS sent_on
FROM invoice i JOIN invoice_settled s ON s.account_id = i.account_id AND s.invoice_id = i.id
WHERE i.corrects_id IS NULL AND i.kind <> 'guest' AND i.due_on < $1 AND i.gross_minor > s.settled_minor AND NOT EXISTS (
    SELECT 1 FROM dispute d WHERE d.account_id = i.account_id AND d.invoice_id = i.id AND d.closed_at IS NULL) AND NOT EXISTS (
    SELECT 1 FROM debit d WHERE d.account_id = i.account_id AND d.invoice_id = i.id AND d.collect_on > $1::date - 10 AND NOT EXISTS (
        SELECT 1 FROM debit_return b WHERE b.account_id = d.account_id AND b.debit_id = d.id))
"""
LETTER = """
INSERT INTO reminder_letter (account_id, reminder_id, channel, name, street, postcode, city, country, pdf, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""


def next_level(due_on: date, level: int, sent_on: date | None, today: date) -> int | None:
    """The reminder that is due today, or None: one after the other, never two at once, none after the third."""
    if level >= len(DAYS_OVERDUE) or (today - due_on).days < DAYS_OVERDUE[level]:
        return None
    gap = DAYS_OVERDUE[level] - DAYS_OVERDUE[level - 1] if level else 0
    return level + 1 if sent_on is None or (today - sent_on).days >= gap else None


async def remind_overdue(account_id: UUID, today: date, now: datetime) -> int:
    """Send what is due of an account's reminders; returns how many. Again on the same day: none. One that fails stops no other."""
    async with in_account(account_id):
        due = [row["id"] for row in await fetch(f"{OVERDUE} ORDER BY i.due_on, i.number", today)
               if next_level(row["due_on"], row["level"], row["sent_on"], today) is not None]  # fmt: skip
    sent = 0
    for invoice_id in due:
        try:
            sent += await _remind(account_id, invoice_id, today, now)
        except Exception:  # one resident's trouble is reported and must not stop the others
            log.exception("reminder failed", bill=str(invoice_id))
    return sent


async def _remind(account_id: UUID, invoice_id: UUID, today: date, now: datetime) -> int:
    """One bill's next reminder with its letter; 0 where it has been paid, disputed or reminded meanwhile."""
    async with in_account(account_id):
        await _lock(invoice_id)
        row = await fetchrow(f"{OVERDUE} AND i.id = $2", today, invoice_id)
        level = None if row is None else next_level(row["due_on"], row["level"], row["sent_on"], today)
        if row is None or level is None:
            return 0
        made = new_id()
        await execute(
            "INSERT INTO reminder (account_id, id, invoice_id, level, open_minor, sent_on, owner_told, created_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            account_id, made, invoice_id, level, row["open_minor"], today, level >= OWNER_FROM, now,
        )  # fmt: skip
        await _write(account_id, made, row, level, today, now)
        await record("BillReminded", {"invoice_id": invoice_id, "level": level}, account_id=account_id)
    return 1


async def _write(account_id: UUID, reminder_id: UUID, row: Any, level: int, today: date, now: datetime) -> None:
    """The letter, to where the resident lives now; by post where e-mail was chosen and no address is known."""
    resident = await person(row["person_id"])
    if resident is None:
        raise not_found("person")
    chosen = await fetchval("SELECT correspondence FROM person WHERE id = $1", row["person_id"])
    channel = "post" if chosen == "email" and not resident.email else chosen
    to = resident_party(resident)
    bill = msgspec.json.decode(row["document"], type=BillDocument)
    pdf = render_reminder(bill, to, level, row["open_minor"], today, owner_told=level >= OWNER_FROM)
    await execute(LETTER, account_id, reminder_id, channel, to.name, to.street, to.postcode, to.city, to.country, pdf, now)


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A reminder as it goes out: how, what is open, and the letter itself."""

    channel: Literal["post", "email", "ebill"]
    open_minor: int
    pdf: bytes


async def letter(invoice_id: UUID, level: int) -> Letter | None:
    """The letter of a bill's reminder (inside the caller's transaction)."""
    row = await fetchrow("SELECT l.channel, r.open_minor, l.pdf FROM reminder r JOIN reminder_letter l ON l.account_id = r.account_id"
                         " AND l.reminder_id = r.id WHERE r.invoice_id = $1 AND r.level = $2", invoice_id, level)  # fmt: skip
    return None if row is None else Letter(**row)


async def _lock(invoice_id: UUID) -> None:
    """A dispute and a reminder of one bill come one after the other."""
    await execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 3))", str(invoice_id))


async def open_dispute(actor: Actor, invoice_id: UUID, reason: str, now: datetime, person_id: UUID | None = None) -> UUID:
    """Stop reminders of a bill until somebody has answered. A resident disputes only an own bill (`person_id`).

    Raises Refused not_found, reason_missing. A bill that is disputed already keeps its dispute.
    """
    if not reason.strip():
        raise Refused("reason_needed", 422, "Write a reason. It stands in the log for good.", fields=["reason"])
    async with in_account(actor.account_id):
        await _lock(invoice_id)
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
