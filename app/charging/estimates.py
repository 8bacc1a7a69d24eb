"""A real stop after an estimate (ST-10): where it can be true it takes the estimate's place, and the bill follows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.charging import rules
from app.charging.doubts import odd_end
from app.charging.model import Changed, Station, StopReport
from app.charging.review import keep_for_review
from app.database.transaction import execute
from app.outbox.commands import record

REPLACE = """
UPDATE charging_session SET state = 'ended', stopped_at = $2, stop_received_at = $3, meter_stop_wh = $4, stop_reason = $5,
    energy_wh = $6, held_reason = NULL, estimated = false WHERE id = $1
"""


async def correct_estimate(station: Station, session: Mapping[str, Any], report: StopReport, now: datetime) -> list[Changed]:
    """A stop for a session that is over (inside the caller's transaction, the session locked).

    The same again is nothing. After an estimate it corrects: billing reverses what it booked and books anew. What cannot
    be true, what differs from a real stop, and what a person has settled goes to review; the bill does not change silently.
    """
    if not session["estimated"]:
        if session["meter_stop_wh"] != report.meter_stop_wh:
            await keep_for_review(station, "later_stop", "differs_from_first_stop", report.body, now)
        return []
    closing = rules.close(session["meter_start_wh"], report.meter_stop_wh, session["started_at"], report.stopped_at, station.max_power_w)
    odd = rules.odd_clock(report.stopped_at, now, station.commissioned_at)
    if odd is None and closing.energy_wh is not None:
        odd = await odd_end(session["id"], report.stopped_at, report.meter_stop_wh, closing.energy_wh)
    falls = session["last_meter_wh"] is not None and report.meter_stop_wh < session["last_meter_wh"]
    doubt = session["held_reason"] not in (None, "no_values")
    if closing.state != "ended" or odd or falls or doubt or session["settled_at"] is not None:
        await keep_for_review(station, "stop_after_estimate", "the real stop came after the estimate", report.body, now)
        return []
    await execute(REPLACE, session["id"], report.stopped_at, now, report.meter_stop_wh, report.reason, closing.energy_wh)
    await record("SessionCorrected", {"session_id": session["id"]}, account_id=station.account_id, key=f"session:{session['id']}")
    return [
        Changed(account_id=station.account_id, kind="session", id=session["id"], person_id=session["person_id"]),
        Changed(account_id=station.account_id, kind="connector", station_id=station.id, connector=session["connector_no"]),
    ]
