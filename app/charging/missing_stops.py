"""Sessions whose stop never came: closed from their last trusted value after a grace time, and marked as estimated."""

from datetime import datetime, timedelta

import asyncpg

from app.charging import rules
from app.charging.model import Changed
from app.database.transaction import as_machine, execute, fetch
from app.metering.commands import signed_verdict
from app.outbox.commands import record

GRACE = timedelta(minutes=15)

COLUMNS = """
SELECT x.id, x.account_id, x.station_id, x.connector_no, x.person_id, x.started_at, x.start_received_at, x.meter_start_wh,
       x.last_meter_wh, x.last_value_at, x.held_reason, st.max_power_w
FROM charging_session x JOIN station st ON st.account_id = x.account_id AND st.id = x.station_id
"""
# Either a later start on the same connector has shown that the stop is lost, or the station has rebooted since the last
# value and has been back for the grace time without another.
MISSING = f"""
{COLUMNS} WHERE (x.state = 'stop_missing' AND EXISTS (
        SELECT 1 FROM charging_session n WHERE n.account_id = x.account_id AND n.station_id = x.station_id
            AND n.connector_no = x.connector_no AND n.started_at > x.started_at AND n.start_received_at < $1))
   OR (x.state = 'open' AND st.last_boot_at < $1 AND st.last_boot_at > x.start_received_at
        AND st.last_boot_at > coalesce(x.last_value_at, x.start_received_at))
ORDER BY x.started_at LIMIT 500
FOR UPDATE OF x SKIP LOCKED
"""
CLOSE = """
UPDATE charging_session SET state = $2, stopped_at = $3, stop_received_at = $4, meter_stop_wh = $5, energy_wh = $6,
    held_reason = $7, estimated = true, last_power_w = 0 WHERE id = $1
"""


async def close_missing_stops(now: datetime) -> list[Changed]:
    """Close what has waited long enough. Safe to repeat; for the timetable. A real stop that comes later corrects it."""
    async with as_machine():
        return [change for row in await fetch(MISSING, now - GRACE) for change in await close_by_last_value(row, now)]


async def close_by_last_value(row: asyncpg.Record, now: datetime) -> list[Changed]:
    """End a locked session (COLUMNS) by its last trusted value, inside the caller's transaction."""
    closing = estimate(row)
    if closing.state == "ended" and (await signed_verdict(row["id"]))[0]:
        closing = rules.Close("held", None, "signature_invalid")
    stopped_at = row["last_value_at"] or row["started_at"]
    await execute(
        CLOSE, row["id"], closing.state, max(stopped_at, row["started_at"]), now, row["last_meter_wh"], closing.energy_wh,
        closing.held_reason,
    )  # fmt: skip
    event = "SessionEnded" if closing.state == "ended" else "SessionHeld"
    await record(event, {"session_id": row["id"]}, account_id=row["account_id"], key=f"session:{row['id']}")
    return _changed(row)


def estimate(row: asyncpg.Record) -> rules.Close:
    """The end by the last trusted value; without any value there is nothing to charge by, so a person decides."""
    # A value of the start's own moment says nothing of the end.
    if row["last_meter_wh"] is None or row["last_value_at"] is None or row["last_value_at"] <= row["started_at"]:
        return rules.Close("held", None, "no_values")
    closing = rules.close(row["meter_start_wh"], row["last_meter_wh"], row["started_at"], row["last_value_at"], row["max_power_w"])
    if row["held_reason"] is not None and closing.state == "ended":
        return rules.Close("held", None, str(row["held_reason"]))
    return closing


def _changed(row: asyncpg.Record) -> list[Changed]:
    account_id = row["account_id"]
    return [
        Changed(account_id=account_id, kind="session", id=row["id"], person_id=row["person_id"]),
        Changed(account_id=account_id, kind="connector", station_id=row["station_id"], connector=row["connector_no"]),
    ]
