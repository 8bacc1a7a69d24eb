"""What is installed in a house and how far each step is; inside the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.database.transaction import fetch, fetchrow
from app.installing.model import ORDER, Fact, Kind, OpenPoint, Photo, Thing
from app.installing.rules import Question, asks_of, gateway_urls, is_live, open_of
from app.kernel.errors import not_found

HEARD = """
SELECT m.id, greatest(l.taken_at, r.received_at) AS heard_at FROM meter m
LEFT JOIN meter_live l ON l.account_id = m.account_id AND l.meter_id = m.id
LEFT JOIN LATERAL (SELECT i.received_at FROM index_reading i WHERE i.account_id = m.account_id AND i.meter_id = m.id AND i.way <> 4
    ORDER BY i.taken_at DESC LIMIT 1) r ON true
WHERE m.site_id = $1 AND m.source = 'physical' AND m.removed_on IS NULL
"""
METER_KIND = """CASE WHEN m.medium <> 'electricity' THEN 'thermal' WHEN m.address <> '' THEN 'wifi_meter' WHEN m.relay THEN 'relay_meter'
    ELSE 'meter' END AS kind"""
METERS = f"""
SELECT {METER_KIND}, m.id, m.name, m.serial, coalesce(p.name, '') AS place, coalesce(m.bus_address::text, m.address) AS address,
    m.gateway_id, m.kind AS use, m.medium, '{{}}'::text[] AS outputs
FROM meter m LEFT JOIN LATERAL (SELECT b.name FROM meter_link k JOIN billing_point b ON b.account_id = k.account_id
    AND b.id = k.billing_point_id WHERE k.account_id = m.account_id AND k.meter_id = m.id ORDER BY lower(k.period) DESC LIMIT 1) p ON true
WHERE m.site_id = $1 AND m.source = 'physical' AND m.removed_on IS NULL
"""
DEVICES = """
SELECT CASE WHEN d.kind <> 'router' THEN d.kind WHEN d.uplink = '4g' THEN 'router_4g' ELSE 'router_lan' END AS kind, d.id, d.name, d.serial,
    d.place, d.address, d.gateway_id, '' AS use, '' AS medium, coalesce(o.outputs, '{}') AS outputs
FROM device d LEFT JOIN LATERAL (SELECT array_agg(x.position || ' ' || x.label ORDER BY x.position) AS outputs FROM device_output x
    WHERE x.account_id = d.account_id AND x.device_id = d.id) o ON true
WHERE d.site_id = $1 AND d.removed_on IS NULL AND d.kind NOT IN ('pv', 'battery')
"""
OTHERS = """
SELECT 'gateway' AS kind, id, name, serial, '' AS place, '' AS address, id AS gateway_id, seen_at AS heard_at FROM gateway
WHERE site_id = $1 AND removed_on IS NULL
UNION ALL SELECT CASE WHEN remote THEN 'remote_station' ELSE 'station' END, id, name, coalesce(serial, ''), place, identity, gateway_id,
    CASE WHEN online THEN $2::timestamptz ELSE last_message_at END FROM station WHERE site_id = $1
"""


class Scan(msgspec.Struct, frozen=True):
    """What answered when the gateway searched its bus."""

    at: datetime
    addresses: list[int]


class DeviceStep(msgspec.Struct, frozen=True, kw_only=True):
    """A device's step: what it asks for, what was entered, and what is still open. `live`: heard of within a quarter of an hour."""

    kind: Kind
    id: UUID
    name: str
    serial: str
    place: str
    address: str
    medium: str
    asks: list[Question]
    facts: dict[str, Fact]
    photos: list[Photo]
    open: list[OpenPoint]
    done: bool
    begun: bool
    heard_at: datetime | None
    live: bool
    scan: Scan | None = None
    urls: list[str] = []


class _Kept(msgspec.Struct):
    facts: dict[str, Fact] = msgspec.field(default_factory=dict)
    photos: list[Photo] = msgspec.field(default_factory=list)
    began: datetime | None = None


async def things(site_id: UUID, now: datetime) -> list[Thing]:
    """Everything of a house that somebody installs, in the order of work."""
    heard = {row["id"]: row["heard_at"] for row in await fetch(HEARD, site_id)}
    rows = [
        {**row, "heard_at": heard.get(row["id"])} for sql in (METERS, DEVICES) for row in await fetch(sql, site_id)
    ] + [{**row, "use": "", "medium": "", "outputs": []} for row in await fetch(OTHERS, site_id, now)]  # fmt: skip
    found = [
        Thing(**{**row, "outputs": tuple(_output(one) for one in row["outputs"]), "name": row["name"] or row["serial"]}) for row in rows
    ]
    found = [_gateway_heard(one, found) if one.kind == "gateway" else one for one in found]
    return sorted(found, key=lambda one: (ORDER.index(one.kind), one.name, one.serial, one.id))


def _output(text: str) -> tuple[int, str]:
    position, _, label = text.partition(" ")
    return int(position), label


def _gateway_heard(gateway: Thing, house: Sequence[Thing]) -> Thing:
    """A gateway was heard of when one of its meters was."""
    times = [one.heard_at for one in house if one.heard_at is not None and one.gateway_id == gateway.id and one.medium]
    own = [] if gateway.heard_at is None else [gateway.heard_at]
    return msgspec.structs.replace(gateway, heard_at=max(times + own, default=None))


async def thing(site_id: UUID, object_id: UUID, now: datetime) -> tuple[Thing, list[Thing]]:
    """A device and all of its house. Raises Refused not_found."""
    house = await things(site_id, now)
    found = next((one for one in house if one.id == object_id), None)
    if found is None:
        raise not_found("device")
    return found, house


async def steps(site_id: UUID, now: datetime) -> list[DeviceStep]:
    """The steps of a house, in the order of work."""
    house, kept, scans = await things(site_id, now), await _kept(site_id), await _scans(site_id)
    ips = [kept[one.id].facts["ip"] for one in house if one.kind == "gateway" and one.id in kept and "ip" in kept[one.id].facts]
    urls = gateway_urls(str(ip) for ip in ips)
    found = []
    for one in house:
        mine = kept.get(one.id, _Kept())
        still = open_of(one, mine.facts, len(mine.photos), house, mine.began, urls)
        found.append(DeviceStep(
            kind=one.kind, id=one.id, name=one.name, serial=one.serial, place=one.place, address=one.address, medium=one.medium,
            asks=asks_of(one, house), facts=mine.facts, photos=mine.photos, open=still, done=not still, begun=mine.began is not None,
            heard_at=one.heard_at, live=is_live(one.heard_at, now), scan=_scan_of(one, scans), urls=urls if one.kind == "station" else [],
        ))  # fmt: skip
    return found


async def _kept(site_id: UUID) -> dict[UUID, _Kept]:
    """What was entered, the latest entry of each name, and the photos."""
    found: dict[UUID, _Kept] = {}
    for row in await fetch("SELECT object_id, facts, taken_at FROM install_entry WHERE site_id = $1 ORDER BY taken_at, received_at, id",
                           site_id):  # fmt: skip
        mine = found.setdefault(row["object_id"], _Kept())
        mine.facts |= msgspec.json.decode(row["facts"], type=dict[str, Fact])
        mine.began = mine.began or row["taken_at"]
    for row in await fetch("SELECT id, object_id, taken_at, taken_by FROM install_photo WHERE site_id = $1 ORDER BY taken_at, id", site_id):
        mine = found.setdefault(row["object_id"], _Kept())
        mine.photos.append(Photo(id=row["id"], taken_at=row["taken_at"], by=row["taken_by"]))
        mine.began = min(mine.began or row["taken_at"], row["taken_at"])
    return found


async def _scans(site_id: UUID) -> dict[tuple[str, UUID], Scan]:
    rows = await fetch("SELECT bus, gateway_id, scanned_at, addresses FROM bus_scan WHERE site_id = $1 ORDER BY scanned_at", site_id)
    return {(row["bus"], row["gateway_id"]): Scan(row["scanned_at"], list(row["addresses"])) for row in rows}


def _scan_of(one: Thing, scans: dict[tuple[str, UUID], Scan]) -> Scan | None:
    """The latest search on a converter's bus, by its gateway, or by any of the house where it names none."""
    bus = {"rs485_converter": "modbus", "mbus_converter": "mbus"}.get(one.kind)
    return next((scan for (found, gateway), scan in reversed(scans.items()) if found == bus and one.gateway_id in (None, gateway)), None)


async def photo(photo_id: UUID) -> tuple[UUID, UUID, bytes]:
    """(site, device, JPEG) of a photo. Raises Refused not_found."""
    row = await fetchrow("SELECT site_id, object_id, body FROM install_photo WHERE id = $1", photo_id)
    if row is None:
        raise not_found("photo")
    return row["site_id"], row["object_id"], row["body"]
