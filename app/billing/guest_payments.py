"""What a guest's charge comes to: taken once from the hold, given free where nothing is due, and paid by a page of its own where the
hold is gone. Every step can be repeated."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from app.billing import cards, queries, rules
from app.billing.commands import Credit, book_payment
from app.billing.guest_receipt import issue_receipt
from app.billing.guests import row_of, step
from app.billing.stripe_gateway import CardGateway, Checkout, Intent, Unavailable, no_cards
from app.database.transaction import execute, fetchrow, fetchval, in_account
from app.ledger.commands import post
from app.outbox.commands import record

log = structlog.get_logger()
OPEN = ("starting", "charging")
GIVEN_FREE = ("release_due", "released")
NOTHING_DUE = ("below_minimum", "nothing_charged")
LOOK_AGAIN = timedelta(seconds=10)


async def look(account_id: UUID, guest_id: UUID, now: datetime) -> None:
    """Have Stripe asked what became of a card, by a job and now and then only: a page may wish it as often as it likes."""
    async with in_account(account_id):
        if await fetchval(LOOK, guest_id, now, now - LOOK_AGAIN) is not None:
            await record("CardNews", {"about": "guest", "about_id": guest_id}, account_id=account_id)


LOOK = """
UPDATE guest_charge SET looked_at = $2 WHERE id = $1 AND (looked_at IS NULL OR looked_at <= $3)
    AND (state = 'asked' AND checkout_ref IS NOT NULL OR state = 'unpaid' AND pay_ref IS NOT NULL) RETURNING id
"""


async def finish(account_id: UUID, session_id: UUID, now: datetime) -> bool:
    """After a session: if it is a guest's, write the receipt of its charge and have the card charged. Again: nothing.

    What is less than the least that a card pays is not charged: the hold is given free and the amount written off. A charge that
    began after its hold was given free is due as well.
    """
    async with in_account(account_id):
        row = await fetchrow(
            "SELECT g.id, g.state, g.reason, g.locale, x.state AS session FROM guest_charge g JOIN charging_session x"
            " ON x.account_id = g.account_id AND x.request_id = g.request_id WHERE x.id = $1 FOR UPDATE OF g", session_id,
        )  # fmt: skip
        if row is None or row["session"] not in ("ended", "discarded") or not _to_finish(row):
            return row is not None
        charge = (await queries.charges_of_sessions([session_id])).get(session_id)
        if charge is None and row["session"] == "ended":
            return True  # not priced yet; the run of the month does that, and this comes again
        if charge is None or charge.gross_minor < rules.CARD_LEAST_MINOR:
            too_little = charge is not None and charge.gross_minor > 0
            if charge is not None and too_little:
                entry = rules.write_off_entry(charge.id, charge.person_id, charge.net_minor, charge.vat_minor, charge.currency, now)
                await post(account_id, entry, now)
            await _give_free(account_id, row, "below_minimum" if too_little else "nothing_charged", now)
            return True
        invoice_id = await issue_receipt(account_id, charge, "", row["locale"], now)
        await execute("UPDATE guest_charge SET state = 'due', invoice_id = $2, changed_at = $3 WHERE id = $1", row["id"], invoice_id, now)
        await record("GuestPaymentDue", {"guest_id": row["id"]}, account_id=account_id)
    return True


def _to_finish(row: Any) -> bool:
    return row["state"] in OPEN or (row["state"] in GIVEN_FREE and row["reason"] not in NOTHING_DUE)


async def _give_free(account_id: UUID, row: Any, reason: str, now: datetime) -> None:
    state = "release_due" if row["state"] in OPEN else row["state"]
    await execute("UPDATE guest_charge SET state = $4, reason = $3, changed_at = $2 WHERE id = $1", row["id"], now, reason, state)
    if row["state"] in OPEN:
        await record("GuestReleaseDue", {"guest_id": row["id"]}, account_id=account_id)


async def take(gateway: CardGateway, account_id: UUID, guest_id: UUID, now: datetime) -> None:
    """Take the receipt's amount from what is held, once. Where the hold is gone it stays unpaid, until it is paid on a page of its
    own. Again: nothing. Raises Unavailable."""
    row = await row_of(account_id, guest_id)
    if row["state"] != "due":
        return
    bill = await _receipt(row, now)
    intent = await gateway.capture(row["intent_ref"], bill.gross_minor)
    if intent.state != "paid":
        log.warning("a guest's hold is gone", guest=str(guest_id), state=intent.state)
        await step(account_id, guest_id, "due", "unpaid", now, reason="hold_gone")
        return
    await _book(row, bill, intent, now)


async def _receipt(row: Any, now: datetime) -> queries.Bill:
    async with in_account(row["account_id"]):
        bill = await queries.bill(row["invoice_id"], now.date())
    if bill is None:
        raise LookupError(f"guest charge {row['id']} has no receipt")
    return bill


async def _book(row: Any, bill: queries.Bill, intent: Intent, now: datetime) -> None:
    money = Credit(bank_reference=f"stripe:{intent.ref}", received_on=now.date(), amount_minor=intent.amount_minor,
                   currency=intent.currency, reference=bill.reference, payer="Stripe")  # fmt: skip
    await book_payment(row["account_id"], money, now, by_card=True)
    await step(row["account_id"], row["id"], row["state"], "paid", now)


async def release(gateway: CardGateway, account_id: UUID, guest_id: UUID, now: datetime) -> None:
    """Give what is held free. Again: nothing. Raises Unavailable."""
    row = await row_of(account_id, guest_id)
    if row["state"] == "release_due":
        await gateway.release(row["intent_ref"])
        await step(account_id, guest_id, "release_due", "released", now)


async def pay(gateway: CardGateway, account_id: UUID, guest_id: UUID, back: str, now: datetime) -> str:
    """The address of Stripe's page for a charge whose hold is gone; one page, however often it is asked.

    Raises Refused nothing_open, payment_running, cards_unavailable.
    """
    row = await row_of(account_id, guest_id)
    if row["state"] != "unpaid":
        raise cards.nothing_open()
    bill = await _receipt(row, now)
    try:
        page = await gateway.checkout_now(row["pay_ref"]) if row["pay_ref"] else None
        if page is None or page.state == "expired":
            page = await _page(gateway, row, bill, back)
        if page.url is None:
            await settle(gateway, account_id, guest_id, now)
    except Unavailable as error:
        log.warning("stripe is away", error=str(error))
        raise no_cards() from error
    if page.url is None:
        raise cards.running()
    return page.url


async def _page(gateway: CardGateway, row: Any, bill: queries.Bill, back: str) -> Checkout:
    """A new page; the one before has expired, and its name makes the key of this one."""
    page = await gateway.checkout(
        key=f"guest-pay:{row['id']}:{row['pay_ref'] or ''}", about=cards.about(row["account_id"], "guest", row["id"]), success_url=back,
        cancel_url=back, locale=row["locale"], amount_minor=bill.open_minor, currency=bill.currency, text=bill.number,
    )  # fmt: skip
    async with in_account(row["account_id"]):
        await execute("UPDATE guest_charge SET pay_ref = $2, looked_at = NULL WHERE id = $1", row["id"], page.ref)
    return page


async def settle(gateway: CardGateway, account_id: UUID, guest_id: UUID, now: datetime) -> None:
    """Book what was paid on the page of a charge whose hold was gone. Again: nothing. Raises Unavailable."""
    row = await row_of(account_id, guest_id)
    if row["state"] != "unpaid" or row["pay_ref"] is None:
        return
    page = await gateway.checkout_now(row["pay_ref"])
    intent = None if page.intent_ref is None else await gateway.intent(page.intent_ref)
    if intent is not None and intent.state == "paid":
        await _book(row, await _receipt(row, now), intent, now)
