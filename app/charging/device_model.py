"""The device model of a station of OCPP 2.0.1: components, their variables, and the attributes of these, as reported."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from app.charging.model import Changed, Station
from app.charging.stations import keep_message
from app.database.transaction import as_machine, execute, fetch


class Attribute(msgspec.Struct, frozen=True, kw_only=True):
    """One attribute of a variable. Evse and connector 0, instances '': the station names none. `setting`: the name under
    which the settings of a station know it; `characteristics`: unit, data type and limits as reported (JSON)."""

    component: str
    component_instance: str = ""
    evse_id: int = 0
    connector_id: int = 0
    variable: str
    variable_instance: str = ""
    attribute: str = "Actual"
    value: str | None = None
    mutability: str | None = None
    persistent: bool | None = None
    constant: bool | None = None
    characteristics: str | None = None
    setting: str = ""

    @property
    def key(self) -> tuple[str, str, int, int, str, str, str]:
        """What identifies it within a station."""
        return (self.component, self.component_instance, self.evse_id, self.connector_id, self.variable,
                self.variable_instance, self.attribute)  # fmt: skip


STORE = """
INSERT INTO device_variable AS known (account_id, station_id, component, component_instance, evse_id, connector_id, variable,
    variable_instance, attribute, value, mutability, persistent, constant, characteristics, reported_at)
SELECT $1, $2, one.*, $3 FROM unnest($4::text[], $5::text[], $6::int[], $7::int[], $8::text[], $9::text[], $10::text[],
    $11::text[], $12::text[], $13::bool[], $14::bool[], $15::text[]) AS one
ON CONFLICT (account_id, station_id, component, component_instance, evse_id, connector_id, variable, variable_instance, attribute)
DO UPDATE SET value = excluded.value, mutability = coalesce(excluded.mutability, known.mutability),
    persistent = coalesce(excluded.persistent, known.persistent), constant = coalesce(excluded.constant, known.constant),
    characteristics = coalesce(excluded.characteristics, known.characteristics), reported_at = excluded.reported_at
WHERE known.reported_at <= excluded.reported_at
"""
SETTINGS = """
INSERT INTO station_setting (account_id, station_id, name, value, readonly, read_at)
SELECT $1, $2, one.name, one.value, one.readonly, $3
FROM unnest($4::text[], $5::text[], $6::bool[]) AS one (name, value, readonly)
ON CONFLICT (account_id, station_id, name) DO UPDATE SET value = excluded.value, readonly = excluded.readonly, read_at = excluded.read_at
WHERE station_setting.read_at <= excluded.read_at
"""
COLUMNS = ("component", "component_instance", "evse_id", "connector_id", "variable", "variable_instance", "attribute", "value",
           "mutability", "persistent", "constant", "characteristics")  # fmt: skip
LONGEST_SETTING = 250


async def record_report(
    station: Station, message_id: str, body: str, attributes: Sequence[Attribute], at: datetime, now: datetime
) -> list[Changed]:  # fmt: skip
    """Keep a part of a report. What was reported later already stays; the same part again changes nothing."""
    async with as_machine():
        await keep_message(station, "NotifyReport", message_id, body, now)
        await store_attributes(station.account_id, station.id, attributes, min(at, now))
    return []


async def store_attributes(account_id: UUID, station_id: UUID, attributes: Sequence[Attribute], at: datetime) -> None:
    """The same inside the caller's transaction; the actual values also stand among the station's settings."""
    found = list({one.key: one for one in attributes}.values())
    await execute(STORE, account_id, station_id, at, *([getattr(one, name) for one in found] for name in COLUMNS))
    actual = {one.setting: one for one in found if one.attribute == "Actual" and 0 < len(one.setting) <= LONGEST_SETTING}
    await execute(
        SETTINGS, account_id, station_id, at, list(actual), [one.value for one in actual.values()],
        [one.mutability == "ReadOnly" for one in actual.values()],
    )  # fmt: skip


async def variables_of(station_id: UUID) -> list[asyncpg.Record]:
    """The device model of a station (inside the caller's transaction), in order of its keys."""
    return await fetch("SELECT * FROM device_variable WHERE station_id = $1 ORDER BY component, component_instance, evse_id,"
                       " connector_id, variable, variable_instance, attribute", station_id)  # fmt: skip
