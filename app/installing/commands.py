"""What an installer brings: entries and photos, each stored once however often it is sent; meter checks; the hand-over."""

import asyncio
import hashlib
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import execute, fetchrow, fetchval, in_account
from app.installing import handover
from app.installing.control import control
from app.installing.model import Fact, Thing
from app.installing.photos import encoded
from app.installing.queries import thing
from app.installing.rules import asks_of, wrong
from app.kernel.errors import Refused, not_found
from app.metering.intake import INSTALLATION, Reading, take_here
from app.sites.commands import set_status

MOST_PHOTOS = 12
OLDEST = timedelta(days=60)
ENTRY = """
INSERT INTO install_entry (account_id, id, site_id, object_id, facts, taken_at, received_at, entered_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id
"""
PHOTO = """
INSERT INTO install_photo (account_id, id, site_id, object_id, taken_at, received_at, taken_by, sha256, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING id
"""


class NewEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Entries of a device's step. `id`: made by the phone, so that sending it again changes nothing."""

    id: UUID
    object_id: UUID
    facts: dict[str, Fact]
    taken_at: datetime


async def enter(actor: Actor, site_id: UUID, entry: NewEntry, now: datetime) -> None:
    """Keep what was entered. Raises Refused not_found, bad_entry, and what a start index is refused for."""
    async with in_account(actor.account_id):
        found, house = await thing(site_id, entry.object_id, now)
        bad = wrong(entry.facts, asks_of(found, house))
        if bad or not entry.facts:
            raise Refused("bad_entry", 422, "An entry is missing or cannot be. Check it and send it again.", fields=bad)
        taken_at = _when(entry.taken_at, now)
        stored = await fetchval(ENTRY, actor.account_id, entry.id, site_id, entry.object_id, msgspec.json.encode(entry.facts).decode(),
                                taken_at, now, actor.name)  # fmt: skip
        if stored is None:
            return
        if "start_index" in entry.facts:
            await _start(actor, site_id, found, int(entry.facts["start_index"]), taken_at, now)  # type: ignore[arg-type]
        await note(actor, "site", site_id, "installed", now, after={"device": found.serial or found.name, **entry.facts})


async def _start(actor: Actor, site_id: UUID, meter: Thing, index: int, taken_at: datetime, now: datetime) -> None:
    """The index with which a meter begins is a reading as well."""
    one = Reading(meter=meter.serial, at=taken_at.replace(microsecond=0), imported=index)
    report = await take_here(actor.account_id, site_id, [one], INSTALLATION, "installation", now, actor.name)
    if report.refused:
        raise Refused(report.refused[0].code, 422, "The start index does not fit the readings of this meter.", fields=["start_index"])


async def keep_photo(actor: Actor, site_id: UUID, object_id: UUID, photo_id: UUID, taken_at: datetime, raw: bytes, now: datetime) -> None:
    """Keep a photo of a device. Raises Refused not_found, bad_photo, too_large, too_many_photos."""
    async with in_account(actor.account_id):
        found, _ = await thing(site_id, object_id, now)
        if await fetchval("SELECT 1 FROM install_photo WHERE id = $1", photo_id):
            return
    body = await asyncio.to_thread(encoded, raw)
    async with in_account(actor.account_id):
        if await fetchval("SELECT count(*) FROM install_photo WHERE object_id = $1", object_id) >= MOST_PHOTOS:
            raise Refused("too_many_photos", 409, f"There are {MOST_PHOTOS} photos of this device already. Delete one first.",
                          most=MOST_PHOTOS)  # fmt: skip
        stored = await fetchval(PHOTO, actor.account_id, photo_id, site_id, object_id, _when(taken_at, now), now, actor.name,
                                hashlib.sha256(body).digest(), body)  # fmt: skip
        if stored is not None:
            await note(actor, "site", site_id, "photo", now, after={"device": found.serial or found.name})


async def delete_photo(actor: Actor, site_id: UUID, photo_id: UUID, now: datetime) -> None:
    """Take a photo away for good. Raises Refused not_found."""
    async with in_account(actor.account_id):
        row = await fetchrow("DELETE FROM install_photo WHERE id = $1 AND site_id = $2 RETURNING object_id", photo_id, site_id)
        if row is None:
            raise not_found("photo")
        await note(actor, "site", site_id, "photo_deleted", now, after={"device": row["object_id"]})


async def run_checks(actor: Actor, site_id: UUID, now: datetime) -> None:
    """Hold every meter of a house against the checks and keep what came of it."""
    async with in_account(actor.account_id):
        meters = await control(site_id, now)
        for one in meters:
            await execute("INSERT INTO meter_check (account_id, meter_id, checked_at, checked_by, passed, outcomes)"
                          " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING", actor.account_id, one.id, now, actor.name,
                          one.passes, msgspec.json.encode(one.outcomes).decode())  # fmt: skip
        await note(actor, "site", site_id, "meters_checked", now,
                   after={"meters": len(meters), "passed": sum(one.passes for one in meters)})  # fmt: skip


async def hand_over(actor: Actor, site_id: UUID, now: datetime) -> None:
    """Hand a house over to be verified. Safe to repeat. Raises Refused not_found, not_ready with the reasons, not_allowed_now."""
    async with in_account(actor.account_id):
        status = await fetchval("SELECT status FROM site WHERE id = $1", site_id)
    if status not in ("installing", "to_verify"):
        raise Refused("not_allowed_now", 409, "Only a house that is being installed is handed over.", allowed=["installing"])
    await set_status(actor, site_id, "to_verify", "", now, reasons=handover.reasons)


def _when(taken_at: datetime, now: datetime) -> datetime:
    """The phone's time, as far as it can be: a clock that is ahead counts as now, one that is years behind as well."""
    if taken_at.tzinfo is None:
        raise Refused("no_time_zone", 422, "The time has no zone: in autumn it may mean two hours.", fields=["taken_at"])
    return taken_at if now - OLDEST <= taken_at <= now else now
