"""What follows a message of Stripe's: it is kept once, and what it is about is read from Stripe anew. So it does not matter
whether messages come twice, late, or in another order."""

from datetime import datetime
from uuid import UUID

from app.billing import cards, guest_payments, guests
from app.billing.stripe_gateway import CardGateway, News
from app.charging.model import Changed
from app.database.transaction import as_machine, fetchval, in_account
from app.outbox.commands import record

KEEP = """
INSERT INTO stripe_event (account_id, event_id, kind, about, about_id, received_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING event_id
"""
COLLECTABLE = """
SELECT 1 FROM invoice i JOIN stored_card c ON c.account_id = i.account_id AND c.person_id = i.person_id AND c.state = 'in_use'
WHERE i.id = $1 AND i.corrects_id IS NULL
"""


async def keep(news: News, now: datetime) -> bool:
    """Keep a message and have it followed; False where it is known, or of an account that is not here."""
    async with as_machine():
        if not await fetchval("SELECT 1 FROM account WHERE id = $1", news.account_id):
            return False
    async with in_account(news.account_id):
        if await fetchval(KEEP, news.account_id, news.event_id, news.kind, news.about, news.about_id, now) is None:
            return False
        await record("CardNews", {"about": news.about, "about_id": news.about_id}, account_id=news.account_id)
    return True


async def follow(gateway: CardGateway, account_id: UUID, about: str, about_id: UUID, secret: bytes, now: datetime) -> list[Changed]:
    """Read from Stripe what has become of a payment, a card or a hold. Again: nothing changes. Raises Unavailable."""
    if about == "bill":
        await cards.settle_card_payment(gateway, account_id, about_id, now)
    elif about == "card":
        await cards.settle_card(gateway, account_id, about_id, now)
    elif about == "guest":
        await guest_payments.settle(gateway, account_id, about_id, now)
        return await guests.begin(gateway, account_id, about_id, secret, now)
    return []


async def plan_collection(account_id: UUID, invoice_id: UUID) -> None:
    """After a bill is issued: have the resident's stored card charged, where there is one."""
    async with in_account(account_id):
        if await fetchval(COLLECTABLE, invoice_id):
            await record("BillDueByCard", {"invoice_id": invoice_id}, account_id=account_id)


async def collect(gateway: CardGateway, account_id: UUID, invoice_id: UUID, now: datetime) -> str | None:
    """Pay a bill with the stored card. Again: the same payment. Raises Unavailable."""
    return await cards.collect(gateway, account_id, invoice_id, now)
