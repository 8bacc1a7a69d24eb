"""Updates of many transactions of OCPP 2.0.1 in one commit, as long as nothing about them is out of the ordinary.

What is stored here is the same that `transaction_events` stores one by one, and a test holds the one against the other. An
update with anything odd about it (of a transaction that is unknown, over or held, out of its turn, known already, with a tag,
from another place) is left alone: it comes back as None and is for `transaction_events`. No two of one call may be of the same
station.
"""

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from app.charging import event_rules, rules
from app.charging.model import Changed, EventAnswer, EventReport, Station
from app.charging.transactions import connector_changed, session_changed
from app.kernel.identifiers import keyed_hash


class SaidUpdate(msgspec.Struct, frozen=True):
    """An update as a station said it: no tag, and at most one moment, unsigned, all of it read."""

    station: Station
    report: EventReport
    now: datetime


# `shown`, `meter` and `idle` are what `transactions.MOVE_FIGURES` makes of the values, `resting` what
# `transaction_events.STATE` makes of the state after them; the figures are those of the time of receipt at most.
UPDATE = """
WITH event AS (
    SELECT *, least(at, received) AS until, least(taken, received) AS taken_until
    FROM unnest($1::int[], $2::uuid[], $3::uuid[], $4::text[], $5::bigint[], $6::int[], $7::timestamptz[], $8::timestamptz[],
        $9::bool[], $10::text[], $11::bytea[], $12::text[], $13::text[], $14::timestamptz[], $15::bigint[], $16::int[], $17::text[],
        $18::text[])
        AS e (n, account_id, station_id, ref, seq, evse, at, received, offline, body, body_hash, charging_state, status, taken,
              energy_wh, power_w, context, raw)
), plain AS (
    SELECT e.*, x.id AS session_id, x.connector_no, x.person_id, x.display_text, x.last_value_at, x.last_meter_wh, x.meter_start_wh,
        x.idle_since, e.taken IS NOT NULL AND (x.last_value_at IS NULL OR x.last_value_at <= e.taken_until) AS shown
    FROM event e JOIN charging_session x ON x.account_id = e.account_id AND x.station_id = e.station_id AND x.transaction_ref = e.ref
    WHERE x.state = 'open' AND x.held_reason IS NULL AND x.connector_no > 0 AND (e.evse IS NULL OR e.evse = x.connector_no)
        AND x.start_seq = x.first_seq AND x.meter_start_seq < e.seq AND x.last_seq = e.seq - 1
        AND x.seen_events = x.last_seq - x.first_seq + 1
        AND NOT EXISTS (SELECT 1 FROM transaction_event t WHERE t.account_id = e.account_id AND t.station_id = e.station_id
            AND t.transaction_ref = e.ref AND t.seq_no = e.seq)
    FOR UPDATE OF x
), figures AS (
    SELECT p.*, CASE WHEN shown THEN greatest(energy_wh, last_meter_wh, meter_start_wh) ELSE last_meter_wh END AS meter FROM plain p
), drawn AS (
    SELECT f.*, CASE WHEN NOT shown OR power_w IS NULL THEN idle_since WHEN power_w >= $19 THEN NULL
        WHEN EXISTS (SELECT 1 FROM connector c WHERE c.account_id = f.account_id AND c.station_id = f.station_id
            AND c.number = f.connector_no AND c.status = 'SuspendedEVSE') THEN NULL
        ELSE coalesce(idle_since, CASE WHEN meter > meter_start_wh THEN taken_until END) END AS idle FROM figures f
), kept AS (
    INSERT INTO transaction_event (account_id, station_id, transaction_ref, seq_no, kind, at, received_at, offline, body, body_hash)
    SELECT account_id, station_id, ref, seq, 'Updated', at, received, offline, body, body_hash FROM plain
), stored AS (
    INSERT INTO meter_value (account_id, station_id, connector_no, taken_at, session_id, received_at, energy_wh, power_w, context, raw)
    SELECT account_id, station_id, connector_no, taken, session_id, received, energy_wh, power_w, context, raw FROM plain
    WHERE taken IS NOT NULL
), moved AS (
    UPDATE charging_session x SET last_seq = d.seq, seen_events = x.seen_events + 1,
        last_value_at = CASE WHEN d.shown THEN d.taken_until ELSE x.last_value_at END, last_meter_wh = d.meter,
        last_power_w = CASE WHEN d.shown THEN coalesce(d.power_w, x.last_power_w) ELSE x.last_power_w END,
        charging_state = coalesce(d.charging_state, x.charging_state),
        idle_since = CASE WHEN d.charging_state IN ('Charging', 'SuspendedEVSE') THEN NULL
            WHEN d.charging_state = 'SuspendedEV' AND coalesce(d.meter, d.meter_start_wh) > d.meter_start_wh
                THEN coalesce(d.idle, d.until) ELSE d.idle END
    FROM drawn d WHERE x.account_id = d.account_id AND x.id = d.session_id
), place AS (
    UPDATE connector c SET status = p.status, error_code = 'NoError', status_at = p.until
    FROM plain p WHERE p.status IS NOT NULL AND c.account_id = p.account_id AND c.station_id = p.station_id
        AND c.number = p.connector_no AND (c.status_at IS NULL OR c.status_at <= p.until)
)
SELECT n, session_id, connector_no, person_id, display_text FROM plain
"""
Row = tuple[object, ...]


async def update_all(
    line: asyncpg.Connection, said: Sequence[SaidUpdate], secret: bytes
) -> tuple[list[EventAnswer | None], list[Changed]]:  # fmt: skip
    """Commit the plain ones of these updates; None where nothing was stored."""
    rows = [_row(place, one, secret) for place, one in enumerate(said)]
    answers: list[EventAnswer | None] = [None] * len(said)
    changed: list[Changed] = []
    for found in await line.fetch(UPDATE, *zip(*rows, strict=True), rules.CHARGING_FROM_W):
        station = said[found["n"]].station
        answers[found["n"]] = EventAnswer(display_text=found["display_text"])
        changed.append(session_changed(station, found["session_id"], found["person_id"]))
        changed.append(connector_changed(station, found["connector_no"]))
    return answers, changed


def _row(place: int, one: SaidUpdate, secret: bytes) -> Row:
    station, report = one.station, one.report
    value = report.values[0] if report.values else None
    shown: Row = (None, None, None, None, None)
    if value is not None:
        shown = (value.taken_at, value.reading.energy_wh, value.reading.power_w, value.context, value.raw)
    return (
        place, station.account_id, station.id, report.transaction, report.seq_no, report.evse, report.at, one.now, report.offline,
        report.body, keyed_hash(secret, report.content), report.charging_state,
        event_rules.STATUS_OF.get(report.charging_state or ""), *shown,
    )  # fmt: skip
