"""Stripe, and the one place of this package that knows it. Every call has a key that makes it once; none is made inside a
transaction of the database. Cards are entered on Stripe's own pages: their numbers never come here."""

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal, TypeVar
from uuid import UUID

import msgspec
import stripe

from app.kernel.errors import Refused
from app.kernel.settings import Settings

API_SECONDS = 20
RETRIES = 2
# What Stripe says of a payment, in our words. `wants_card`: the person has to do something more, such as 3-D Secure.
INTENT_STATES = {
    "requires_payment_method": "wants_card", "requires_confirmation": "wants_card", "requires_action": "wants_card",
    "processing": "processing", "requires_capture": "held", "succeeded": "paid", "canceled": "cancelled",
}  # fmt: skip
T = TypeVar("T")


class Checkout(msgspec.Struct, frozen=True, kw_only=True):
    """A page of Stripe's where a card is entered. `url` None: it is over."""

    ref: str
    url: str | None
    state: Literal["open", "complete", "expired"]
    intent_ref: str | None = None
    setup_ref: str | None = None


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A payment at Stripe: wants_card, processing, held, paid, cancelled or failed (with Stripe's code)."""

    ref: str
    state: str
    amount_minor: int
    currency: str
    failure: str | None = None


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A card that Stripe keeps: never more of it than its last four digits."""

    method_ref: str
    brand: str
    last4: str
    expires: str


class News(msgspec.Struct, frozen=True, kw_only=True):
    """A message of Stripe's whose signature is right, and what of ours it is about."""

    event_id: str
    kind: str
    about: str
    about_id: UUID
    account_id: UUID


class Unavailable(Exception):
    """Stripe did not answer, or not with what was asked: to be tried again."""


def no_cards() -> Refused:
    """The refusal where card payments are not set up or Stripe is away."""
    return Refused("cards_unavailable", 503, "Cards cannot be taken at this moment. Nothing was charged. Try again, or pay by bank.")


class CardGateway:
    """Stripe's interface for one key."""

    def __init__(self, key: str, webhook_secret: str, api_base: str) -> None:
        self.webhook_secret = webhook_secret
        self.client: stripe.StripeClient | None = None
        if key:
            more: dict[str, Any] = {"base_addresses": {"api": api_base}} if api_base else {}
            http = stripe.RequestsClient(timeout=API_SECONDS)
            self.client = stripe.StripeClient(key, http_client=http, max_network_retries=RETRIES, **more)

    async def _call(self, ask: Callable[[Any], T]) -> T:
        client = self.client
        if client is None:
            raise no_cards()
        try:
            return await asyncio.to_thread(lambda: ask(client.v1))
        except stripe.CardError:
            raise
        except stripe.StripeError as error:
            raise Unavailable(f"{type(error).__name__}: {error.user_message or error}") from error

    async def checkout(
        self, *, key: str, about: dict[str, str], success_url: str, cancel_url: str, locale: str, amount_minor: int = 0,
        currency: str = "", text: str = "", hold: bool = False, email: str | None = None, customer_ref: str | None = None,
    ) -> Checkout:  # fmt: skip
        """Open a page for a payment (`hold`: taken later), or without an amount for a card to be kept (SetupIntent)."""
        asked: dict[str, Any] = {"success_url": success_url, "cancel_url": cancel_url, "locale": locale, "metadata": about,
                                 "payment_method_types": ["card"]}  # fmt: skip
        if customer_ref is not None:
            asked["customer"] = customer_ref
        elif email:
            asked["customer_email"] = email
        if amount_minor:
            item = {
                "price_data": {"currency": currency.lower(), "unit_amount": amount_minor, "product_data": {"name": text}},
                "quantity": 1,
            }
            intent = {"metadata": about, "capture_method": "manual" if hold else "automatic", "description": text}
            asked |= {"mode": "payment", "line_items": [item], "payment_intent_data": intent}
        else:
            asked |= {"mode": "setup", "setup_intent_data": {"metadata": about}}
        return _checkout(await self._call(lambda v1: v1.checkout.sessions.create(asked, {"idempotency_key": key})))

    async def checkout_now(self, ref: str) -> Checkout:
        """A page as it stands now."""
        return _checkout(await self._call(lambda v1: v1.checkout.sessions.retrieve(ref)))

    async def intent(self, ref: str) -> Intent:
        """A payment as it stands now."""
        return _intent(await self._call(lambda v1: v1.payment_intents.retrieve(ref)))

    async def capture(self, ref: str, amount_minor: int) -> Intent:
        """Take so much of what is held; the rest is free again. Once: what is captured already is answered as it stands."""
        now = await self.intent(ref)
        if now.state != "held":
            return now
        options = {"idempotency_key": f"capture:{ref}"}
        return _intent(await self._call(lambda v1: v1.payment_intents.capture(ref, {"amount_to_capture": amount_minor}, options)))

    async def release(self, ref: str) -> Intent:
        """Give what is held free. Again: nothing."""
        now = await self.intent(ref)
        if now.state in ("cancelled", "paid"):
            return now
        return _intent(await self._call(lambda v1: v1.payment_intents.cancel(ref, {}, {"idempotency_key": f"release:{ref}"})))

    async def customer(self, key: str, name: str, email: str | None) -> str:
        """A customer for a resident's card; returns Stripe's name of it."""
        asked: dict[str, Any] = {"name": name, "metadata": {"key": key}} | ({"email": email} if email else {})
        return str((await self._call(lambda v1: v1.customers.create(asked, {"idempotency_key": f"customer:{key}"}))).id)

    async def card(self, setup_ref: str) -> Card | None:
        """The card that a SetupIntent has brought, None while it has not."""
        setup = await self._call(lambda v1: v1.setup_intents.retrieve(setup_ref))
        if setup.status != "succeeded" or setup.payment_method is None:
            return None
        named = setup.payment_method if isinstance(setup.payment_method, str) else setup.payment_method.id
        card = (await self._call(lambda v1: v1.payment_methods.retrieve(named))).card
        return Card(
            method_ref=str(named), brand=str(card.brand), last4=str(card.last4), expires=f"{card.exp_year}-{int(card.exp_month):02d}"
        )

    async def charge(self, key: str, customer_ref: str, method_ref: str, amount_minor: int, currency: str, about: dict[str, str]) -> Intent:
        """Charge a kept card while its holder is away. A card that is declined, or wants its holder, is state failed."""
        asked = {"amount": amount_minor, "currency": currency.lower(), "customer": customer_ref, "payment_method": method_ref,
                 "off_session": True, "confirm": True, "metadata": about, "payment_method_types": ["card"]}  # fmt: skip
        try:
            found = _intent(await self._call(lambda v1: v1.payment_intents.create(asked, {"idempotency_key": key})))
        except stripe.CardError as error:
            return Intent(ref="", state="failed", amount_minor=amount_minor, currency=currency, failure=error.code or "card_declined")
        if found.state == "wants_card":
            return msgspec.structs.replace(found, state="failed", failure="authentication_required")
        return found

    async def charged(self, customer_ref: str, about_id: str) -> Intent | None:
        """The charge of a kept card that was made for an attempt, whether or not its answer ever came here."""
        asked = {"customer": customer_ref, "limit": 100}
        for one in (await self._call(lambda v1: v1.payment_intents.list(asked))).data:
            if one.to_dict().get("metadata", {}).get("id") == about_id:
                found = _intent(one)
                return msgspec.structs.replace(found, state="failed") if found.state == "wants_card" else found
        return None

    async def forget(self, method_ref: str) -> None:
        """Detach a kept card. Again: nothing."""
        await self._unless_over(lambda v1: v1.payment_methods.detach(method_ref))

    async def forget_customer(self, customer_ref: str) -> None:
        """Delete a customer with all cards that are kept of them. Again: nothing."""
        await self._unless_over(lambda v1: v1.customers.delete(customer_ref))

    async def expire(self, checkout_ref: str) -> None:
        """End a page: nobody pays on it any more. Again, or where it is over or paid: nothing."""
        await self._unless_over(lambda v1: v1.checkout.sessions.expire(checkout_ref))

    async def _unless_over(self, ask: Callable[[Any], Any]) -> None:
        try:
            await self._call(ask)
        except Unavailable as error:
            cause = error.__cause__
            if not (isinstance(cause, stripe.InvalidRequestError) and cause.http_status in (400, 404)):
                raise

    def news(self, body: bytes, signature: str) -> News | None:
        """A message of Stripe's; None where it is about nothing of ours. Raises Refused bad_signature."""
        if not self.webhook_secret:
            raise no_cards()
        try:
            event = stripe.Webhook.construct_event(body, signature, self.webhook_secret)
        except (ValueError, stripe.SignatureVerificationError) as error:
            raise Refused("bad_signature", 400, "The signature is not Stripe's. Nothing was read.") from error
        about = event.data.object.to_dict().get("metadata") or {}
        try:
            return News(event_id=str(event.id), kind=str(event.type), about=about["about"], about_id=UUID(about["id"]),
                        account_id=UUID(about["account"]))  # fmt: skip
        except (KeyError, ValueError, TypeError):
            return None


@lru_cache(maxsize=8)
def _gateway(key: str, webhook_secret: str, api_base: str) -> CardGateway:
    return CardGateway(key, webhook_secret, api_base)


def card_gateway(settings: Settings) -> CardGateway:
    """The gateway of these settings."""
    return _gateway(settings.stripe_secret_key, settings.stripe_webhook_secret, settings.stripe_api_base)


def _checkout(found: Any) -> Checkout:
    values = found.to_dict()
    return Checkout(ref=values["id"], url=values.get("url"), state=values["status"], intent_ref=values.get("payment_intent"),
                    setup_ref=values.get("setup_intent"))  # fmt: skip


def _intent(found: Any) -> Intent:
    values = found.to_dict()
    error = values.get("last_payment_error") or {}
    # After a capture of a part only that part has been received.
    amount = values.get("amount_received") or values["amount"]
    return Intent(ref=values["id"], state=INTENT_STATES[values["status"]], amount_minor=int(amount), currency=values["currency"].upper(),
                  failure=error.get("code"))  # fmt: skip
