"""Store meter values as received."""

from datetime import datetime
from uuid import UUID

from app.database.transaction import execute
from app.metering.rules import Reading

INSERT = """
INSERT INTO meter_value (account_id, station_id, connector_no, taken_at, session_id, received_at, energy_wh, power_w,
                         context, flags, raw)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""


async def store_value(
    account_id: UUID, station_id: UUID, connector_no: int, taken_at: datetime, session_id: UUID | None,
    reading: Reading, context: str | None, raw: str, now: datetime,
) -> None:  # fmt: skip
    """One value, verbatim beside what was read from it (inside the caller's transaction)."""
    await execute(
        INSERT, account_id, station_id, connector_no, taken_at, session_id, now, reading.energy_wh, reading.power_w,
        context, list(reading.flags), raw,
    )  # fmt: skip
