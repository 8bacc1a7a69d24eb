"""How operations go on that an Accepted only begins: diagnostics and firmware, told by status notifications."""

from datetime import datetime, timedelta

from app.charging.model import Changed, Station
from app.database.transaction import as_machine, fetch, fetchrow

# Nothing follows after these (1.6, its security extension, 2.0.1); every other status is on the way.
ENDS = frozenset((
    "Uploaded", "UploadFailed", "UploadFailure", "BadMessage", "NotSupportedOperation", "PermissionDenied", "AcceptedCanceled",
    "Installed", "InstallationFailed", "DownloadFailed", "InstallVerificationFailed", "InvalidSignature", "Idle",
    "Published", "PublishFailed", "InvalidChecksum",
))  # fmt: skip
GOOD_ENDS = frozenset(("Uploaded", "Installed", "Published"))
LOST_AFTER = timedelta(hours=24)

FOLLOW = """
UPDATE station_command SET progress = $3, progress_at = $4, following = NOT $5
WHERE account_id = $1 AND id = (SELECT id FROM station_command WHERE account_id = $1 AND station_id = $2 AND action = $6
    AND verdict IN ('accepted', 'scheduled', 'reboot_required') AND (request_no = $7 OR ($7::int IS NULL AND following))
    ORDER BY created_at DESC LIMIT 1)
RETURNING id
"""


async def follow(station: Station, kind: str, status: str, request_no: int | None, now: datetime) -> list[Changed]:
    """A status notification (`kind`: GetDiagnostics, UpdateFirmware, PublishFirmware). 1.6 names no request: the newest one that goes on.

    `Idle` is said when nothing goes on; then an operation that was followed has come to nothing or was never begun."""
    async with as_machine():
        row = await fetchrow(FOLLOW, station.account_id, station.id, status[:50], now, status in ENDS, kind, request_no)
    return [] if row is None else [Changed(account_id=station.account_id, kind="command", id=row["id"], station_id=station.id)]


async def give_up_silent(now: datetime) -> list[Changed]:
    """End operations of which nothing was heard for a day. Safe to repeat; for the timetable."""
    async with as_machine():
        rows = await fetch(
            "UPDATE station_command SET following = false, progress = 'Lost', progress_at = $1"
            " WHERE following AND coalesce(progress_at, answered_at) < $2 RETURNING account_id, id, station_id", now, now - LOST_AFTER,
        )  # fmt: skip
    return [Changed(account_id=row["account_id"], kind="command", id=row["id"], station_id=row["station_id"]) for row in rows]
