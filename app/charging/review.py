"""What a person has to look at: messages that could not be placed, kept verbatim."""

import hashlib
from datetime import datetime

from app.charging.model import Station
from app.database.transaction import as_machine, execute


async def quarantine_message(station: Station, kind: str, reason: str, body: str, now: datetime) -> None:
    """Keep a message that could not be read or placed, in a transaction of its own. The same one twice is kept once."""
    async with as_machine():
        await keep_for_review(station, kind, reason, body, now)


async def keep_for_review(station: Station, kind: str, reason: str, body: str, now: datetime) -> None:
    """The same inside the caller's transaction."""
    safe = body.encode("utf-8", "replace").decode().replace("\x00", "\N{SYMBOL FOR NULL}")
    await execute(
        "INSERT INTO quarantine (account_id, station_id, received_at, kind, reason, body, body_hash)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (account_id, station_id, kind, body_hash) DO NOTHING",
        station.account_id, station.id, now, kind, reason, safe, hashlib.sha256(safe.encode()).digest(),
    )  # fmt: skip
