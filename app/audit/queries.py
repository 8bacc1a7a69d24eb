"""The trail of an object, inside the caller's transaction."""

from uuid import UUID

import msgspec

from app.audit.model import TrailLine
from app.database.transaction import fetch

MOST_LINES = 500


async def trail(object_kind: str, object_id: UUID) -> list[TrailLine]:
    """What happened to an object, the newest first."""
    rows = await fetch(
        "SELECT id, at, actor, action, reason, changes FROM audit_entry WHERE object_kind = $1 AND object_id = $2"
        " ORDER BY id DESC LIMIT $3", object_kind, object_id, MOST_LINES,
    )  # fmt: skip
    return [TrailLine(**{**row, "changes": msgspec.json.decode(row["changes"])}) for row in rows]
