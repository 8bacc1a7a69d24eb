"""Readings come in: each is taken once, or refused with its reason, which is kept as an issue of the house."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from app.database.transaction import execute, fetch, fetchrow, in_account
from app.kernel.errors import not_found
from app.metering.model import Medium
from app.metering.reading_rules import GRACE_S, Index, all_follow, judge

GATEWAY, FILE, HAND, INSTALLATION, BROKER, THIRD_PARTY = 1, 2, 3, 4, 5, 6
MOST_READINGS = 10_000
KIND_OF: dict[str, str] = {"heat": "heating", "cooling": "cooling"}  # a scheme's kind where it is not the medium's name
# What no meter of a flat or a house reaches in an hour: Wh, for water litres. A house may have its own limit.
MOST_PER_HOUR = {"electricity": 1_000_000, "heating": 1_000_000, "cooling": 1_000_000, "hot_water": 10_000, "cold_water": 20_000}
UNITS = {"": 1, "Wh": 1, "kWh": 1000, "l": 1, "m3": 1000}
ENERGY, WATER = {"Wh", "kWh"}, {"l", "m3"}
MOST_INDEX = 10**15
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC).timestamp()  # a clock that has lost its battery says 1970

METERS = """
SELECT m.id, m.serial, m.medium, m.gateway_id, v.most_per_hour FROM meter m LEFT JOIN validation_scheme v ON v.account_id = m.account_id
    AND v.site_id = m.site_id AND v.kind = CASE m.medium WHEN 'heat' THEN 'heating' ELSE m.medium END
WHERE m.site_id = $1 AND m.serial = ANY($2::text[]) AND m.source <> 'rule' ORDER BY m.id FOR NO KEY UPDATE OF m
"""
# What is known around the new readings. The one before is looked for in the weeks before them, and further back (EARLIER) only where
# there is none: each year is a partition, and to look into all of them costs more than to store the batch.
KNOWN = """
SELECT s.id, extract(epoch FROM r.taken_at)::bigint AS at, r.imported, r.exported
FROM unnest($1::uuid[], $2::float8[], $3::float8[]) AS s (id, low, high) CROSS JOIN LATERAL (
    (SELECT taken_at, imported, exported FROM index_reading i WHERE i.meter_id = s.id AND i.taken_at < to_timestamp(s.low)
     AND i.taken_at >= to_timestamp(s.low - 3456000) ORDER BY taken_at DESC LIMIT 1)
    UNION ALL SELECT taken_at, imported, exported FROM index_reading i
     WHERE i.meter_id = s.id AND i.taken_at BETWEEN to_timestamp(s.low) AND to_timestamp(s.high)
    UNION ALL (SELECT taken_at, imported, exported FROM index_reading i WHERE i.meter_id = s.id AND i.taken_at > to_timestamp(s.high)
     AND i.taken_at <= $4 ORDER BY taken_at LIMIT 1)) AS r ORDER BY s.id, r.taken_at
"""
EARLIER = """
SELECT s.id, extract(epoch FROM r.taken_at)::bigint AS at, r.imported, r.exported
FROM unnest($1::uuid[], $2::float8[]) AS s (id, low) CROSS JOIN LATERAL (SELECT taken_at, imported, exported FROM index_reading i
    WHERE i.meter_id = s.id AND i.taken_at < to_timestamp(s.low) ORDER BY taken_at DESC LIMIT 1) AS r
"""
INSERT = """
INSERT INTO index_reading (account_id, meter_id, taken_at, received_at, imported, exported, way, reader)
SELECT $1, n.id, to_timestamp(n.at), $2, n.imported, n.exported, $3, $4
FROM unnest($5::uuid[], $6::float8[], $7::bigint[], $8::bigint[]) AS n (id, at, imported, exported)
"""
STALE = """
INSERT INTO stale_day (account_id, meter_id, day) SELECT $1, n.id, n.day FROM unnest($2::uuid[], $3::date[]) AS n (id, day)
ORDER BY 2, 3 ON CONFLICT DO NOTHING
"""
ISSUE = """
INSERT INTO reading_issue (account_id, site_id, meter_id, serial, taken_at, code, value, source, received_at)
SELECT $1, $2, n.id, n.serial, n.at, n.code, n.value, $3, $4
FROM unnest($5::uuid[], $6::text[], $7::timestamptz[], $8::text[], $9::text[]) AS n (id, serial, at, code, value) ON CONFLICT DO NOTHING
"""


class Reading(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Registers of a meter at a time, with its zone. `exported` is for electricity that leaves through the meter."""

    meter: str
    at: datetime
    imported: int = msgspec.field(name="import")
    exported: int | None = msgspec.field(name="export", default=None)
    unit: Literal["", "Wh", "kWh", "l", "m3"] = ""


class RefusedReading(msgspec.Struct, frozen=True, kw_only=True):
    """A reading that was not taken: its place in the batch (from 0), and why."""

    place: int
    meter: str
    at: str
    code: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch. It is stored when this is sent; sent again, everything is known."""

    stored: int
    known: int
    refused: list[RefusedReading]


class Known(msgspec.Struct, frozen=True):
    """A meter that readings came for."""

    id: UUID
    medium: Medium
    most_per_hour: int
    gateway_id: UUID | None


async def take(
    account_id: UUID, site_id: UUID, readings: Sequence[Reading], way: int, source: str, now: datetime, reader: str | None = None,
    gateway_id: UUID | None = None,
) -> Report:  # fmt: skip
    """Take readings of a site's meters in one transaction. What is refused becomes an issue of the site; the rest is stored.

    `gateway_id`: the installed gateway that sends them; it brings no readings of meters that hang on another one. The meters are
    locked: two gateways cannot send one past each other.
    """
    async with in_account(account_id):
        return await take_here(account_id, site_id, readings, way, source, now, reader, gateway_id)


async def take_here(
    account_id: UUID, site_id: UUID, readings: Sequence[Reading], way: int, source: str, now: datetime, reader: str | None = None,
    gateway_id: UUID | None = None,
) -> Report:  # fmt: skip
    """As `take`, inside the caller's transaction."""
    site = await fetchrow("SELECT time_zone FROM site WHERE id = $1", site_id)
    if site is None:
        raise not_found("site")
    if gateway_id is not None:
        await execute("UPDATE gateway SET seen_at = $2 WHERE id = $1 AND (seen_at IS NULL OR seen_at < $2)", gateway_id, now)
    zone = ZoneInfo(site["time_zone"])
    meters = await _meters(site_id, {one.meter for one in readings})
    latest = now.timestamp() + GRACE_S
    mine: dict[str, list[tuple[int, Index]]] = {}
    refused: list[tuple[int, str]] = []
    for place, one in enumerate(readings):
        meter = meters.get(one.meter)
        at = 0.0 if one.at.tzinfo is None else one.at.timestamp()
        code = "unknown_meter" if meter is None else _why_not(one, at, meter, latest, gateway_id)
        if code or meter is None:
            refused.append((place, code))
            continue
        factor = UNITS[one.unit]
        index = Index(int(at), one.imported * factor, None if one.exported is None else one.exported * factor)
        mine.setdefault(one.meter, []).append((place, index))
    stored, known, late = await _judged(account_id, mine, meters, way, reader, zone, now)
    refused = sorted([*refused, *late])
    await _issues(account_id, site_id, readings, refused, meters, source, now)
    return Report(stored=stored, known=known, refused=[
        RefusedReading(place=place, meter=readings[place].meter, at=readings[place].at.isoformat(), code=code) for place, code in refused
    ])  # fmt: skip


async def _meters(site_id: UUID, serials: Iterable[str]) -> dict[str, Known]:
    rows = await fetch(METERS, site_id, sorted(serials))
    return {
        row["serial"]: Known(
            row["id"], row["medium"], row["most_per_hour"] or MOST_PER_HOUR[KIND_OF.get(row["medium"], row["medium"])], row["gateway_id"]
        )
        for row in rows
    }


def _why_not(one: Reading, at: float, meter: Known, latest: float, gateway_id: UUID | None) -> str:
    """Why a reading cannot be one, whatever the others say; '' where it can."""
    medium = meter.medium
    if gateway_id is not None and meter.gateway_id is not None and meter.gateway_id != gateway_id:
        return "other_gateway"
    if one.at.tzinfo is None:
        return "no_time_zone"  # in autumn an hour comes twice: a time without its zone may mean two
    if one.unit and one.unit not in (WATER if medium.endswith("water") else ENERGY):
        return "wrong_unit"
    if not 0 <= one.imported <= MOST_INDEX or not 0 <= (one.exported or 0) <= MOST_INDEX:
        return "no_index"
    if one.exported is not None and medium != "electricity":
        return "one_way_only"
    return "in_future" if at > latest else "too_long_ago" if at < EARLIEST else ""


async def _judged(
    account_id: UUID, mine: dict[str, list[tuple[int, Index]]], meters: dict[str, Known], way: int, reader: str | None, zone: ZoneInfo,
    now: datetime,
) -> tuple[int, int, list[tuple[int, str]]]:  # fmt: skip
    """Store what the rules let through. Returns (stored, known, refused with their places)."""
    if not mine:
        return 0, 0, []
    spans = [(meters[serial].id, min(i.at for _, i in found), max(i.at for _, i in found)) for serial, found in mine.items()]
    before = await _known(spans, now)
    ids: list[UUID] = []
    taken: list[Index] = []
    refused: list[tuple[int, str]] = []
    stale: set[tuple[UUID, date]] = set()
    known = 0
    for serial, found in mine.items():
        meter, old = meters[serial], before.get(meters[serial].id, [])
        new = [index for _, index in found]
        last = old[-1] if old else None
        if all_follow(last, new, meter.most_per_hour):
            stale |= {(meter.id, day) for day in _days_between(new[0].at if last is None else last.at, new[-1].at, zone)}
        else:
            new, same, late = _one_by_one(old, found, meter.most_per_hour)
            known, refused = known + same, refused + late
            stale |= {(meter.id, day) for day in _days_touched(old, new, zone)}
        ids += [meter.id] * len(new)
        taken += new
    if taken:
        await execute(INSERT, account_id, now, way, reader, ids, [one.at for one in taken], [one.imported for one in taken],
                      [one.exported for one in taken])  # fmt: skip
        days = sorted(stale)
        await execute(STALE, account_id, [one for one, _ in days], [day for _, day in days])
    return len(taken), known, refused


async def _known(spans: Sequence[tuple[UUID, int, int]], now: datetime) -> dict[UUID, list[Index]]:
    """What is known of meters, in order of time: between two times, and one reading on either side."""
    found: dict[UUID, list[Index]] = {}
    columns = [list(column) for column in zip(*spans, strict=True)]
    for row in await fetch(KNOWN, *columns, now + timedelta(seconds=GRACE_S)):
        found.setdefault(row["id"], []).append(Index(row["at"], row["imported"], row["exported"]))
    alone = [(meter_id, low) for meter_id, low, _ in spans if meter_id not in found or found[meter_id][0].at >= low]
    for row in await fetch(EARLIER, [one for one, _ in alone], [low for _, low in alone]) if alone else ():
        found.setdefault(row["id"], []).insert(0, Index(row["at"], row["imported"], row["exported"]))
    return found


def _one_by_one(
    old: Sequence[Index], found: Sequence[tuple[int, Index]], most_per_hour: int
) -> tuple[list[Index], int, list[tuple[int, str]]]:
    """(taken, how many were known, refused with their places) of one meter."""
    places: dict[Index, list[int]] = {}
    for place, index in found:
        places.setdefault(index, []).append(place)
    new: list[Index] = []
    known, refused = 0, []
    for one in judge(old, [index for _, index in found], most_per_hour):
        place = places[one.index].pop(0)
        if not one.code:
            new.append(one.index)
        elif one.code == "known":
            known += 1
        else:
            refused.append((place, one.code))
    return new, known, refused


def _days_between(low: int, high: int, zone: ZoneInfo) -> list[date]:
    """The local days on which a register was read from `low` to `high`; one at midnight ends its day."""
    if low >= high:
        return []
    first, last = datetime.fromtimestamp(low, zone).date(), datetime.fromtimestamp(high - 1, zone).date()
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _days_touched(old: Sequence[Index], new: Sequence[Index], zone: ZoneInfo) -> set[date]:
    """The local days on which new readings change what is known: from the reading before to the one after each."""
    if not new:
        return set()
    fresh = {one.at for one in new}
    times = sorted({one.at for one in old} | fresh)
    first = datetime.fromtimestamp(times[0], zone).date()
    count = (datetime.fromtimestamp(times[-1], zone).date() - first).days + 1
    midnights = [int(datetime.combine(first + timedelta(days=n), datetime.min.time(), zone).timestamp()) for n in range(count)]
    touched: set[int] = set()
    for place, at in enumerate(times):
        if at in fresh:
            low, high = times[max(place - 1, 0)], times[min(place + 1, len(times) - 1)]
            if low < high:  # a reading at midnight ends its day and does not touch the next one
                touched.update(range(bisect_right(midnights, low) - 1, bisect_right(midnights, high - 1)))
    return {first + timedelta(days=n) for n in touched}


async def _issues(
    account_id: UUID, site_id: UUID, readings: Sequence[Reading], refused: Sequence[tuple[int, str]], meters: dict[str, Known], source: str,
    now: datetime,
) -> None:  # fmt: skip
    """Refused readings as issues of the site, each once however often it comes."""
    if not refused:
        return
    columns: list[tuple[Any, ...]] = []
    for place, code in refused:
        one = readings[place]
        meter = meters.get(one.meter)
        aware = one.at if one.at.tzinfo is not None else one.at.replace(tzinfo=UTC)
        at = aware if 1900 <= aware.year <= 2200 else None  # in UTC it may lie where no calendar goes
        value = f"{one.imported}{'' if one.exported is None else f' / {one.exported}'} {one.unit}".strip()
        columns.append((None if meter is None else meter.id, one.meter[:80], at, code, value))
    await execute(ISSUE, account_id, site_id, source[:80], now, *(list(column) for column in zip(*columns, strict=True)))


async def installed(account_id: UUID, meter_id: UUID, on: date, time_zone: str, now: datetime, index: int = 0) -> None:
    """A register that begins at nothing, or at `index`, on the day of the installation: use before the first reading counts."""
    begins = datetime.combine(on, datetime.min.time(), ZoneInfo(time_zone)).astimezone(UTC)
    row = await fetchrow("SELECT kind, medium FROM meter WHERE id = $1", meter_id)
    if row is None:
        raise not_found("meter")
    exported = 0 if row["medium"] == "electricity" and row["kind"] in ("entry", "battery") else None
    await execute("INSERT INTO index_reading (account_id, meter_id, taken_at, received_at, imported, exported, way)"
                  " VALUES ($1, $2, $3, $4, $7, $5, $6) ON CONFLICT DO NOTHING",
                  account_id, meter_id, begins, now, exported, INSTALLATION, index)  # fmt: skip
    await execute("INSERT INTO stale_day (account_id, meter_id, day) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", account_id, meter_id, on)
