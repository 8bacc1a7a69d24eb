"""Store meter values as received."""

import hashlib
from datetime import datetime
from uuid import UUID

from app.database.transaction import execute, fetch
from app.metering import ocmf
from app.metering.model import SignedText
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


INSERT_SIGNED = """
INSERT INTO signed_value (account_id, station_id, connector_no, session_id, taken_at, received_at, context, received, record,
                          record_hash, verdict, public_key, key_source)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING
"""


async def store_signed(
    account_id: UUID, station_id: UUID, connector_no: int, taken_at: datetime, session_id: UUID | None, signed: SignedText,
    context: str | None, station_key: str | None, now: datetime,
) -> ocmf.Verdict:  # fmt: skip
    """A signed value byte for byte, with what its signature says (inside the caller's transaction). The same again: nothing.

    The key entered for the station goes before one that the message brings along.
    """
    record = ocmf.record_in(signed.received)
    key = station_key or signed.public_key
    source = "station" if station_key else "message" if signed.public_key else None
    verdict: ocmf.Verdict = "unreadable" if record is None else ocmf.verify(record, key)
    kept = signed.received.encode("utf-8", "replace") if record is None else record
    await execute(
        INSERT_SIGNED, account_id, station_id, connector_no, session_id, taken_at, now, context, signed.received, kept,
        hashlib.sha256(kept).digest(), verdict, key, source,
    )  # fmt: skip
    return verdict


async def signed_verdict(session_id: UUID) -> tuple[bool, int | None]:
    """Whether a signature of a session is wrong, and the energy (Wh) that its good ones vouch for."""
    rows = await fetch("SELECT verdict, record FROM signed_value WHERE session_id = $1 ORDER BY taken_at, id", session_id)
    forged = any(row["verdict"] == "invalid" for row in rows)
    return forged, ocmf.energy_wh(row["record"] for row in rows if row["verdict"] == "valid")
