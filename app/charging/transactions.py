"""The messages that move money: authorise, start, meter values, stop. Each is stored before it is answered."""

import hashlib
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from app.charging import rules
from app.charging.model import Changed, StartAnswer, StartReport, Station, StopReport, ValueReport
from app.charging.stations import keep_message, note_security_event
from app.database.transaction import as_machine, execute, fetch, fetchrow, fetchval
from app.kernel.calendar import local_date
from app.kernel.identifiers import keyed_hash, new_id, tail
from app.metering.commands import store_value
from app.outbox.commands import record


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a tag stands for, and what the station is told."""

    tag_hash: bytes
    tag_tail: str
    status: str
    source: str = "unknown"
    badge_id: UUID | None = None
    request_id: UUID | None = None
    person_id: UUID | None = None
    billing_point_id: UUID | None = None


async def authorise(station: Station, id_tag: str, secret: bytes, now: datetime) -> str:
    """The status of a badge at this station: Accepted, Blocked, Invalid."""
    async with as_machine():
        holder = await _holder(station, None, id_tag, secret, now)
        if holder.badge_id is not None and holder.status == "Accepted":
            await execute("UPDATE badge SET last_used_at = $2 WHERE id = $1", holder.badge_id, now)
    return holder.status


async def start_session(
    station: Station, report: StartReport, message_id: str, secret: bytes, now: datetime
) -> tuple[StartAnswer, list[Changed]]:
    """Record a start. The same start again, under any message id, gives the same transaction number.

    A start with an unknown or blocked tag is recorded too (the station may have charged offline), charged to nobody.
    """
    async with as_machine():
        holder = await _holder(station, report.connector_no, report.id_tag, secret, report.started_at)
        await keep_message(station, "StartTransaction", message_id, _without_tag(report.body, report.id_tag), now)
        row = await fetchrow(
            INSERT_SESSION, station.account_id, new_id(), station.id, report.connector_no, holder.tag_hash,
            holder.tag_tail, holder.status, holder.source, holder.badge_id, holder.request_id, holder.person_id,
            holder.billing_point_id, report.started_at, report.started_raw, now, report.meter_start_wh,
        )  # fmt: skip
        if row is None:
            raise LookupError("the insert of a session returns its row, new or known")
        changed = [_session_changed(station, row["id"], holder.person_id)]
        if row["fresh"]:
            await _supersede(station, report.connector_no, row["id"], report.started_at)
            if holder.request_id is not None:
                await _request_started(holder.request_id, row["id"], now)
                changed.append(_request_changed(station, holder.request_id, holder.person_id))
    changed.append(_connector_changed(station, report.connector_no))
    return StartAnswer(row["transaction_no"], row["tag_status"]), changed


INSERT_SESSION = """
INSERT INTO charging_session (account_id, id, station_id, connector_no, tag_hash, tag_tail, tag_status, source, class,
    badge_id, request_id, person_id, billing_point_id, started_at, started_raw, start_received_at, meter_start_wh)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'internal', $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT (account_id, station_id, connector_no, started_at, meter_start_wh, tag_hash)
    DO UPDATE SET started_raw = charging_session.started_raw
RETURNING id, transaction_no, tag_status, id = $2 AS fresh
"""


async def end_session(station: Station, report: StopReport, message_id: str, secret: bytes, now: datetime) -> list[Changed]:
    """Record a stop. The first accepted stop wins; whatever does not fit is acknowledged and kept for review."""
    async with as_machine():
        await keep_message(station, "StopTransaction", message_id, _without_tag(report.body, report.id_tag), now)
        row = await fetchrow(LOCK_SESSION, report.transaction_no)
        if row is None:
            await _quarantine(station, "stop", "unknown_transaction", report.body, now)
            return []
        if row["station_id"] != station.id:
            await _quarantine(station, "stop", "transaction_of_another_station", report.body, now)
            detail = f"stop for transaction {report.transaction_no} of another station"
            await note_security_event(station, station.identity, "foreign_stop", detail, now)
            return []
        if row["state"] != "open" and row["state"] != "stop_missing":
            if row["meter_stop_wh"] != report.meter_stop_wh:
                await _quarantine(station, "stop", "differs_from_first_stop", report.body, now)
            return []
        await _close(station, row, report, now)
        return [
            _session_changed(station, row["id"], row["person_id"]),
            _connector_changed(station, row["connector_no"]),
        ]


LOCK_SESSION = """
SELECT id, account_id, station_id, connector_no, person_id, state, started_at, start_received_at, meter_start_wh,
       meter_stop_wh, tag_status
FROM charging_session WHERE transaction_no = $1 FOR UPDATE
"""


async def _close(station: Station, row: asyncpg.Record, report: StopReport, now: datetime) -> None:
    closing = rules.close(
        row["meter_start_wh"], report.meter_stop_wh, row["started_at"], report.stopped_at, station.max_power_w
    )
    odd = rules.odd_clock(report.stopped_at, now, station.commissioned_at) or rules.odd_clock(
        row["started_at"], row["start_received_at"], station.commissioned_at
    )
    if odd is not None and closing.state == "ended":
        closing = rules.Close("held", None, odd)
    await execute(
        "UPDATE charging_session SET state = $2, stopped_at = $3, stop_received_at = $4, meter_stop_wh = $5,"
        " stop_reason = $6, energy_wh = $7, held_reason = $8, last_power_w = 0 WHERE id = $1",
        row["id"], closing.state, report.stopped_at, now, report.meter_stop_wh, report.reason, closing.energy_wh,
        closing.held_reason,
    )  # fmt: skip
    event = "SessionEnded" if closing.state == "ended" else "SessionHeld"
    await record(event, {"session_id": row["id"]}, account_id=station.account_id, key=f"session:{row['id']}")


async def record_meter_values(
    station: Station, connector_no: int, transaction_no: int | None, values: list[ValueReport], message_id: str,
    now: datetime,
) -> list[Changed]:  # fmt: skip
    """Keep meter values; with a session of this station they move its live figures, never its bill."""
    async with as_machine():
        row = None
        if transaction_no is not None and transaction_no > 0:
            row = await fetchrow(
                "SELECT id, person_id, state, last_value_at FROM charging_session"
                " WHERE transaction_no = $1 AND station_id = $2 FOR UPDATE", transaction_no, station.id,
            )  # fmt: skip
        for value in values:
            await store_value(
                station.account_id, station.id, connector_no, value.taken_at, None if row is None else row["id"],
                value.reading, value.context, value.raw, now,
            )  # fmt: skip
        await execute("UPDATE station SET last_message_at = $2 WHERE id = $1", station.id, now)
        if row is None or row["state"] != "open":
            return []
        await _move_live_figures(row["id"], values)
    return [_session_changed(station, row["id"], row["person_id"])]


async def _move_live_figures(session_id: UUID, values: list[ValueReport]) -> None:
    for value in sorted(values, key=lambda v: v.taken_at):
        await execute(
            "UPDATE charging_session SET last_value_at = $2,"
            " last_meter_wh = greatest(coalesce($3, last_meter_wh, meter_start_wh), meter_start_wh),"
            " last_power_w = coalesce($4, last_power_w),"
            " idle_since = CASE WHEN $4 IS NULL THEN idle_since WHEN $4 >= 100 THEN NULL"
            " ELSE coalesce(idle_since, CASE WHEN coalesce($3, last_meter_wh, meter_start_wh) > meter_start_wh"
            " THEN $2 END) END"
            " WHERE id = $1 AND (last_value_at IS NULL OR last_value_at <= $2)",
            session_id, value.taken_at, value.reading.energy_wh, value.reading.power_w,
        )  # fmt: skip


async def quarantine_message(station: Station, kind: str, reason: str, body: str, now: datetime) -> None:
    """Keep a message that could not be read or placed, verbatim, in a transaction of its own."""
    async with as_machine():
        await _quarantine(station, kind, reason, body, now)


async def _quarantine(station: Station, kind: str, reason: str, body: str, now: datetime) -> None:
    safe = body.encode("utf-8", "replace").decode().replace("\x00", "\N{SYMBOL FOR NULL}")
    await execute(
        "INSERT INTO quarantine (account_id, station_id, received_at, kind, reason, body, body_hash)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account_id, station_id, kind, body_hash) DO NOTHING",
        station.account_id, station.id, now, kind, reason, safe, hashlib.sha256(safe.encode()).digest(),
    )  # fmt: skip


async def _holder(station: Station, connector_no: int | None, id_tag: str, secret: bytes, at: datetime) -> Holder:
    """Whom a tag stands for at this station: a request's one-time tag first, then a badge."""
    tag_hash = keyed_hash(secret, id_tag.upper())
    request = await fetchrow(
        "SELECT id, person_id, billing_point_id FROM charge_request WHERE account_id = $1 AND tag_hash = $2"
        " AND station_id = $3", station.account_id, tag_hash, station.id,
    )  # fmt: skip
    if request is not None:
        return Holder(tag_hash=tag_hash, tag_tail="", status="Accepted", source="app", request_id=request["id"],
                      person_id=request["person_id"], billing_point_id=request["billing_point_id"])  # fmt: skip
    badge = await fetchrow(BADGE, station.account_id, tag_hash)
    if badge is None:
        return Holder(tag_hash=tag_hash, tag_tail=tail(id_tag), status="Invalid")
    if badge["state"] != "active":
        return Holder(tag_hash=tag_hash, tag_tail=badge["uid_tail"], status="Blocked", badge_id=badge["id"])
    zone = await fetchval("SELECT time_zone FROM site WHERE id = $1", station.site_id)
    day = local_date(at, zone)
    if day < badge["valid_from"] or (badge["valid_to"] is not None and day > badge["valid_to"]):
        return Holder(tag_hash=tag_hash, tag_tail=badge["uid_tail"], status="Expired", badge_id=badge["id"])
    places = await fetch(OCCUPIED, station.account_id, badge["person_id"], station.site_id, day)
    private = await fetchval(
        "SELECT billing_point_id FROM connector WHERE station_id = $1 AND ($2::int IS NULL OR number = $2)"
        " ORDER BY number DESC LIMIT 1", station.id, connector_no,
    )  # fmt: skip
    allowed = [row["billing_point_id"] for row in places if private in (None, row["billing_point_id"])]
    if not allowed:
        return Holder(tag_hash=tag_hash, tag_tail=badge["uid_tail"], status="Invalid", badge_id=badge["id"])
    return Holder(tag_hash=tag_hash, tag_tail=badge["uid_tail"], status="Accepted", source="badge",
                  badge_id=badge["id"], person_id=badge["person_id"], billing_point_id=allowed[0])  # fmt: skip


BADGE = """
SELECT id, person_id, uid_tail, state, valid_from, valid_to FROM badge WHERE account_id = $1 AND uid_hash = $2
"""
OCCUPIED = """
SELECT o.billing_point_id FROM occupancy o JOIN billing_point b
    ON b.account_id = o.account_id AND b.id = o.billing_point_id
WHERE o.account_id = $1 AND o.person_id = $2 AND b.site_id = $3 AND o.period @> $4::date
ORDER BY lower(o.period), o.id
"""


async def _supersede(station: Station, connector_no: int, session_id: UUID, started_at: datetime) -> None:
    """A new start on a connector: an older session that is still open there has lost its stop."""
    await execute(
        "UPDATE charging_session SET state = 'stop_missing' WHERE station_id = $1 AND connector_no = $2"
        " AND id <> $3 AND state = 'open' AND started_at < $4", station.id, connector_no, session_id, started_at,
    )  # fmt: skip


async def _request_started(request_id: UUID, session_id: UUID, now: datetime) -> None:
    await execute(
        "UPDATE charge_request SET state = 'started', reason = NULL, session_id = $2, changed_at = $3 WHERE id = $1",
        request_id, session_id, now,
    )  # fmt: skip


def _without_tag(body: str, id_tag: str | None) -> str:
    """A message with the tag cut to its tail: UIDs are never kept in full."""
    return body.replace(id_tag, f"*{tail(id_tag)}") if id_tag else body


def _session_changed(station: Station, session_id: UUID, person_id: UUID | None) -> Changed:
    return Changed(account_id=station.account_id, kind="session", id=session_id, person_id=person_id)


def _request_changed(station: Station, request_id: UUID, person_id: UUID | None) -> Changed:
    return Changed(account_id=station.account_id, kind="request", id=request_id, person_id=person_id)


def _connector_changed(station: Station, number: int) -> Changed:
    return Changed(account_id=station.account_id, kind="connector", station_id=station.id, connector=number)
