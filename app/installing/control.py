"""Tools > Meter control: live values of each meter with what the checks say; inside the caller's transaction."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.database.transaction import fetch
from app.installing.checks import Live, Measured, Outcome, check_all, passed
from app.installing.queries import HEARD
from app.metering.model import MeterKind

LIVE = """
SELECT m.id, m.serial, m.name, m.kind, m.medium, m.phases, m.parent_id, p.kind AS above, m.version,
    l.taken_at, l.power_w, l.voltage_mv, l.import_wh, l.export_wh, c.checked_at, c.checked_by, c.passed AS passed_before
FROM meter m LEFT JOIN meter p ON p.account_id = m.account_id AND p.id = m.parent_id
LEFT JOIN meter_live l ON l.account_id = m.account_id AND l.meter_id = m.id
LEFT JOIN LATERAL (SELECT k.checked_at, k.checked_by, k.passed FROM meter_check k WHERE k.account_id = m.account_id AND k.meter_id = m.id
    ORDER BY k.checked_at DESC LIMIT 1) c ON true
WHERE m.site_id = $1 AND m.source = 'physical' AND m.removed_on IS NULL
ORDER BY m.medium <> 'electricity', m.kind = 'use', m.kind DESC, m.name, m.serial
"""


class ControlledMeter(msgspec.Struct, frozen=True, kw_only=True):
    """A meter, its live values, and its checks as they come out now. `passed_before`: what the last stored check said."""

    id: UUID
    serial: str
    name: str
    kind: MeterKind
    medium: str
    live: Live | None
    heard_at: datetime | None
    outcomes: list[Outcome]
    passes: bool
    checked_at: datetime | None
    checked_by: str | None
    passed_before: bool | None


async def control(site_id: UUID, now: datetime) -> list[ControlledMeter]:
    """The meters of a house that are read, what goes in and out first."""
    heard = {row["id"]: row["heard_at"] for row in await fetch(HEARD, site_id)}
    rows = await fetch(LIVE, site_id)
    measured = [
        Measured(id=row["id"], kind=row["kind"], electric=row["medium"] == "electricity", phases=row["phases"],
                 below=row["above"] not in (None, "entry"), live=_live(row), heard_at=heard.get(row["id"])) for row in rows
    ]  # fmt: skip
    outcomes = check_all(measured, now)
    return [
        ControlledMeter(
            id=row["id"], serial=row["serial"], name=row["name"], kind=row["kind"], medium=row["medium"], live=one.live,
            heard_at=one.heard_at, outcomes=outcomes[one.id], passes=passed(outcomes[one.id]), checked_at=row["checked_at"],
            checked_by=row["checked_by"], passed_before=row["passed_before"],
        ) for row, one in zip(rows, measured, strict=True)
    ]  # fmt: skip


def _live(row: dict[str, object]) -> Live | None:
    if row["taken_at"] is None:
        return None
    return msgspec.convert({name: row[name] for name in Live.__struct_fields__}, Live)
