"""Stops for a transaction nobody knows: matched to a session later, where exactly one can be meant (ST-07)."""

from datetime import datetime, timedelta

import asyncpg
import msgspec

from app.charging import rules
from app.charging.model import Changed, Station, StopReport
from app.charging.transactions import LOCKED, close_session
from app.database.transaction import as_machine, execute, fetch

PATIENCE = timedelta(minutes=15)  # a start that is still in the station's queue comes within it

WAITING = """
SELECT q.id, q.station_id, q.body, st.account_id, st.identity, st.site_id, st.name, st.max_power_w, st.commissioned_at
FROM quarantine q JOIN station st ON st.account_id = q.account_id AND st.id = q.station_id
WHERE q.kind = 'stop' AND q.reason = 'unknown_transaction' AND q.settled_at IS NULL AND q.received_at < $1
ORDER BY q.received_at LIMIT 200
"""
FITTING = f"""
SELECT {LOCKED} FROM charging_session WHERE station_id = $1 AND state IN ('open', 'stop_missing') AND started_at <= $2
    AND meter_start_wh <= $3 AND coalesce(last_meter_wh, meter_start_wh) <= $3
    AND coalesce(last_value_at, started_at) <= $2
FOR UPDATE
"""


class RawStop(msgspec.Struct, rename="camel"):
    """What a quarantined stop says."""

    meter_stop: int
    timestamp: datetime
    reason: str | None = None


async def match_lost_stops(now: datetime) -> list[Changed]:
    """End sessions by quarantined stops of their station that can mean no other. Safe to repeat; for the timetable."""
    changed: list[Changed] = []
    async with as_machine():
        for row in await fetch(WAITING, now - PATIENCE):
            changed += await _match(row, now)
    return changed


async def _match(row: asyncpg.Record, now: datetime) -> list[Changed]:
    try:
        said = msgspec.json.decode(row["body"], type=RawStop)
    except (msgspec.DecodeError, RecursionError):
        return []  # it stays on the list of what a person has to look at
    if said.timestamp.tzinfo is None:
        return []
    found = await fetch(FITTING, row["station_id"], said.timestamp, said.meter_stop)
    if len(found) != 1 or not _agrees(found[0], said, row["max_power_w"]):
        return []
    station = Station(
        account_id=row["account_id"], id=row["station_id"], identity=row["identity"], site_id=row["site_id"],
        name=row["name"], max_power_w=row["max_power_w"], commissioned_at=row["commissioned_at"],
    )  # fmt: skip
    report = StopReport(
        transaction_no=0, id_tag=None, meter_stop_wh=said.meter_stop, stopped_at=said.timestamp, reason=said.reason,
        body=row["body"],
    )  # fmt: skip
    await execute("UPDATE quarantine SET settled_at = $2 WHERE id = $1", row["id"], now)
    return await close_session(station, found[0], report, now)


def _agrees(session: asyncpg.Record, said: RawStop, max_power_w: int) -> bool:
    closing = rules.close(session["meter_start_wh"], said.meter_stop, session["started_at"], said.timestamp, max_power_w)
    return closing.state == "ended"
