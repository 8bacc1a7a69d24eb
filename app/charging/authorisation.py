"""Whom a tag stands for at a station: a request's one-time tag first, then a badge of somebody who lives here, then a
roaming partner's customer where the station takes them. The class is fixed here and goes with the session."""

import base64
import hashlib
from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec

from app.charging.kept_places import kept_from
from app.charging.model import Station
from app.database.transaction import as_machine, execute, fetch, fetchrow, fetchval
from app.kernel.calendar import local_date
from app.kernel.identifiers import keyed_hash, tail
from app.residents.badge_uid import sealed_uid

INTERNAL, EXTERNAL = "internal", "external"
AUTHORISED_FOR = timedelta(minutes=15)  # from holding the badge to the start
RESERVED = "ConcurrentTx"  # of the refusals the one that no station remembers of the badge
LIVE = timedelta(minutes=5)  # an older start comes from a queue and says nothing about who charges now


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a tag stands for, and what the station is told. `class_`: internal (known here) or external (a partner's)."""

    tag_hash: bytes
    tag_tail: str
    status: str
    source: str = "unknown"
    class_: str = INTERNAL
    issuer: str | None = None
    badge_id: UUID | None = None
    request_id: UUID | None = None
    person_id: UUID | None = None
    billing_point_id: UUID | None = None
    sessions_at_once: int | None = None

    @property
    def group(self) -> str | None:
        """What all badges of one resident have in common (OCPP's parent or group id): each may stop the others' charge."""
        return None if self.person_id is None else group_of(self.person_id)


def group_of(person_id: UUID) -> str:
    """The group of a resident's badges: twenty characters that tell nothing about the person."""
    return "G" + base64.b32encode(hashlib.sha256(b"group of " + person_id.bytes).digest()).decode()[:19]


async def authorise(station: Station, id_tag: str, secret: bytes, now: datetime) -> str:
    """The status of a badge at this station: Accepted, Blocked, Expired, Invalid."""
    return (await token_holder(station, id_tag, secret, now)).status


async def token_holder(station: Station, id_tag: str, secret: bytes, now: datetime) -> Holder:
    """Whom a token held to the station stands for; an accepted one's class is kept for the session that follows."""
    async with as_machine():
        holder = await holder_of(station, None, id_tag, secret, now)
        if holder.status == "Accepted" and await kept_from(station, None, holder.person_id, now):
            return msgspec.structs.replace(holder, status=RESERVED)
        if holder.status == "Accepted":
            if holder.badge_id is not None:
                await execute("UPDATE badge SET last_used_at = $2 WHERE id = $1", holder.badge_id, now)
                # Entered before UIDs were sealed for local lists: the station has just told it.
                sealed = sealed_uid(secret, holder.badge_id, id_tag)
                await execute("UPDATE badge SET uid_sealed = $2 WHERE id = $1 AND uid_sealed IS NULL", holder.badge_id, sealed)
            await execute(REMEMBER, station.account_id, station.id, holder.tag_hash, now, holder.status, holder.class_, holder.issuer)
    return holder


async def holder_at_start(station: Station, connector_no: int, id_tag: str, secret: bytes, at: datetime, now: datetime) -> Holder:
    """Whom a starting session belongs to (inside the caller's transaction), by the class fixed at authorisation.

    A badge that charges elsewhere at this moment is answered ConcurrentTx; should energy flow, it is still its holder's.
    """
    holder = await holder_of(station, connector_no, id_tag, secret, at)
    fixed = await fetchrow(FIXED, station.account_id, station.id, holder.tag_hash, at - AUTHORISED_FOR, at + AUTHORISED_FOR)
    if fixed is not None and holder.request_id is None:
        holder = msgspec.structs.replace(holder, class_=fixed["class"], issuer=fixed["issuer"])
    if holder.status == "Accepted" and now - at < LIVE and await kept_from(station, connector_no, holder.person_id, at):
        return msgspec.structs.replace(holder, status=RESERVED)
    if holder.status == "Accepted" and holder.sessions_at_once is not None and now - at < LIVE:
        elsewhere = await fetchval(ELSEWHERE, station.account_id, holder.tag_hash, station.id, connector_no)
        if elsewhere >= holder.sessions_at_once:
            return msgspec.structs.replace(holder, status="ConcurrentTx")
    return holder


async def holder_of(station: Station, connector_no: int | None, id_tag: str, secret: bytes, at: datetime) -> Holder:
    """Whom a tag stands for (inside the caller's transaction). `connector_no` None: any connector of the station."""
    tag_hash = keyed_hash(secret, id_tag.upper())
    request = await fetchrow(REQUEST, station.account_id, tag_hash, station.id)
    if request is not None:
        status = "Accepted" if request["withdrawn_at"] is None else "Invalid"  # energy that flows all the same is still its asker's
        return Holder(tag_hash=tag_hash, tag_tail="", status=status, source="app", request_id=request["id"],
                      person_id=request["person_id"], billing_point_id=request["billing_point_id"],
                      class_=request["class"])  # fmt: skip
    badge = await fetchrow(BADGE, station.account_id, tag_hash)
    if badge is None:
        return await _partners_customer(station, tag_hash, tail(id_tag))
    nobody = Holder(tag_hash=tag_hash, tag_tail=badge["uid_tail"], status="Invalid", badge_id=badge["id"])
    if badge["state"] != "active" or not badge["charging_allowed"]:
        return msgspec.structs.replace(nobody, status="Blocked")
    zone = await fetchval("SELECT time_zone FROM site WHERE id = $1", station.site_id)
    day = local_date(at, zone)
    if day < badge["valid_from"] or (badge["valid_to"] is not None and day > badge["valid_to"]):
        return msgspec.structs.replace(nobody, status="Expired")
    billing_point_id = await _billing_point(station, connector_no, badge["person_id"], day)
    if billing_point_id is None:
        return nobody
    return msgspec.structs.replace(
        nobody, status="Accepted", source="badge", person_id=badge["person_id"], billing_point_id=billing_point_id,
        sessions_at_once=badge["sessions_at_once"],
    )  # fmt: skip


async def _partners_customer(station: Station, tag_hash: bytes, tag_tail: str) -> Holder:
    """A token that nobody here has: a partner's customer where the station takes them, else refused."""
    nobody = Holder(tag_hash=tag_hash, tag_tail=tag_tail, status="Invalid")
    row = await fetchrow(ROAMING, station.account_id, tag_hash, station.id)
    if row is None or not row["roaming_allowed"]:
        return nobody
    status = "Accepted" if row["allowed"] else "Blocked"
    return msgspec.structs.replace(nobody, status=status, source="badge", class_=EXTERNAL, issuer=row["issuer"])


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
SELECT id, person_id, billing_point_id, class, withdrawn_at FROM charge_request WHERE account_id = $1 AND tag_hash = $2 AND station_id = $3
"""
BADGE = """
SELECT b.id, b.person_id, b.uid_tail, b.state, b.valid_from, b.valid_to, b.sessions_at_once, p.charging_allowed
FROM badge b JOIN person p ON p.account_id = b.account_id AND p.id = b.person_id
WHERE b.account_id = $1 AND b.uid_hash = $2
"""
ROAMING = """
SELECT r.issuer, r.allowed, st.roaming_allowed FROM roaming_token r
JOIN station st ON st.account_id = r.account_id AND st.id = $3 WHERE r.account_id = $1 AND r.uid_hash = $2
"""
REMEMBER = """
INSERT INTO token_authorisation (account_id, station_id, tag_hash, at, status, class, issuer) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (account_id, station_id, tag_hash)
    DO UPDATE SET at = excluded.at, status = excluded.status, class = excluded.class, issuer = excluded.issuer
"""
FIXED = """
SELECT class, issuer FROM token_authorisation
WHERE account_id = $1 AND station_id = $2 AND tag_hash = $3 AND at BETWEEN $4 AND $5
"""
# A session on a station that is away may be over long since; it keeps nobody from charging.
ELSEWHERE = """
SELECT count(*) FROM charging_session x JOIN station st ON st.account_id = x.account_id AND st.id = x.station_id
WHERE x.account_id = $1 AND x.tag_hash = $2 AND x.state = 'open' AND st.online AND (x.station_id, x.connector_no) <> ($3, $4)
"""
OCCUPIED = """
SELECT o.billing_point_id FROM occupancy o JOIN billing_point b
    ON b.account_id = o.account_id AND b.id = o.billing_point_id
WHERE o.account_id = $1 AND o.person_id = $2 AND b.site_id = $3 AND b.activated AND o.period @> $4::date
ORDER BY lower(o.period), o.id
"""
