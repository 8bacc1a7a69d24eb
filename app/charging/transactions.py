"""The messages that move money: start, meter values, stop. Each is stored before it is answered."""

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from app.charging import rules
from app.charging.authorisation import holder_at_start
from app.charging.doubts import odd_end, odd_start
from app.charging.estimates import correct_estimate
from app.charging.model import Changed, StartAnswer, StartReport, Station, StopReport, ValueReport
from app.charging.reservations import used
from app.charging.review import keep_for_review
from app.charging.stations import keep_message, note_security_event
from app.database.transaction import as_machine, execute, fetchrow, fetchval
from app.kernel.identifiers import new_id, tail
from app.metering.commands import store_signed, store_value
from app.outbox.commands import record

INSERT_SESSION = """
INSERT INTO charging_session (account_id, id, station_id, connector_no, tag_hash, tag_tail, tag_status, source, class,
    badge_id, request_id, person_id, billing_point_id, started_at, started_raw, start_received_at, meter_start_wh,
    held_reason, issuer)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $18, $9, $10, $11, $12, $13, $14, $15, $16, $17, $19)
ON CONFLICT (account_id, station_id, connector_no, started_at, meter_start_wh, tag_hash) WHERE transaction_ref IS NULL
    DO UPDATE SET started_raw = charging_session.started_raw
RETURNING id, transaction_no, tag_status, id = $2 AS fresh
"""


async def start_session(
    station: Station, report: StartReport, message_id: str, secret: bytes, now: datetime
) -> tuple[StartAnswer, list[Changed]]:
    """Record a start. The same start again, under any message id, gives the same transaction number.

    A start with an unknown or blocked tag is recorded too (the station may have charged offline), charged to nobody.
    """
    async with as_machine():
        odd = await odd_start(station, report.connector_no, report.started_at, report.meter_start_wh, now)
        # By a clock that cannot be believed nobody's badge would be valid: then the time of receipt decides.
        at = report.started_at if odd is None else now
        holder = await holder_at_start(station, report.connector_no, report.id_tag, secret, at, now)
        await keep_message(station, "StartTransaction", message_id, without_tag(report.body, report.id_tag), now)
        if not await connector_exists(station, report.connector_no):
            odd = odd or "unknown_connector"
        row = await fetchrow(
            INSERT_SESSION, station.account_id, new_id(), station.id, report.connector_no, holder.tag_hash,
            holder.tag_tail, holder.status, holder.source, holder.badge_id, holder.request_id, holder.person_id,
            holder.billing_point_id, report.started_at, report.started_raw, now, report.meter_start_wh, odd,
            holder.class_, holder.issuer,
        )  # fmt: skip
        if row is None:
            raise LookupError("the insert of a session returns its row, new or known")
        changed = [session_changed(station, row["id"], holder.person_id)]
        if row["fresh"]:
            changed += await supersede(station, report.connector_no, row["id"], report.started_at)
            await used(station, report.connector_no, holder.person_id, now)
            if holder.request_id is not None:
                await request_started(holder.request_id, row["id"], now)
                changed.append(request_changed(station, holder.request_id, holder.person_id))
    changed.append(connector_changed(station, report.connector_no))
    return StartAnswer(row["transaction_no"], row["tag_status"], holder.group), changed


LOCKED = (
    "id, station_id, connector_no, person_id, state, started_at, meter_start_wh, meter_stop_wh, held_reason, estimated,"
    " last_meter_wh, settled_at"
)
LOCK_SESSION = f"SELECT {LOCKED} FROM charging_session WHERE transaction_no = $1 FOR UPDATE"


async def end_session(station: Station, report: StopReport, message_id: str, values: list[ValueReport], now: datetime) -> list[Changed]:
    """Record a stop. The first accepted stop wins; whatever does not fit is acknowledged and kept for review."""
    async with as_machine():
        body = without_tag(report.body, report.id_tag)
        await keep_message(station, "StopTransaction", message_id, body, now)
        row = await fetchrow(LOCK_SESSION, report.transaction_no) if report.transaction_no > 0 else None
        if row is None:
            await keep_for_review(station, "stop", "unknown_transaction", body, now)
            return []
        if row["station_id"] != station.id:
            await keep_for_review(station, "stop", "transaction_of_another_station", body, now)
            detail = f"stop for transaction {report.transaction_no} of another station"
            await note_security_event(station, station.identity, "foreign_stop", detail, now, critical=True)
            return []
        for value in values:
            await store_report(station, row["connector_no"], row["id"], value, now)
        if row["state"] not in ("open", "stop_missing"):
            return await correct_estimate(station, row, msgspec.structs.replace(report, body=body), now)
        return await close_session(station, row, report, now)


async def close_session(station: Station, row: asyncpg.Record, report: StopReport, now: datetime) -> list[Changed]:
    """End a locked session by a stop (inside the caller's transaction). What cannot be true is held."""
    closing = rules.close(row["meter_start_wh"], report.meter_stop_wh, row["started_at"], report.stopped_at, station.max_power_w)
    odd = row["held_reason"] or rules.odd_clock(report.stopped_at, now, station.commissioned_at)
    if odd is None and closing.energy_wh is not None:
        odd = await odd_end(row["id"], report.stopped_at, report.meter_stop_wh, closing.energy_wh)
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
    return [
        session_changed(station, row["id"], row["person_id"]),
        connector_changed(station, row["connector_no"]),
    ]


async def record_meter_values(
    station: Station, connector_no: int, transaction_no: int | None, values: list[ValueReport], now: datetime
) -> list[Changed]:
    """Keep meter values; with a session of this station they move its live figures, never its bill."""
    async with as_machine():
        row = None
        if transaction_no is not None:
            row = await fetchrow(
                "SELECT id, person_id, state FROM charging_session WHERE transaction_no = $1 AND station_id = $2"
                " FOR UPDATE", transaction_no, station.id,
            )  # fmt: skip
        for value in values:
            await store_report(station, connector_no, None if row is None else row["id"], value, now)
        await execute("UPDATE station SET last_message_at = $2 WHERE id = $1", station.id, now)
        if row is None or row["state"] != "open":
            return []
        await move_live_figures(row["id"], values, now)
    return [session_changed(station, row["id"], row["person_id"])]


async def store_report(station: Station, connector_no: int, session_id: UUID | None, value: ValueReport, now: datetime) -> None:
    await store_value(
        station.account_id, station.id, connector_no, value.taken_at, session_id, value.reading, value.context,
        value.raw, now,
    )  # fmt: skip
    for signed in value.signed:
        key = await fetchval("SELECT meter_public_key FROM station WHERE id = $1", station.id)
        verdict = await store_signed(
            station.account_id, station.id, connector_no, value.taken_at, session_id, signed, value.context, key, now
        )
        over = "SELECT 1 FROM charging_session WHERE id = $1 AND state NOT IN ('open', 'stop_missing')"
        if verdict == "invalid" and (session_id is None or await fetchval(over, session_id)):
            await keep_for_review(station, "signed_value", "signature_invalid", signed.received, now)


# Idle is a car that asks for no power, never one that the station holds back (ST-19).
# The register shown never falls, whatever the station sends: some count from 0 in MeterValues (ST-14).
MOVE_FIGURES = """
UPDATE charging_session SET last_value_at = $2,
    last_meter_wh = greatest($3, last_meter_wh, meter_start_wh),
    last_power_w = coalesce($4, last_power_w),
    idle_since = CASE WHEN $4::int IS NULL THEN idle_since WHEN $4 >= $5 THEN NULL
        WHEN EXISTS (SELECT 1 FROM connector c WHERE c.account_id = charging_session.account_id
            AND c.station_id = charging_session.station_id AND c.number = charging_session.connector_no
            AND c.status = 'SuspendedEVSE') THEN NULL
        ELSE coalesce(idle_since, CASE WHEN greatest($3, last_meter_wh, meter_start_wh) > meter_start_wh THEN $2 END) END
WHERE id = $1 AND (last_value_at IS NULL OR last_value_at <= $2)
"""


async def move_live_figures(session_id: UUID, values: list[ValueReport], now: datetime) -> None:
    for value in sorted(values, key=lambda one: one.taken_at):
        # A clock that runs ahead must not stop the figures from moving later.
        await execute(
            MOVE_FIGURES, session_id, min(value.taken_at, now), value.reading.energy_wh, value.reading.power_w,
            rules.CHARGING_FROM_W,
        )  # fmt: skip


async def connector_exists(station: Station, number: int) -> bool:
    row = await fetchrow("SELECT 1 FROM connector WHERE station_id = $1 AND number = $2", station.id, number)
    return row is not None


async def supersede(station: Station, connector_no: int, session_id: UUID, started_at: datetime) -> list[Changed]:
    """A new start on a connector: an older session that is still open there has lost its stop."""
    row = await fetchrow(
        "UPDATE charging_session SET state = 'stop_missing' WHERE station_id = $1 AND connector_no = $2"
        " AND id <> $3 AND state = 'open' AND started_at < $4 RETURNING id, person_id",
        station.id, connector_no, session_id, started_at,
    )  # fmt: skip
    return [] if row is None else [session_changed(station, row["id"], row["person_id"])]


async def request_started(request_id: UUID, session_id: UUID, now: datetime) -> None:
    await execute(
        "UPDATE charge_request SET state = 'started', reason = NULL, session_id = $2, changed_at = $3 WHERE id = $1",
        request_id, session_id, now,
    )  # fmt: skip


def without_tag(body: str, id_tag: str | None) -> str:
    """A message with the tag cut to its tail: UIDs are never kept in full."""
    return body.replace(f'"{id_tag}"', f'"*{tail(id_tag)}"') if id_tag else body


def session_changed(station: Station, session_id: UUID, person_id: UUID | None) -> Changed:
    return Changed(account_id=station.account_id, kind="session", id=session_id, person_id=person_id)


def request_changed(station: Station, request_id: UUID, person_id: UUID | None) -> Changed:
    return Changed(account_id=station.account_id, kind="request", id=request_id, person_id=person_id)


def connector_changed(station: Station, number: int) -> Changed:
    return Changed(account_id=station.account_id, kind="connector", station_id=station.id, connector=number)
