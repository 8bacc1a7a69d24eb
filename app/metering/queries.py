"""Meter values of a session."""

from uuid import UUID

from app.database.transaction import fetch
from app.metering.model import MeterPoint


async def session_values(session_id: UUID) -> list[MeterPoint]:
    """The values of a session in order of time (inside the caller's transaction)."""
    rows = await fetch("SELECT taken_at, energy_wh, power_w FROM meter_value WHERE session_id = $1 ORDER BY taken_at, id", session_id)
    return [MeterPoint(row["taken_at"], row["energy_wh"], row["power_w"]) for row in rows]
