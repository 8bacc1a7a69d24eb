"""Devices as they are installed: routers, converters, relay modules, readers, PV and batteries. Entered, changed, listed."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import msgspec

from app.audit.commands import changed_meanwhile, note, save
from app.audit.model import Actor
from app.database.transaction import execute, fetch, fetchrow, fetchval, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.metering.device_rules import MEASURED_BY, DeviceKind, Output, Target, Uplink, check_device, sim_of
from app.metering.equipment import serial_taken
from app.metering.equipment_rules import serial_of

Text = Annotated[str, msgspec.Meta(max_length=80)]
Amount = Annotated[int, msgspec.Meta(gt=0, le=10**12)]
Outputs = tuple[Output, ...]
Targets = tuple[Target, ...]
COLUMNS = ("building_id", "gateway_id", "meter_id", "name", "place", "serial", "model", "address", "installed_on", "removed_on", "uplink",
           "sim", "keypad", "peak_w", "inverter", "usable_wh", "charge_w", "discharge_w")  # fmt: skip
DEVICES = f"SELECT id, kind, version, {', '.join(COLUMNS)} FROM device WHERE site_id = $1 ORDER BY kind, serial, name, id"
OUTPUTS = """
SELECT o.device_id, o.position, o.label, o.drives FROM device_output o JOIN device d ON d.account_id = o.account_id AND d.id = o.device_id
WHERE d.site_id = $1 ORDER BY o.position
"""
TARGETS = """
SELECT t.reader_id, t.socket, t.meter_id, t.module_id, t.output FROM reader_target t
JOIN device d ON d.account_id = t.account_id AND d.id = t.reader_id WHERE d.site_id = $1 ORDER BY t.socket
"""


class NewDevice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form of a device. Power in W, energy in Wh; what a kind does not have stays empty."""

    kind: DeviceKind
    name: Text = ""
    place: Text = ""
    serial: str = ""
    model: Text = ""
    address: Text = ""
    building_id: UUID | None = None
    gateway_id: UUID | None = None
    meter_id: UUID | None = None
    installed_on: date | None = None
    uplink: Uplink | None = None
    sim: str | None = None
    keypad: bool | None = None
    peak_w: Amount | None = None
    inverter: Text = ""
    usable_wh: Amount | None = None
    charge_w: Amount | None = None
    discharge_w: Amount | None = None
    outputs: Outputs = ()
    targets: Targets = ()


class DeviceChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Other values of some fields; `version` is the one that the editor saw. A device stays of its kind."""

    version: int
    name: Text | msgspec.UnsetType = msgspec.UNSET
    place: Text | msgspec.UnsetType = msgspec.UNSET
    serial: str | msgspec.UnsetType = msgspec.UNSET
    model: Text | msgspec.UnsetType = msgspec.UNSET
    address: Text | msgspec.UnsetType = msgspec.UNSET
    building_id: UUID | msgspec.UnsetType | None = msgspec.UNSET
    gateway_id: UUID | msgspec.UnsetType | None = msgspec.UNSET
    meter_id: UUID | msgspec.UnsetType | None = msgspec.UNSET
    installed_on: date | msgspec.UnsetType | None = msgspec.UNSET
    removed_on: date | msgspec.UnsetType | None = msgspec.UNSET
    uplink: Uplink | msgspec.UnsetType = msgspec.UNSET
    sim: str | msgspec.UnsetType | None = msgspec.UNSET
    keypad: bool | msgspec.UnsetType = msgspec.UNSET
    peak_w: Amount | msgspec.UnsetType = msgspec.UNSET
    inverter: Text | msgspec.UnsetType = msgspec.UNSET
    usable_wh: Amount | msgspec.UnsetType = msgspec.UNSET
    charge_w: Amount | msgspec.UnsetType = msgspec.UNSET
    discharge_w: Amount | msgspec.UnsetType = msgspec.UNSET
    outputs: Outputs | msgspec.UnsetType = msgspec.UNSET
    targets: Targets | msgspec.UnsetType = msgspec.UNSET


class Device(NewDevice, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device with the version that a change must name."""

    id: UUID
    version: int
    removed_on: date | None = None


async def devices(site_id: UUID) -> list[Device]:
    """The devices of a site (inside the caller's transaction)."""
    outputs: dict[UUID, list[Output]] = {}
    for row in await fetch(OUTPUTS, site_id):
        outputs.setdefault(row["device_id"], []).append(Output(position=row["position"], label=row["label"], drives=row["drives"]))
    targets: dict[UUID, list[Target]] = {}
    for row in await fetch(TARGETS, site_id):
        one = Target(socket=row["socket"], meter_id=row["meter_id"], module_id=row["module_id"], output=row["output"])
        targets.setdefault(row["reader_id"], []).append(one)
    return [
        Device(**row, outputs=tuple(outputs.get(row["id"], ())), targets=tuple(targets.get(row["id"], ())))
        for row in await fetch(DEVICES, site_id)
    ]  # fmt: skip


async def site_of_device(device_id: UUID) -> UUID | None:
    """The site of a device (inside the caller's transaction)."""
    found: UUID | None = await fetchval("SELECT site_id FROM device WHERE id = $1", device_id)
    return found


async def add_device(actor: Actor, site_id: UUID, form: NewDevice, now: datetime) -> UUID:
    """A device of a site. Raises Refused as `check_device` does, and not_found, bad_serial, serial_taken, target_taken."""
    values = _tidy(msgspec.structs.asdict(form))
    check_device(values)
    device_id = new_id()
    async with in_account(actor.account_id):
        await _same_site(site_id, form.kind, values)
        names = ["account_id", "id", "site_id", "kind", *(name for name in COLUMNS if name in values)]
        row = {**values, "account_id": actor.account_id, "id": device_id, "site_id": site_id}
        marks = ", ".join(f"${place}" for place in range(1, len(names) + 1))
        try:
            await execute(f"INSERT INTO device ({', '.join(names)}) VALUES ({marks})", *(row[name] for name in names))
            await _keep_parts(actor.account_id, site_id, device_id, values)
        except asyncpg.UniqueViolationError as error:
            raise _taken(error) from error
        await note(actor, "site", site_id, "device", now, after={"kind": form.kind, "name": form.name, "serial": values["serial"]})
    return device_id


async def change_device(actor: Actor, device_id: UUID, change: DeviceChange, now: datetime) -> int:
    """Other values of a device. Returns the version. Raises Refused as `add_device` does, and changed_meanwhile, removed_before."""
    sent = _tidy(
        {name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET and name != "version"}
    )
    async with in_account(actor.account_id):
        before = await fetchrow("SELECT * FROM device WHERE id = $1 FOR UPDATE", device_id)
        if before is None:
            raise not_found("device")
        present = next(one for one in await devices(before["site_id"]) if one.id == device_id)
        check_device({**msgspec.structs.asdict(present), **sent})
        await _same_site(before["site_id"], before["kind"], sent)
        parts: dict[str, Any] = {
            name: sent[name] for name in ("outputs", "targets") if name in sent and sent[name] != getattr(present, name)
        }
        if parts and change.version != before["version"]:
            raise changed_meanwhile(before, {})
        try:
            saved = await save(actor, "device", device_id, change.version, {name: sent[name] for name in COLUMNS if name in sent}, now)
            version = int(saved["version"])
            if parts:
                await _keep_parts(actor.account_id, before["site_id"], device_id, parts)
                version = int(await fetchval("UPDATE device SET version = $2 WHERE id = $1 RETURNING version", device_id,
                                             change.version + 1))  # fmt: skip
                await note(actor, "device", device_id, "switches", now, after={name: len(value) for name, value in parts.items()})
        except asyncpg.UniqueViolationError as error:
            raise _taken(error) from error
        except asyncpg.CheckViolationError as error:
            raise Refused("removed_before", 422, "A device is removed after it was installed.", fields=["removed_on"]) from error
    return version


def _tidy(values: dict[str, Any]) -> dict[str, Any]:
    """What was typed without the blanks around it; the serial number as it is kept."""
    tidy: dict[str, Any] = {name: " ".join(value.split()) if isinstance(value, str) else value for name, value in values.items()}
    if tidy.get("serial"):
        tidy["serial"] = serial_of(tidy["serial"])
    if "sim" in tidy:
        tidy["sim"] = sim_of(tidy["sim"])
    if "outputs" in tidy:
        tidy["outputs"] = tuple(msgspec.structs.replace(one, label=" ".join(one.label.split())[:80]) for one in tidy["outputs"])
    return tidy


async def _keep_parts(account_id: UUID, site_id: UUID, device_id: UUID, values: Mapping[str, Any]) -> None:
    for one in values.get("outputs", ()):
        await execute("INSERT INTO device_output (account_id, device_id, position, label, drives) VALUES ($1, $2, $3, $4, $5)"
                      " ON CONFLICT (account_id, device_id, position) DO UPDATE SET label = excluded.label, drives = excluded.drives",
                      account_id, device_id, one.position, one.label, one.drives)  # fmt: skip
    if "targets" not in values:
        return
    await execute("DELETE FROM reader_target WHERE reader_id = $1", device_id)
    for target in values["targets"]:
        await _check_target(site_id, target)
        await execute("INSERT INTO reader_target (account_id, reader_id, socket, meter_id, module_id, output)"
                      " VALUES ($1, $2, $3, $4, $5, $6)",
                      account_id, device_id, target.socket, target.meter_id, target.module_id, target.output)  # fmt: skip


async def _check_target(site_id: UUID, target: Target) -> None:
    if target.meter_id is not None:
        row = await fetchrow("SELECT relay FROM meter WHERE id = $1 AND site_id = $2", target.meter_id, site_id)
        if row is None:
            raise not_found("meter")
        if not row["relay"]:
            raise Refused("no_relay", 422, "This meter switches nothing. Choose a relay meter.", fields=["targets"])
    elif await fetchval("SELECT 1 FROM device_output o JOIN device d ON d.account_id = o.account_id AND d.id = o.device_id"
                        " WHERE o.device_id = $1 AND o.position = $2 AND d.site_id = $3", target.module_id, target.output,
                        site_id) is None:  # fmt: skip
        raise not_found("output")


async def _same_site(site_id: UUID, kind: str, values: Mapping[str, Any]) -> None:
    for table in ("building", "gateway"):
        wanted = values.get(f"{table}_id")
        if wanted is not None and await fetchval(f"SELECT site_id FROM {table} WHERE id = $1", wanted) != site_id:
            raise not_found(table)
    if values.get("meter_id") is None:
        return
    row = await fetchrow("SELECT kind, medium FROM meter WHERE id = $1 AND site_id = $2", values["meter_id"], site_id)
    if row is None:
        raise not_found("meter")
    if (row["kind"], row["medium"]) != (MEASURED_BY.get(kind), "electricity"):
        raise Refused("other_mode", 422, "PV is measured by a production meter, a battery by a battery meter. Choose another one.",
                      fields=["meter_id"])  # fmt: skip


def _taken(error: asyncpg.UniqueViolationError) -> Refused:
    if (error.constraint_name or "").startswith("reader_target"):
        return Refused("target_taken", 409, "Another reader switches this already. Choose another one.", fields=["targets"])
    if error.constraint_name == "device_sim":
        return Refused("sim_taken", 409, "Another router has this SIM card. Check the number.", fields=["sim"])
    return serial_taken()
