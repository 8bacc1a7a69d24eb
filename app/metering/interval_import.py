"""A grid operator's file of quarter-hours, whole or not at all: what is new or corrected is added, and stands from then on."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import execute, fetch, fetchval, in_account
from app.kernel.errors import Refused, not_found
from app.metering.e66 import read_e66
from app.metering.intake import FILE, MOST_PER_HOUR, STALE
from app.metering.interval_rules import BadLine, IntervalFile, Quarter, kilo_slip, one_of_each
from app.metering.interval_sheet import read_sheet
from app.metering.quarters import MOST_WH
from app.metering.reading_rules import GRACE_S, QUARTER_S

MOST_BYTES = 20_000_000
MOST_QUARTERS = 200_000
MOST_REPORTED = 1_000
VOLTS = 3 * 230  # what an ampere on three phases carries
NEAR = timedelta(days=35)  # of what is known, held against the file

METERS = """
SELECT m.id, m.serial, m.kind, m.source, m.amperage_a, v.most_per_hour FROM meter m LEFT JOIN validation_scheme v
    ON v.account_id = m.account_id AND v.site_id = m.site_id AND v.kind = 'electricity'
WHERE m.site_id = $1 AND m.serial = ANY($2::text[]) AND m.medium = 'electricity' ORDER BY m.id FOR NO KEY UPDATE OF m
"""
# What stands in the time of the file, and beside it a day of the nearest amounts of each meter, for the file to be held against.
KNOWN = """
(SELECT DISTINCT ON (meter_id, starts_at) meter_id, extract(epoch FROM starts_at)::bigint AS at, imported, exported, estimated,
    received_at FROM interval_reading WHERE meter_id = ANY($1::uuid[]) AND starts_at BETWEEN to_timestamp($2::float8)
    AND to_timestamp($3::float8) ORDER BY meter_id, starts_at, received_at DESC)
UNION ALL SELECT m.id, extract(epoch FROM r.starts_at)::bigint, r.imported, r.exported, r.estimated, r.received_at
FROM unnest($1::uuid[]) AS m (id) CROSS JOIN LATERAL (
    (SELECT * FROM interval_reading i WHERE i.meter_id = m.id AND i.starts_at < to_timestamp($2::float8)
     AND i.starts_at >= to_timestamp($2::float8) - $4::interval ORDER BY i.starts_at DESC LIMIT 96)
    UNION ALL (SELECT * FROM interval_reading i WHERE i.meter_id = m.id AND i.starts_at > to_timestamp($3::float8)
     AND i.starts_at <= to_timestamp($3::float8) + $4::interval ORDER BY i.starts_at LIMIT 96)) AS r
"""
INSERT = """
INSERT INTO interval_reading (account_id, meter_id, starts_at, received_at, imported, exported, estimated, way)
SELECT $1, n.id, to_timestamp(n.at), n.received_at, n.imported, n.exported, n.estimated, $2
FROM unnest($3::uuid[], $4::float8[], $5::timestamptz[], $6::int[], $7::int[], $8::bool[])
    AS n (id, at, received_at, imported, exported, estimated)
"""
Latest = dict[int, Any]  # time -> the row that stands for it


class FileReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file. With a bad line nothing was stored; of very many the first ones are told, `bad` counts all.

    `replaced`: quarter-hours that were there with other amounts. `left_out`: series that are no active energy.
    """

    stored: int
    replaced: int
    known: int
    left_out: int
    bad: int
    refused: list[BadLine]


async def import_file(actor: Actor, site_id: UUID, name: str, content: bytes, now: datetime, *, confirmed: bool = False) -> FileReport:
    """Take a file for a site's meters in one transaction; the same file again changes nothing.

    `confirmed`: somebody says that the amounts are right, although a thousand times what was known: that was the mistake then.

    Raises Refused not_found, too_large, no_quarters, and as `read_e66` and `read_sheet` do, before anything is done.
    """
    if len(content) > MOST_BYTES:
        raise too_large()
    async with in_account(actor.account_id):
        zone = await _zone(site_id)
    found, bad, left_out, directed = await asyncio.to_thread(_read, name, content, zone)
    async with in_account(actor.account_id):
        serials = sorted({serial for serial, _ in found})
        meters = {row["serial"]: row for row in await fetch(METERS, site_id, serials)}
        by_meter: dict[str, list[Quarter]] = {}
        for quarter in found.values():
            code = _why_not(quarter, meters.get(quarter.meter), directed, now)
            if code:
                bad.append(BadLine(line=quarter.line, code=code, meter=quarter.meter))
            else:
                by_meter.setdefault(quarter.meter, []).append(_of_kind(quarter, meters[quarter.meter]["kind"]))
        known = await _known([meters[serial]["id"] for serial in by_meter], found.values())
        bad += [BadLine(line=quarters[0].line, code="kilo_slip_amount", meter=serial) for serial, quarters in by_meter.items()
                if not confirmed and _slipped(known.get(meters[serial]["id"], {}), quarters)]  # fmt: skip
        if bad:
            bad.sort(key=lambda one: one.line)
            return FileReport(stored=0, replaced=0, known=0, left_out=left_out, bad=len(bad), refused=bad[:MOST_REPORTED])
        stored, replaced = await _store(actor.account_id, {meters[serial]["id"]: one for serial, one in by_meter.items()}, known, zone, now)
        if stored:
            told = {"file": name[:80], "quarters": stored, "replaced": replaced, "confirmed": confirmed}
            await note(actor, "site", site_id, "readings_file", now, after=told)
    return FileReport(stored=stored, replaced=replaced, known=len(found) - stored, left_out=left_out, bad=0, refused=[])


def too_large() -> Refused:
    """A file that is not even looked at."""
    return Refused("too_large", 413, f"The file is larger than {MOST_BYTES // 1_000_000} MB or has more than {MOST_QUARTERS} quarter-hours."
                   " Split it.", most_mb=MOST_BYTES // 1_000_000)  # fmt: skip


async def _zone(site_id: UUID) -> ZoneInfo:
    name = await fetchval("SELECT time_zone FROM site WHERE id = $1", site_id)
    if name is None:
        raise not_found("site")
    return ZoneInfo(name)


def _read(name: str, content: bytes, zone: ZoneInfo) -> tuple[dict[tuple[str, int], Quarter], list[BadLine], int, bool]:
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:2]
    is_xml = start[:1] == b"<" or start in (b"\xff\xfe", b"\xfe\xff")
    read: IntervalFile = read_e66(content) if is_xml else read_sheet(name, content, zone)
    if len(read.quarters) > MOST_QUARTERS:
        raise too_large()
    if not read.quarters and not read.bad:
        raise Refused("no_quarters", 422, "The file has no quarter-hours of energy. Nothing was stored.")
    found, doubled = one_of_each(read.quarters)
    return found, read.bad + doubled, read.left_out, read.directed


def _why_not(quarter: Quarter, meter: Any, directed: bool, now: datetime) -> str:
    """Why a quarter-hour cannot be taken; '' where it can."""
    if meter is None:
        return "unknown_meter"
    if meter["source"] != "dso":
        return "not_from_grid"
    if directed and meter["kind"] == "production" and quarter.exported is None:
        return "wrong_direction"
    if quarter.at + QUARTER_S > now.timestamp() + GRACE_S:
        return "in_future"
    most = meter["most_per_hour"] or MOST_PER_HOUR["electricity"]
    if meter["amperage_a"] is not None:
        most = min(most, VOLTS * meter["amperage_a"])
    return "quarter_too_large" if max(quarter.imported or 0, quarter.exported or 0) > min(most * 11 // 40, MOST_WH) else ""


def _of_kind(quarter: Quarter, kind: str) -> Quarter:
    """What a production meter made stands where every meter has what it counts."""
    if kind != "production" or quarter.exported is None:
        return quarter
    return msgspec.structs.replace(quarter, imported=quarter.exported, exported=None)


async def _known(ids: Sequence[UUID], quarters: Collection[Quarter]) -> dict[UUID, Latest]:
    found: dict[UUID, Latest] = {}
    if ids:
        times = [one.at for one in quarters]
        for row in await fetch(KNOWN, ids, min(times), max(times), NEAR):
            found.setdefault(row["meter_id"], {})[row["at"]] = row
    return found


def _slipped(latest: Latest, quarters: Sequence[Quarter]) -> bool:
    known = {at: max(row["imported"], row["exported"] or 0) for at, row in latest.items()}
    return kilo_slip(known, {one.at: max(one.imported or 0, one.exported or 0) for one in quarters})


async def _store(
    account_id: UUID, by_meter: Mapping[UUID, Sequence[Quarter]], known: Mapping[UUID, Latest], zone: ZoneInfo, now: datetime
) -> tuple[int, int]:
    """Add what is not known as it is. Returns (stored, how many of them took the place of others)."""
    rows: list[tuple[Any, ...]] = []
    days = set()
    day_of: dict[int, date] = {}
    replaced = 0
    for meter_id, quarters in by_meter.items():
        latest = known.get(meter_id, {})
        for new in quarters:
            old = latest.get(new.at)
            amounts = _together(old, new)
            if old is not None and amounts == (old["imported"], old["exported"], old["estimated"]):
                continue
            replaced += old is not None
            # A later row stands; two clocks, or one that was set, must not turn that round.
            received = now if old is None else max(now, old["received_at"] + timedelta(microseconds=1))
            rows.append((meter_id, new.at, received, *amounts))
            day = day_of.get(new.at) or day_of.setdefault(new.at, datetime.fromtimestamp(new.at, zone).date())
            days.add((meter_id, day))
    if rows:
        await execute(INSERT, account_id, FILE, *(list(column) for column in zip(*rows, strict=True)))
        stale = sorted(days)
        await execute(STALE, account_id, [meter_id for meter_id, _ in stale], [day for _, day in stale])
    return len(rows), replaced


def _together(old: Any, new: Quarter) -> tuple[int, int | None, bool]:
    """What stands now: a direction that the file does not speak of stays as it is, and is nothing where it was never told."""
    imported = new.imported if new.imported is not None else 0 if old is None else old["imported"]
    exported = new.exported if new.exported is not None else None if old is None else old["exported"]
    return imported, exported, new.estimated
