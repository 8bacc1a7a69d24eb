"""Whom a tag stands for at a station: a request's one-time tag first, then a badge of somebody who lives here."""

from datetime import date, datetime
from uuid import UUID

import msgspec

from app.charging.model import Station
from app.database.transaction import as_machine, execute, fetch, fetchrow, fetchval
from app.kernel.calendar import local_date
from app.kernel.identifiers import keyed_hash, tail
from app.residents.badge_uid import sealed_uid


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a tag stands for, and what the station is told."""

    tag_hash: bytes
    tag_tail: str
    status: str
    source: str = "unknown"
    badge_id: UUID | None = None
    request_id: UUID | None = None
    person_id: UUID | None = None
    billing_point_id: UUID | None = None


async def authorise(station: Station, id_tag: str, secret: bytes, now: datetime) -> str:
    """The status of a badge at this station: Accepted, Blocked, Expired, Invalid."""
    async with as_machine():
        holder = await holder_of(station, None, id_tag, secret, now)
        if holder.badge_id is not None and holder.status == "Accepted":
            await execute("UPDATE badge SET last_used_at = $2 WHERE id = $1", holder.badge_id, now)
            # Entered before UIDs were sealed for local lists: the station has just told it.
            sealed = sealed_uid(secret, holder.badge_id, id_tag)
            await execute("UPDATE badge SET uid_sealed = $2 WHERE id = $1 AND uid_sealed IS NULL", holder.badge_id, sealed)
    return holder.status


async def holder_of(station: Station, connector_no: int | None, id_tag: str, secret: bytes, at: datetime) -> Holder:
    """Whom a tag stands for (inside the caller's transaction). `connector_no` None: any connector of the station."""
    tag_hash = keyed_hash(secret, id_tag.upper())
    request = await fetchrow(REQUEST, station.account_id, tag_hash, station.id)
    if request is not None:
        return Holder(tag_hash=tag_hash, tag_tail="", status="Accepted", source="app", request_id=request["id"],
                      person_id=request["person_id"], billing_point_id=request["billing_point_id"])  # fmt: skip
    badge = await fetchrow(BADGE, station.account_id, tag_hash)
    if badge is None:
        return Holder(tag_hash=tag_hash, tag_tail=tail(id_tag), status="Invalid")
    nobody = Holder(tag_hash=tag_hash, tag_tail=badge["uid_tail"], status="Invalid", badge_id=badge["id"])
    if badge["state"] != "active":
        return msgspec.structs.replace(nobody, status="Blocked")
    zone = await fetchval("SELECT time_zone FROM site WHERE id = $1", station.site_id)
    day = local_date(at, zone)
    if day < badge["valid_from"] or (badge["valid_to"] is not None and day > badge["valid_to"]):
        return msgspec.structs.replace(nobody, status="Expired")
    billing_point_id = await _billing_point(station, connector_no, badge["person_id"], day)
    if billing_point_id is None:
        return nobody
    return msgspec.structs.replace(
        nobody, status="Accepted", source="badge", person_id=badge["person_id"], billing_point_id=billing_point_id
    )


async def _billing_point(station: Station, connector_no: int | None, person_id: UUID, day: date) -> UUID | None:
    """Where this person's charge at this connector belongs: their own flat, which on a private place must be its owner."""
    homes = [row["billing_point_id"] for row in await fetch(OCCUPIED, station.account_id, person_id, station.site_id, day)]
    places = await fetch(
        "SELECT billing_point_id FROM connector WHERE station_id = $1 AND ($2::int IS NULL OR number = $2)",
        station.id, connector_no,
    )  # fmt: skip
    owners = {row["billing_point_id"] for row in places} or {None}
    return next((home for home in homes if None in owners or home in owners), None)


REQUEST = """
SELECT id, person_id, billing_point_id FROM charge_request WHERE account_id = $1 AND tag_hash = $2 AND station_id = $3
"""
BADGE = """
SELECT id, person_id, uid_tail, state, valid_from, valid_to FROM badge WHERE account_id = $1 AND uid_hash = $2
"""
OCCUPIED = """
SELECT o.billing_point_id FROM occupancy o JOIN billing_point b
    ON b.account_id = o.account_id AND b.id = o.billing_point_id
WHERE o.account_id = $1 AND o.person_id = $2 AND b.site_id = $3 AND o.period @> $4::date
ORDER BY lower(o.period), o.id
"""
