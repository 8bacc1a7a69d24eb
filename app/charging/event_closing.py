"""The end of a session of OCPP 2.0.1: by its Ended, even where a start or a register comes later."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.charging import rules
from app.charging.doubts import odd_end
from app.charging.model import Changed, Station
from app.charging.transactions import connector_changed, session_changed
from app.database.transaction import execute
from app.outbox.commands import record

CLOSE = """
UPDATE charging_session SET state = $2, stopped_at = $3, stop_received_at = $4, meter_stop_wh = $5, stop_reason = $6,
    energy_wh = $7, held_reason = $8, estimated = $9, stop_seq = $10, last_power_w = 0 WHERE id = $1
"""


async def close_by_event(station: Station, facts: Mapping[str, Any], now: datetime) -> list[Changed]:
    """End a locked session by the facts of its events (inside the caller's transaction). What cannot be true is held."""
    closing = _closing(station, facts)
    if closing.energy_wh is not None:
        doubt = await odd_end(facts["id"], facts["stopped_at"], facts["meter_stop_wh"], closing.energy_wh)
        closing = closing if doubt is None else rules.Close("held", None, doubt)
    await execute(
        CLOSE, facts["id"], closing.state, facts["stopped_at"], facts["stop_received_at"], facts["meter_stop_wh"],
        facts["stop_reason"], closing.energy_wh, closing.held_reason, facts["estimated"], facts["stop_seq"],
    )  # fmt: skip
    event = "SessionEnded" if closing.state == "ended" else "SessionHeld"
    await record(event, {"session_id": facts["id"]}, account_id=station.account_id, key=f"session:{facts['id']}")
    return [session_changed(station, facts["id"], facts["person_id"]), connector_changed(station, facts["connector_no"])]


def _closing(station: Station, facts: Mapping[str, Any]) -> rules.Close:
    odd = facts["held_reason"] or rules.odd_clock(facts["stopped_at"], facts["stop_received_at"], station.commissioned_at)
    if odd is None and facts["meter_stop_wh"] is None:
        odd = "no_values"
    if odd is not None:
        return rules.Close("held", None, odd)
    return rules.close(facts["meter_start_wh"], facts["meter_stop_wh"], facts["started_at"], facts["stopped_at"], station.max_power_w)
