"""What the meters of a community drew and fed in, and what of it they shared, quarter-hour by quarter-hour."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

import numpy as np

from app.communities import queries
from app.communities.model import Configuration, SharePoint
from app.communities.sharing_rules import active_days, shares
from app.database.transaction import execute, fetch, fetchrow, fetchval, in_account
from app.kernel.calendar import QUARTER, local_date, local_midnight
from app.kernel.errors import Refused, not_found
from app.metering.allocation_rules import Wh
from app.metering.quarters import MISSING, MOST_WH, Gaps, Meter, quarters_of, store_day
from app.tariffs.energy_rules import Slots, quarter_count, slots_of

Step = Literal["quarter", "day", "month"]
MOST_DAYS: dict[Step, int] = {"quarter": 31, "day": 366, "month": 1830}
NAMES = ("gross", "net", "shared", "injected_gross", "injected_net", "injected_shared")


async def store_feed(account_id: UUID, meter_id: UUID, day: date, wh: Sequence[int | None], now: datetime) -> None:
    """What a meter fed in on a local day; the same day again replaces it. Raises Refused not_found, bad_day."""
    async with in_account(account_id):
        zone = await fetchval("SELECT s.time_zone FROM community_meter m JOIN community c ON c.account_id = m.account_id"
                              " AND c.id = m.community_id JOIN site s ON s.account_id = c.account_id AND s.id = c.site_id"
                              " WHERE m.id = $1", meter_id)  # fmt: skip
        if zone is None:
            raise not_found("meter")
        odd = any(value is not None and not 0 <= value <= MOST_WH for value in wh)
        if odd or len(wh) != quarter_count(day, zone) or day > local_date(now, zone):
            raise Refused("bad_day", 422, "These are not the quarter-hours of that day: 92, 96 or 100 values in Wh, none in the future.",
                          fields=["fed_wh"])  # fmt: skip
        packed = np.array([MISSING if value is None else value for value in wh], dtype="<i4").tobytes()
        await execute("INSERT INTO community_feed (account_id, meter_id, day, wh, received_at) VALUES ($1, $2, $3, $4, $5)"
                      " ON CONFLICT (account_id, meter_id, day) DO UPDATE SET wh = excluded.wh, received_at = excluded.received_at",
                      account_id, meter_id, day, packed, now)  # fmt: skip


async def store(account_id: UUID, meter_id: UUID, day: date, drawn: Sequence[int | None], fed: Sequence[int | None], now: datetime) -> None:
    """Both directions of a day; nothing fed in is an empty list. Safe to repeat. Raises Refused not_found, bad_day."""
    if fed:
        await store_feed(account_id, meter_id, day, fed, now)
    await store_day(account_id, meter_id, day, drawn, now)


async def series(meter_id: UUID, first: date, last: date, step: Step, holder: UUID | None = None) -> list[SharePoint]:
    """The six series of a meter (inside the caller's transaction); of a `holder` only the days that are theirs.

    Raises Refused not_found, bad_period.
    """
    if last < first or (last - first).days >= MOST_DAYS[step]:
        raise Refused("bad_period", 422, f"Choose a period of at most {MOST_DAYS[step]} days for this step.", most=MOST_DAYS[step],
                      fields=["first", "last"])  # fmt: skip
    row = await fetchrow("SELECT c.id, s.time_zone FROM community_meter m JOIN community c ON c.account_id = m.account_id"
                         " AND c.id = m.community_id JOIN site s ON s.account_id = c.account_id AND s.id = c.site_id WHERE m.id = $1",
                         meter_id)  # fmt: skip
    if row is None:
        raise not_found("meter")
    ids = [one["id"] for one in await fetch("SELECT id FROM community_meter WHERE community_id = $1 ORDER BY ean", row["id"])]
    listed = await queries.configurations(ids)
    slots = slots_of(first, last, row["time_zone"])
    drawn, gaps = await _drawn(ids, slots)
    fed = await _fed(ids, slots)
    active = np.array([_by_slot(active_days(listed[one], first, (last - first).days + 1), slots) for one in ids])
    shared, injected = shares(drawn, fed, active)
    place = ids.index(meter_id)
    theirs = _by_slot(_held(listed[meter_id], holder, slots), slots) == 1
    figures = np.stack([drawn[place], drawn[place] - shared[place], shared[place], fed[place], fed[place] - injected[place],
                        injected[place]])  # fmt: skip
    known = theirs & ((~gaps[place]) | (fed[place] > 0))
    return _points(figures, known, slots, step)


def _held(configurations: Sequence[Configuration], holder: UUID | None, slots: Slots) -> list[bool]:
    """On which days the meter is the holder's."""
    days = [slots.first + timedelta(days=n) for n in range((slots.last - slots.first).days + 1)]
    return [
        any(holder in (None, one.member_id) and one.first <= day and (one.last is None or day <= one.last) for one in configurations)
        for day in days
    ]


def _by_slot(days: Sequence[bool], slots: Slots) -> Wh:
    found: Wh = np.asarray(days, dtype=np.int64)[slots.day]
    return found


async def _drawn(ids: Sequence[UUID], slots: Slots) -> tuple[Wh, Gaps]:
    meters = [Meter(id=one, kind="entry", parent_id=None, serial="") for one in ids]
    return await quarters_of(meters, slots.first, slots.last, slots.time_zone)


async def _fed(ids: Sequence[UUID], slots: Slots) -> Wh:
    fed: Wh = np.zeros((len(ids), slots.count), dtype=np.int64)
    rows = {one: n for n, one in enumerate(ids)}
    for row in await fetch("SELECT meter_id, day, wh FROM community_feed WHERE meter_id = ANY($1::uuid[]) AND day BETWEEN $2 AND $3",
                           list(ids), slots.first, slots.last):  # fmt: skip
        at = np.flatnonzero(slots.day == (row["day"] - slots.first).days)
        values = np.frombuffer(row["wh"], dtype="<i4").astype(np.int64)
        fed[rows[row["meter_id"]], at] = np.where(values == MISSING, 0, values)
    return fed


def _points(figures: Wh, known: np.ndarray, slots: Slots, step: Step) -> list[SharePoint]:
    """Sums by step; a time of which nothing is known has no figures."""
    start = local_midnight(slots.first, slots.time_zone)
    days = [slots.first + timedelta(days=n) for n in range((slots.last - slots.first).days + 1)]
    if step == "quarter":
        labels = [(start + QUARTER * n).isoformat().replace("+00:00", "Z") for n in range(slots.count)]
    else:
        named = [day.isoformat() if step == "day" else day.isoformat()[:7] for day in days]
        labels = [named[day] for day in slots.day]
    order = list(dict.fromkeys(labels))
    places = {label: n for n, label in enumerate(order)}
    group = np.array([places[label] for label in labels])
    begins = np.flatnonzero(np.diff(group, prepend=-1))
    sums = np.add.reduceat(figures * known, begins, axis=1)
    has = np.logical_or.reduceat(known, begins)
    return [
        SharePoint(at=label, **{name: int(sums[row, n]) if has[n] else None for row, name in enumerate(NAMES)})
        for n, label in enumerate(order)
    ]
