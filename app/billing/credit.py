"""A resident's credit: what was paid too much or taken back. It settles the next bill, or is given back."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.billing import rules
from app.database.transaction import execute, fetch, fetchrow, fetchval, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.ledger.commands import post

# What the ledger says is owed, less what stands open on bills, less what no bill has taken yet: below zero it is credit.
# What was written off is no longer owed, and no bill ever takes it.
CREDIT = """
SELECT (SELECT coalesce(sum(greatest(0, i.gross_minor - s.settled_minor)), 0) FROM invoice i
        JOIN invoice_settled s ON s.account_id = i.account_id AND s.invoice_id = i.id
        WHERE i.person_id = $1 AND i.corrects_id IS NULL)
     + (SELECT coalesce(sum(c.gross_minor), 0) FROM charge c WHERE c.person_id = $1 AND NOT EXISTS (
        SELECT 1 FROM invoice_charge ic WHERE ic.account_id = c.account_id AND ic.charge_id = c.id) AND NOT EXISTS (
        SELECT 1 FROM ledger_entry e WHERE e.account_id = c.account_id AND e.source_key = 'write_off:' || c.id))
     - (SELECT coalesce(sum(p.amount_minor), 0) FROM ledger_posting p WHERE p.ledger_account = $2)
"""


async def lock_person(person_id: UUID) -> None:
    """One at a time for a resident's money (until the end of the caller's transaction)."""
    await execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", str(person_id))


async def credit_minor(person_id: UUID) -> int:
    """A resident's credit in minor units (inside the caller's transaction)."""
    return max(0, int(await fetchval(CREDIT, person_id, rules.receivable(person_id))))


async def use_credit(account_id: UUID, invoice_id: UUID, amount_minor: int, now: datetime) -> None:
    """Settle a part of a new bill from credit (inside the transaction that issues it)."""
    if amount_minor > 0:
        await execute("INSERT INTO credit_use (account_id, invoice_id, amount_minor, created_at) VALUES ($1, $2, $3, $4)",
                      account_id, invoice_id, amount_minor, now)  # fmt: skip


async def refund(actor: Actor, person_id: UUID, amount_minor: int, request_key: str, now: datetime) -> UUID:
    """Give credit back to a resident's account. The same request again is the same refund.

    Raises Refused not_found, no_credit, no_iban.
    """
    async with in_account(actor.account_id):
        await lock_person(person_id)
        known = await fetchval("SELECT id FROM refund WHERE request_key = $1", request_key)
        if known is not None:
            return UUID(str(known))
        person = await fetchrow("SELECT p.iban, a.currency FROM person p JOIN account a ON a.id = p.account_id WHERE p.id = $1", person_id)
        if person is None:
            raise not_found("person")
        if not person["iban"]:
            raise Refused("no_iban", 409, "No account is known to pay to. Enter the resident's IBAN first.")
        if not 0 < amount_minor <= await credit_minor(person_id):
            raise Refused("no_credit", 409, "The resident has less credit than that. Look at the open amounts first.")
        refund_id = new_id()
        await execute("INSERT INTO refund (account_id, id, person_id, request_key, amount_minor, currency, iban, created_at)"
                      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", actor.account_id, refund_id, person_id, request_key, amount_minor,
                      person["currency"], person["iban"], now)  # fmt: skip
        await post(actor.account_id, rules.refund_entry(refund_id, person_id, amount_minor, person["currency"], now), now)
        await note(actor, "person", person_id, "refund", now, after={"amount_minor": amount_minor})
    return refund_id


OPEN_BILL = """
SELECT i.person_id, i.currency, i.gross_minor - s.settled_minor AS open_minor FROM invoice i
JOIN invoice_settled s ON s.account_id = i.account_id AND s.invoice_id = i.id WHERE i.id = $1 AND i.corrects_id IS NULL
"""
BOOKED_ON = """
SELECT 1 FROM ledger_posting p JOIN ledger_entry e ON e.account_id = p.account_id AND e.id = p.entry_id
WHERE e.source_key = $1 AND p.ledger_account = $2
"""


async def match_payment(actor: Actor, payment_id: UUID, invoice_id: UUID, now: datetime) -> None:
    """Settle a bill with a payment whose reference named none. What is too much becomes credit. Again: nothing changes.

    Raises Refused not_found, payment_matched.
    """
    async with in_account(actor.account_id):
        bill = await fetchrow(OPEN_BILL, invoice_id)
        payment = await fetchrow("SELECT amount_minor, currency, bank_reference FROM payment WHERE id = $1", payment_id)
        if bill is None or payment is None or bill["currency"] != payment["currency"]:
            raise not_found("payment or bill")
        await lock_person(bill["person_id"])
        entry = rules.match_entry(payment_id, bill["person_id"], payment["amount_minor"], payment["currency"], now)
        settled = await fetchval("SELECT invoice_id FROM settlement WHERE payment_id = $1", payment_id)
        if settled == invoice_id:
            return
        waiting = await fetchval(BOOKED_ON, f"payment:{payment['bank_reference']}", rules.UNMATCHED)
        if settled is not None or waiting is None or not await post(actor.account_id, entry, now):
            raise Refused("payment_matched", 409, "This payment settles something already. Reload the list.")
        part = min(payment["amount_minor"], bill["open_minor"])
        if part > 0:
            await execute("INSERT INTO settlement (account_id, payment_id, invoice_id, amount_minor) VALUES ($1, $2, $3, $4)",
                          actor.account_id, payment_id, invoice_id, part)  # fmt: skip
        await note(
            actor, "invoice", invoice_id, "payment_matched", now, after={"payment_id": payment_id, "amount_minor": payment["amount_minor"]}
        )


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """An open bill that a payment may belong to."""

    id: UUID
    number: str
    resident_name: str
    open_minor: int
    due_on: date


# First those that are open by exactly the amount, then those whose resident's name stands with the payer.
SUGGEST = """
SELECT i.id, i.number, trim(p.given_name || ' ' || p.family_name) AS resident_name, i.gross_minor - s.settled_minor AS open_minor, i.due_on
FROM invoice i JOIN invoice_settled s ON s.account_id = i.account_id AND s.invoice_id = i.id
JOIN person p ON p.account_id = i.account_id AND p.id = i.person_id
WHERE i.currency = $2 AND i.gross_minor > s.settled_minor
ORDER BY (i.gross_minor - s.settled_minor = $1) DESC, (position(lower(p.family_name) in lower($3)) > 0) DESC, i.due_on, i.number LIMIT 10
"""


async def suggestions(payment_id: UUID) -> list[Suggestion]:
    """Open bills for a payment, the likeliest first (inside the caller's transaction). Raises Refused not_found."""
    payment = await fetchrow("SELECT amount_minor, currency, payer FROM payment WHERE id = $1", payment_id)
    if payment is None:
        raise not_found("payment")
    return [Suggestion(**row) for row in await fetch(SUGGEST, payment["amount_minor"], payment["currency"], payment["payer"])]
