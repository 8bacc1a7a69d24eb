"""What of a charge was solar, from the shares of its quarter-hours: a private place has the mix of its flat, another the house's."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from app.billing.rules import Mix
from app.charging.model import Session
from app.database.transaction import fetch
from app.kernel.calendar import local_date, local_midnight
from app.metering.reading_rules import MISSING

DAY = timedelta(days=1)
PLACES = """
SELECT station_id, number, billing_point_id FROM connector WHERE station_id = ANY($1::uuid[]) AND billing_point_id IS NOT NULL
"""
# A quarter-hour is known once every roof of the house has been read.
ROOFS = """
SELECT m.id, m.replaces_id, m.site_id, q.day, q.wh FROM meter m LEFT JOIN quarter_day q ON q.account_id = m.account_id AND q.meter_id = m.id
    AND q.day = ANY($2::date[]) WHERE m.site_id = ANY($1::uuid[]) AND m.kind = 'production' AND m.medium = 'electricity'
"""
MIXES = """
SELECT billing_point_id AS whose, day, used, solar FROM point_day WHERE billing_point_id = ANY($1::uuid[]) AND day = ANY($3::date[])
UNION ALL SELECT site_id, day, used, solar FROM house_day WHERE site_id = ANY($2::uuid[]) AND day = ANY($3::date[])
"""


async def mixes_of(sessions: Sequence[Session]) -> dict[UUID, Mix]:
    """The mix of each session's quarter-hours, as far as it is known (inside the caller's transaction); none where no roof is."""
    sites = sorted({session.site_id for session in sessions})
    days = sorted({day for session in sessions for day in _days(session)})
    roofs: dict[UUID, list[Any]] = {}
    for row in await fetch(ROOFS, sites, days) if sessions else []:
        roofs.setdefault(row["site_id"], []).append(row)
    mine = [session for session in sessions if session.site_id in roofs]
    if not mine:
        return {}
    zones = {session.site_id: session.time_zone for session in mine}
    known = {site_id: _known(rows, zones[site_id]) for site_id, rows in roofs.items()}
    private = {(row["station_id"], row["number"]): row["billing_point_id"] for row in await fetch(PLACES, [s.station_id for s in mine])}
    whose = {session.id: private.get((session.station_id, session.connector_no), session.site_id) for session in mine}
    zone_of = {whose[session.id]: session.time_zone for session in mine}
    shares: dict[UUID, dict[int, tuple[int, int]]] = {}
    for row in await fetch(MIXES, sorted(set(private.values())), sites, days):
        if row["whose"] in zone_of:
            both = (np.frombuffer(row[name], dtype="<i4").tolist() for name in ("used", "solar"))
            places = _quarters(row["day"], zone_of[row["whose"]])
            shares.setdefault(row["whose"], {}).update(zip(places, zip(*both, strict=True), strict=False))
    return {
        session.id: Mix({at: part for at, part in shares.get(whose[session.id], {}).items() if at in known[session.site_id]})
        for session in mine
    }  # fmt: skip


async def mix_of(session: Session) -> Mix | None:
    """The mix of one session; None where no roof is."""
    return (await mixes_of([session])).get(session.id)


def _days(session: Session) -> list[date]:
    first = local_date(session.started_at, session.time_zone)
    last = local_date(session.stopped_at or session.last_value_at or session.started_at, session.time_zone)
    return [first + n * DAY for n in range(min(31, max(0, (last - first).days) + 1))]


def _known(rows: Sequence[Any], zone: str) -> set[int]:
    """The quarter-hours that all roofs have told; what replaces a meter tells for it."""
    before = {row["id"]: row["replaces_id"] for row in rows}
    told: dict[UUID, set[int]] = {}
    for row in rows:
        roof = row["id"]
        while before.get(roof) is not None:
            roof = before[roof]
        mine = told.setdefault(roof, set())
        if row["wh"] is not None:
            wh = np.frombuffer(row["wh"], dtype="<i4")
            mine.update(at for at, value in zip(_quarters(row["day"], zone), wh.tolist(), strict=False) if value != MISSING)
    return set.intersection(*told.values())


def _quarters(day: date, zone: str) -> range:
    """The quarter-hours of a local day, numbered since 1970."""
    return range(_number(local_midnight(day, zone)), _number(local_midnight(day + DAY, zone)))


def _number(at: datetime) -> int:
    return int(at.timestamp()) // 900
