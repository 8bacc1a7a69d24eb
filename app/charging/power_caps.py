"""A grid operator's cap on the power of a site's cars, until a time (§ 14a EnWG), inside the caller's transaction."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import execute, fetch, fetchval
from app.kernel.errors import Refused, not_found


class NewPowerCap(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`starts_at` None: now. `asked_by`: who asked, for the record that the law wants."""

    cap_w: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
    ends_at: datetime
    starts_at: datetime | None = None
    asked_by: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class PowerCap(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked."""

    id: UUID
    cap_w: int
    starts_at: datetime
    ends_at: datetime
    asked_by: str


async def cap_power(actor: Actor, site_id: UUID, asked: NewPowerCap, now: datetime) -> PowerCap:
    """Keep a cap; the next tick, which follows at once, obeys it. Raises Refused cap_without_time."""
    starts = now if asked.starts_at is None else asked.starts_at
    if asked.ends_at <= max(starts, now):
        raise Refused("cap_without_time", 422, "The end of the cap is not after its beginning and now.", fields=["ends_at"])
    cap_id = await fetchval(
        "INSERT INTO site_power_cap (account_id, site_id, cap_w, starts_at, ends_at, asked_by)"
        " VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        actor.account_id, site_id, asked.cap_w, starts, asked.ends_at, asked.asked_by,
    )  # fmt: skip
    await note(actor, "site", site_id, "power_capped", now, reason=asked.asked_by)
    return PowerCap(id=cap_id, cap_w=asked.cap_w, starts_at=starts, ends_at=asked.ends_at, asked_by=asked.asked_by)


async def caps_of(site_id: UUID, most: int = 100) -> list[PowerCap]:
    """What was ever asked, newest first."""
    rows = await fetch("SELECT id, cap_w, starts_at, ends_at, asked_by FROM site_power_cap WHERE site_id = $1"
                       " ORDER BY starts_at DESC LIMIT $2", site_id, most)  # fmt: skip
    return [PowerCap(**row) for row in rows]


async def end_cap(actor: Actor, site_id: UUID, cap_id: UUID, now: datetime) -> None:
    """Take a cap back before its end; one that is over stays as it was. Raises Refused not_found."""
    if await fetchval("SELECT 1 FROM site_power_cap WHERE id = $1 AND site_id = $2", cap_id, site_id) is None:
        raise not_found("power cap")
    await execute("UPDATE site_power_cap SET ends_at = greatest($2, starts_at + interval '1 microsecond') WHERE id = $1 AND ends_at > $2",
                  cap_id, now)  # fmt: skip
    await note(actor, "site", site_id, "power_cap_ended", now)
