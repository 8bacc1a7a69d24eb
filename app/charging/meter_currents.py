"""What a house's meters measure on each phase, every few seconds: it tells each zone what else flows before it (DLM)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec

from app.charging.balance_state import FRESH_S
from app.database.transaction import execute, fetch, in_account
from app.kernel.errors import Refused

SignedMilliamperes = Annotated[int, msgspec.Meta(ge=-4_000_000, le=4_000_000)]
AHEAD = timedelta(seconds=FRESH_S)

KEEP = """
INSERT INTO meter_current (account_id, meter_id, taken_at, received_at, ma) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (account_id, meter_id) DO UPDATE SET taken_at = excluded.taken_at, received_at = excluded.received_at, ma = excluded.ma
WHERE meter_current.taken_at <= excluded.taken_at
"""
# Of each zone: its DLM meters and its own meter, with their last words, and whether its own hangs behind one of them.
ZONES = """
WITH RECURSIVE above AS (SELECT m.account_id, m.id AS meter_id, m.parent_id FROM meter m WHERE m.site_id = $1
    UNION SELECT a.account_id, a.meter_id, m.parent_id FROM above a JOIN meter m ON m.account_id = a.account_id AND m.id = a.parent_id)
SELECT c.id, d.meter_id, false AS own, w.ma, w.taken_at FROM circuit c JOIN circuit_dlm_meter d ON d.account_id = c.account_id
    AND d.circuit_id = c.id LEFT JOIN meter_current w ON w.account_id = d.account_id AND w.meter_id = d.meter_id
WHERE c.site_id = $1 AND c.has_meter
UNION ALL
SELECT c.id, c.consumption_meter_id, true, w.ma, w.taken_at FROM circuit c JOIN meter_current w ON w.account_id = c.account_id
    AND w.meter_id = c.consumption_meter_id WHERE c.site_id = $1 AND c.has_meter AND EXISTS (SELECT 1 FROM circuit_dlm_meter d
    JOIN above a ON a.account_id = d.account_id AND a.meter_id = c.consumption_meter_id AND a.parent_id = d.meter_id
    WHERE d.account_id = c.account_id AND d.circuit_id = c.id)
"""
READING = """
INSERT INTO circuit_reading (account_id, circuit_id, taken_at, received_at, base_ma) VALUES ($1, $2, $3, $3, $4)
ON CONFLICT (account_id, circuit_id) DO UPDATE SET taken_at = excluded.taken_at, received_at = excluded.received_at,
    base_ma = excluded.base_ma WHERE circuit_reading.received_at <= excluded.received_at
"""


class MeterCurrent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A meter, by its serial number, and what flowed through it on L1, L2, L3 at a time: milliamperes, exports negative."""

    meter: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    at: datetime
    ma: Annotated[list[SignedMilliamperes], msgspec.Meta(min_length=3, max_length=3)]


class MeterCurrents(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a gateway measured."""

    currents: Annotated[list[MeterCurrent], msgspec.Meta(min_length=1, max_length=500)]


class CurrentsTaken(msgspec.Struct, frozen=True, kw_only=True):
    """How many meters were known, which were not, and how many zones know anew what else flows."""

    taken: int
    unknown: list[str]
    zones: int


async def take_currents(account_id: UUID, site_id: UUID, told: MeterCurrents, now: datetime) -> CurrentsTaken:
    """Keep what was measured; a zone whose DLM meters have all spoken lately knows what else flows. Raises Refused invalid_input."""
    if any(one.at.tzinfo is None or one.at > now + AHEAD for one in told.currents):
        raise Refused("invalid_input", 422, "A time has no zone or lies in the future. Check the gateway's clock.", fields=["at"])
    async with in_account(account_id):
        rows = await fetch("SELECT serial, id FROM meter WHERE site_id = $1 AND serial = ANY($2::text[])", site_id,
                           [one.meter for one in told.currents])  # fmt: skip
        known = {row["serial"]: row["id"] for row in rows}
        for one in sorted(told.currents, key=lambda current: (current.meter, current.at)):
            if one.meter in known:
                await execute(KEEP, account_id, known[one.meter], one.at, now, one.ma)
        zones = bases(await fetch(ZONES, site_id), now)
        for circuit_id, (at, base) in sorted(zones.items()):
            await execute(READING, account_id, circuit_id, at, base)
    missing = sorted({one.meter for one in told.currents} - set(known))
    return CurrentsTaken(taken=len(told.currents) - sum(one.meter in missing for one in told.currents), unknown=missing, zones=len(zones))


def bases(rows: Sequence[Mapping[str, Any]], now: datetime) -> dict[UUID, tuple[datetime, list[int]]]:
    """Per zone what else flows, and as of when: what its DLM meters see, less what its own meter sees of it. A zone of which a
    DLM meter is silent has none; without a fresh word of its own meter the cars count twice, which is safe."""
    found: dict[UUID, tuple[datetime, list[int]]] = {}
    silent = {row["id"] for row in rows if not row["own"] and not _fresh(row["taken_at"], now)}
    for row in rows:
        if row["id"] in silent or not _fresh(row["taken_at"], now):
            continue
        at, base = found.get(row["id"], (row["taken_at"], [0, 0, 0]))
        sign = -1 if row["own"] else 1
        found[row["id"]] = (min(at, row["taken_at"]), [one + sign * more for one, more in zip(base, row["ma"], strict=True)])
    return found


def _fresh(at: datetime | None, now: datetime) -> bool:
    return at is not None and abs((now - at).total_seconds()) < FRESH_S
