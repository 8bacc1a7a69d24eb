"""A guest's start by the code on a sticker: somebody who is nobody here. Whoever takes the money asks for it once that is safe."""

from datetime import datetime
from uuid import UUID

from app.charging import queries, requests, rules
from app.charging.model import Changed, ChargeRequest
from app.database.transaction import fetchval, in_account

KNOWN = "SELECT id FROM charge_request WHERE guest_id = $1 AND idempotency_key = $2"


async def why_no_guest(account_id: UUID, code: str) -> str | None:
    """Why a guest could not start at this place now, or None: to be known before any money is touched. Raises Refused
    unknown_code."""
    async with in_account(account_id):
        return await _refusal(code)


async def request_guest_start(
    account_id: UUID, guest_id: UUID, code: str, key: UUID, secret: bytes, now: datetime
) -> tuple[ChargeRequest, list[Changed]]:  # fmt: skip
    """Ask a station to start for a guest; the class of the charge is external. The same key gives the same request.

    Raises Refused: unknown_code, guests_not_allowed, and what keeps anybody from starting here now.
    """
    async with in_account(account_id):
        connector = await requests.locked_place(code)
        known = await fetchval(KNOWN, guest_id, key)
        if known is None:
            reason = await _refusal(code)
            if reason is not None:
                raise requests.refused(reason)
            known = await requests.send_start(connector, requests.Whose(guest_id=guest_id), key, None, secret, now)
        return await requests.asked_for(known)


async def _refusal(code: str) -> str | None:
    connector = await queries.connector_by_code(code)
    if connector is None:
        raise requests.unknown_code()
    allowed = await fetchval("SELECT guests_allowed FROM station WHERE id = $1", connector.station_id)
    return rules.guest_refusal(connector, bool(allowed))


WITHDRAW = """
UPDATE charge_request SET withdrawn_at = $2 WHERE id = $1 AND state IN ('refused', 'no_answer', 'not_plugged_in', 'failed') RETURNING id
"""


async def withdraw(request_id: UUID, now: datetime) -> bool:
    """A start that failed is no longer wanted: should the station begin all the same, it is refused (inside the caller's transaction).
    False: it has begun."""
    return await fetchval(WITHDRAW, request_id, now) is not None
