"""Local lists kept in step: whom a station lets charge while it is cut off. One message at a time to each station."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from app.charging import list_rules
from app.charging.asking import queue
from app.charging.intents import (
    V201,
    Answer,
    GetLocalListVersion,
    Intent,
    ReadConfiguration,
    SendLocalList,
    Setting,
    WriteConfiguration,
)
from app.charging.model import Changed, Command
from app.database.transaction import as_machine, execute, fetch, fetchrow
from app.kernel.calendar import local_date
from app.residents.badge_uid import opened_uid

# A station that has just come back first tells what it has to tell; one whose list is behind is told at once.
SETTLE = timedelta(seconds=10)
MOST_AT_ONCE = 100
BACK_OFF = timedelta(minutes=2)
MOST_FAILURES = 5  # then nothing until it connects anew or the list changes

DUE = """
SELECT s.account_id, s.id FROM station s
LEFT JOIN local_list l ON l.account_id = s.account_id AND l.station_id = s.id
LEFT JOIN local_list_epoch e ON e.account_id = s.account_id
LEFT JOIN station_command c ON c.account_id = l.account_id AND c.id = l.pending
WHERE s.online AND s.registered AND s.node = $1 AND (l.supported IS DISTINCT FROM false OR l.checked_connection <> s.connection_no)
    AND (l.checked_connection = s.connection_no OR s.online_changed_at <= $2 OR l.epoch < coalesce(e.epoch, 1))
    AND (l.station_id IS NULL OR l.supported IS NULL OR l.checked_connection <> s.connection_no OR l.full_needed
        OR l.epoch < coalesce(e.epoch, 1) OR l.computed_on IS DISTINCT FROM $3)
    AND (c.id IS NULL OR c.state NOT IN ('queued', 'sent')) AND (l.retry_at IS NULL OR l.retry_at <= $4)
ORDER BY l.changed_at NULLS FIRST LIMIT $5
"""
LOCK = """
SELECT l.*, s.connection_no, s.ocpp_version, coalesce(e.epoch, 1) AS epoch_now, t.time_zone, c.state AS command_state,
    c.error AS command_error
FROM local_list l JOIN station s ON s.account_id = l.account_id AND s.id = l.station_id
JOIN site t ON t.account_id = s.account_id AND t.id = s.site_id
LEFT JOIN local_list_epoch e ON e.account_id = l.account_id
LEFT JOIN station_command c ON c.account_id = l.account_id AND c.id = l.pending
WHERE l.account_id = $1 AND l.station_id = $2 FOR UPDATE OF l
"""
# The same people that Authorize would accept at this station, the most recent users first; then those it must refuse.
WANTED = """
SELECT b.id, CASE WHEN b.state = 'active' THEN 'Accepted' ELSE 'Blocked' END AS status
FROM badge b
WHERE b.account_id = $1 AND b.uid_sealed IS NOT NULL
    AND (b.state <> 'active' OR (b.valid_from <= $3 AND (b.valid_to IS NULL OR b.valid_to >= $3)))
    AND EXISTS (SELECT 1 FROM occupancy o JOIN billing_point p ON p.account_id = o.account_id AND p.id = o.billing_point_id
        JOIN station s ON s.account_id = p.account_id AND s.site_id = p.site_id
        WHERE o.account_id = b.account_id AND o.person_id = b.person_id AND p.activated AND o.period @> $3::date AND s.id = $2
            AND (NOT EXISTS (SELECT 1 FROM connector c WHERE c.account_id = s.account_id AND c.station_id = s.id)
                OR EXISTS (SELECT 1 FROM connector c WHERE c.account_id = s.account_id AND c.station_id = s.id
                    AND (c.billing_point_id IS NULL OR c.billing_point_id = p.id))))
ORDER BY (b.state = 'active') DESC, b.last_used_at DESC NULLS LAST, b.id
"""


async def plan_due(node: str, now: datetime) -> list[UUID]:
    """Queue the next message for stations of this node whose list is not known to be right. Safe to repeat; the nodes call
    it every second. Returns the stations that have something to do."""
    async with as_machine():
        rows = await fetch(DUE, node, now - SETTLE, now.date(), now, MOST_AT_ONCE)
    planned: list[UUID] = []
    for row in rows:
        async with as_machine():
            await execute(
                "INSERT INTO local_list (account_id, station_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", row["account_id"], row["id"]
            )
            if await plan(row["account_id"], row["id"], now):
                planned.append(row["id"])
    return planned


async def push(account_id: UUID, station_id: UUID, now: datetime, by: Mapping[str, Any]) -> None:
    """Begin anew with a station's list (inside the caller's transaction). `by`: who asks, for the log."""
    await execute("INSERT INTO local_list (account_id, station_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", account_id, station_id)
    await execute(
        "UPDATE local_list SET full_needed = true, failures = 0, retry_at = NULL, supported = nullif(supported, false)"
        " WHERE account_id = $1 AND station_id = $2", account_id, station_id,
    )  # fmt: skip
    await plan(account_id, station_id, now, by)


async def plan(account_id: UUID, station_id: UUID, now: datetime, by: Mapping[str, Any] | None = None) -> bool:
    """Queue the next message of one station (inside the caller's transaction), or note that its list is right."""
    row = await fetchrow(LOCK, account_id, station_id)
    if row is None or row["command_state"] in ("queued", "sent"):
        return False
    anew = row["checked_connection"] != row["connection_no"]
    if row["supported"] is False and not anew:
        return False
    if row["command_state"] in ("failed", "timed_out") and not await _after_failure(row, now):
        return False
    intent: Intent | None
    if not row["supported"]:
        intent = ReadConfiguration(names=list_rules.CAPABILITIES_201 if row["ocpp_version"] == V201 else list_rules.CAPABILITIES)
    elif anew:
        intent = GetLocalListVersion()
    else:
        intent = await _next_message(row, now)
    if intent is None:
        return False
    pending = await queue(account_id, station_id, intent, b"", now, **(by or {}))
    await _note(row, pending=pending)
    return True


async def _after_failure(row: asyncpg.Record, now: datetime) -> bool:
    """A message came to nothing: later again, but not for ever. False while it must rest."""
    if str(row["command_error"]).startswith("not_supported"):
        await _without_list(row, "not_supported")
        return False
    if str(row["command_error"]).startswith("connection_lost"):
        await _note(row, pending=None)  # the version that it tells next says whether the message arrived
        return True
    failures = row["failures"] + 1
    if failures >= MOST_FAILURES:
        await _without_list(row, "no_answer")
        return False
    await _note(row, pending=None, failures=failures, retry_at=now + BACK_OFF * failures, full_needed=True)
    return False


async def _without_list(row: asyncpg.Record, reason: str) -> None:
    """Until it connects anew this station is taken for one without a list."""
    await _note(row, supported=False, reason=reason, checked_connection=row["connection_no"], pending=None, failures=0, retry_at=None)


async def _next_message(row: asyncpg.Record, now: datetime) -> Intent | None:
    day = local_date(now, row["time_zone"])
    wanted = [(one["id"], one["status"]) for one in await fetch(WANTED, row["account_id"], row["station_id"], day)]
    fitting, left_out = list_rules.fitting(wanted, row["max_entries"])
    entries = await fetch("SELECT badge_id, status FROM local_list_entry WHERE station_id = $1", row["station_id"])
    known = {} if row["full_needed"] else {one["badge_id"]: one["status"] for one in entries}
    chunk = list_rules.next_entries(known, fitting, row["max_per_message"])
    if not chunk and not row["full_needed"]:
        setting = await _offline_setting(row)
        if setting is not None:
            return WriteConfiguration(settings=(setting,))
        await _note(row, epoch=row["epoch_now"], computed_on=now.date(), left_out=left_out, changed_at=now)
        return None
    return SendLocalList(version=row["version"] + 1, full=row["full_needed"], entries=chunk)


async def _offline_setting(row: asyncpg.Record) -> Setting | None:
    """The next setting that lets a station which is cut off charge for the badges of its list and for nobody else. Each is
    asked once a connection: a station may refuse."""
    told = await fetch("SELECT name, value FROM station_setting WHERE station_id = $1 AND readonly IS NOT TRUE", row["station_id"])
    setting = list_rules.offline_setting({one["name"]: one["value"] for one in told}, row["asked_settings"])
    if setting is not None:
        await _note(row, asked_settings=[*row["asked_settings"], setting.name])
    return setting


async def _note(row: asyncpg.Record, **changes: Any) -> None:
    columns = ", ".join(f"{name} = ${number}" for number, name in enumerate(changes, start=3))
    await execute(
        f"UPDATE local_list SET {columns} WHERE account_id = $1 AND station_id = $2", row["account_id"], row["station_id"],
        *changes.values(),
    )  # fmt: skip


async def _pending_row(command: Command) -> asyncpg.Record | None:
    """The list that waits for this very command."""
    row = await fetchrow(LOCK, command.account_id, command.station_id)
    return row if row is not None and row["pending"] == command.id else None


async def learn_limits(command: Command, _: Intent, answer: Answer, now: datetime) -> list[Changed]:
    """The station told what it can do with a list."""
    row = await _pending_row(command)
    if row is None:
        return []
    found = list_rules.limits(answer.settings)
    if not found.supported:
        await _without_list(row, found.reason or "not_known")
        return []
    await _note(row, supported=True, reason=None, max_entries=found.max_entries, max_per_message=found.max_per_message,
                pending=None, failures=0, retry_at=None)  # fmt: skip
    await plan(command.account_id, command.station_id, now)
    return []


async def version_told(command: Command, _: Intent, answer: Answer, now: datetime) -> list[Changed]:
    """The station told the version of its list: another one than ours means that everything is sent anew."""
    row = await _pending_row(command)
    if row is None or answer.list_version is None:
        return []
    if answer.list_version < 0:
        await _without_list(row, "not_supported")
        return []
    same = answer.list_version == row["version"] and row["version"] > 0
    await _note(row, checked_connection=row["connection_no"], pending=None, full_needed=row["full_needed"] or not same,
                version=max(row["version"], min(answer.list_version, 2**30)), failures=0, retry_at=None,
                asked_settings=[])  # fmt: skip
    await plan(command.account_id, command.station_id, now)
    return []


async def list_answered(command: Command, intent: Intent, answer: Answer, now: datetime) -> list[Changed]:
    """The station took a part of its list, or not."""
    row = await _pending_row(command)
    if row is None or not isinstance(intent, SendLocalList):
        return []
    failures = row["failures"] + 1
    if answer.status == "NotSupported" or (not answer.accepted and failures >= MOST_FAILURES):
        await _without_list(row, "not_supported" if answer.status == "NotSupported" else "refused")
    elif not answer.accepted:
        rest = None if answer.status == "VersionMismatch" and failures == 1 else now + BACK_OFF * failures
        await _note(row, pending=None, full_needed=True, failures=failures, retry_at=rest, reason="refused")
    else:
        await _acknowledge(command, intent)
        await _note(row, pending=None, full_needed=False, version=intent.version, failures=0, retry_at=None, reason=None,
                    changed_at=now)  # fmt: skip
        await plan(command.account_id, command.station_id, now)
    return []


async def setting_written(command: Command, _: Intent, __: Answer, now: datetime) -> list[Changed]:
    """The station answered to a setting that its list needs: whatever it said, on with the list."""
    row = await _pending_row(command)
    if row is not None:
        await _note(row, pending=None)
        await plan(command.account_id, command.station_id, now)
    return []


async def _acknowledge(command: Command, intent: SendLocalList) -> None:
    gone = [one.badge_id for one in intent.entries if one.status is None]
    await execute(
        "DELETE FROM local_list_entry WHERE account_id = $1 AND station_id = $2 AND ($3 OR badge_id = ANY($4::uuid[]))",
        command.account_id, command.station_id, intent.full, gone,
    )  # fmt: skip
    kept = [one for one in intent.entries if one.status is not None]
    await execute(
        "INSERT INTO local_list_entry (account_id, station_id, badge_id, status) SELECT $1, $2, * FROM unnest($3::uuid[], $4::text[])"
        " ON CONFLICT (account_id, station_id, badge_id) DO UPDATE SET status = excluded.status",
        command.account_id, command.station_id, [one.badge_id for one in kept], [one.status for one in kept],
    )  # fmt: skip


async def tags_of(account_id: UUID, badge_ids: Sequence[UUID], secret: bytes) -> dict[UUID, str]:
    """The UIDs of badges for a message to a station, and for nothing else. Raises CannotOpen."""
    rows = await fetch("SELECT id, uid_sealed FROM badge WHERE account_id = $1 AND id = ANY($2::uuid[])", account_id, list(badge_ids))
    return {row["id"]: opened_uid(secret, row["id"], row["uid_sealed"]) for row in rows if row["uid_sealed"] is not None}
