"""Readings that could not be taken, until somebody has looked into them."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import fetch, fetchrow, in_account
from app.kernel.errors import Refused, not_found


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """A refused reading: of which meter, when, what was sent, and why it was refused."""

    id: UUID
    meter_id: UUID | None
    serial: str
    taken_at: datetime | None
    code: str
    value: str
    source: str
    received_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    resolution: str | None


COLUMNS = ", ".join(Issue.__struct_fields__)


async def issues_of(site_id: UUID) -> list[Issue]:
    """The issues of a house, open ones first (inside the caller's transaction)."""
    rows = await fetch(f"SELECT {COLUMNS} FROM reading_issue WHERE site_id = $1 ORDER BY closed_at IS NOT NULL, received_at DESC, id"
                       " LIMIT 500", site_id)  # fmt: skip
    return [Issue(**row) for row in rows]


async def close_issue(actor: Actor, issue_id: UUID, resolution: str, now: datetime) -> None:
    """Say how an issue was dealt with. Raises Refused not_found, closed_already."""
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT site_id, closed_at FROM reading_issue WHERE id = $1 FOR UPDATE", issue_id)
        if row is None:
            raise not_found("issue")
        if row["closed_at"] is not None:
            raise Refused("closed_already", 409, "This issue is closed already.")
        await fetch("UPDATE reading_issue SET closed_at = $2, closed_by = $3, resolution = $4 WHERE id = $1",
                    issue_id, now, actor.name, resolution)  # fmt: skip
        await note(actor, "site", row["site_id"], "reading_issue_closed", now, after={"resolution": resolution})
