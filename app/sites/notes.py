"""Notes, to-dos and issues of a site: shared by operator and support, closed with a resolution, reopened with a reason."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec

from app.audit.commands import note, save
from app.audit.model import Actor
from app.database.transaction import execute, fetchrow, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id

Body = Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]


class NewNote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A note, to-do or issue. `assignee_id`: a login with a role in this account."""

    kind: Literal["note", "todo", "issue"]
    text: Body
    assignee_id: UUID | None = None
    due_on: date | None = None


class NoteChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another value of some fields; `version` is the one that the editor saw."""

    version: int
    text: Body | msgspec.UnsetType = msgspec.UNSET
    assignee_id: UUID | msgspec.UnsetType | None = msgspec.UNSET
    due_on: date | msgspec.UnsetType | None = msgspec.UNSET


async def add_note(actor: Actor, site_id: UUID, form: NewNote, now: datetime) -> UUID:
    """Write a note on a site. Raises Refused not_found."""
    note_id = new_id()
    async with in_account(actor.account_id):
        await _check_assignee(form.assignee_id)
        try:
            await execute(
                "INSERT INTO site_note (account_id, id, site_id, kind, text, assignee_id, due_on, created_at, created_by)"
                " VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)",
                actor.account_id, note_id, site_id, form.kind, form.text.strip(), form.assignee_id, form.due_on, now, actor.name,
            )  # fmt: skip
        except asyncpg.ForeignKeyViolationError as error:
            raise not_found("site") from error
        await note(actor, "site_note", note_id, "created", now, after=msgspec.structs.asdict(form))
    return note_id


async def change_note(actor: Actor, note_id: UUID, change: NoteChange, now: datetime) -> int:
    """Change a note. Returns the version. Raises Refused not_found, changed_meanwhile."""
    values = {name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET and name != "version"}
    async with in_account(actor.account_id):
        if isinstance(change.assignee_id, UUID):
            await _check_assignee(change.assignee_id)
        saved = await save(actor, "site_note", note_id, change.version, values, now)
    return int(saved["version"])


async def close_note(actor: Actor, note_id: UUID, resolution: str, now: datetime) -> None:
    """Close a to-do or issue with what was done. Safe to repeat. Raises Refused not_found, resolution_needed."""
    if not resolution.strip():
        raise Refused("resolution_needed", 422, "Say how it was resolved.", fields=["resolution"])
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT closed_at, version FROM site_note WHERE id = $1 FOR UPDATE", note_id)
        if row is None:
            raise not_found("note")
        if row["closed_at"] is None:
            values = {"closed_at": now, "closed_by": actor.name, "resolution": resolution.strip()}
            await save(actor, "site_note", note_id, row["version"], values, now, action="closed")


async def reopen_note(actor: Actor, note_id: UUID, reason: str, now: datetime) -> None:
    """Open a closed issue again; the trail keeps its resolution. Safe to repeat. Raises Refused not_found, reason_needed."""
    if not reason.strip():
        raise Refused("reason_needed", 422, "Say why it is open again.", fields=["reason"])
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT closed_at, version FROM site_note WHERE id = $1 FOR UPDATE", note_id)
        if row is None:
            raise not_found("note")
        if row["closed_at"] is not None:
            values = {"closed_at": None, "closed_by": None, "resolution": None}
            await save(actor, "site_note", note_id, row["version"], values, now, action="reopened", reason=reason)


async def _check_assignee(login_id: UUID | None) -> None:
    if login_id is not None and await fetchrow("SELECT 1 FROM login_name WHERE id = $1", login_id) is None:
        raise not_found("person to assign")
