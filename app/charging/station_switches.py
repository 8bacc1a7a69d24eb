"""An operator's switches of a station: whom it takes besides the people of its own house."""

from datetime import datetime
from uuid import UUID

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import execute, fetchval, in_account
from app.kernel.errors import not_found


async def take_roaming(actor: Actor, station_id: UUID, allowed: bool, now: datetime) -> None:
    """Let partners' customers charge at a station, or no longer; charges under way go on. Raises Refused not_found."""
    async with in_account(actor.account_id):
        before = await fetchval("SELECT roaming_allowed FROM station WHERE id = $1 FOR UPDATE", station_id)
        if before is None:
            raise not_found("station")
        if before != allowed:
            await execute("UPDATE station SET roaming_allowed = $2 WHERE id = $1", station_id, allowed)
            await note(actor, "station", station_id, "roaming", now, before={"allowed": before}, after={"allowed": allowed})
