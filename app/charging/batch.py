"""Many stations' routine messages in one commit: connector states, meter values, boots, signs of life.

One statement a flush wherever the batch allows it. A batch holds at most one message of a station, so no row is written
twice by one statement. Storing the same batch again (its commit's fate may be unknown) adds nothing.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from app.charging import rules
from app.charging.model import Changed

# account, station, received (epoch s), message id, body, connector, status, error code, info, at (epoch s), whether the
# car asks for no power (None: this status says nothing of it)
StatusRow = tuple[UUID, UUID, float, str, str, int, str, str, str | None, float, bool | None]
# account, station, connector, transaction (0: none), taken (epoch s), received (epoch s), Wh, W, context, raw
ValueRow = tuple[UUID, UUID, int, int, float, float, int | None, int | None, str | None, str]
# account, station, received (epoch s), message id, body, vendor, model, serial, firmware
BootRow = tuple[UUID, UUID, float, str, str, str, str, str | None, str | None]
# account, station, seen (epoch s)
SeenRow = tuple[UUID, UUID, float]


class Batch(msgspec.Struct):
    """The rows of one flush. `values` holds the first moment of each message, `more` the later ones, a list a step."""

    id: UUID
    statuses: list[StatusRow] = []
    values: list[ValueRow] = []
    more: list[list[ValueRow]] = []
    boots: list[BootRow] = []


# The same as app.charging.stations.status for many stations; a test holds the one against the other.
STATUS = """
status AS (
    SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::float8[], $5::text[], $6::text[], $7::int[], $8::text[], $9::text[],
        $10::text[], $11::float8[], $12::bool[])
        AS s (account_id, station_id, received, message_id, body, number, status, error_code, info, at, idle)
), kept AS (
    INSERT INTO station_message (account_id, station_id, received_at, id, action, message_id, body)
    SELECT account_id, station_id, to_timestamp(received), $1, 'StatusNotification', message_id, body FROM status
    ON_REPLAY
), moved AS (
    UPDATE connector c SET status = s.status, error_code = s.error_code, status_info = s.info, status_at = to_timestamp(s.at)
    FROM status s WHERE c.account_id = s.account_id AND c.station_id = s.station_id AND c.number = s.number
        AND (c.status_at IS NULL OR c.status_at <= to_timestamp(s.at))
    RETURNING c.account_id, c.station_id, c.number, c.status_at, s.idle
), shown AS (
    SELECT m.*, x.id AS session_id, x.person_id FROM moved m LEFT JOIN LATERAL (
        SELECT id, person_id FROM charging_session o WHERE o.account_id = m.account_id AND o.station_id = m.station_id
            AND o.connector_no = m.number AND o.state = 'open' ORDER BY o.started_at DESC LIMIT 1) x ON true
), idle AS (
    UPDATE charging_session x SET idle_since = CASE WHEN NOT m.idle THEN NULL
        WHEN coalesce(x.last_meter_wh, x.meter_start_wh) > x.meter_start_wh
            THEN coalesce(x.idle_since, greatest(m.status_at, x.started_at)) END
    FROM shown m WHERE x.account_id = m.account_id AND x.id = m.session_id AND m.idle IS NOT NULL
        AND (m.idle OR x.idle_since IS NOT NULL)
)"""

# The same as app.charging.transactions.record_meter_values for many stations. The register shown never falls, whatever the
# station sends: some count from 0 in MeterValues (ST-14). A clock that runs ahead must not stop the figures from moving
# later, so they move at most to the time of receipt.
VALUES = """
value AS (
    SELECT v.*, x.id AS session_id, x.person_id, x.state FROM unnest($13::uuid[], $14::uuid[], $15::int[], $16::int[],
        $17::float8[], $18::float8[], $19::bigint[], $20::int[], $21::text[], $22::text[])
        AS v (account_id, station_id, connector_no, transaction_no, taken, received, energy_wh, power_w, context, raw)
    LEFT JOIN charging_session x ON x.transaction_no = v.transaction_no AND x.account_id = v.account_id
        AND x.station_id = v.station_id
), stored AS (
    INSERT INTO meter_value (account_id, station_id, connector_no, taken_at, id, session_id, received_at, energy_wh, power_w,
                             context, raw)
    SELECT account_id, station_id, connector_no, to_timestamp(taken), $1, session_id, to_timestamp(received), energy_wh,
           power_w, context, raw FROM value
    ON_REPLAY
), figures AS (
    UPDATE charging_session x SET last_value_at = to_timestamp(least(v.taken, v.received)),
        last_meter_wh = greatest(v.energy_wh, x.last_meter_wh, x.meter_start_wh),
        last_power_w = coalesce(v.power_w, x.last_power_w),
        idle_since = CASE WHEN v.power_w IS NULL THEN x.idle_since WHEN v.power_w >= $23 THEN NULL
            WHEN EXISTS (SELECT 1 FROM connector c WHERE c.account_id = x.account_id AND c.station_id = x.station_id
                AND c.number = x.connector_no AND c.status = 'SuspendedEVSE') THEN NULL
            ELSE coalesce(x.idle_since, CASE WHEN greatest(v.energy_wh, x.last_meter_wh, x.meter_start_wh) > x.meter_start_wh
                THEN to_timestamp(least(v.taken, v.received)) END) END
    FROM value v WHERE x.account_id = v.account_id AND x.id = v.session_id AND x.state = 'open'
        AND (x.last_value_at IS NULL OR x.last_value_at <= to_timestamp(least(v.taken, v.received)))
)"""

CHANGED = """
SELECT account_id, station_id, number, session_id, person_id FROM shown
UNION ALL
SELECT account_id, NULL, NULL, session_id, person_id FROM value WHERE state = 'open'
"""

STORE = f"WITH {STATUS}, {VALUES} {CHANGED}"
FIRST, AGAIN = STORE.replace("ON_REPLAY", ""), STORE.replace("ON_REPLAY", "ON CONFLICT DO NOTHING")

BOOT = """
WITH boot AS (
    SELECT * FROM unnest($2::uuid[], $3::uuid[], $4::float8[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
        $10::text[]) AS b (account_id, station_id, received, message_id, body, vendor, model, serial, firmware)
), kept AS (
    INSERT INTO station_message (account_id, station_id, received_at, id, action, message_id, body)
    SELECT account_id, station_id, to_timestamp(received), $1, 'BootNotification', message_id, body FROM boot
    ON CONFLICT DO NOTHING
)
UPDATE station s SET vendor = b.vendor, model = b.model, serial = b.serial, firmware = b.firmware, registered = true,
    last_boot_at = to_timestamp(b.received), last_message_at = to_timestamp(b.received)
FROM boot b WHERE s.account_id = b.account_id AND s.id = b.station_id
"""
SEEN = """
UPDATE station s SET last_message_at = to_timestamp(v.seen)
FROM unnest($1::uuid[], $2::uuid[], $3::float8[]) AS v (account_id, station_id, seen)
WHERE s.account_id = v.account_id AND s.id = v.station_id
    AND (s.last_message_at IS NULL OR s.last_message_at < to_timestamp(v.seen))
"""


async def store(line: asyncpg.Connection, batch: Batch, *, again: bool = False) -> list[Changed]:
    """Commit a batch over a connection in the machine's role. `again`: it may be stored already.

    Returns what pages have to be told. Raises asyncpg's errors; nothing of the batch is stored then, or the
    connection broke and nobody knows.
    """
    if not batch.boots and not batch.more:
        return _changed(await _store(line, batch.id, batch.statuses, batch.values, again))
    async with line.transaction():
        rows = await _store(line, batch.id, batch.statuses, batch.values, again)
        for step in batch.more:
            # A moment's figures build on those of the moment before it, which one statement would not see.
            rows += await _store(line, batch.id, [], step, again)
        if batch.boots:
            await line.execute(BOOT, batch.id, *_columns(batch.boots, 9))
    return _changed(rows)


async def store_seen(line: asyncpg.Connection, seen: list[SeenRow]) -> None:
    """Keep when stations were last heard."""
    await line.execute(SEEN, *_columns(seen, 3))


async def _store(
    line: asyncpg.Connection, batch_id: UUID, statuses: Sequence[StatusRow], values: Sequence[ValueRow], again: bool
) -> list[asyncpg.Record]:
    statement = AGAIN if again else FIRST
    return list(await line.fetch(statement, batch_id, *_columns(statuses, 11), *_columns(values, 10), rules.CHARGING_FROM_W))


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[Any]:
    return list(zip(*rows, strict=True)) if rows else [()] * width


def _changed(rows: list[asyncpg.Record]) -> list[Changed]:
    changed = []
    for account_id, station_id, number, session_id, person_id in rows:
        if station_id is not None:
            changed.append(Changed(account_id=account_id, kind="connector", station_id=station_id, connector=number))
        if session_id is not None:
            changed.append(Changed(account_id=account_id, kind="session", id=session_id, person_id=person_id))
    return changed
