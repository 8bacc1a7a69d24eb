"""Relays are set, switched by hand, and decided each time when their gateway comes; inside the caller's transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from app.appliances.model import Kind, Mode, Period, Relay, State
from app.appliances.rules import decide
from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import execute, fetch, fetchrow, fetchval
from app.kernel.errors import Refused, not_found
from app.metering.entry_power import surplus_w

COLUMNS = ("device_id", "outputs", "name", "kind", "mode", "power_w", "min_on_min", "neutral", "periods", "priority")
Output = Annotated[int, msgspec.Meta(ge=1, le=4)]


class RelayForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is set of a relay. `outputs`: of the module; three for a heater of three phases. `power_w`: what the appliance draws.
    `version`: the one that its editor saw; without one, what is said last stands."""

    device_id: UUID
    outputs: Annotated[list[Output], msgspec.Meta(min_length=1, max_length=3)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    kind: Kind = "plain"
    mode: Mode = "off"
    power_w: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    min_on_min: Annotated[int, msgspec.Meta(ge=0, le=1440)] = 0
    neutral: bool = True
    periods: Annotated[list[Period], msgspec.Meta(max_length=20)] = []
    priority: Annotated[int, msgspec.Meta(ge=0, le=999)] = 0
    version: int | None = None


class RelayShown(msgspec.Struct, frozen=True, kw_only=True):
    """A relay as it is set and as it stands: how many phases are on, why, and when its gateway came last."""

    id: UUID
    device_id: UUID
    module: str
    outputs: list[int]
    name: str
    kind: str
    mode: str
    power_w: int
    min_on_min: int
    neutral: bool
    periods: list[Period]
    priority: int
    by_hand: bool
    phases: int
    reason: str
    on_since: datetime | None
    told_at: datetime | None
    version: int


class OutputState(msgspec.Struct, frozen=True, kw_only=True):
    """An output of a module, by the module's serial number, and whether it shall be closed."""

    module: str
    output: int
    on: bool


ALL = """
SELECT r.*, d.serial AS module FROM relay r JOIN device d ON d.account_id = r.account_id AND d.id = r.device_id
WHERE r.site_id = $1 ORDER BY r.name, r.id
"""


async def relays_of(site_id: UUID) -> list[RelayShown]:
    """All relays of a site."""
    return [_shown(row) for row in await fetch(ALL, site_id)]


def _shown(row: Mapping[str, Any]) -> RelayShown:
    plain = {name: row[name] for name in RelayShown.__struct_fields__ if name != "periods"}
    return RelayShown(**plain, periods=msgspec.json.decode(row["periods"], type=list[Period]))


async def set_relay(actor: Actor, site_id: UUID, form: RelayForm, now: datetime, relay_id: UUID | None = None) -> UUID:
    """Enter a relay, or set one anew. Raises Refused not_found, invalid_input, changed_meanwhile."""
    await _check(site_id, form, relay_id)
    periods = msgspec.json.encode(form.periods).decode()
    values = [periods if name == "periods" else getattr(form, name) for name in COLUMNS]
    if relay_id is None:
        marks = ", ".join(f"${number}" for number in range(3, 3 + len(COLUMNS)))
        relay_id = await fetchval(f"INSERT INTO relay (account_id, site_id, {', '.join(COLUMNS)}) VALUES ($1, $2, {marks}) RETURNING id",
                                  actor.account_id, site_id, *values)  # fmt: skip
    else:
        present = await fetchval("SELECT version FROM relay WHERE id = $1 FOR UPDATE", relay_id)
        if present is None:
            raise not_found("relay")
        if form.version not in (None, present):
            text = "Somebody else has changed this relay in the meantime. Compare what stands there now with yours, then save again."
            raise Refused("changed_meanwhile", 409, text, version=present, present={})
        sets = ", ".join(f"{name} = ${number}" for number, name in enumerate(COLUMNS, start=2))
        await execute(f"UPDATE relay SET {sets}, version = version + 1 WHERE id = $1", relay_id, *values)
    await note(actor, "site", site_id, "relay_set", now, after={"relay": form.name, "mode": form.mode, "power_w": form.power_w})
    assert relay_id is not None  # noqa: S101 - given, or returned by the insert
    return relay_id


async def _check(site_id: UUID, form: RelayForm, relay_id: UUID | None) -> None:
    if await fetchval("SELECT 1 FROM device WHERE id = $1 AND site_id = $2 AND kind = 'relay_module'", form.device_id, site_id) is None:
        raise not_found("relay module")
    if len(set(form.outputs)) != (3 if form.kind == "heater3" else 1) or len(form.outputs) != len(set(form.outputs)):
        raise Refused("relay_outputs", 422, "A heater of three phases has three outputs, everything else one.", fields=["outputs"])
    if form.mode in ("solar", "solar_timer") and form.power_w == 0:
        raise Refused("relay_power", 422, "Say how much power the appliance draws: the sun must cover it.", fields=["power_w"])
    if form.mode == "timer" and not form.periods:
        raise Refused("relay_periods", 422, "Enter the periods in which it is on.", fields=["periods"])
    taken = await fetchval("SELECT name FROM relay WHERE device_id = $1 AND outputs && $2::int[] AND id IS DISTINCT FROM $3 LIMIT 1",
                           form.device_id, form.outputs, relay_id)  # fmt: skip
    if taken is not None:
        raise Refused("relay_output_taken", 409, f"This output switches {taken} already.", fields=["outputs"])


async def relay_site(relay_id: UUID) -> UUID:
    """The site of a relay. Raises Refused not_found."""
    found = await fetchval("SELECT site_id FROM relay WHERE id = $1", relay_id)
    if found is None:
        raise not_found("relay")
    return UUID(str(found))


async def switch(actor: Actor, relay_id: UUID, on: bool, now: datetime) -> None:
    """Switch a relay by hand: its mode is "manual" then. Raises Refused not_found."""
    site_id = await relay_site(relay_id)
    await execute("UPDATE relay SET mode = 'manual', by_hand = $2 WHERE id = $1", relay_id, on)
    await note(actor, "site", site_id, "relay_switched", now, after={"on": on})


async def remove(actor: Actor, relay_id: UUID, now: datetime) -> None:
    """Take a relay away: its outputs are told nothing any more, and open. Raises Refused not_found."""
    site_id = await relay_site(relay_id)
    row = await fetchrow("DELETE FROM relay WHERE id = $1 RETURNING name", relay_id)
    await note(actor, "site", site_id, "relay_removed", now, before={"relay": "" if row is None else row["name"]})


async def outputs_wanted(site_id: UUID, now: datetime) -> list[OutputState]:
    """Decide all relays of a house, keep it, and say what each output shall be, as a gateway asks every few seconds."""
    rows = await fetch(f"{ALL} FOR UPDATE OF r", site_id)
    zone = await fetchval("SELECT time_zone FROM site WHERE id = $1", site_id)
    states = {str(row["id"]): State(phases=row["phases"], on_since=row["on_since"]) for row in rows}
    found = decide([_relay(row) for row in rows], states, await surplus_w(site_id, now), now.astimezone(ZoneInfo(zone)))
    wanted: list[OutputState] = []
    for row in rows:
        one = found[str(row["id"])]
        since = (row["on_since"] or now) if one.phases else None
        await execute("UPDATE relay SET phases = $2, reason = $3, on_since = $4, decided_at = $5, told_at = $5 WHERE id = $1",
                      row["id"], one.phases, one.reason, since, now)  # fmt: skip
        wanted += _outputs(row, one.phases)
    return wanted


def _relay(row: Mapping[str, Any]) -> Relay:
    return Relay(id=str(row["id"]), kind=row["kind"], mode=row["mode"], power_w=row["power_w"], min_on_min=row["min_on_min"],
                 neutral=row["neutral"], periods=tuple(msgspec.json.decode(row["periods"], type=list[Period])),
                 priority=row["priority"], by_hand=row["by_hand"])  # fmt: skip


def _outputs(row: Mapping[str, Any], phases: int) -> Sequence[OutputState]:
    return [OutputState(module=row["module"], output=output, on=number < phases) for number, output in enumerate(row["outputs"])]
