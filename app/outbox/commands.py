"""Record an event with the change that caused it: both are committed, or neither."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from app.database.transaction import fetchval


async def record(event: str, args: dict[str, Any], *, account_id: UUID | None, key: str | None = None, at: datetime | None = None) -> int:
    """Enqueue the job of an event inside the caller's transaction; it starts after the commit, or at `at`.

    `key`: jobs with the same key run one after another. Returns the job's number. Every job may run more than once,
    so its command must be safe to repeat.
    """
    body = {name: str(value) if isinstance(value, UUID | datetime) else value for name, value in args.items()}
    if account_id is not None:
        body["account_id"] = str(account_id)
    number = await fetchval("SELECT enqueue_job($1, $2::jsonb, $3, NULL, $4)", event, json.dumps(body), key, at)
    return int(number)
