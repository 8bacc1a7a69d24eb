"""Write the trail, and save an object by its version. Everything runs inside the caller's transaction."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec

from app.audit.model import Actor
from app.audit.rules import difference, plain
from app.database.transaction import execute, fetchrow
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id

PERSONAL_KINDS = frozenset({"person", "contact", "badge", "badge_request"})
Versioned = Literal["site", "building", "billing_point", "person", "contact", "site_note", "financial_condition", "meter", "gateway",
                    "device", "station"]  # fmt: skip


async def note(
    actor: Actor, object_kind: str, object_id: UUID, action: str, now: datetime, *, before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None, reason: str = "",
) -> None:  # fmt: skip
    """Keep a line of the trail: what `action` made of `before`."""
    changes = msgspec.json.encode(difference(_shown(before), _shown(after), hide_personal=object_kind in PERSONAL_KINDS)).decode()
    await execute(
        "INSERT INTO audit_entry (account_id, id, at, login_id, actor, object_kind, object_id, action, reason, changes)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        actor.account_id, new_id(), now, actor.login_id, actor.name, object_kind, object_id, action, reason, changes,
    )  # fmt: skip


def _shown(values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Ranges of days as "first..last"; everything else as it is."""
    return {name: _days(value) if isinstance(value, asyncpg.Range) else value for name, value in (values or {}).items()}


def _days(period: asyncpg.Range) -> str:
    last = "" if period.upper is None else str(period.upper - timedelta(days=1))
    return f"{period.lower or ''}..{last}"


async def save(
    actor: Actor, table: Versioned, object_id: UUID, version: int, values: Mapping[str, Any], now: datetime, *,
    action: str = "changed", reason: str = "",
) -> asyncpg.Record:  # fmt: skip
    """Change an object that still has the version its editor saw, and keep the difference in the trail.

    `values`: columns (names of ours, never from a request) and their new values. Returns the row as it then is; saving
    what is there already changes nothing. Raises Refused not_found; changed_meanwhile (409) with the present values of
    the fields in question where somebody else saved in between.
    """
    before = await fetchrow(f"SELECT * FROM {table} WHERE id = $1 FOR UPDATE", object_id)
    if before is None:
        raise not_found(table)
    changed = {name: value for name, value in values.items() if before[name] != value}
    if not changed:
        return before
    if before["version"] != version:
        raise changed_meanwhile(before, values)
    columns = ", ".join(f"{name} = ${place}" for place, name in enumerate(changed, start=2))
    after = await fetchrow(f"UPDATE {table} SET version = version + 1, {columns} WHERE id = $1 RETURNING *", object_id, *changed.values())
    if after is None:
        raise not_found(table)
    await note(actor, table, object_id, action, now, before=dict(before), after=changed, reason=reason)
    return after


def changed_meanwhile(present: Mapping[str, Any], values: Mapping[str, Any]) -> Refused:
    """Somebody else saved first: nothing is lost, both states are told."""
    theirs: dict[str, Any] = {}
    for name in values:
        value = present[name]
        if isinstance(value, asyncpg.Range):  # a form shows its first and its last day
            theirs |= {"first": plain(value.lower), "last": None if value.upper is None else plain(value.upper - timedelta(days=1))}
        else:
            theirs[name] = plain(value)
    return Refused(
        "changed_meanwhile", 409,
        "Somebody else has changed this in the meantime. Compare what stands there now with what you wrote, then save again.",
        version=present["version"], present=theirs,
    )  # fmt: skip
