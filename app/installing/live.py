"""What a gateway tells of this moment: live values of its meters, and what answered when it searched its buses."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from app.database.transaction import execute, fetch, fetchval, in_account
from app.kernel.errors import not_found

MOST_METERS = 500
Watts = Annotated[int, msgspec.Meta(ge=-10_000_000, le=10_000_000)]
Millivolts = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
Register = Annotated[int, msgspec.Meta(ge=0, le=10**15)]

KEEP = """
INSERT INTO meter_live (account_id, meter_id, taken_at, power_w, voltage_mv, import_wh, export_wh) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (account_id, meter_id) DO UPDATE SET taken_at = excluded.taken_at, power_w = excluded.power_w,
    voltage_mv = excluded.voltage_mv, import_wh = excluded.import_wh, export_wh = excluded.export_wh
WHERE meter_live.taken_at < excluded.taken_at
"""
SCANNED = """
INSERT INTO bus_scan (account_id, site_id, gateway_id, bus, scanned_at, addresses) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (account_id, gateway_id, bus) DO UPDATE SET scanned_at = excluded.scanned_at, addresses = excluded.addresses
"""


class LiveValues(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A meter at a time: power (W, negative leaves towards the grid) and voltage (mV) per phase, its registers in Wh."""

    meter: Annotated[str, msgspec.Meta(max_length=80)]
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    power_w: Annotated[list[Watts], msgspec.Meta(min_length=1, max_length=3)]
    voltage_mv: Annotated[list[Millivolts], msgspec.Meta(min_length=1, max_length=3)] | None = None
    imported: Register | None = msgspec.field(name="import", default=None)
    exported: Register | None = msgspec.field(name="export", default=None)


class Search(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The addresses that answered on a bus."""

    bus: Literal["modbus", "mbus"]
    addresses: Annotated[list[Annotated[int, msgspec.Meta(ge=0, le=250)]], msgspec.Meta(max_length=251)]


class Moment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a gateway sends. `gateway`: its serial number, where the token does not say it."""

    gateway: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    meters: Annotated[list[LiveValues], msgspec.Meta(max_length=MOST_METERS)] = []
    searches: Annotated[list[Search], msgspec.Meta(max_length=2)] = []


class Taken(msgspec.Struct, frozen=True):
    """How many meters were known, and the serial numbers that nobody has entered."""

    meters: int
    unknown: list[str]


async def take_moment(account_id: UUID, site_id: UUID, gateway_id: UUID | None, moment: Moment, now: datetime) -> Taken:
    """Keep the latest values of each meter; older ones change nothing. Raises Refused not_found where the gateway is not of the house."""
    async with in_account(account_id):
        gateway = gateway_id if moment.gateway is None else await _gateway(site_id, moment.gateway)
        rows = await fetch("SELECT id, serial, phases FROM meter WHERE site_id = $1 AND serial = ANY($2::text[]) AND source = 'physical'"
                           " AND removed_on IS NULL ORDER BY id", site_id, [one.meter for one in moment.meters])  # fmt: skip
        known = {row["serial"]: row["id"] for row in rows}
        for one in sorted(moment.meters, key=lambda value: str(known.get(value.meter, ""))):
            if one.meter in known:
                await execute(KEEP, account_id, known[one.meter], min(one.at, now), _phases(one.power_w),
                              None if one.voltage_mv is None else _phases(one.voltage_mv), one.imported, one.exported)  # fmt: skip
        if gateway is not None:
            await execute("UPDATE gateway SET seen_at = $2 WHERE id = $1 AND (seen_at IS NULL OR seen_at < $2)", gateway, now)
            for search in moment.searches:
                await execute(SCANNED, account_id, site_id, gateway, search.bus, now, sorted(set(search.addresses)))
    return Taken(len(known), sorted({one.meter for one in moment.meters} - known.keys()))


def _phases(values: list[int]) -> list[int]:
    """One or three phases: of two, the third is dead."""
    return [*values, 0] if len(values) == 2 else values


async def _gateway(site_id: UUID, serial: str) -> UUID:
    found: UUID | None = await fetchval("SELECT id FROM gateway WHERE site_id = $1 AND serial = upper($2)", site_id, serial.strip())
    if found is None:
        raise not_found("gateway")
    return found
