"""Meters of a house and their quarter-hours, a local day at a time."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import numpy as np
import numpy.typing as npt

from app.audit.commands import note, save
from app.audit.model import Actor
from app.database.transaction import execute, fetch, fetchrow, in_account
from app.kernel.calendar import QUARTER, local_date, local_midnight
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.metering.allocation_rules import Wh
from app.metering.equipment_rules import reckon
from app.metering.model import Link, Medium, MeterKind, Source, Term

MISSING = -1
Gaps = npt.NDArray[np.bool_]  # where nothing came
MOST_WH = 2_000_000  # 8 MW over a quarter-hour: more is a mistaken unit


# A meter's days in one value each: a month of a house is a row a meter, not a row a day.
DAYS = """
SELECT meter_id, array_agg(day ORDER BY day) AS days, string_agg(wh, ''::bytea ORDER BY day) AS wh FROM quarter_day
WHERE meter_id = ANY($1::uuid[]) AND day BETWEEN $2 AND $3 GROUP BY meter_id
"""
LATE_DAYS = """
SELECT meter_id, day, wh FROM late_day WHERE meter_id = ANY($1::uuid[]) AND day BETWEEN $2 AND $3
    AND id = ANY($4::uuid[]) ORDER BY received_at, id
"""
# The run that a day belongs to, locked, so that no bill of it goes out meanwhile.
RUN = "SELECT id, state FROM energy_run WHERE site_id = $1 AND period @> $2::date FOR UPDATE"

# A day as it was told last, be it billed so or late.
LATEST = """
SELECT coalesce((SELECT l.wh FROM late_day l WHERE l.meter_id = $1 AND l.day = $2 ORDER BY l.received_at DESC, l.id DESC LIMIT 1),
    (SELECT q.wh FROM quarter_day q WHERE q.meter_id = $1 AND q.day = $2)) AS wh
"""


FITS = """
SELECT 1 FROM site s WHERE s.id = $1
    AND ($2::uuid IS NULL OR EXISTS (SELECT 1 FROM billing_point p WHERE p.id = $2 AND p.site_id = s.id))
    AND ($3::uuid IS NULL OR EXISTS (SELECT 1 FROM meter m WHERE m.id = $3 AND m.site_id = s.id))
"""


METERS = """
SELECT id, kind, parent_id, serial, name, version, medium, source, model, gateway_id, bus_address, indirect, amperage_a, phases,
       installed_on, removed_on, replaces_id, building_id, address, relay, led, metering_code, isolated
FROM meter WHERE site_id = $1 ORDER BY serial, id
"""
LINKS = """
SELECT l.meter_id, l.billing_point_id, lower(l.period) AS first, upper(l.period) - 1 AS last FROM meter_link l
JOIN meter m ON m.account_id = l.account_id AND m.id = l.meter_id WHERE m.site_id = $1 ORDER BY lower(l.period) NULLS FIRST
"""
TERMS = """
SELECT t.meter_id, t.part_id, t.sign FROM meter_term t JOIN meter m ON m.account_id = t.account_id AND m.id = t.meter_id
WHERE m.site_id = $1 ORDER BY t.sign DESC, t.part_id
"""


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """A meter; `parent_id` is the one that its energy runs through as well, `links` the points that it counts for."""

    id: UUID
    kind: MeterKind
    parent_id: UUID | None
    serial: str
    name: str = ""
    version: int = 1
    medium: Medium = "electricity"
    source: Source = "physical"
    model: str = ""
    gateway_id: UUID | None = None
    bus_address: int | None = None
    indirect: bool = False
    amperage_a: int | None = None
    phases: int = 3
    installed_on: date | None = None
    removed_on: date | None = None
    replaces_id: UUID | None = None
    building_id: UUID | None = None
    address: str = ""
    relay: bool = False
    led: bool = False
    metering_code: str | None = None
    isolated: bool = False
    links: tuple[Link, ...] = ()
    terms: tuple[Term, ...] = ()


async def create_meter(
    actor: Actor, site_id: UUID, kind: MeterKind, serial: str, now: datetime, *, billing_point_id: UUID | None = None,
    parent_id: UUID | None = None,
) -> UUID:  # fmt: skip
    """A meter of a point, or of the production. The same serial again is the same meter. Raises Refused not_found."""
    async with in_account(actor.account_id):
        known = await fetchrow("SELECT id FROM meter WHERE site_id = $1 AND serial = $2", site_id, serial)
        if known is not None:
            return UUID(str(known["id"]))
        if not await fetchrow(FITS, site_id, billing_point_id, parent_id):
            raise not_found("site, billing point or meter above")
        meter_id = new_id()
        try:
            await execute("INSERT INTO meter (account_id, id, site_id, kind, parent_id, serial, created_at)"
                          " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                          actor.account_id, meter_id, site_id, kind, parent_id, serial, now)  # fmt: skip
            if billing_point_id is not None:
                await execute("INSERT INTO meter_link (account_id, meter_id, billing_point_id, period)"
                              " VALUES ($1, $2, $3, daterange(NULL, NULL))", actor.account_id, meter_id, billing_point_id)  # fmt: skip
        except (asyncpg.ForeignKeyViolationError, asyncpg.CheckViolationError) as error:
            raise not_found("site, billing point or meter above") from error
        await note(actor, "site", site_id, "meter", now, after={"serial": serial, "kind": kind})
    return meter_id


async def rename_meter(actor: Actor, meter_id: UUID, version: int, name: str, now: datetime) -> int:
    """Another name of a meter: all that its owner or operator may change. Returns the version. Raises Refused changed_meanwhile."""
    async with in_account(actor.account_id):
        saved = await save(actor, "meter", meter_id, version, {"name": " ".join(name.split())}, now)
    return int(saved["version"])


async def set_isolated(actor: Actor, meter_id: UUID, isolated: bool, now: datetime) -> None:
    """Whether a meter stands for itself alone. Raises Refused in_a_rule where a correction builds on it."""
    async with in_account(actor.account_id):
        if isolated and await fetchrow("SELECT 1 FROM meter_correction WHERE part_id = $1 OR (meter_id = $1 AND part_id IS NOT NULL)",
                                       meter_id):  # fmt: skip
            raise Refused("in_a_rule", 409, "A rule builds on this meter. End the rule first.")
        await execute("UPDATE meter SET isolated = $2 WHERE id = $1", meter_id, isolated)
        await note(actor, "meter", meter_id, "isolated", now, after={"isolated": isolated})


async def store_day(account_id: UUID, meter_id: UUID, day: date, wh: Sequence[int | None], now: datetime) -> bool:
    """The quarter-hours of a local day; None where nothing came. False: the day is billed, and it waits for the next bill.

    Raises Refused not_found, bad_day.
    """
    async with in_account(account_id):
        row = await fetchrow("SELECT m.site_id, s.time_zone FROM meter m JOIN site s ON s.account_id = m.account_id AND s.id = m.site_id"
                             " WHERE m.id = $1 FOR UPDATE OF s", meter_id)  # fmt: skip
        if row is None:
            raise not_found("meter")
        start, end = (local_midnight(edge, row["time_zone"]) for edge in (day, day + timedelta(days=1)))
        odd = any(value is not None and not 0 <= value <= MOST_WH for value in wh)
        if len(wh) != round((end - start) / QUARTER) or odd or day > local_date(now, row["time_zone"]):
            raise Refused("bad_day", 422, "These are not the quarter-hours of that day: 92, 96 or 100 values in Wh, none in the future.",
                          fields=["wh"])  # fmt: skip
        packed = np.array([MISSING if value is None else value for value in wh], dtype="<i4").tobytes()
        if await is_locked(row["site_id"], "electricity", day):
            raise Refused("day_locked", 409, "This day is locked: what was billed stays as it is.")
        return await keep_day(account_id, row["site_id"], meter_id, day, packed, now)


async def is_locked(site_id: UUID, kind: str, day: date) -> bool:
    """Whether nothing of a kind can change on a day any more (inside the caller's transaction)."""
    return bool(await fetchrow("SELECT 1 FROM validation_scheme WHERE site_id = $1 AND kind = $2 AND locked_until >= $3",
                               site_id, kind, day))  # fmt: skip


async def keep_day(account_id: UUID, site_id: UUID, meter_id: UUID, day: date, packed: bytes, now: datetime, *,
                   electricity: bool = True) -> bool:  # fmt: skip
    """What counts for the bills of a day (inside the caller's transaction, which has locked the site). False: it is billed already."""
    run = await fetchrow(RUN, site_id, day) if electricity else None
    if run is not None and (run["state"] == "issued" or await _has_bills(run["id"])):
        known = await fetchrow(LATEST, meter_id, day)
        if known is None or known["wh"] != packed:
            await execute("INSERT INTO late_day (account_id, id, meter_id, day, wh, received_at) VALUES ($1, $2, $3, $4, $5, $6)",
                          account_id, new_id(), meter_id, day, packed, now)  # fmt: skip
        return False
    # received_at says since when the day stands as it does: the same again changes nothing.
    changed = await fetchrow("INSERT INTO quarter_day (account_id, meter_id, day, wh, received_at) VALUES ($1, $2, $3, $4, $5)"
                             " ON CONFLICT (account_id, meter_id, day) DO UPDATE SET wh = excluded.wh, received_at = excluded.received_at"
                             " WHERE quarter_day.wh <> excluded.wh RETURNING day",
                             account_id, meter_id, day, packed, now)  # fmt: skip
    if run is not None and changed is not None:
        await execute("UPDATE energy_run SET readings_since = true WHERE id = $1", run["id"])
    if electricity:
        await execute("INSERT INTO stale_share (account_id, site_id, day) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                      account_id, site_id, day)  # fmt: skip
    return True


async def meters_of(site_id: UUID) -> list[Meter]:
    """The meters of a site in a fixed order (inside the caller's transaction)."""
    links: dict[UUID, list[Link]] = {}
    for row in await fetch(LINKS, site_id):
        links.setdefault(row["meter_id"], []).append(Link(row["billing_point_id"], row["first"], row["last"]))
    terms: dict[UUID, list[Term]] = {}
    for row in await fetch(TERMS, site_id):
        terms.setdefault(row["meter_id"], []).append(Term(row["part_id"], row["sign"]))
    return [
        Meter(**row, links=tuple(links.get(row["id"], ())), terms=tuple(terms.get(row["id"], ()))) for row in await fetch(METERS, site_id)
    ]


async def _has_bills(run_id: UUID) -> bool:
    return bool(await fetchrow("SELECT 1 FROM energy_item WHERE run_id = $1 AND invoice_id IS NOT NULL LIMIT 1", run_id))


async def quarters_of(
    meters: Sequence[Meter], first: date, last: date, time_zone: str, *, late: Collection[UUID] = ()
) -> tuple[Wh, Gaps]:  # fmt: skip
    """(Wh, whether missing) of meters from first to last: two arrays (meters, slots); what is missing counts nothing.

    The late days named are taken in place of what was billed.
    """
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    starts = [local_midnight(day, time_zone) for day in [*days, last + timedelta(days=1)]]
    edges = [round((at - starts[0]) / QUARTER) for at in starts]
    wh = np.empty((len(meters), edges[-1]), dtype=np.int64)
    rows, places = {meter.id: n for n, meter in enumerate(meters)}, {day: n for n, day in enumerate(days)}
    stored = {row["meter_id"]: row for row in await fetch(DAYS, list(rows), first, last)}
    for n, meter in enumerate(meters):
        row: Any = stored.get(meter.id)
        if row is not None and len(row["days"]) == len(days):
            wh[n] = np.frombuffer(row["wh"], dtype="<i4")
            continue
        wh[n], at = MISSING, 0
        for day in () if row is None else row["days"]:
            start, end = edges[places[day]], edges[places[day] + 1]
            wh[n, start:end] = np.frombuffer(row["wh"], dtype="<i4", count=end - start, offset=4 * at)
            at += end - start
    if late:
        for row in await fetch(LATE_DAYS, list(rows), first, last, list(late)):
            place = places[row["day"]]
            wh[rows[row["meter_id"]], edges[place] : edges[place + 1]] = np.frombuffer(row["wh"], dtype="<i4")
    _carry_on(wh, meters, rows)
    reckon(wh, {rows[m.id]: [(rows[t.meter_id], t.sign) for t in m.terms] for m in meters if m.terms}, MISSING)
    missing = wh == MISSING
    return np.maximum(wh, 0, out=wh), missing


def _carry_on(wh: Wh, meters: Sequence[Meter], rows: Mapping[UUID, int]) -> None:
    """What a meter's replacement measured stands in its own row as well: for what lies below it and what is reckoned from it."""
    for meter in sorted(meters, key=lambda one: one.installed_on or date.min, reverse=True):
        if meter.replaces_id is not None and meter.replaces_id in rows:
            old = wh[rows[meter.replaces_id]]
            old[old == MISSING] = wh[rows[meter.id]][old == MISSING]
