"""Stations as they are entered and changed: identity, gateway or platform, zone, places. The key is told once and never kept."""

import secrets
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
import msgspec

from app.audit.commands import note, save
from app.audit.model import Actor
from app.charging.station_keys import NEW_KEY_BYTES
from app.charging.station_rules import Make, amperes_of, identity_of
from app.charging.wiring import CircuitWiring, StationPart, wire
from app.database.transaction import execute, fetch, fetchrow, fetchval, in_account
from app.kernel.calendar import local_midnight
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import keyed_hash, new_id, public_code

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
Text = Annotated[str, msgspec.Meta(max_length=80)]
Power = Annotated[int, msgspec.Meta(ge=1400, le=500_000)]
LISTED = """
SELECT s.id, s.identity, s.name, s.place, s.make, s.vendor, s.model, s.serial, s.firmware, s.building_id, s.gateway_id, s.remote,
    s.max_power_w, s.phases, s.online, s.registered, s.last_message_at, s.version, c.name AS circuit,
    (SELECT count(*) FROM connector k WHERE k.account_id = s.account_id AND k.station_id = s.id AND k.number > 0) AS connectors,
    (SELECT min(k.billing_point_id::text)::uuid FROM connector k WHERE k.account_id = s.account_id AND k.station_id = s.id
        AND k.number > 0) AS billing_point_id
FROM station s LEFT JOIN station_wiring w ON w.account_id = s.account_id AND w.station_id = s.id
LEFT JOIN circuit c ON c.account_id = w.account_id AND c.id = w.circuit_id WHERE s.site_id = $1 ORDER BY s.name, s.identity
"""


class NewStation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form of a station. `identity`: its OCPP identity, the serial number of an ABB Terra. `remote`: straight to the platform,
    with no gateway. `circuit`: its distribution zone by name. `billing_point_id`: whose own place it is; null: everybody's."""

    identity: str
    name: Name
    place: Text = ""
    make: Make = "ocpp"
    building_id: UUID | None = None
    gateway_id: UUID | None = None
    remote: bool = False
    circuit: str | None = None
    max_power_w: Power = 11_000
    phases: Literal[1, 3] = 3
    connectors: Annotated[int, msgspec.Meta(ge=1, le=8)] = 1
    billing_point_id: UUID | None = None
    installed_on: date | None = None


class StationChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Other values of some fields; `version` is the one that the editor saw. The identity stays once the station has come."""

    version: int
    identity: str | msgspec.UnsetType = msgspec.UNSET
    name: Name | msgspec.UnsetType = msgspec.UNSET
    place: Text | msgspec.UnsetType = msgspec.UNSET
    make: Make | msgspec.UnsetType = msgspec.UNSET
    building_id: UUID | msgspec.UnsetType | None = msgspec.UNSET
    gateway_id: UUID | msgspec.UnsetType | None = msgspec.UNSET
    remote: bool | msgspec.UnsetType = msgspec.UNSET
    max_power_w: Power | msgspec.UnsetType = msgspec.UNSET
    phases: Literal[1, 3] | msgspec.UnsetType = msgspec.UNSET


class EnteredStation(msgspec.Struct, frozen=True, kw_only=True):
    """A station of a site. Vendor, model, serial and firmware are what it says itself."""

    id: UUID
    identity: str
    name: str
    place: str
    make: str
    vendor: str | None
    model: str | None
    serial: str | None
    firmware: str | None
    building_id: UUID | None
    gateway_id: UUID | None
    remote: bool
    circuit: str | None
    max_power_w: int
    phases: int
    connectors: int
    billing_point_id: UUID | None
    online: bool
    registered: bool
    last_message_at: datetime | None
    version: int


class StationMade(msgspec.Struct, frozen=True, kw_only=True):
    """A new station with the key that it has to show. The key is told this once."""

    id: UUID
    identity: str
    key: str


async def stations_of(site_id: UUID) -> list[EnteredStation]:
    """The stations of a site (inside the caller's transaction)."""
    return [EnteredStation(**row) for row in await fetch(LISTED, site_id)]


async def add_station(actor: Actor, site_id: UUID, form: NewStation, secret: bytes, now: datetime) -> StationMade:
    """A station with its places. Raises Refused not_found, bad_identity, identity_taken, no_gateway, not_balanced, invalid_input."""
    identity, station_id, key = identity_of(form.identity, form.make), new_id(), secrets.token_hex(NEW_KEY_BYTES)
    values = msgspec.structs.asdict(form)
    _check(values)
    async with in_account(actor.account_id):
        await _same_site(site_id, values)
        zone = await fetchval("SELECT time_zone FROM site WHERE id = $1", site_id)
        begins = now if form.installed_on is None else min(now, local_midnight(form.installed_on, zone))
        try:
            await execute(
                "INSERT INTO station (account_id, id, identity, site_id, name, place, password_hash, max_power_w, phases, commissioned_at,"
                " make, building_id, gateway_id, remote) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
                actor.account_id, station_id, identity, site_id, form.name.strip(), form.place.strip(), keyed_hash(secret, key),
                form.max_power_w, form.phases, begins, form.make, form.building_id, form.gateway_id, form.remote,
            )  # fmt: skip
        except asyncpg.UniqueViolationError as error:
            raise _identity_taken() from error
        for number in range(1, form.connectors + 1):
            await execute("INSERT INTO connector (account_id, station_id, number, public_code, billing_point_id)"
                          " VALUES ($1, $2, $3, $4, $5)",
                          actor.account_id, station_id, number, public_code(), form.billing_point_id)  # fmt: skip
        if form.circuit:
            await wire(actor.account_id, site_id, CircuitWiring(stations=[_wiring(station_id, form)]))
        await note(actor, "site", site_id, "station", now, after={"identity": identity, "name": form.name})
    return StationMade(id=station_id, identity=identity, key=key)


async def change_station(actor: Actor, station_id: UUID, change: StationChange, now: datetime) -> int:
    """Other values of a station. Returns the version. Raises Refused as `add_station` does, and changed_meanwhile, identity_in_use."""
    sent: dict[str, Any] = {
        name: value.strip() if isinstance(value, str) else value for name, value in msgspec.structs.asdict(change).items()
        if value is not msgspec.UNSET and name != "version"
    }  # fmt: skip
    async with in_account(actor.account_id):
        before = await fetchrow("SELECT * FROM station WHERE id = $1 FOR UPDATE", station_id)
        if before is None:
            raise not_found("station")
        whole = {**dict(before), **sent}
        if "identity" in sent or "make" in sent:
            sent["identity"] = identity_of(whole["identity"], whole["make"])
            if sent["identity"] != before["identity"] and before["registered"]:
                raise Refused("identity_in_use", 409, "The station has come by this identity already. Enter a new one for another station.",
                              fields=["identity"])  # fmt: skip
        wired = await fetchval("SELECT c.name FROM station_wiring w JOIN circuit c ON c.account_id = w.account_id AND c.id = w.circuit_id"
                               " WHERE w.station_id = $1", station_id)  # fmt: skip
        _check({**whole, "circuit": wired})
        await _same_site(before["site_id"], sent)
        try:
            saved = await save(actor, "station", station_id, change.version, sent, now)
        except asyncpg.UniqueViolationError as error:
            raise _identity_taken() from error
    return int(saved["version"])


def _check(values: Mapping[str, Any]) -> None:
    if values["remote"] and values["gateway_id"] is not None:
        raise Refused("no_gateway", 422, "A remote station has no gateway. Leave the gateway empty, or enter it as a local station.",
                      fields=["gateway_id"])  # fmt: skip
    if values["remote"] and values.get("circuit"):
        raise Refused("not_balanced", 422, "A remote station takes part in no load management. Leave the zone empty.", fields=["circuit"])


def _wiring(station_id: UUID, form: NewStation) -> StationPart:
    most = amperes_of(form.max_power_w, form.phases) * 1000
    phases: list[Literal["L1", "L2", "L3"]] = ["L1", "L2", "L3"] if form.phases == 3 else ["L1"]
    return StationPart(station_id=station_id, circuit=str(form.circuit), phases=phases, max_ma=max(6000, most))


async def _same_site(site_id: UUID, values: Mapping[str, Any]) -> None:
    for table in ("building", "gateway", "billing_point"):
        wanted = values.get(f"{table}_id")
        if wanted is not None and await fetchval(f"SELECT site_id FROM {table} WHERE id = $1", wanted) != site_id:
            raise not_found(table.replace("_", " "))


def _identity_taken() -> Refused:
    return Refused("identity_taken", 409, "Another station has this OCPP identity. Check the number.", fields=["identity"])
