"""SEPA direct debits: the bills that are due under a mandate go into a file for the bank, each once; what comes back is open again."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.billing import rules
from app.billing.credit import lock_person
from app.billing.pain008 import Creditor, Debit, DebitFailed, pain008
from app.database.transaction import execute, fetch, fetchrow, fetchval, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.ledger.commands import post

AHEAD = timedelta(days=14)  # bills that are due so soon go into the file
LEAD = timedelta(days=2)  # what the bank needs before the day of the debit
LAPSES = timedelta(days=1095)  # a mandate that was not used for 36 months


class DebitFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file for the bank, without its content."""

    id: UUID
    number: str
    created_at: datetime
    created_by: str
    creditor_name: str
    debits: int
    amount_minor: int
    currency: str = "EUR"


class DebitLine(msgspec.Struct, frozen=True, kw_only=True):
    """A bill that is collected: waiting for a file (no `file_number`), under way, paid, or returned with a reason."""

    id: UUID
    bill_id: UUID
    bill_number: str
    resident_name: str
    collect_on: date
    amount_minor: int
    currency: str
    file_number: str
    state: str
    reason: str


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """The files that were made, and why some bills wait on: the code of a sentence and whose it is about."""

    files: list[UUID]
    failed: list["Failed"]


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    bill_id: UUID
    code: str
    name: str


# What is open, due soon, under a mandate in force, and neither disputed, nor collected already, nor charged to a card.
DUE = """
SELECT i.id AS bill_id, i.number, i.person_id, i.reference, i.due_on, i.gross_minor - s.settled_minor AS open_minor, m.id AS mandate_id,
       m.reference AS mandate, m.holder, m.iban, m.signed_on, c.id AS creditor_id, c.name AS creditor_name, c.iban AS creditor_iban,
       c.scheme_id, trim(p.given_name || ' ' || p.family_name) AS resident_name,
       coalesce((SELECT max(d.collect_on) FROM debit d WHERE d.account_id = m.account_id AND d.mandate_id = m.id), m.signed_on) AS used_on
FROM invoice i JOIN invoice_settled s ON s.account_id = i.account_id AND s.invoice_id = i.id
JOIN creditor c ON c.account_id = i.account_id AND c.id = i.creditor_id
JOIN person p ON p.account_id = i.account_id AND p.id = i.person_id
JOIN debit_mandate m ON m.account_id = i.account_id AND m.person_id = i.person_id AND m.creditor_id = i.creditor_id AND m.ended_at IS NULL
WHERE i.currency = 'EUR' AND i.corrects_id IS NULL AND i.kind <> 'guest' AND i.gross_minor > s.settled_minor AND i.due_on <= $1
    AND NOT EXISTS (SELECT 1 FROM dispute d WHERE d.account_id = i.account_id AND d.invoice_id = i.id AND d.closed_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM card_payment k WHERE k.account_id = i.account_id AND k.invoice_id = i.id AND k.state = 'open'
                    AND k.card_id IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM debit d WHERE d.account_id = i.account_id AND d.invoice_id = i.id AND NOT EXISTS (
                    SELECT 1 FROM debit_return b WHERE b.account_id = d.account_id AND b.debit_id = d.id))
ORDER BY c.id, i.due_on, i.number
"""


async def make_files(actor: Actor, now: datetime) -> Made:
    """Put every bill that is due under a mandate into a file of its creditor. One that the bank would refuse stops no other. Again:
    nothing is collected twice."""
    today, files, failed = now.date(), [], []
    async with in_account(actor.account_id):
        # One at a time: the second finds what the first has put into a file.
        await execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"debit-files:{actor.account_id}")
        for _, group in groupby(await fetch(DUE, today + AHEAD), key=lambda row: row["creditor_id"]):
            fine: list[tuple[Any, Debit]] = []
            for row in group:
                debit, code = _debit(row, today)
                if code:
                    name = row["creditor_name"] if code == "no_scheme_id" else row["resident_name"]
                    failed.append(Failed(bill_id=row["bill_id"], code=code, name=name))
                else:
                    fine.append((row, debit))
            if fine:
                files.append(await _store(actor, fine, now))
    return Made(files=files, failed=failed)


def _debit(row: Any, today: date) -> tuple[Debit, str]:
    """The debit of a bill, and the code of what keeps it from being collected."""
    collect_on = max(row["due_on"], today + LEAD)
    debit = Debit(
        end_to_end_id=new_id().hex, collect_on=collect_on, amount_minor=row["open_minor"], mandate=row["mandate"],
        signed_on=row["signed_on"], name=row["holder"], iban=row["iban"], reference=row["reference"],
    )  # fmt: skip
    if not row["scheme_id"]:
        return debit, "no_scheme_id"
    if row["used_on"] + LAPSES < collect_on:
        return debit, "mandate_lapsed"
    try:
        pain008("CHECK", datetime.fromisoformat("2020-01-01T00:00:00Z"), _creditor(row), [debit])
    except DebitFailed:
        return debit, "debit_refused"
    return debit, ""


def _creditor(row: Any) -> Creditor:
    return Creditor(name=row["creditor_name"], iban=row["creditor_iban"], scheme_id=row["scheme_id"])


async def _store(actor: Actor, fine: Sequence[tuple[Any, Debit]], now: datetime) -> UUID:
    file_id, first = new_id(), fine[0][0]
    number, total = f"D{now:%Y%m%d}-{file_id.hex[-6:].upper()}", sum(debit.amount_minor for _, debit in fine)
    content = pain008(number, now, _creditor(first), [debit for _, debit in fine])
    await execute(
        "INSERT INTO debit_file (account_id, id, creditor_id, number, debits, amount_minor, pain008, created_at, created_by)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        actor.account_id, file_id, first["creditor_id"], number, len(fine), total, content, now, actor.name,
    )  # fmt: skip
    for row, debit in fine:
        await execute(
            "INSERT INTO debit (account_id, id, file_id, mandate_id, invoice_id, amount_minor, collect_on)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            actor.account_id, UUID(debit.end_to_end_id), file_id, row["mandate_id"], row["bill_id"], debit.amount_minor, debit.collect_on,
        )  # fmt: skip
    await note(actor, "debit_file", file_id, "created", now, after={"number": number, "amount_minor": total, "debits": len(fine)})
    return file_id


RETURNED = """
SELECT d.invoice_id, d.amount_minor, d.collect_on, i.person_id, i.reference, i.number, i.currency FROM debit d
JOIN invoice i ON i.account_id = d.account_id AND i.id = d.invoice_id WHERE d.id = $1
"""
# The payment that this debit brought: of its bill, of its amount, not before its day, and not given back before.
BROUGHT = """
SELECT p.id, p.amount_minor, t.amount_minor AS settled_minor FROM settlement t
JOIN payment p ON p.account_id = t.account_id AND p.id = t.payment_id
WHERE t.invoice_id = $1 AND p.amount_minor = $2 AND p.received_on >= $3 AND p.bank_reference NOT LIKE 'stripe:%'
    AND NOT EXISTS (SELECT 1 FROM debit_return b WHERE b.account_id = p.account_id AND b.payment_id = p.id)
ORDER BY p.received_on, p.id LIMIT 1
"""


async def return_debit(actor: Actor, debit_id: UUID, reason: str, returned_on: date, now: datetime) -> None:
    """The bank gave a debit back: what it had settled is open again, and the bill may be collected anew. Again: nothing.

    Raises Refused not_found, reason_needed.
    """
    if not reason.strip():
        raise Refused("reason_needed", 422, "Write a reason. It stands in the log for good.", fields=["reason"])
    async with in_account(actor.account_id):
        row = await fetchrow(RETURNED, debit_id)
        if row is None:
            raise not_found("debit")
        await lock_person(row["person_id"])
        if await fetchval("SELECT 1 FROM debit_return WHERE debit_id = $1", debit_id):
            return
        paid = await fetchrow(BROUGHT, row["invoice_id"], row["amount_minor"], row["collect_on"] - LEAD)
        await execute(
            "INSERT INTO debit_return (account_id, debit_id, invoice_id, payment_id, undone_minor, reason, returned_on, created_at,"
            " created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", actor.account_id, debit_id, row["invoice_id"],
            None if paid is None else paid["id"], 0 if paid is None else paid["settled_minor"], reason.strip()[:200], returned_on, now,
            actor.name,
        )  # fmt: skip
        if paid is not None:
            entry = rules.debit_return_entry(debit_id, row["person_id"], row["number"], paid["amount_minor"], row["currency"], now)
            await post(actor.account_id, entry, now)
        await note(actor, "invoice", row["invoice_id"], "debit_returned", now, reason=reason, after={"amount_minor": row["amount_minor"]})


FILES = """
SELECT f.id, f.number, f.created_at, f.created_by, c.name AS creditor_name, f.debits, f.amount_minor
FROM debit_file f JOIN creditor c ON c.account_id = f.account_id AND c.id = f.creditor_id ORDER BY f.created_at DESC, f.id DESC
"""
DEBITS = """
SELECT d.id, i.id AS bill_id, i.number AS bill_number, trim(p.given_name || ' ' || p.family_name) AS resident_name, d.collect_on,
       d.amount_minor, i.currency, f.number AS file_number, coalesce(b.reason, '') AS reason,
       CASE WHEN b.debit_id IS NOT NULL THEN 'returned' WHEN s.settled_minor >= i.gross_minor THEN 'paid' ELSE 'under_way' END AS state
FROM debit d JOIN debit_file f ON f.account_id = d.account_id AND f.id = d.file_id
JOIN invoice i ON i.account_id = d.account_id AND i.id = d.invoice_id
JOIN invoice_settled s ON s.account_id = i.account_id AND s.invoice_id = i.id
JOIN person p ON p.account_id = i.account_id AND p.id = i.person_id
LEFT JOIN debit_return b ON b.account_id = d.account_id AND b.debit_id = d.id
ORDER BY d.collect_on DESC, i.number DESC LIMIT 2000
"""


async def files() -> list[DebitFile]:
    """The account's files, the newest first (inside the caller's transaction)."""
    return [DebitFile(**row) for row in await fetch(FILES)]


async def debits(today: date) -> list[DebitLine]:
    """What waits for the next file, then what was in files, the newest first (inside the caller's transaction)."""
    wait = [
        DebitLine(id=row["bill_id"], bill_id=row["bill_id"], bill_number=row["number"], resident_name=row["resident_name"],
                  collect_on=max(row["due_on"], today + LEAD), amount_minor=row["open_minor"], currency="EUR", file_number="",
                  state="waiting", reason="") for row in await fetch(DUE, today + AHEAD)
    ]  # fmt: skip
    return [*wait, *[DebitLine(**row) for row in await fetch(DEBITS)]]


async def content_of(file_id: UUID) -> tuple[str, bytes]:
    """(number, pain.008) of a file (inside the caller's transaction). Raises Refused not_found."""
    row = await fetchrow("SELECT number, pain008 FROM debit_file WHERE id = $1", file_id)
    if row is None:
        raise not_found("file")
    return row["number"], row["pain008"]
