"""Security events: what stations report and what the door saw; critical ones stay open until a person has looked."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.charging.model import Station
from app.database.transaction import as_machine, execute, fetch, fetchval, in_account
from app.kernel.errors import not_found

# Of the standard's list: what points at a break-in or a manipulated meter. Restarts and changed clocks are everyday.
CRITICAL = frozenset((
    "TamperDetectionActivated", "SecurityLogWasCleared", "AttemptedReplayAttacks", "InvalidFirmwareSignature",
    "InvalidFirmwareSigningCertificate", "InvalidCentralSystemCertificate", "InvalidCSMSCertificate",
    "InvalidChargePointCertificate", "InvalidChargingStationCertificate", "InvalidTLSVersion", "InvalidTLSCipherSuite",
    "MemoryExhaustion",
))  # fmt: skip
MOST_SHOWN = 200


class SecurityEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event. `at`: received; `station_time`: as the station says; `open`: critical and not looked at yet."""

    id: UUID
    station_id: UUID | None
    station_name: str | None
    identity: str
    at: datetime
    station_time: datetime | None
    kind: str
    detail: str
    source: str
    critical: bool
    open: bool


async def report_event(station: Station, kind: str, info: str | None, at: datetime, now: datetime) -> None:
    """Keep what a station reports, as kind `station:TYPE`; a repetition changes nothing."""
    async with as_machine():
        await execute(
            "INSERT INTO security_event (account_id, station_id, identity, at, kind, detail, source, critical, station_time)"
            " VALUES ($1, $2, $3, $4, $5, $6, 'station', $7, $8) ON CONFLICT DO NOTHING",
            station.account_id, station.id, station.identity, now, f"station:{kind}", info or "", kind in CRITICAL, at,
        )  # fmt: skip


EVENTS = """
SELECT e.id, e.station_id, s.name AS station_name, e.identity, e.at, e.station_time, e.kind, e.detail, e.source, e.critical,
       e.critical AND e.seen_at IS NULL AS open
FROM security_event e LEFT JOIN station s ON s.account_id = e.account_id AND s.id = e.station_id
WHERE ($1::uuid IS NULL OR e.station_id = $1) AND (NOT $2 OR (e.critical AND e.seen_at IS NULL))
ORDER BY e.critical AND e.seen_at IS NULL DESC, e.at DESC, e.id DESC LIMIT $3
"""


async def events(station_id: UUID | None = None, *, only_open: bool = False) -> list[SecurityEvent]:
    """The account's events: those to look at first, then the newest (inside the caller's transaction)."""
    rows = await fetch(EVENTS, station_id, only_open, MOST_SHOWN)
    return [SecurityEvent(**dict(row)) for row in rows]


async def mark_seen(account_id: UUID, login_id: UUID, event_id: UUID, now: datetime) -> None:
    """A person has looked; the first one counts. Raises Refused not_found. Safe to repeat."""
    async with in_account(account_id):
        if not await fetchval("SELECT 1 FROM security_event WHERE id = $1", event_id):
            raise not_found("event")
        await execute("UPDATE security_event SET seen_at = $2, seen_by = $3 WHERE id = $1 AND seen_at IS NULL", event_id, now, login_id)
