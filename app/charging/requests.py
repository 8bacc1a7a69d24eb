"""A resident's wish to charge or to stop: asked, sent, decided; never left hanging."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec

from app.charging import queries, rules
from app.charging.asking import queue
from app.charging.authorisation import EXTERNAL, INTERNAL
from app.charging.intents import CancelReservation, Profile, RemoteStart, RemoteStop
from app.charging.model import Changed, ChargeRequest, Connector
from app.charging.start_limits import start_profile
from app.database.transaction import execute, fetchrow, fetchval, in_account
from app.kernel.calendar import local_date
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import keyed_hash, new_id, one_time_tag
from app.outbox.commands import record

REFUSALS = {
    "not_allowed": "This place is not for you. Choose one of your house's shared places or your own.",
    "charging_stopped": "Charging is stopped for your account. Nothing was started; please ask the operator of your house.",
    "station_offline": "The station is not connected. Try again later, or use your badge at the station.",
    "station_faulted": "The station reports a fault. Choose another place; the operator can see it too.",
    "connector_occupied": "Somebody else is charging here. Choose another place or come back later.",
    "place_reserved": "This place is kept for somebody else. Choose another place or come back later.",
    "connector_unavailable": "This place is out of use. Choose another place.",
    "already_charging": "You are charging here already.",
    "guests_not_allowed": "Guests cannot charge at this place. Sign in if you live here, or choose another place.",
    "price_unknown": "No price is entered for this place, so nothing can be started. Tell the operator.",
}


def refused(code: str) -> Refused:
    """The refusal of a start as a person reads it."""
    return Refused(code, 409, REFUSALS[code])


def unknown_code() -> Refused:
    """No such sticker."""
    return Refused("unknown_code", 404, "No place has this code. Check the sticker, or choose a place from the list.")


async def request_start(
    account_id: UUID,
    person_id: UUID,
    login_id: UUID,
    code: str,
    idempotency_key: UUID,
    secret: bytes,
    now: datetime,
    ticket: str | None = None,
    limit_a: Decimal | None = None,
) -> tuple[ChargeRequest, list[Changed]]:
    """Ask a station to start. The same idempotency key gives the same request. Raises Refused with the reason."""
    async with in_account(account_id):
        request_id = await _known(person_id, idempotency_key) or await _ask(
            account_id, person_id, login_id, code, idempotency_key, secret, now, ticket, limit_a
        )
        return await asked_for(request_id)


async def asked_for(request_id: UUID) -> tuple[ChargeRequest, list[Changed]]:
    """A request as it is stored, and what pages have to be told of it (inside the caller's transaction)."""
    request = await queries.request(request_id)
    if request is None:
        raise not_found("request")
    return request, [
        Changed(account_id=request.account_id, kind="request", id=request.id, person_id=request.person_id),
        Changed(account_id=request.account_id, kind="connector", station_id=request.station_id, connector=request.connector_no),
    ]


async def _known(person_id: UUID, idempotency_key: UUID) -> UUID | None:
    found = await fetchval("SELECT id FROM charge_request WHERE person_id = $1 AND idempotency_key = $2", person_id, idempotency_key)
    return found if found is None else UUID(str(found))


async def _ask(account_id: UUID, person_id: UUID, login_id: UUID, code: str, idempotency_key: UUID, secret: bytes, now: datetime,
               ticket: str | None, limit_a: Decimal | None) -> UUID:  # fmt: skip
    connector = await locked_place(code)
    known = await _known(person_id, idempotency_key)
    if known is not None:
        return known
    today = local_date(now, connector.time_zone)
    billing_point_id = await queries.billing_point_of(person_id, connector.site_id, today)
    reason = rules.refusal(connector, billing_point_id, person_id, await queries.charging_allowed(person_id))
    if reason is not None:
        raise refused(reason)
    profile = await start_profile(connector.station_id, connector.number, limit_a)
    whose = Whose(person_id=person_id, billing_point_id=billing_point_id, login_id=login_id, ticket=ticket)
    return await send_start(connector, whose, idempotency_key, profile, secret, now)


async def locked_place(code: str) -> Connector:
    """The place with this code. Two taps on one place wait for each other here; the unique index on open requests stands
    behind it. Raises Refused unknown_code."""
    connector = await queries.connector_by_code(code)
    if connector is None:
        raise unknown_code()
    await execute("SELECT 1 FROM connector WHERE station_id = $1 AND number = $2 FOR UPDATE", connector.station_id, connector.number)
    return await queries.connector_by_code(code) or connector


class Whose(msgspec.Struct, frozen=True, kw_only=True):
    """Who starts: a resident with a flat, or a guest; and who asks for it, for the log."""

    person_id: UUID | None = None
    billing_point_id: UUID | None = None
    guest_id: UUID | None = None
    login_id: UUID | None = None
    ticket: str | None = None


INSERT = """
INSERT INTO charge_request (account_id, id, station_id, connector_no, person_id, billing_point_id, guest_id, class,
    idempotency_key, tag_hash, deadline, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)
"""


async def send_start(connector: Connector, whose: Whose, key: UUID, profile: Profile | None, secret: bytes, now: datetime) -> UUID:
    """Store a start that nothing stands against, and queue its command (inside the caller's transaction). Returns its id."""
    request_id, tag = new_id(), one_time_tag()
    deadline = now + timedelta(seconds=rules.COMMAND_SECONDS)
    class_ = EXTERNAL if whose.person_id is None else INTERNAL
    await execute(
        INSERT, connector.account_id, request_id, connector.station_id, connector.number, whose.person_id, whose.billing_point_id,
        whose.guest_id, class_, key, keyed_hash(secret, tag), deadline, now,
    )  # fmt: skip
    if connector.reservation_no is not None:
        # Not every station knows a one-time tag for the holder's: the place is given free first, to be started at once.
        await queue(connector.account_id, connector.station_id, CancelReservation(reservation_no=connector.reservation_no), secret, now,
                    asked_by=whose.login_id, ticket=whose.ticket)  # fmt: skip
    intent = RemoteStart(connector=connector.number, tag=tag, profile=profile)
    await queue(connector.account_id, connector.station_id, intent, secret, now, asked_by=whose.login_id, request_id=request_id,
                ticket=whose.ticket)  # fmt: skip
    await record("RequestDeadlinePassed", {"request_id": request_id}, account_id=connector.account_id, at=deadline)
    return request_id


async def request_stop(
    account_id: UUID, person_id: UUID | None, login_id: UUID | None, session_id: UUID, now: datetime, *, key: UUID | None = None,
    ticket: str | None = None,
) -> list[Changed]:  # fmt: skip
    """Ask the station to stop a session of this person. The same key asks once. Raises Refused: not_found, session_ended,
    station_offline."""
    async with in_account(account_id):
        if key is not None and await fetchval("SELECT 1 FROM station_command WHERE idempotency_key = $1", key):
            return []
        session = await queries.session(session_id)
        if session is None or session.person_id != person_id:
            raise not_found("session")
        if session.state != "open":
            raise Refused("session_ended", 409, "This charge has ended already. You can unplug the car.")
        if not session.online:
            raise Refused("station_offline", 409, "The station is not connected. Stop with your badge or at the car.")
        await execute("UPDATE charging_session SET stop_asked_at = $2 WHERE id = $1", session_id, now)
        named = await fetchval("SELECT coalesce(transaction_ref, transaction_no::text) FROM charging_session WHERE id = $1", session_id)
        intent = RemoteStop(transaction=str(named))
        await queue(account_id, session.station_id, intent, b"", now, asked_by=login_id, session_id=session_id, key=key, ticket=ticket)
    return [Changed(account_id=account_id, kind="session", id=session_id, person_id=person_id)]


async def expire_request(account_id: UUID, request_id: UUID, now: datetime) -> list[Changed]:
    """End a request whose deadline has passed: no answer, or accepted but never plugged in. Safe to repeat."""
    async with in_account(account_id):
        row = await fetchrow("SELECT * FROM charge_request WHERE id = $1 FOR UPDATE", request_id)
        if row is None or row["state"] not in rules.OPEN_REQUEST_STATES:
            return []
        if row["deadline"] > now:
            await record("RequestDeadlinePassed", {"request_id": request_id}, account_id=account_id, at=row["deadline"])
            return []
        state = "not_plugged_in" if row["state"] == "plug_in" else "no_answer"
        await execute("UPDATE charge_request SET state = $2, reason = $2, changed_at = $3 WHERE id = $1", request_id, state, now)
    return [
        Changed(account_id=account_id, kind="request", id=request_id, person_id=row["person_id"]),
        Changed(account_id=account_id, kind="connector", station_id=row["station_id"], connector=row["connector_no"]),
    ]
