"""Guests: the price is shown, the most that it can cost is held on a card, and the charge is started; `guest_payments` takes what
the final record says. Every step can be repeated."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog

from app.audit.commands import note
from app.audit.model import Actor
from app.billing import cards, queries, views
from app.billing.stripe_gateway import CardGateway, Unavailable, no_cards
from app.charging import queries as charging
from app.charging import requests
from app.charging.guest_requests import request_guest_start, why_no_guest
from app.charging.model import Changed
from app.database.transaction import as_machine, execute, fetchrow, fetchval, in_account
from app.kernel.calendar import local_date
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import keyed_hash, new_id
from app.outbox.commands import record
from app.tariffs.queries import tariff_in_force

log = structlog.get_logger()
Row = Any  # a row of guest_charge


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A guest's charge that waits for the card: Stripe's page, and the link of the charge."""

    url: str
    token: str


async def ask(
    gateway: CardGateway, code: str, key: UUID, email: str | None, locale: str, secret: bytes, public_url: str, now: datetime
) -> Asked:
    """Keep what the guest was shown and open Stripe's page for the hold. The same key is the same charge.

    The address is for Stripe's receipt and is not kept. Raises Refused unknown_code, no_guests, price_unknown, cards_unavailable, and
    why a place is not free.
    """
    async with as_machine():
        account_id = await charging.account_of_code(code)
    if account_id is None:
        raise requests.unknown_code()
    # The link is made from the key, so that a repeated request finds the same one; the database keeps its hash alone.
    token = keyed_hash(secret, f"guest:{key}").hex()
    refused = await why_no_guest(account_id, code)
    back = f"{public_url}/g/{token}"
    async with in_account(account_id):
        row = await fetchrow("SELECT * FROM guest_charge WHERE idempotency_key = $1", key)
        if row is None and refused is not None:
            raise requests.refused(refused)
        if row is not None and row["state"] != "asked":
            return Asked(url=back, token=token)  # no second card is held for a charge that has begun or ended
        row = row or await _insert(account_id, code, key, locale, keyed_hash(secret, token), now)
    try:
        # Stripe forgets keys after a day: a page that is known is never opened a second time.
        checkout = await gateway.checkout_now(row["checkout_ref"]) if row["checkout_ref"] else await gateway.checkout(
            key=f"guest:{row['id']}", about=cards.about(account_id, "guest", row["id"]), success_url=back,
            cancel_url=f"{public_url}/c/{code}", locale=locale, amount_minor=row["hold_minor"],
            currency=row["currency"], text=code, hold=True, email=email,
        )  # fmt: skip
    except Unavailable as error:
        log.warning("stripe is away", error=str(error))
        raise no_cards() from error
    async with in_account(account_id):
        await execute("UPDATE guest_charge SET checkout_ref = $2 WHERE id = $1", row["id"], checkout.ref)
    return Asked(url=checkout.url or back, token=token)


async def _insert(account_id: UUID, code: str, key: UUID, locale: str, token_hash: bytes, now: datetime) -> Any:
    connector = await charging.connector_by_code(code)
    if connector is None:
        raise requests.unknown_code()
    held = await queries.guest_hold_at(connector.station_id)
    if held is None:
        raise requests.refused("guests_not_allowed")
    tariff = await tariff_in_force(connector.site_id, local_date(now, connector.time_zone))
    if tariff is None:
        raise requests.refused("price_unknown")
    return await fetchrow(
        "INSERT INTO guest_charge (account_id, id, token_hash, idempotency_key, public_code, station_id, connector_no, tariff_id,"
        " hold_minor, currency, locale, shown, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)"
        " RETURNING *", account_id, new_id(), token_hash, key, code, connector.station_id, connector.number, tariff.id,
        held, tariff.currency, locale, msgspec.json.encode(views.tariff_view(tariff)).decode(), now,
    )  # fmt: skip


async def held_at(account_id: UUID, station_id: UUID) -> int | None:
    """What is held on a guest's card at a station; None: it takes no guests. Raises Refused not_found."""
    async with in_account(account_id):
        if not await fetchval("SELECT 1 FROM station WHERE id = $1", station_id):
            raise not_found("station")
        return await queries.guest_hold_at(station_id)


TAKE_GUESTS = """
INSERT INTO guest_station (account_id, station_id, hold_minor) VALUES ($1, $2, $3)
ON CONFLICT (account_id, station_id) DO UPDATE SET hold_minor = $3
"""


async def take_guests(actor: Actor, station_id: UUID, most_minor: int | None, now: datetime) -> None:
    """Let a station take guests, with what is held on their cards at most; None: no longer. Raises Refused not_found."""
    async with in_account(actor.account_id):
        if not await fetchval("SELECT 1 FROM station WHERE id = $1", station_id):
            raise not_found("station")
        if most_minor is None:
            await execute("DELETE FROM guest_station WHERE station_id = $1", station_id)
        else:
            await execute(TAKE_GUESTS, actor.account_id, station_id, most_minor)
        await execute("UPDATE station SET guests_allowed = $2 WHERE id = $1", station_id, most_minor is not None)
        await note(actor, "station", station_id, "guests", now, after={"hold_minor": most_minor})


async def of_token(token: str, secret: bytes) -> Any:
    """The charge that a link shows. Raises Refused not_found."""
    async with as_machine():
        row = await fetchrow("SELECT * FROM guest_charge WHERE token_hash = $1", keyed_hash(secret, token))
    if row is None:
        raise not_found("charge")
    return row


async def begin(gateway: CardGateway, account_id: UUID, guest_id: UUID, secret: bytes, now: datetime) -> list[Changed]:
    """Start the charge once the card is held; give the hold free where it cannot start. Again: nothing. Raises Unavailable."""
    row = await row_of(account_id, guest_id)
    if row["state"] != "asked" or row["checkout_ref"] is None:
        return []
    checkout = await gateway.checkout_now(row["checkout_ref"])
    intent = None if checkout.intent_ref is None else await gateway.intent(checkout.intent_ref)
    if intent is None or intent.state != "held":
        if checkout.state == "expired" or (intent is not None and intent.state == "cancelled"):
            await step(account_id, guest_id, "asked", "released", now, reason="no_card")
        return []
    changed: list[Changed] = []
    state, request_id, reason = "starting", None, None
    try:
        # The same key is the same request, so what breaks between here and the next line is mended by asking again.
        asked, changed = await request_guest_start(account_id, guest_id, row["public_code"], guest_id, secret, now)
        request_id = asked.id
    except Refused as refused:
        state, reason = "release_due", refused.code
    async with in_account(account_id):
        moved = await fetchval(BEGUN, guest_id, state, request_id, reason, intent.ref, now)
        if moved is not None and state == "release_due":
            await record("GuestReleaseDue", {"guest_id": guest_id}, account_id=account_id)
    return changed


BEGUN = """
UPDATE guest_charge SET state = $2, request_id = $3, reason = $4, intent_ref = $5, changed_at = $6
WHERE id = $1 AND state = 'asked' RETURNING id
"""


async def stop(account_id: UUID, session_id: UUID, now: datetime) -> list[Changed]:
    """Ask the station to stop a guest's charge. Raises Refused session_ended, station_offline."""
    return await requests.request_stop(account_id, None, None, session_id, now)


async def row_of(account_id: UUID, guest_id: UUID) -> Any:
    """A guest's charge as it stands. Raises Refused not_found."""
    async with in_account(account_id):
        row = await fetchrow("SELECT * FROM guest_charge WHERE id = $1", guest_id)
    if row is None:
        raise not_found("charge")
    return row


async def step(account_id: UUID, guest_id: UUID, before: str, after: str, now: datetime, reason: str | None = None) -> None:
    """From one state to the next; nothing where it is not in the first."""
    async with in_account(account_id):
        await execute("UPDATE guest_charge SET state = $3, reason = coalesce($4, reason), changed_at = $5 WHERE id = $1 AND state = $2",
                      guest_id, before, after, reason, now)  # fmt: skip
