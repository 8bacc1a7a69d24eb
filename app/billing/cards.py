"""Bills paid by card: on Stripe's page, or with a card that a resident has stored for all bills to come.

Each step can be repeated: what is wanted is committed first, Stripe is asked with its id as the key, and what became of it is
read from Stripe, never from a message.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog

from app.billing import queries, rules
from app.billing.commands import Credit, book_payment
from app.billing.credit import lock_person
from app.billing.stripe_gateway import CardGateway, Checkout, Intent, Unavailable, no_cards
from app.database.transaction import execute, fetch, fetchrow, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.residents.queries import person

log = structlog.get_logger()


class StoredCard(msgspec.Struct, frozen=True, kw_only=True):
    """A card that pays a resident's bills."""

    id: UUID
    brand: str
    last4: str
    expires: str


def about(account_id: UUID, kind: str, row_id: UUID) -> dict[str, str]:
    """What Stripe keeps of us with an object: where its messages belong."""
    return {"account": str(account_id), "about": kind, "id": str(row_id)}


async def pay_bill(gateway: CardGateway, account_id: UUID, person_id: UUID, invoice_id: UUID, public_url: str, now: datetime) -> str:
    """The address of Stripe's page for what is open on a bill. Raises Refused not_found, nothing_open, cards_unavailable."""
    try:
        for _ in range(2):
            await _end_older(gateway, account_id, person_id, invoice_id, now)
            row = await _wanted(account_id, person_id, invoice_id, now)
            checkout = await _page(gateway, row, public_url)
            if checkout.state == "open" and checkout.url:
                return checkout.url
            await settle_card_payment(gateway, account_id, row["id"], now)
    except Unavailable as error:
        log.warning("stripe is away", error=str(error))
        raise no_cards() from error
    raise running()


def running() -> Refused:
    """The refusal where money is on its way."""
    return Refused("payment_running", 409, "A payment of this bill is being worked on. Look again in a minute.")


def nothing_open() -> Refused:
    """The refusal where all is paid."""
    return Refused("nothing_open", 409, "This bill is paid. There is nothing to do.")


OLDER = """
SELECT c.id, c.checkout_ref FROM card_payment c JOIN invoice i ON i.account_id = c.account_id AND i.id = c.invoice_id
JOIN invoice_settled s ON s.account_id = i.account_id AND s.invoice_id = i.id
WHERE c.invoice_id = $1 AND c.person_id = $2 AND c.checkout_ref IS NOT NULL AND c.intent_ref IS NULL
    AND (c.state = 'open' AND c.amount_minor <> i.gross_minor - s.settled_minor OR c.state = 'failed' AND c.failure = 'amount_changed')
"""


async def _end_older(gateway: CardGateway, account_id: UUID, person_id: UUID, invoice_id: UUID, now: datetime) -> None:
    """Pages over another amount take no money any more; what came by one before is booked first. Again: nothing."""
    async with in_account(account_id):
        rows = await fetch(OLDER, invoice_id, person_id)
    for row in rows:
        await gateway.expire(row["checkout_ref"])
        await settle_card_payment(gateway, account_id, row["id"], now)


async def _wanted(account_id: UUID, person_id: UUID, invoice_id: UUID, now: datetime) -> Any:
    """The open attempt to pay a bill, made where there is none."""
    async with in_account(account_id):
        await lock_person(person_id)
        bill = await queries.bill(invoice_id, now.date())
        if bill is None or bill.person_id != person_id or bill.corrects_id is not None:
            raise not_found("bill")
        if bill.open_minor <= 0:
            raise nothing_open()
        row = await fetchrow("SELECT * FROM card_payment WHERE invoice_id = $1 AND state = 'open'", invoice_id)
        if row is not None and row["card_id"] is not None:
            raise running()  # the stored card is being charged: a page beside it would take the money twice
        if row is not None and row["amount_minor"] != bill.open_minor and row["intent_ref"] is None:
            await execute(
                "UPDATE card_payment SET state = 'failed', failure = 'amount_changed', changed_at = $2 WHERE id = $1", row["id"], now
            )
            row = None
        if row is None:
            row = await _insert(account_id, bill, None, now)
        resident = await person(person_id)
    return {**dict(row), "number": bill.number, "locale": "auto" if resident is None else resident.locale,
            "email": None if resident is None else resident.email}  # fmt: skip


async def _insert(account_id: UUID, bill: queries.Bill, card_id: UUID | None, now: datetime) -> Any:
    return await fetchrow(
        "INSERT INTO card_payment (account_id, id, invoice_id, person_id, card_id, amount_minor, currency, created_at, changed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8) RETURNING *",
        account_id, new_id(), bill.id, bill.person_id, card_id, bill.open_minor, bill.currency, now,
    )  # fmt: skip


async def _page(gateway: CardGateway, row: dict[str, Any], public_url: str) -> Checkout:
    """Stripe's page of an attempt: the one it has, else a new one."""
    if row["checkout_ref"]:
        return await gateway.checkout_now(row["checkout_ref"])
    back = f"{public_url}/bills/{row['invoice_id']}"
    checkout = await gateway.checkout(
        key=f"bill:{row['id']}", about=about(row["account_id"], "bill", row["id"]), success_url=f"{back}?paid={row['id']}",
        cancel_url=back, locale=row["locale"], amount_minor=row["amount_minor"], currency=row["currency"], text=row["number"],
        email=row["email"],
    )  # fmt: skip
    async with in_account(row["account_id"]):
        await execute("UPDATE card_payment SET checkout_ref = $2 WHERE id = $1 AND checkout_ref IS NULL", row["id"], checkout.ref)
    return checkout


async def settle_card_payment(gateway: CardGateway, account_id: UUID, payment_id: UUID, now: datetime) -> str:
    """Book what Stripe says of an attempt; returns its state. Again: nothing changes. Raises Unavailable.

    Money that came by a page which another one stands in place of is booked as well.
    """
    async with in_account(account_id):
        row = await fetchrow("SELECT * FROM card_payment WHERE id = $1", payment_id)
    if row is None:
        raise not_found("payment")
    state = str(row["state"])
    if state == "paid":
        return state
    if row["intent_ref"]:
        return await _book(account_id, row, await gateway.intent(row["intent_ref"]), now)
    if not row["checkout_ref"]:
        return state
    checkout = await gateway.checkout_now(row["checkout_ref"])
    if checkout.intent_ref is None:
        return await _end(account_id, payment_id, "failed", "expired", now) if checkout.state == "expired" else state
    intent = await gateway.intent(checkout.intent_ref)
    if checkout.state == "expired" and intent.state in ("wants_card", "cancelled"):
        return await _end(account_id, payment_id, "failed", intent.failure or "expired", now)
    return await _book(account_id, row, intent, now)


async def _book(account_id: UUID, row: Any, intent: Intent, now: datetime) -> str:
    """The money first, under Stripe's name of it, then the attempt's state: whatever breaks between is mended by repeating."""
    if intent.state in ("failed", "cancelled"):
        return await _end(account_id, row["id"], "failed", intent.failure or intent.state, now)
    if intent.state != "paid":
        return str(row["state"])
    async with in_account(account_id):
        reference = (await fetchrow("SELECT reference FROM invoice WHERE id = $1", row["invoice_id"]))["reference"]  # type: ignore[index]
        await execute("UPDATE card_payment SET intent_ref = $2 WHERE id = $1", row["id"], intent.ref)
    money = Credit(bank_reference=f"stripe:{intent.ref}", received_on=now.date(), amount_minor=intent.amount_minor,
                   currency=intent.currency, reference=reference, payer="Stripe")  # fmt: skip
    await book_payment(account_id, money, now, by_card=True)
    return await _end(account_id, row["id"], "paid", None, now)


async def _end(account_id: UUID, payment_id: UUID, state: str, failure: str | None, now: datetime) -> str:
    async with in_account(account_id):
        await execute("UPDATE card_payment SET state = $2, failure = $3, changed_at = $4 WHERE id = $1 AND state <> 'paid'",
                      payment_id, state, failure, now)  # fmt: skip
    return state


async def store_card(gateway: CardGateway, account_id: UUID, person_id: UUID, public_url: str, now: datetime) -> str:
    """The address of Stripe's page where a card is stored for the bills to come. Raises Refused not_found, cards_unavailable."""
    async with in_account(account_id):
        resident, card_id = await person(person_id), new_id()
        if resident is None:
            raise not_found("person")
        await execute("INSERT INTO stored_card (account_id, id, person_id, created_at, changed_at) VALUES ($1, $2, $3, $4, $4)",
                      account_id, card_id, person_id, now)  # fmt: skip
    try:
        await _end_older_cards(gateway, account_id, person_id, card_id, now)
        customer = await gateway.customer(str(person_id), resident.name, resident.email)
        checkout = await gateway.checkout(
            key=f"card:{card_id}", about=about(account_id, "card", card_id), success_url=f"{public_url}/account?card={card_id}",
            cancel_url=f"{public_url}/account", locale=resident.locale, customer_ref=customer,
        )  # fmt: skip
    except Unavailable as error:
        log.warning("stripe is away", error=str(error))
        raise no_cards() from error
    async with in_account(account_id):
        await execute("UPDATE stored_card SET customer_ref = $2, checkout_ref = $3 WHERE id = $1", card_id, customer, checkout.ref)
    if checkout.url is None:
        raise no_cards()
    return checkout.url


async def _end_older_cards(gateway: CardGateway, account_id: UUID, person_id: UUID, newest: UUID, now: datetime) -> None:
    """Only the newest page stores a card; one that was entered before is kept first. Again: nothing."""
    async with in_account(account_id):
        rows = await fetch("SELECT id, checkout_ref FROM stored_card WHERE person_id = $1 AND state = 'asked' AND id <> $2",
                           person_id, newest)  # fmt: skip
    for row in rows:
        if row["checkout_ref"] is not None:
            await gateway.expire(row["checkout_ref"])
            await settle_card(gateway, account_id, row["id"], now)
        async with in_account(account_id):
            await execute("UPDATE stored_card SET state = 'removed', changed_at = $2 WHERE id = $1 AND state = 'asked'", row["id"], now)


async def settle_card(gateway: CardGateway, account_id: UUID, card_id: UUID, now: datetime) -> bool:
    """Keep the card that was entered; it stands in place of an earlier one. Again: nothing changes. Raises Unavailable."""
    async with in_account(account_id):
        row = await fetchrow("SELECT * FROM stored_card WHERE id = $1", card_id)
    if row is None:
        raise not_found("card")
    if row["state"] != "asked" or row["checkout_ref"] is None:
        return row["state"] == "in_use"
    setup_ref = (await gateway.checkout_now(row["checkout_ref"])).setup_ref
    card = None if setup_ref is None else await gateway.card(setup_ref)
    if card is None:
        return False
    async with in_account(account_id):
        await lock_person(row["person_id"])
        older = await fetch("SELECT id FROM stored_card WHERE person_id = $1 AND state = 'in_use' AND id <> $2", row["person_id"], card_id)
        await execute(
            "UPDATE stored_card SET state = 'in_use', method_ref = $2, brand = $3, last4 = $4, expires = $5, changed_at = $6"
            " WHERE id = $1 AND state = 'asked'", card_id, card.method_ref, card.brand, card.last4, card.expires, now,
        )  # fmt: skip
        for one in older:
            await execute("UPDATE stored_card SET state = 'removed', changed_at = $2 WHERE id = $1", one["id"], now)
    for one in older:
        await remove_card(gateway, account_id, row["person_id"], one["id"], now)
    return True


async def cards_of(account_id: UUID, person_id: UUID) -> list[StoredCard]:
    """The cards that pay a resident's bills (opens its own transaction)."""
    async with in_account(account_id):
        rows = await fetch(
            "SELECT id, brand, last4, expires FROM stored_card WHERE person_id = $1 AND state = 'in_use' ORDER BY id", person_id
        )
    return [StoredCard(**row) for row in rows]


async def remove_card(gateway: CardGateway, account_id: UUID, person_id: UUID, card_id: UUID, now: datetime) -> None:
    """Take a card away, here and at Stripe. Raises Refused not_found, cards_unavailable."""
    async with in_account(account_id):
        row = await fetchrow("SELECT * FROM stored_card WHERE id = $1 AND person_id = $2", card_id, person_id)
        if row is None or row["state"] == "asked":
            raise not_found("card")
        await execute("UPDATE stored_card SET state = 'removed', changed_at = $2 WHERE id = $1", card_id, now)
    try:
        await gateway.forget(row["method_ref"])
    except Unavailable as error:
        raise no_cards() from error


async def forget_person(gateway: CardGateway, account_id: UUID, person_id: UUID, now: datetime) -> None:
    """After an erasure: nothing of a person stays at Stripe that was kept for later, nor here of a card. Again: nothing.

    Raises Unavailable.
    """
    async with in_account(account_id):
        kept = await fetch("SELECT id, state, customer_ref, checkout_ref FROM stored_card WHERE person_id = $1"
                           " AND (customer_ref, checkout_ref, method_ref) IS DISTINCT FROM (NULL, NULL, NULL)", person_id)  # fmt: skip
        pages = await fetch("SELECT checkout_ref FROM card_payment WHERE person_id = $1 AND state <> 'paid' AND intent_ref IS NULL"
                            " AND checkout_ref IS NOT NULL AND coalesce(failure, '') <> 'expired'", person_id)  # fmt: skip
    for page in [*[row for row in kept if row["state"] == "asked" and row["checkout_ref"]], *pages]:
        await gateway.expire(page["checkout_ref"])
    for customer_ref in sorted({row["customer_ref"] for row in kept if row["customer_ref"]}):
        await gateway.forget_customer(customer_ref)
    async with in_account(account_id):
        for row in kept:
            await execute("UPDATE stored_card SET state = 'removed', customer_ref = NULL, checkout_ref = NULL, method_ref = NULL,"
                          " brand = '', last4 = '', expires = '', changed_at = $2 WHERE id = $1", row["id"], now)  # fmt: skip


async def collect(gateway: CardGateway, account_id: UUID, invoice_id: UUID, now: datetime) -> str | None:
    """Pay a new bill with the resident's stored card; None without one. A declined card leaves the bill open, to be paid
    otherwise. Again: the same payment, also after Stripe has forgotten its key. Raises Unavailable."""
    async with in_account(account_id):
        bill = await queries.bill(invoice_id, now.date())
        if bill is None or bill.corrects_id is not None:
            return None
        await lock_person(bill.person_id)
        row = await fetchrow("SELECT * FROM card_payment WHERE invoice_id = $1 ORDER BY created_at DESC LIMIT 1", invoice_id)
        if row is not None and (row["card_id"] is None or row["state"] != "open"):
            return str(row["state"])
        card = await _card_for(bill.person_id, row)
        if card is None or (row is None and bill.open_minor < rules.CARD_LEAST_MINOR):
            return None
        again, row = row is not None, row or await _insert(account_id, bill, card["id"], now)
    if row["intent_ref"]:
        return await settle_card_payment(gateway, account_id, row["id"], now)
    intent = await gateway.charged(card["customer_ref"], str(row["id"])) if again else None
    if intent is None and (card["state"] != "in_use" or bill.open_minor < row["amount_minor"]):
        return await _end(account_id, row["id"], "failed", "card_removed" if card["state"] != "in_use" else "amount_changed", now)
    if intent is None:
        intent = await gateway.charge(f"collect:{row['id']}", card["customer_ref"], card["method_ref"], row["amount_minor"],
                                      row["currency"], about(account_id, "bill", row["id"]))  # fmt: skip
    if intent.ref:
        async with in_account(account_id):
            await execute("UPDATE card_payment SET intent_ref = $2 WHERE id = $1", row["id"], intent.ref)
    return await _book(account_id, row, intent, now)


async def _card_for(person_id: UUID, attempt: Any) -> Any:
    """The card of an attempt that is under way, else the one that is in use (inside the caller's transaction)."""
    if attempt is not None:
        return await fetchrow("SELECT * FROM stored_card WHERE id = $1", attempt["card_id"])
    return await fetchrow("SELECT * FROM stored_card WHERE person_id = $1 AND state = 'in_use'", person_id)


async def owned(account_id: UUID, person_id: UUID, invoice_id: UUID, payment_id: UUID) -> None:
    """Raises Refused not_found where this attempt is not this resident's, or of another bill."""
    async with in_account(account_id):
        if not await fetch(
            "SELECT 1 FROM card_payment WHERE id = $1 AND person_id = $2 AND invoice_id = $3", payment_id, person_id, invoice_id
        ):
            raise not_found("payment")


async def owned_card(account_id: UUID, person_id: UUID, card_id: UUID) -> None:
    """Raises Refused not_found where this card is not this resident's."""
    async with in_account(account_id):
        if not await fetch("SELECT 1 FROM stored_card WHERE id = $1 AND person_id = $2", card_id, person_id):
            raise not_found("card")
