"""Who acts, and a line of the trail."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who changes something: a login, or a part of the system (`login_id` None) by its name."""

    account_id: UUID
    name: str
    login_id: UUID | None = None


class TrailLine(msgspec.Struct, frozen=True, kw_only=True):
    """One change of an object. `changes`: field -> [before, after]."""

    id: UUID
    at: datetime
    actor: str
    action: str
    reason: str
    changes: dict[str, list[Any]]
