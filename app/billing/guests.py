"""Guests: the price is shown, the most that it can cost is held on a card, the charge is started, and what the final record
says is taken once; nothing is taken where nothing was charged. Every step can be repeated."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog

from app.audit.commands import note
from app.audit.model import Actor
from app.billing import cards, queries, rules, views
from app.billing.commands import Credit, book_payment
from app.billing.guest_receipt import issue_receipt
from app.billing.session_solar import mix_of
from app.billing.stripe_gateway import CardGateway, Unavailable, no_cards
from app.charging import queries as charging
from app.charging import requests
from app.charging.guest_requests import request_guest_start, why_no_guest
from app.charging.model import Changed
from app.database.transaction import as_machine, execute, fetch, fetchrow, fetchval, in_account
from app.kernel.calendar import local_date
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import keyed_hash, new_id
from app.ledger.commands import post
from app.metering.queries import session_values
from app.outbox.commands import record
from app.tariffs.queries import tariff_in_force

log = structlog.get_logger()
Row = Any  # a row of guest_charge
CARD_WITHIN = timedelta(minutes=40)  # Stripe's page ends after at least 30 minutes
LATE_START = timedelta(minutes=2)  # a station may deliver after all, some seconds after we gave up
AHEAD = timedelta(minutes=2)  # a charge near the amount held is stopped before it is reached: the timetable looks each minute
FAILED_REQUESTS = ("refused", "no_answer", "not_plugged_in", "failed")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A guest's charge that waits for the card: Stripe's page, and the link of the charge."""

    url: str
    token: str


async def ask(
    gateway: CardGateway, code: str, key: UUID, email: str | None, locale: str, secret: bytes, public_url: str, now: datetime
) -> Asked:
    """Keep what the guest was shown and open Stripe's page for the hold. The same key is the same charge.

    Raises Refused unknown_code, no_guests, price_unknown, cards_unavailable, and why a place is not free.
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
        row = row or await _insert(account_id, code, key, email, locale, keyed_hash(secret, token), now)
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


async def _insert(account_id: UUID, code: str, key: UUID, email: str | None, locale: str, token_hash: bytes, now: datetime) -> Any:
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
        " hold_minor, currency, email, locale, shown, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
        " $13, $14, $14) RETURNING *", account_id, new_id(), token_hash, key, code, connector.station_id, connector.number, tariff.id,
        held, tariff.currency, email, locale, msgspec.json.encode(views.tariff_view(tariff)).decode(), now,
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
    row = await _row(account_id, guest_id)
    if row["state"] != "asked" or row["checkout_ref"] is None:
        return []
    checkout = await gateway.checkout_now(row["checkout_ref"])
    intent = None if checkout.intent_ref is None else await gateway.intent(checkout.intent_ref)
    if intent is None or intent.state != "held":
        if checkout.state == "expired" or (intent is not None and intent.state == "cancelled"):
            await _step(account_id, guest_id, "asked", "released", now, reason="no_card")
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


async def finish(account_id: UUID, session_id: UUID, now: datetime) -> bool:
    """After a session: if it is a guest's, write the receipt of its charge and have the card charged. Again: nothing.

    What is less than the least that a card pays is not charged: the hold is given free and the amount written off.
    """
    async with in_account(account_id):
        row = await fetchrow(
            "SELECT g.id, g.state, g.locale, g.email, x.state AS session FROM guest_charge g JOIN charging_session x"
            " ON x.account_id = g.account_id AND x.request_id = g.request_id WHERE x.id = $1 FOR UPDATE OF g", session_id,
        )  # fmt: skip
        if row is None or row["state"] not in ("starting", "charging") or row["session"] not in ("ended", "discarded"):
            return row is not None
        charge = (await queries.charges_of_sessions([session_id])).get(session_id)
        if charge is None and row["session"] == "ended":
            return True  # not priced yet; the run of the month does that, and this comes again
        if charge is None or charge.gross_minor < rules.CARD_LEAST_MINOR:
            too_little = charge is not None and charge.gross_minor > 0
            if charge is not None and too_little:
                entry = rules.write_off_entry(charge.id, charge.person_id, charge.net_minor, charge.vat_minor, charge.currency, now)
                await post(account_id, entry, now)
            await execute("UPDATE guest_charge SET state = 'release_due', reason = $3, changed_at = $2 WHERE id = $1",
                          row["id"], now, "below_minimum" if too_little else "nothing_charged")  # fmt: skip
            await record("GuestReleaseDue", {"guest_id": row["id"]}, account_id=account_id)
            return True
        invoice_id = await issue_receipt(account_id, charge, row["email"] or "", row["locale"], now)
        await execute("UPDATE guest_charge SET state = 'due', invoice_id = $2, changed_at = $3 WHERE id = $1", row["id"], invoice_id, now)
        await record("GuestPaymentDue", {"guest_id": row["id"]}, account_id=account_id)
    return True


async def take(gateway: CardGateway, account_id: UUID, guest_id: UUID, now: datetime) -> None:
    """Take the receipt's amount from what is held, once. Again: nothing. Raises Unavailable."""
    row = await _row(account_id, guest_id)
    if row["state"] != "due":
        return
    async with in_account(account_id):
        bill = await queries.bill(row["invoice_id"], now.date())
    if bill is None:
        raise LookupError(f"guest charge {guest_id} has no receipt")
    intent = await gateway.capture(row["intent_ref"], bill.gross_minor)
    if intent.state != "paid":
        log.error("a guest's hold is gone", guest=str(guest_id), state=intent.state)
        await _step(account_id, guest_id, "due", "released", now, reason="hold_gone")
        return
    money = Credit(bank_reference=f"stripe:{intent.ref}", received_on=now.date(), amount_minor=intent.amount_minor,
                   currency=intent.currency, reference=bill.reference, payer="Stripe")  # fmt: skip
    await book_payment(account_id, money, now, by_card=True)
    await _step(account_id, guest_id, "due", "paid", now)


async def release(gateway: CardGateway, account_id: UUID, guest_id: UUID, now: datetime) -> None:
    """Give what is held free. Again: nothing. Raises Unavailable."""
    row = await _row(account_id, guest_id)
    if row["state"] == "release_due":
        await gateway.release(row["intent_ref"])
        await _step(account_id, guest_id, "release_due", "released", now)


async def tend(account_id: UUID, now: datetime) -> list[UUID]:
    """On the timetable: starts that failed are given up, cards that never came are asked about, and charges near what is held
    are stopped. Returns the stations to be woken."""
    async with in_account(account_id):
        for row in await fetch(GIVEN_UP, list(FAILED_REQUESTS), now - LATE_START):
            await execute(
                "UPDATE guest_charge SET state = 'release_due', reason = $2, changed_at = $3 WHERE id = $1", row["id"], row["why"], now
            )
            await record("GuestReleaseDue", {"guest_id": row["id"]}, account_id=account_id)
        await execute(NO_PAGE, now - CARD_WITHIN, now)
        for row in await fetch(NO_CARD, now - CARD_WITHIN, now):
            await record("CardNews", {"about": "guest", "about_id": row["id"]}, account_id=account_id)
        for row in await fetch(UNPRICED, now - LATE_START):
            await record("SessionEnded", {"session_id": row["id"]}, account_id=account_id)
        near = [row for row in await fetch(RUNNING) if await _nearly_held(row, now)]
    asked: list[UUID] = []
    for row in near:
        try:
            await stop(account_id, row["id"], now)
            asked.append(row["station_id"])
        except Refused as refused:  # away, or over by now: it is looked at again in a minute, and no other charge waits for it
            log.warning("a guest's charge is not stopped", session=str(row["id"]), why=refused.code)
    return asked


async def stop(account_id: UUID, session_id: UUID, now: datetime) -> list[Changed]:
    """Ask the station to stop a guest's charge. Raises Refused session_ended, station_offline."""
    return await requests.request_stop(account_id, None, None, session_id, now)


# A refusal is final; a station that was silent may still begin for a moment.
GIVEN_UP = """
SELECT g.id, r.state AS why FROM guest_charge g JOIN charge_request r ON r.account_id = g.account_id AND r.id = g.request_id
WHERE g.state = 'starting' AND r.state = ANY($1::text[]) AND (r.state = 'refused' OR r.changed_at < $2) FOR UPDATE OF g
"""
# Stripe was away: the guest was never sent to any page.
NO_PAGE = """
UPDATE guest_charge SET state = 'released', reason = 'no_card', changed_at = $2
WHERE state = 'asked' AND checkout_ref IS NULL AND created_at < $1
"""
# A page stays open for a day: it is asked about now and then, not each minute.
NO_CARD = "UPDATE guest_charge SET changed_at = $2 WHERE state = 'asked' AND changed_at < $1 RETURNING id"
# Ended without a price, which has been entered since; or what came after the end was cut short.
UNPRICED = """
SELECT x.id FROM guest_charge g JOIN charging_session x ON x.account_id = g.account_id AND x.request_id = g.request_id
WHERE g.state = 'starting' AND x.state IN ('ended', 'discarded') AND x.stop_received_at < $1
"""
RUNNING = """
SELECT x.id, x.station_id, g.hold_minor, st.max_power_w FROM guest_charge g
JOIN charging_session x ON x.account_id = g.account_id AND x.request_id = g.request_id
JOIN station st ON st.account_id = x.account_id AND st.id = x.station_id
WHERE g.state IN ('starting', 'charging') AND x.state = 'open' AND x.stop_asked_at IS NULL
"""


async def _nearly_held(row: Any, now: datetime) -> bool:
    """Whether a charge would pass what is held before the timetable looks again."""
    session = await charging.session(row["id"])
    tariff = None if session is None else await queries.tariff_of(session)
    if session is None or tariff is None:
        return False
    read_wh = session.last_meter_wh or session.meter_start_wh
    since = now - (session.last_value_at or session.started_at) + AHEAD
    ahead = msgspec.structs.replace(
        session, energy_wh=max(0, read_wh - session.meter_start_wh) + int(row["max_power_w"] * since.total_seconds() / 3600),
        stopped_at=now + AHEAD,
    )  # fmt: skip
    return rules.price_session(ahead, await session_values(session.id), tariff, await mix_of(session)).gross_minor >= row["hold_minor"]


async def _row(account_id: UUID, guest_id: UUID) -> Any:
    async with in_account(account_id):
        row = await fetchrow("SELECT * FROM guest_charge WHERE id = $1", guest_id)
    if row is None:
        raise not_found("charge")
    return row


async def _step(account_id: UUID, guest_id: UUID, before: str, after: str, now: datetime, reason: str | None = None) -> None:
    async with in_account(account_id):
        await execute("UPDATE guest_charge SET state = $3, reason = coalesce($4, reason), changed_at = $5 WHERE id = $1 AND state = $2",
                      guest_id, before, after, reason, now)  # fmt: skip
