"""On the timetable: guests' starts that failed, cards that never came, and charges that come near what is held or how long."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog

from app.billing import queries, rules
from app.billing.guests import stop
from app.billing.session_solar import mix_of
from app.charging import queries as charging
from app.charging.guest_requests import withdraw
from app.database.transaction import execute, fetch, in_account
from app.kernel.errors import Refused
from app.metering.queries import session_values
from app.outbox.commands import record

log = structlog.get_logger()
CARD_WITHIN = timedelta(minutes=40)  # Stripe's page ends after at least 30 minutes
LATE_START = timedelta(minutes=2)  # a station may deliver after all, some seconds after we gave up
AHEAD = timedelta(minutes=2)  # a charge near the amount held is stopped before it is reached: the timetable looks each minute
HELD_FOR = timedelta(days=6)  # banks keep a hold for seven days: what is charged is taken before
LATEST_START = timedelta(days=14)  # what begins after its hold was given free is looked for so long


async def tend(account_id: UUID, now: datetime) -> list[UUID]:
    """Starts that failed are given up, cards that never came are asked about, and charges near the end of what is held, or of how
    long it is held, are stopped. Returns the stations to be woken."""
    async with in_account(account_id):
        for row in await fetch(GIVEN_UP, now - LATE_START):
            if not await withdraw(row["request_id"], now):
                continue  # it has begun in this moment
            await execute(
                "UPDATE guest_charge SET state = 'release_due', reason = $2, changed_at = $3 WHERE id = $1", row["id"], row["why"], now
            )
            await record("GuestReleaseDue", {"guest_id": row["id"]}, account_id=account_id)
        await execute(NO_PAGE, now - CARD_WITHIN, now)
        for row in await fetch(NO_CARD, now - CARD_WITHIN, now):
            await record("CardNews", {"about": "guest", "about_id": row["id"]}, account_id=account_id)
        for row in await fetch(UNPRICED, now - LATE_START):
            await record("SessionEnded", {"session_id": row["id"]}, account_id=account_id)
        near = [row for row in await fetch(RUNNING) if _unheld(row, now) or await _nearly_held(row, now)]
    asked: list[UUID] = []
    for row in near:
        try:
            await stop(account_id, row["id"], now)
            asked.append(row["station_id"])
        except Refused as refused:  # away, or over by now: it is looked at again in a minute, and no other charge waits for it
            log.warning("a guest's charge is not stopped", session=str(row["id"]), why=refused.code)
    return asked


ACCOUNTS = """
SELECT DISTINCT account_id FROM guest_charge
WHERE state IN ('asked', 'starting', 'charging', 'release_due') OR state = 'released' AND changed_at > $1
"""
# A refusal is final; a station that was silent may still begin for a moment.
GIVEN_UP = """
SELECT g.id, g.request_id, r.state AS why FROM guest_charge g
JOIN charge_request r ON r.account_id = g.account_id AND r.id = g.request_id
WHERE g.state = 'starting' AND (r.state = 'refused' OR r.state IN ('no_answer', 'not_plugged_in', 'failed') AND r.changed_at < $1)
FOR UPDATE OF g
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
WHERE g.state IN ('starting', 'release_due', 'released') AND coalesce(g.reason, '') NOT IN ('below_minimum', 'nothing_charged')
    AND x.state IN ('ended', 'discarded') AND x.stop_received_at < $1
"""
RUNNING = """
SELECT x.id, x.station_id, g.hold_minor, g.created_at, g.state, st.max_power_w FROM guest_charge g
JOIN charging_session x ON x.account_id = g.account_id AND x.request_id = g.request_id
JOIN station st ON st.account_id = x.account_id AND st.id = x.station_id
WHERE g.state IN ('starting', 'charging', 'release_due', 'released') AND x.state = 'open' AND x.stop_asked_at IS NULL
"""


def _unheld(row: Any, now: datetime) -> bool:
    """Whether nothing is held any more for what runs, or not for much longer."""
    return row["state"] in ("release_due", "released") or row["created_at"] <= now - HELD_FOR


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
