"""Take a bill back: it never changes, a credit note with its own number points to it, and its charges may be billed anew."""

import hashlib
from datetime import datetime
from uuid import UUID

import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.billing import queries, rules
from app.billing.badge_fees import free_badges
from app.billing.commands import take_back
from app.billing.documents.bill import BillDocument, render_bill
from app.billing.issue import next_number
from app.charging import queries as charging
from app.database.transaction import execute, fetchrow, fetchval, in_account
from app.kernel.calendar import local_date
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.ledger.commands import post
from app.ledger.queries import entry_of
from app.ledger.rules import reversal
from app.outbox.commands import record
from app.tariffs.model import VatGroup

COPY = """
INSERT INTO invoice (account_id, id, creditor_id, site_id, person_id, kind, number, period_start, period_end, issued_on, due_on,
    currency, net_minor, vat_minor, gross_minor, energy_wh, reference, document, pdf, pdf_sha256, created_at, corrects_id, reason)
SELECT account_id, $2, creditor_id, site_id, person_id, 'credit_note', $3, period_start, period_end, $4, $4, currency, -net_minor,
    -vat_minor, -gross_minor, -energy_wh, $3, $5, $6, $7, $8, id, $9
FROM invoice WHERE id = $1
"""


async def credit_bill(actor: Actor, invoice_id: UUID, reason: str, now: datetime, *, bill_again: bool = False) -> UUID:
    """The credit note of a bill; a second call gives the first one's. With `bill_again` its charges are priced anew.

    Raises Refused not_found, reason_missing, bill_corrected where a later bill has corrected a charge of it already.
    """
    if not reason.strip():
        raise Refused("reason_needed", 422, "Write a reason. It stands in the log for good.", fields=["reason"])
    async with in_account(actor.account_id):
        await execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 2))", str(invoice_id))
        known = await fetchval("SELECT id FROM invoice WHERE corrects_id = $1", invoice_id)
        if known is not None:
            return UUID(str(known))
        row = await fetchrow("SELECT i.*, s.time_zone FROM invoice i JOIN site s ON s.account_id = i.account_id AND s.id = i.site_id"
                             " WHERE i.id = $1 AND i.corrects_id IS NULL", invoice_id)  # fmt: skip
        if row is None:
            raise not_found("bill")
        charges = await queries.charges_of_bill(invoice_id)
        standing = await queries.charges_of_sessions([charge.session_id for charge in charges])
        if any(charge.corrects is not None or standing.get(charge.session_id) != charge for charge in charges):
            raise Refused("bill_corrected", 409, "A later bill has corrected a part of this one. Credit that difference by a correction.")
        note_id = await _store(row, reason, now)
        for charge in charges:
            session = await charging.session(charge.session_id)
            if session is None:
                raise LookupError(f"charge {charge.id} has no session")
            opposite = await take_back(actor.account_id, session, charge, now)
            await execute("INSERT INTO invoice_charge (account_id, charge_id, invoice_id) VALUES ($1, $2, $3)",
                          actor.account_id, opposite, note_id)  # fmt: skip
            if bill_again:
                await record("SessionCorrected", {"session_id": session.id}, account_id=actor.account_id)
        if bill_again:
            await free_badges(invoice_id)
        rounding = await entry_of(rules.invoice_key(invoice_id))
        if rounding is not None:
            await post(actor.account_id, reversal(rounding[1], rounding[0], now), now)
        await note(actor, "invoice", invoice_id, "credited", now, reason=reason, after={"bill_again": bill_again})
    return note_id


async def _store(row: dict[str, object], reason: str, now: datetime) -> UUID:
    document = msgspec.json.decode(str(row["document"]), type=BillDocument)
    issued_on = local_date(now, document.time_zone)
    number = await next_number(UUID(str(row["account_id"])), UUID(str(row["creditor_id"])), issued_on.year, "G")
    credit = opposite_of(document, f"G{issued_on.year}-{number:06d}")
    credit = msgspec.structs.replace(credit, issued_on=issued_on, due_on=issued_on)
    pdf, note_id = render_bill(credit), new_id()
    await execute(COPY, row["id"], note_id, credit.number, issued_on, msgspec.json.encode(credit).decode(), pdf,
                  hashlib.sha256(pdf).hexdigest(), now, reason.strip()[:500])  # fmt: skip
    await execute("INSERT INTO invoice_vat (account_id, invoice_id, rate, net_minor, vat_minor) SELECT account_id, $2, rate, -net_minor,"
                  " -vat_minor FROM invoice_vat WHERE invoice_id = $1", row["id"], note_id)  # fmt: skip
    return note_id


def opposite_of(bill: BillDocument, number: str) -> BillDocument:
    """The same document with every amount and quantity taken back."""
    replace = msgspec.structs.replace
    return replace(
        bill, number=number, corrects=bill.number, reference=number,
        positions=tuple(replace(line, quantity=-line.quantity, amount_minor=-line.amount_minor) for line in bill.positions),
        sessions=tuple(replace(line, energy_wh=-line.energy_wh, gross_minor=-line.gross_minor) for line in bill.sessions),
        net_minor=-bill.net_minor, vat_minor=-bill.vat_minor, gross_minor=-bill.gross_minor, energy_wh=-bill.energy_wh,
        vat=tuple(_minus(group) for group in bill.vat), last_month=None, credit_minor=0, mailing_minor=-bill.mailing_minor,
        energy=bill.energy and replace(bill.energy, solar_wh=-bill.energy.solar_wh, grid_wh=-bill.energy.grid_wh),
    )  # fmt: skip


def _minus(group: VatGroup) -> VatGroup:
    return VatGroup(rate=group.rate, net_minor=-group.net_minor, vat_minor=-group.vat_minor, gross_minor=-group.gross_minor)
