"""Limits of places: wanted, told to the charger step by step, renewed, proven by its meter, lifted."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.charging import limit_rules, rules
from app.charging.asking import queue
from app.charging.intents import Answer, ClearProfile, Intent, ReadConfiguration, SetProfile
from app.charging.model import Command
from app.database.transaction import as_machine, execute, fetch, fetchrow

BACK_OFF = timedelta(minutes=2)

WANT = """
INSERT INTO charging_limit (account_id, station_id, connector_no, wanted_a, wanted_at, failsafe_a, counted_a)
SELECT s.account_id, s.id, $2, $3::numeric, $4, least($5::numeric, $3::numeric), ceil(s.max_power_w / (230.0 * s.phases))
FROM station s WHERE s.id = $1
ON CONFLICT (account_id, station_id, connector_no) DO UPDATE SET wanted_a = excluded.wanted_a, wanted_at = excluded.wanted_at,
    wakes = 0, pulse = false, problem = NULL, retry_at = NULL,
    failsafe_set = charging_limit.failsafe_set AND charging_limit.failsafe_a = excluded.failsafe_a, failsafe_a = excluded.failsafe_a
"""
ROW = """
SELECT l.*, s.ocpp_version, s.phases, c.state AS command_state, EXISTS (SELECT 1 FROM station_setting x
    WHERE x.account_id = l.account_id AND x.station_id = l.station_id AND x.name = ANY($1)) AS units_known
FROM charging_limit l JOIN station s ON s.account_id = l.account_id AND s.id = l.station_id
LEFT JOIN station_command c ON c.account_id = l.account_id AND c.id = l.pending
"""
ONE = f"{ROW} WHERE l.station_id = $2 AND l.connector_no = $3 FOR UPDATE OF l"
PENDING = f"{ROW} WHERE l.pending = $2 FOR UPDATE OF l"
ALL = f"{ROW} WHERE s.online AND (l.retry_at IS NULL OR l.retry_at <= $2) ORDER BY l.station_id, l.connector_no FOR UPDATE OF l SKIP LOCKED"
# What the meter showed last of a charge that runs, from long enough after the charger had accepted.
SHOWN = """
SELECT v.raw, v.power_w, c.status FROM charging_session x
JOIN connector c ON c.account_id = x.account_id AND c.station_id = x.station_id AND c.number = x.connector_no
LEFT JOIN LATERAL (SELECT raw, power_w FROM meter_value v WHERE v.account_id = x.account_id AND v.station_id = x.station_id
    AND v.connector_no = x.connector_no AND v.taken_at >= $3 ORDER BY v.taken_at DESC LIMIT 1) v ON true
WHERE x.station_id = $1 AND x.connector_no = $2 AND x.state = 'open' LIMIT 1
"""


OPEN = "SELECT 1 FROM charging_session WHERE station_id = $1 AND connector_no = $2 AND state = 'open' LIMIT 1"


async def want(station_id: UUID, connector: int, limit_a: Decimal | None, now: datetime,
               failsafe_a: Decimal = limit_rules.LEAST_A, by: Mapping[str, Any] | None = None) -> None:  # fmt: skip
    """Limit a place to a current a phase, or lift the limit (None). The charger is told as soon as it can be. `by`: who
    asks, for the log."""
    async with as_machine():
        if limit_a is not None:
            await execute(WANT, station_id, connector, limit_rules.possible(limit_a), now, limit_rules.possible(failsafe_a))
        else:
            await execute("UPDATE charging_limit SET wanted_a = NULL, wanted_at = $3, retry_at = NULL WHERE station_id = $1"
                          " AND connector_no = $2", station_id, connector, now)  # fmt: skip
        row = await fetchrow(ONE, list(limit_rules.UNITS), station_id, connector)
        if row is not None:
            await _go_on(row, now, by)


async def tend(now: datetime) -> list[UUID]:
    """Renew, prove and wake. Safe to repeat; for the timetable. Returns the stations that have something to hear."""
    told: list[UUID] = []
    async with as_machine():
        for found in await fetch(ALL, list(limit_rules.UNITS), now):
            row: dict[str, Any] = {**found, **await _look_at_meter(found, now)}
            if await _go_on(row, now):
                told.append(row["station_id"])
    return told


async def limit_answered(command: Command, intent: Intent, answer: Answer, now: datetime) -> None:
    """The charger answered to a step (inside the caller's transaction). Accepted is not applied: the meter proves it."""
    row = await fetchrow(PENDING, list(limit_rules.UNITS), command.id)
    if row is None:
        return
    changes: dict[str, Any] = {"pending": None}
    if isinstance(intent, ReadConfiguration):
        changes["units_asked"] = True
    elif isinstance(intent, ClearProfile):
        if row["told_a"] is None:
            await execute("DELETE FROM charging_limit WHERE pending = $1", command.id)
            return
        changes["told_a"] = None
    elif not answer.accepted:
        changes |= {"problem": "refused", "retry_at": now + BACK_OFF}
    elif isinstance(intent, SetProfile):
        changes |= _accepted(row, intent, now, await fetchrow(OPEN, row["station_id"], row["connector_no"]) is None)
    await _note(row, changes)
    if answer.accepted or isinstance(intent, ClearProfile):
        units_known = row["units_known"] or isinstance(intent, ReadConfiguration)
        await _go_on({**row, **changes, "units_known": units_known}, now)


def _accepted(row: Mapping[str, Any], intent: SetProfile, now: datetime, free: bool) -> dict[str, Any]:
    profile = intent.profile
    if profile.stack_level == limit_rules.FAILSAFE_LEVEL:
        return {"failsafe_set": True, "problem": None}
    told = profile.periods[0].limit_a
    changes: dict[str, Any] = {"lease_until": profile.valid_to, "problem": None if row["problem"] == "refused" else row["problem"]}
    if told != row["told_a"]:
        raised = told > 0 and row["told_a"] == 0
        changes |= {"told_a": told, "told_at": now, "confirmed_at": None, "counted_a": limit_rules.counted(row["counted_a"], told, free),
                    "raised_at": now if raised else None, "pulse": False}  # fmt: skip
    return changes


async def _look_at_meter(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What the meter proves of the limit that was told."""
    if row["told_a"] is None or row["told_at"] is None or now - row["told_at"] < limit_rules.SETTLE:
        return {}
    shown = await fetchrow(SHOWN, row["station_id"], row["connector_no"], row["told_at"] + limit_rules.SETTLE)
    if shown is None:
        return {}
    current = None if shown["raw"] is None else limit_rules.measured_a(shown["raw"])
    kept = limit_rules.obeyed(row["told_a"], current, shown["power_w"], row["phases"])
    changes: dict[str, Any] = {}
    if kept is True and row["confirmed_at"] is None:
        changes = {"confirmed_at": now, "counted_a": row["told_a"], "problem": None}
    elif kept is False:
        changes = {"confirmed_at": None, "problem": "not_obeyed", "counted_a": max(row["counted_a"], current or Decimal(0))}
    changes |= _wake(row, kept is True and (current or 0) == 0 and (shown["power_w"] or 0) < rules.CHARGING_FROM_W, now)
    if changes:
        await _note(row, changes)
    return changes


def _wake(row: Mapping[str, Any], still: bool, now: datetime) -> dict[str, Any]:
    """A car that takes nothing after a pause is shown none and then the current again, twice at most (ST-63)."""
    if row["raised_at"] is None:
        return {}
    if not still:
        return {"raised_at": None, "wakes": 0}
    if now - row["raised_at"] < limit_rules.WAKE_AFTER:
        return {}
    if row["wakes"] >= limit_rules.MOST_WAKES:
        return {"problem": "car_sleeps", "raised_at": None}
    return {"pulse": True, "wakes": row["wakes"] + 1}


async def _go_on(row: Mapping[str, Any], now: datetime, by: Mapping[str, Any] | None = None) -> bool:
    """Queue the next step, one at a time; whether there is one."""
    if row["pending"] is not None and row["command_state"] in ("queued", "sent"):
        return False
    if row["pending"] is not None and row["command_state"] in ("failed", "timed_out"):
        await _note(row, {"pending": None, "problem": "refused", "retry_at": now + BACK_OFF})
        return False
    intent = limit_rules.next_step(row, row["units_known"], row["ocpp_version"], now)
    if intent is None:
        return False
    await _note(row, {"pending": await queue(row["account_id"], row["station_id"], intent, b"", now, **(by or {}))})
    return True


async def _note(row: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    columns = ", ".join(f"{name} = ${number}" for number, name in enumerate(changes, start=3))
    await execute(f"UPDATE charging_limit SET {columns} WHERE station_id = $1 AND connector_no = $2", row["station_id"],
                  row["connector_no"], *changes.values())  # fmt: skip
