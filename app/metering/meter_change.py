"""A meter in all its fields. What it measures stays what it is once it has readings: another meter is another one."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import msgspec

from app.audit.commands import save
from app.audit.model import Actor
from app.database.transaction import fetch, fetchval, in_account
from app.kernel.calendar import local_midnight
from app.kernel.errors import Refused
from app.metering.equipment import NewMeter, Text, locked_meter, put_terms, same_site, taken
from app.metering.equipment_rules import above_itself, check_meter, code_of, serial_of
from app.metering.intake import INSTALLATION, installed
from app.metering.model import Medium, MeterKind, Source, Term

MEASURES = ("kind", "medium", "source")
READ = """
SELECT EXISTS (SELECT 1 FROM index_reading WHERE meter_id = $1 AND way <> $2)
    OR EXISTS (SELECT 1 FROM interval_reading WHERE meter_id = $1) OR EXISTS (SELECT 1 FROM quarter_day WHERE meter_id = $1)
"""


class MeterChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Other values of some fields of a meter; `version` is the one that the editor saw."""

    version: int
    serial: str | msgspec.UnsetType = msgspec.UNSET
    kind: MeterKind | msgspec.UnsetType = msgspec.UNSET
    medium: Medium | msgspec.UnsetType = msgspec.UNSET
    source: Source | msgspec.UnsetType = msgspec.UNSET
    name: Text | msgspec.UnsetType = msgspec.UNSET
    model: Text | msgspec.UnsetType = msgspec.UNSET
    building_id: UUID | msgspec.UnsetType | None = msgspec.UNSET
    gateway_id: UUID | msgspec.UnsetType | None = msgspec.UNSET
    bus_address: int | msgspec.UnsetType | None = msgspec.UNSET
    address: Text | msgspec.UnsetType = msgspec.UNSET
    indirect: bool | msgspec.UnsetType = msgspec.UNSET
    amperage_a: Annotated[int, msgspec.Meta(ge=1, le=10000)] | msgspec.UnsetType | None = msgspec.UNSET
    phases: Annotated[int, msgspec.Meta(ge=1, le=3)] | msgspec.UnsetType = msgspec.UNSET
    installed_on: date | msgspec.UnsetType | None = msgspec.UNSET
    removed_on: date | msgspec.UnsetType | None = msgspec.UNSET
    parent_id: UUID | msgspec.UnsetType | None = msgspec.UNSET
    relay: bool | msgspec.UnsetType = msgspec.UNSET
    led: bool | msgspec.UnsetType = msgspec.UNSET
    metering_code: str | msgspec.UnsetType | None = msgspec.UNSET
    terms: tuple[Term, ...] | msgspec.UnsetType = msgspec.UNSET


async def change_meter(actor: Actor, meter_id: UUID, change: MeterChange, now: datetime) -> int:
    """Other values of a meter. Returns the version.

    Raises Refused as `check_meter` does, and not_found, changed_meanwhile, meter_has_readings, bad_serial, serial_taken,
    bus_address_taken, metering_code_taken, meter_cycle, removed_before, read_before.
    """
    sent = _tidy({name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET})
    terms = sent.pop("terms", None)
    async with in_account(actor.account_id):
        before = await locked_meter(meter_id)
        values = {name: value for name, value in sent.items() if name != "version"}
        await _check(meter_id, before, values, await _terms(meter_id) if terms is None else terms)
        try:
            saved = await save(actor, "meter", meter_id, change.version, values, now)
        except asyncpg.UniqueViolationError as error:
            raise taken(error, values.get("bus_address", before["bus_address"]), values.get("address", before["address"])) from error
        except asyncpg.CheckViolationError as error:
            raise Refused("removed_before", 422, "A device is removed after it was installed.", fields=["removed_on"]) from error
        if terms:
            await put_terms(actor, before["site_id"], meter_id, terms, now)
        on = values.get("installed_on")
        if on is not None and on != before["installed_on"] and saved["source"] == "physical":
            await _begin(actor.account_id, before["site_id"], meter_id, on, now)
    return int(saved["version"])


def _tidy(values: dict[str, Any]) -> dict[str, Any]:
    tidy = {name: " ".join(value.split()) if isinstance(value, str) else value for name, value in values.items()}
    if "serial" in tidy:
        tidy["serial"] = serial_of(tidy["serial"])
    if "metering_code" in tidy:
        tidy["metering_code"] = code_of(tidy["metering_code"])
    if tidy.get("phases") == 2:
        tidy["phases"] = 3
    return tidy


async def _terms(meter_id: UUID) -> tuple[Term, ...]:
    return tuple(
        Term(row["part_id"], row["sign"]) for row in await fetch("SELECT part_id, sign FROM meter_term WHERE meter_id = $1", meter_id)
    )


async def _check(meter_id: UUID, before: asyncpg.Record, values: dict[str, Any], terms: tuple[Term, ...]) -> None:
    whole = {**dict(before), **values}
    form = NewMeter(**{name: whole[name] for name in NewMeter.__struct_fields__ if name in whole}, terms=terms)
    check_meter(form)
    await same_site(before["site_id"], form)
    other = [name for name in MEASURES if name in values and values[name] != before[name]]
    if other and await fetchval(READ, meter_id, INSTALLATION):
        raise Refused(
            "meter_has_readings", 409, "This meter has readings: what it measures stays. Replace it by another one.", fields=other
        )
    if values.get("parent_id") is not None:
        parents = {
            row["id"]: row["parent_id"] for row in await fetch("SELECT id, parent_id FROM meter WHERE site_id = $1", before["site_id"])
        }
        if above_itself({**parents, meter_id: values["parent_id"]}, meter_id):
            raise Refused("meter_cycle", 409, "This meter would be a part of itself. Choose other meters.", fields=["parent_id"])


async def _begin(account_id: UUID, site_id: UUID, meter_id: UUID, on: date, now: datetime) -> None:
    """The register begins at nothing on another day, unless it has been read before that day."""
    zone = await fetchval("SELECT time_zone FROM site WHERE id = $1", site_id)
    if await fetchval(
        "SELECT 1 FROM index_reading WHERE meter_id = $1 AND taken_at < $2 AND imported > 0", meter_id, local_midnight(on, zone)
    ):
        raise Refused("read_before", 409, "This meter was read before that day. Choose an earlier one.", fields=["installed_on"])
    await installed(account_id, meter_id, on, zone, now)
