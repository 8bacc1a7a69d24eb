"""TransactionEvents of OCPP 2.0.1 (ST-16): each stored once, and folded into its session in whatever order they come."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from app.charging import event_rules, intents, rules
from app.charging.asking import queue
from app.charging.authorisation import Holder, holder_at_start, holder_of
from app.charging.doubts import behind
from app.charging.estimates import correct_estimate
from app.charging.event_closing import close_by_event
from app.charging.model import Changed, EventAnswer, EventReport, Station, StopReport
from app.charging.reservations import used
from app.charging.review import keep_for_review
from app.charging.stations import note_security_event
from app.charging.transactions import (
    connector_changed,
    connector_exists,
    move_live_figures,
    request_changed,
    request_started,
    session_changed,
    store_report,
    supersede,
)
from app.database.transaction import as_machine, execute, fetch, fetchrow, fetchval
from app.kernel.identifiers import keyed_hash, new_id

ASK_AGAIN = timedelta(minutes=5)

INSERT_EVENT = """
INSERT INTO transaction_event (account_id, station_id, transaction_ref, seq_no, kind, at, received_at, offline, body, body_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (account_id, station_id, transaction_ref, seq_no) DO NOTHING RETURNING 1
"""
INSERT_SESSION = """
INSERT INTO charging_session (account_id, id, station_id, connector_no, tag_hash, tag_status, source, class, started_at,
    started_raw, start_received_at, meter_start_wh, held_reason, transaction_ref)
VALUES ($1, $2, $3, $4, '', 'Invalid', 'unknown', 'internal', $5, $6, $7, 0, 'start_missing', $8)
ON CONFLICT (account_id, station_id, transaction_ref) WHERE transaction_ref IS NOT NULL DO NOTHING
"""
LOCK = "SELECT * FROM charging_session WHERE account_id = $1 AND station_id = $2 AND transaction_ref = $3 FOR UPDATE"
COUNT = """
UPDATE charging_session SET first_seq = least(first_seq, $2), last_seq = greatest(last_seq, $2), seen_events = seen_events + 1
WHERE id = $1
"""
HOLD_BY = """
UPDATE charging_session SET tag_hash = $2, tag_tail = $3, tag_status = $4, source = $5, badge_id = $6, request_id = $7,
    person_id = $8, billing_point_id = $9, class = $10, issuer = $11 WHERE id = $1
"""
STATE = """
UPDATE charging_session SET charging_state = $2, idle_since = CASE WHEN $2 IN ('Charging', 'SuspendedEVSE') THEN NULL
    WHEN $2 = 'SuspendedEV' AND coalesce(last_meter_wh, meter_start_wh) > meter_start_wh THEN coalesce(idle_since, $3)
    ELSE idle_since END
WHERE id = $1
"""
FACTS = ("connector_no", "started_at", "started_raw", "start_received_at", "start_seq", "meter_start_wh", "meter_start_seq")
# What a fault or a free place says is newer than what a transaction says of the same moment.
PLACE = """
UPDATE connector SET status = $3, error_code = 'NoError', status_at = $4 WHERE station_id = $1 AND number = $2
    AND (status_at IS NULL OR status_at <= $4)
    AND ($3 <> 'Finishing' OR status IN ('Charging', 'SuspendedEV', 'SuspendedEVSE', 'Preparing'))
"""


async def record_event(station: Station, event: EventReport, secret: bytes, now: datetime) -> tuple[EventAnswer, list[Changed]]:
    """Store an event and do what follows from it. The same again changes nothing; the same number with another body is held."""
    async with as_machine():
        fresh = await _store_event(station, event, secret, now)
        if fresh:
            await execute(INSERT_SESSION, station.account_id, new_id(), station.id, await _place(station, event), event.at,
                          event.at_raw, now, event.transaction)  # fmt: skip
        session = await fetchrow(LOCK, station.account_id, station.id, event.transaction)
        if session is None:
            raise LookupError("an event that is stored has its session")
        holder, changed = None, []
        if event.id_token is not None:
            holder = await _holder(station, session, event, secret, now)
        if fresh:
            changed = await _fold(station, session, event, holder, secret, now)
    answer = EventAnswer(
        tag_status=None if holder is None else holder.status, display_text=session["display_text"],
        group=None if holder is None else holder.group,
    )  # fmt: skip
    return answer, changed


async def _store_event(station: Station, event: EventReport, secret: bytes, now: datetime) -> bool:
    digest = keyed_hash(secret, event.content)
    new = await fetchval(
        INSERT_EVENT, station.account_id, station.id, event.transaction, event.seq_no, event.kind, event.at, now,
        event.offline, event.body, digest,
    )  # fmt: skip
    await execute("UPDATE station SET last_message_at = $2 WHERE id = $1", station.id, now)
    if new is not None:
        return True
    known = await fetchval(
        "SELECT body_hash FROM transaction_event WHERE account_id = $1 AND station_id = $2 AND transaction_ref = $3"
        " AND seq_no = $4", station.account_id, station.id, event.transaction, event.seq_no,
    )  # fmt: skip
    if known != digest:
        await keep_for_review(station, "transaction_event", "same_number_other_body", event.body, now)
    return False


async def _place(station: Station, event: EventReport) -> int:
    """The connector of an event: its EVSE's, or the only one there is; 0 while it is unknown."""
    if event.evse is not None:
        return event.evse
    numbers = await fetch("SELECT number FROM connector WHERE station_id = $1 AND number > 0", station.id)
    return numbers[0]["number"] if len(numbers) == 1 else 0


async def _holder(station: Station, session: asyncpg.Record, event: EventReport, secret: bytes, now: datetime) -> Holder:
    odd = rules.odd_clock(event.at, now, station.commissioned_at)
    place, at = session["connector_no"] or None, event.at if odd is None else now
    if event.kind == "Started" and place is not None:
        return await holder_at_start(station, place, event.id_token or "", secret, at, now)
    return await holder_of(station, place, event.id_token or "", secret, at)


async def _fold(
    station: Station, session: asyncpg.Record, event: EventReport, holder: Holder | None, secret: bytes, now: datetime
) -> list[Changed]:  # fmt: skip
    """What a new event changes. Facts first; then the end, if one is known and nothing is missing for it."""
    session_id = session["id"]
    for value in event.values:
        await store_report(station, event.evse or session["connector_no"], session_id, value, now)
    await execute(COUNT, session_id, event.seq_no)
    changed = await _hold_by(station, session, holder, now)
    facts: dict[str, Any] = {**session, **await _facts(station, session, event, now)}
    if event.kind == "Started" and facts["start_seq"] == event.seq_no:
        changed += await supersede(station, facts["connector_no"], session_id, facts["started_at"])
    if session["state"] == "open":
        await move_live_figures(session_id, event.values, now)
        await _show_state(station, facts, event, now)
    changed += await _end(station, facts, event, now)
    await _ask_for_missing(station, session, event, facts["start_seq"], secret, now)
    person_id = session["person_id"] if holder is None or session["person_id"] is not None else holder.person_id
    return [*changed, session_changed(station, session_id, person_id), connector_changed(station, facts["connector_no"])]


async def _hold_by(station: Station, session: asyncpg.Record, holder: Holder | None, now: datetime) -> list[Changed]:
    """The first tag that may charge decides who pays; before one, the last that was shown is kept."""
    if holder is None or session["person_id"] is not None or (holder.person_id is None and session["tag_hash"]):
        return []
    await execute(HOLD_BY, session["id"], holder.tag_hash, holder.tag_tail, holder.status, holder.source, holder.badge_id,
                  holder.request_id, holder.person_id, holder.billing_point_id, holder.class_, holder.issuer)  # fmt: skip
    await used(station, session["connector_no"], holder.person_id, now)
    if holder.request_id is None:
        return []
    await request_started(holder.request_id, session["id"], now)
    return [request_changed(station, holder.request_id, holder.person_id)]


async def _facts(station: Station, session: asyncpg.Record, event: EventReport, now: datetime) -> dict[str, Any]:
    """Start, place and start register as this event makes them known, stored; a session that is over keeps its own."""
    waiting = session["state"] in ("open", "stop_missing") or (
        session["state"] == "held" and session["held_reason"] in event_rules.UNTIL_MORE_COMES and session["settled_at"] is None
    )
    if not waiting:
        return {}
    facts: dict[str, Any] = {
        name: session[name] for name in ("connector_no", "started_at", "start_seq", "meter_start_wh", "meter_start_seq")
    }
    facts |= {"started_raw": session["started_raw"], "start_received_at": session["start_received_at"]}
    if event.kind == "Started" and facts["start_seq"] is None:
        facts |= {"started_at": event.at, "started_raw": event.at_raw, "start_received_at": now, "start_seq": event.seq_no}
    if facts["connector_no"] == 0 and event.evse is not None:
        facts["connector_no"] = event.evse
    register = event_rules.start_register(event.kind, event.values)
    if register is not None and (facts["meter_start_seq"] is None or event.seq_no < facts["meter_start_seq"]):
        facts |= {"meter_start_wh": register.energy_wh, "meter_start_seq": event.seq_no}
    facts["held_reason"] = await _doubt(station, facts) or await _behind(station, session, event, facts)
    await execute(
        "UPDATE charging_session SET connector_no = $2, started_at = $3, started_raw = $4, start_received_at = $5,"
        " start_seq = $6, meter_start_wh = $7, meter_start_seq = $8, held_reason = $9 WHERE id = $1", session["id"],
        facts["connector_no"], facts["started_at"], facts["started_raw"], facts["start_received_at"], facts["start_seq"],
        facts["meter_start_wh"], facts["meter_start_seq"], facts["held_reason"],
    )  # fmt: skip
    return facts


async def _doubt(station: Station, facts: dict[str, Any]) -> str | None:
    """Why the session may not be charged as it stands, or None."""
    if facts["start_seq"] is None:
        return "start_missing"
    odd = rules.odd_clock(facts["started_at"], facts["start_received_at"], station.commissioned_at)
    if odd is None and not await connector_exists(station, facts["connector_no"]):
        odd = "unknown_connector"
    return odd or ("no_start_register" if facts["meter_start_seq"] is None else None)


async def _behind(station: Station, session: asyncpg.Record, event: EventReport, facts: dict[str, Any]) -> str | None:
    """Whether the start lies before what the station told earlier; judged once, by a Started that is the first of its
    transaction: what comes out of order is completed and not doubted for that."""
    if session["held_reason"] == "clock_behind":
        return "clock_behind"
    if event.kind != "Started" or session["seen_events"]:
        return None
    own = session["started_at"], session["meter_start_wh"]
    return "clock_behind" if await behind(station, facts["connector_no"], facts["started_at"], own) else None


async def _show_state(station: Station, facts: dict[str, Any], event: EventReport, now: datetime) -> None:
    """What a page shows of the place, by the newest event."""
    if facts["last_seq"] is not None and event.seq_no < facts["last_seq"]:
        return
    at = min(event.at, now)
    if event.charging_state is not None:
        await execute(STATE, facts["id"], event.charging_state, at)
    status = "Finishing" if event.kind == "Ended" else event_rules.STATUS_OF.get(event.charging_state or "")
    if status is not None:
        await execute(PLACE, station.id, facts["connector_no"], status, at)


async def _end(station: Station, facts: dict[str, Any], event: EventReport, now: datetime) -> list[Changed]:
    """End the session by an Ended, now or when what was missing for it has come."""
    if event.kind != "Ended":
        resolved = facts["state"] == "held" and facts["stop_seq"] is not None and facts["held_reason"] is None
        return await close_by_event(station, facts, now) if resolved and facts["settled_at"] is None else []
    register = event_rules.stop_register(event.values)
    if facts["stop_seq"] is None and facts["state"] in ("open", "stop_missing"):
        await _note_foreign(station, facts, event, now)
        # Without a register of its own it ends at the last one known after the start.
        last = await fetchval("SELECT last_meter_wh FROM charging_session WHERE id = $1 AND last_value_at > started_at", facts["id"])
        stop = {
            "stop_seq": event.seq_no, "stopped_at": event.at, "stop_received_at": now, "stop_reason": event.stopped_reason,
            "meter_stop_wh": last if register is None else register.energy_wh, "estimated": register is None,
        }  # fmt: skip
        return await close_by_event(station, facts | stop, now)
    if register is None:
        return []
    said = StopReport(transaction_no=facts["transaction_no"], id_tag=None, meter_stop_wh=register.energy_wh,
                      stopped_at=event.at, reason=event.stopped_reason, body=event.body)  # fmt: skip
    return await correct_estimate(station, facts, said, now)


FOREIGN = """
SELECT st.identity FROM charging_session x JOIN station st ON st.account_id = x.account_id AND st.id = x.station_id
WHERE x.account_id = $1 AND x.transaction_ref = $2 AND x.station_id <> $3 AND x.state = 'open' LIMIT 1
"""


async def _note_foreign(station: Station, facts: dict[str, Any], event: EventReport, now: datetime) -> None:
    """An end without a start, under the name of another station's running transaction: that one stays open (ST-08)."""
    if facts["start_seq"] is not None:
        return
    other = await fetchval(FOREIGN, station.account_id, event.transaction, station.id)
    if other is not None:
        await keep_for_review(station, "stop", "transaction_of_another_station", event.body, now)
        await note_security_event(station, station.identity, "foreign_stop", f"end of a transaction of {other}", now)


async def _ask_for_missing(
    station: Station, session: asyncpg.Record, event: EventReport, start_seq: int | None, secret: bytes, now: datetime
) -> None:  # fmt: skip
    """A gap in the numbers: ask the station once in a while whether more is on its way."""
    first = min(event.seq_no, session["first_seq"] if session["first_seq"] is not None else event.seq_no)
    last = max(event.seq_no, session["last_seq"] or 0)
    if not event_rules.incomplete(first, last, session["seen_events"] + 1, start_seq):
        return
    intent = intents.GetTransactionStatus(transaction=event.transaction)
    asked: UUID | None = await fetchval(
        "SELECT id FROM station_command WHERE account_id = $1 AND station_id = $2 AND action = $3 AND payload = $4"
        " AND created_at > $5 LIMIT 1", station.account_id, station.id, intents.kind_of(intent), intents.encode(intent),
        now - ASK_AGAIN,
    )  # fmt: skip
    if asked is None:
        await queue(station.account_id, station.id, intent, secret, now)
