"""Starts and stops of many stations in one commit, as long as nothing about them is out of the ordinary.

What is stored here is the same that `transactions` stores one by one, and a test holds the one against the other. A start or
a stop with anything odd about it (an unknown or blocked badge, a tap on a page, a place kept for somebody, a session still open,
a time in doubt, a value signed, energy that cannot be) is left alone: it comes back as None and is for `transactions`. No two
starts of one call may be of the same station or badge, no two stops of the same station.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from app.charging import rules
from app.charging.authorisation import AUTHORISED_FOR, LIVE, group_of
from app.charging.doubts import SLACK
from app.charging.model import Changed, StartAnswer, StartReport, Station, StopReport
from app.charging.transactions import connector_changed, session_changed, without_tag
from app.kernel.identifiers import keyed_hash, new_id


class SaidStart(msgspec.Struct, frozen=True):
    """A start as a station said it, whose clock can be believed."""

    station: Station
    report: StartReport
    message_id: str
    now: datetime


class SaidStop(msgspec.Struct, frozen=True):
    """A stop as a station said it, whose clock can be believed; without meter values."""

    station: Station
    report: StopReport
    message_id: str
    now: datetime


# Whom the badge stands for: as `authorisation.holder_at_start`, where its answer is Accepted.
START = f"""
WITH start AS (
    SELECT *, to_timestamp(started_s) AS started_at, to_timestamp(received_s) AS received_at
    FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::int[], $6::bytea[], $7::float8[], $8::text[], $9::float8[],
        $10::bigint[], $11::text[], $12::text[])
        AS s (account_id, station_id, site_id, id, number, tag_hash, started_s, started_raw, received_s, meter_start_wh,
              message_id, body)
), plain AS (
    SELECT s.*, b.id AS badge_id, b.uid_tail, b.person_id, home.billing_point_id, coalesce(f.class, 'internal') AS class, f.issuer
    FROM start s
    JOIN connector c ON c.account_id = s.account_id AND c.station_id = s.station_id AND c.number = s.number
    JOIN badge b ON b.account_id = s.account_id AND b.uid_hash = s.tag_hash AND b.state = 'active'
    JOIN person p ON p.account_id = b.account_id AND p.id = b.person_id AND p.charging_allowed
    JOIN site ON site.account_id = s.account_id AND site.id = s.site_id
    CROSS JOIN LATERAL (SELECT (s.started_at AT TIME ZONE site.time_zone)::date AS day) today
    CROSS JOIN LATERAL (
        SELECT o.billing_point_id FROM occupancy o
        JOIN billing_point h ON h.account_id = o.account_id AND h.id = o.billing_point_id
        WHERE o.account_id = s.account_id AND o.person_id = b.person_id AND h.site_id = s.site_id AND h.activated
            AND o.period @> today.day
            AND (c.billing_point_id IS NULL OR c.billing_point_id = o.billing_point_id)
        ORDER BY lower(o.period), o.id LIMIT 1) home
    LEFT JOIN token_authorisation f ON f.account_id = s.account_id AND f.station_id = s.station_id AND f.tag_hash = s.tag_hash
        AND f.at BETWEEN s.started_at - interval '{AUTHORISED_FOR.total_seconds()} s'
            AND s.started_at + interval '{AUTHORISED_FOR.total_seconds()} s'
    WHERE b.valid_from <= today.day AND (b.valid_to IS NULL OR today.day <= b.valid_to)
        AND NOT EXISTS (SELECT 1 FROM charge_request r WHERE r.account_id = s.account_id AND r.tag_hash = s.tag_hash
            AND r.station_id = s.station_id)
        AND NOT EXISTS (SELECT 1 FROM reservation v WHERE v.account_id = s.account_id AND v.station_id = s.station_id
            AND v.state IN ('asked', 'reserved'))
        AND NOT EXISTS (SELECT 1 FROM charging_session x WHERE x.account_id = s.account_id AND x.station_id = s.station_id
            AND x.connector_no = s.number AND x.stopped_at IS NULL
            AND (x.state = 'open' OR x.started_at > s.started_at + interval '{SLACK.total_seconds()} s'))
        AND NOT EXISTS (SELECT 1 FROM charging_session x WHERE x.account_id = s.account_id AND x.station_id = s.station_id
            AND x.connector_no = s.number AND x.stopped_at > s.started_at + interval '{SLACK.total_seconds()} s')
        AND (s.received_s - s.started_s >= {LIVE.total_seconds()} OR b.sessions_at_once > (
            SELECT count(*) FROM charging_session x JOIN station st ON st.account_id = x.account_id AND st.id = x.station_id
            WHERE x.account_id = s.account_id AND x.tag_hash = s.tag_hash AND x.state = 'open' AND st.online))
), fresh AS (
    INSERT INTO charging_session (account_id, id, station_id, connector_no, tag_hash, tag_tail, tag_status, source, class, badge_id,
        person_id, billing_point_id, started_at, started_raw, start_received_at, meter_start_wh, issuer)
    SELECT account_id, id, station_id, number, tag_hash, uid_tail, 'Accepted', 'badge', class, badge_id, person_id,
        billing_point_id, started_at, started_raw, received_at, meter_start_wh, issuer FROM plain
    ON CONFLICT DO NOTHING RETURNING id, transaction_no, person_id
), kept AS (
    INSERT INTO station_message (account_id, station_id, received_at, action, message_id, body)
    SELECT p.account_id, p.station_id, p.received_at, 'StartTransaction', p.message_id, p.body FROM plain p JOIN fresh ON fresh.id = p.id
)
SELECT id, transaction_no, person_id FROM fresh
"""

# The session that a stop ends, where it is open and nothing is odd about it beyond what `rules.close` judges: no value is
# signed, and none overlaps it (as `doubts.OVERLAP`).
ENDING = """
SELECT s.n, x.id, x.connector_no, x.person_id, x.started_at, x.meter_start_wh
FROM unnest($1::int[], $2::uuid[], $3::uuid[], $4::int[], $5::float8[], $6::bigint[])
    AS s (n, account_id, station_id, transaction_no, stopped_s, meter_stop_wh)
JOIN charging_session x ON x.transaction_no = s.transaction_no AND x.account_id = s.account_id AND x.station_id = s.station_id
WHERE x.state = 'open' AND x.held_reason IS NULL
    AND NOT EXISTS (SELECT 1 FROM signed_value v WHERE v.account_id = x.account_id AND v.session_id = x.id)
    AND NOT EXISTS (SELECT 1 FROM charging_session o WHERE o.account_id = x.account_id AND o.station_id = x.station_id
        AND o.connector_no = x.connector_no AND o.id <> x.id AND o.stopped_at IS NULL AND o.state <> 'discarded'
        AND coalesce(o.last_value_at, o.started_at) > x.started_at)
    AND NOT EXISTS (SELECT 1 FROM charging_session o WHERE o.account_id = x.account_id AND o.station_id = x.station_id
        AND o.connector_no = x.connector_no AND o.id <> x.id AND o.stopped_at > x.started_at AND o.state <> 'discarded')
"""
END = """
WITH stop AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::float8[], $5::float8[], $6::bigint[], $7::text[], $8::bigint[],
        $9::text[], $10::text[], $11::text[])
        AS s (account_id, station_id, id, stopped_s, received_s, meter_stop_wh, reason, energy_wh, message_id, body, job)
), done AS (
    UPDATE charging_session x SET state = 'ended', stopped_at = to_timestamp(s.stopped_s), stop_received_at = to_timestamp(s.received_s),
        meter_stop_wh = s.meter_stop_wh, stop_reason = s.reason, energy_wh = s.energy_wh, last_power_w = 0
    FROM stop s WHERE x.account_id = s.account_id AND x.id = s.id AND x.state = 'open' AND x.held_reason IS NULL
    RETURNING s.*
), kept AS (
    INSERT INTO station_message (account_id, station_id, received_at, action, message_id, body)
    SELECT account_id, station_id, to_timestamp(received_s), 'StopTransaction', message_id, body FROM done
)
SELECT id, enqueue_job('SessionEnded', job::jsonb, 'session:' || id, NULL, NULL) FROM done
"""


async def start_all(line: asyncpg.Connection, said: Sequence[SaidStart], secret: bytes) -> tuple[list[StartAnswer | None], list[Changed]]:
    """Commit the plain ones of these starts; None where nothing was stored."""
    rows = [
        (one.station.account_id, one.station.id, one.station.site_id, new_id(), one.report.connector_no,
         keyed_hash(secret, one.report.id_tag.upper()), one.report.started_at.timestamp(), one.report.started_raw,
         one.now.timestamp(), one.report.meter_start_wh, one.message_id, without_tag(one.report.body, one.report.id_tag))
        for one in said
    ]  # fmt: skip
    stored = {row["id"]: row for row in await line.fetch(START, *zip(*rows, strict=True))}
    answers: list[StartAnswer | None] = [None] * len(said)
    changed: list[Changed] = []
    for place, (one, row) in enumerate(zip(said, rows, strict=True)):
        found = stored.get(row[3])
        if found is not None:
            answers[place] = StartAnswer(found["transaction_no"], "Accepted", group_of(found["person_id"]))
            changed.append(session_changed(one.station, found["id"], found["person_id"]))
            changed.append(connector_changed(one.station, one.report.connector_no))
    return answers, changed


async def end_all(line: asyncpg.Connection, said: Sequence[SaidStop]) -> tuple[list[bool], list[Changed]]:
    """Commit the plain ones of these stops; False where nothing was stored."""
    asked = [
        (place, one.station.account_id, one.station.id, one.report.transaction_no, one.report.stopped_at.timestamp(),
         one.report.meter_stop_wh)
        for place, one in enumerate(said)
    ]  # fmt: skip
    open_ones = await line.fetch(ENDING, *zip(*asked, strict=True))
    rows = [row for row in (_ending(said[found["n"]], found) for found in open_ones) if row is not None]
    ended = {row["id"] for row in await line.fetch(END, *zip(*rows, strict=True))} if rows else set()
    stored, changed = [False] * len(said), []
    for found in open_ones:
        if found["id"] in ended:
            stored[found["n"]], station = True, said[found["n"]].station
            changed.append(session_changed(station, found["id"], found["person_id"]))
            changed.append(connector_changed(station, found["connector_no"]))
    return stored, changed


def _ending(one: SaidStop, found: asyncpg.Record) -> tuple[Any, ...] | None:
    """The row of a stop that ends its session as it should; None where it has to be held."""
    station, report = one.station, one.report
    closing = rules.close(found["meter_start_wh"], report.meter_stop_wh, found["started_at"], report.stopped_at, station.max_power_w)
    if closing.state != "ended":
        return None
    job = json.dumps({"session_id": str(found["id"]), "account_id": str(station.account_id)})
    return (
        station.account_id, station.id, found["id"], report.stopped_at.timestamp(), one.now.timestamp(), report.meter_stop_wh,
        report.reason, closing.energy_wh, one.message_id, without_tag(report.body, report.id_tag), job,
    )  # fmt: skip
