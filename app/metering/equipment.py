"""Gateways and meters as they are installed: entered, assigned, linked to points by days, replaced."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import msgspec

from app.audit.commands import note, save
from app.audit.model import Actor
from app.database.transaction import execute, fetch, fetchrow, fetchval, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id
from app.metering.equipment_rules import check_meter, code_of, in_order, serial_of
from app.metering.intake import installed
from app.metering.model import Medium, MeterKind, Source, Term

DAY = timedelta(days=1)
KEPT = ("kind", "medium", "source", "name", "model", "gateway_id", "bus_address", "address", "indirect", "amperage_a", "phases",
        "parent_id", "building_id", "relay", "led", "metering_code")  # fmt: skip
Text = Annotated[str, msgspec.Meta(max_length=80)]


class NewGateway(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form of a gateway."""

    serial: str
    name: Text = ""
    model: Text = ""
    building_id: UUID | None = None
    installed_on: date | None = None


class GatewayChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Other values of some fields; `version` is the one that the editor saw."""

    version: int
    name: Text | msgspec.UnsetType = msgspec.UNSET
    model: Text | msgspec.UnsetType = msgspec.UNSET
    building_id: UUID | msgspec.UnsetType | None = msgspec.UNSET
    installed_on: date | msgspec.UnsetType | None = msgspec.UNSET
    removed_on: date | msgspec.UnsetType | None = msgspec.UNSET


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway with when it was last heard of, and how many meters hang on it."""

    id: UUID
    serial: str
    name: str
    model: str
    building_id: UUID | None
    installed_on: date | None
    removed_on: date | None
    seen_at: datetime | None
    version: int
    meters: int


class NewMeter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form of a meter. `billing_point_id`: what it counts for, from the installation on. `address`: where a meter on a network
    is found. `first_index`: what it showed when it went in, in Wh or litres. `relay`: it switches what it measures, which `led` shows."""

    serial: str
    kind: MeterKind
    medium: Medium = "electricity"
    source: Source = "physical"
    name: Text = ""
    model: Text = ""
    gateway_id: UUID | None = None
    bus_address: int | None = None
    indirect: bool = False
    amperage_a: Annotated[int, msgspec.Meta(ge=1, le=10000)] | None = None
    phases: int = 3
    installed_on: date | None = None
    billing_point_id: UUID | None = None
    parent_id: UUID | None = None
    building_id: UUID | None = None
    address: Text = ""
    relay: bool = False
    led: bool = False
    metering_code: str | None = None
    first_index: Annotated[int, msgspec.Meta(ge=0, le=10**15)] = 0
    terms: tuple[Term, ...] = ()


async def gateways(site_id: UUID) -> list[Gateway]:
    """The gateways of a site (inside the caller's transaction)."""
    rows = await fetch(
        "SELECT g.id, g.serial, g.name, g.model, g.building_id, g.installed_on, g.removed_on, g.seen_at, g.version, (SELECT count(*)"
        " FROM meter m WHERE m.account_id = g.account_id AND m.gateway_id = g.id AND m.removed_on IS NULL) AS meters"
        " FROM gateway g WHERE g.site_id = $1 ORDER BY g.serial", site_id,
    )  # fmt: skip
    return [Gateway(**row) for row in rows]


async def add_gateway(actor: Actor, site_id: UUID, form: NewGateway, now: datetime) -> UUID:
    """A gateway of a site; its serial number is nobody else's. Raises Refused not_found, bad_serial, serial_taken."""
    serial, gateway_id = serial_of(form.serial), new_id()
    async with in_account(actor.account_id):
        await _building_of(site_id, form.building_id)
        try:
            await execute("INSERT INTO gateway (account_id, id, site_id, building_id, serial, name, model, installed_on)"
                          " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", actor.account_id, gateway_id, site_id, form.building_id, serial,
                          form.name.strip(), form.model.strip(), form.installed_on)  # fmt: skip
        except asyncpg.UniqueViolationError as error:
            raise serial_taken() from error
        await note(actor, "site", site_id, "gateway", now, after={"serial": serial})
    return gateway_id


async def change_gateway(actor: Actor, gateway_id: UUID, change: GatewayChange, now: datetime) -> int:
    """Other data of a gateway. Returns the version. Raises Refused not_found, changed_meanwhile, removed_before."""
    values: dict[str, Any] = {
        name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET and name != "version"
    }  # fmt: skip
    async with in_account(actor.account_id):
        if "building_id" in values:
            await _building_of(await fetchval("SELECT site_id FROM gateway WHERE id = $1", gateway_id), values["building_id"])
        try:
            saved = await save(actor, "gateway", gateway_id, change.version, values, now)
        except asyncpg.CheckViolationError as error:
            raise Refused("removed_before", 422, "A device is removed after it was installed.", fields=["removed_on"]) from error
    return int(saved["version"])


async def add_meter(actor: Actor, site_id: UUID, form: NewMeter, now: datetime) -> UUID:
    """A meter of a site. Raises Refused as `insert` does."""
    async with in_account(actor.account_id):
        return await insert(actor, site_id, form, now)


async def insert(actor: Actor, site_id: UUID, form: NewMeter, now: datetime, *, replaces: UUID | None = None) -> UUID:
    """A meter with its link and its parts (inside the caller's transaction).

    Raises Refused as `check_meter` does, and not_found, bad_serial, serial_taken, bus_address_taken.
    """
    serial, meter_id = serial_of(form.serial), new_id()
    form = msgspec.structs.replace(form, metering_code=code_of(form.metering_code), address=form.address.strip())
    check_meter(form)
    await same_site(site_id, form)
    try:
        await execute(
            "INSERT INTO meter (account_id, id, site_id, kind, medium, source, serial, name, model, gateway_id, bus_address, indirect,"
            " amperage_a, phases, installed_on, parent_id, replaces_id, created_at, building_id, address, relay, led, metering_code)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)",
            actor.account_id, meter_id, site_id, form.kind, form.medium, form.source, serial, form.name.strip(), form.model.strip(),
            form.gateway_id, form.bus_address, form.indirect, form.amperage_a, 1 if form.phases == 1 else 3, form.installed_on,
            form.parent_id, replaces, now, form.building_id, form.address, form.relay, form.led, form.metering_code,
        )  # fmt: skip
    except asyncpg.UniqueViolationError as error:
        raise taken(error, form.bus_address, form.address) from error
    if form.installed_on is not None and form.source == "physical":
        zone = await fetchval("SELECT time_zone FROM site WHERE id = $1", site_id)
        await installed(actor.account_id, meter_id, form.installed_on, zone, now, form.first_index)
    if form.billing_point_id is not None:
        await execute("INSERT INTO meter_link (account_id, meter_id, billing_point_id, period) VALUES ($1, $2, $3, daterange($4, NULL))",
                      actor.account_id, meter_id, form.billing_point_id, form.installed_on)  # fmt: skip
    for term in form.terms:
        await execute("INSERT INTO meter_term (account_id, meter_id, part_id, sign) VALUES ($1, $2, $3, $4)",
                      actor.account_id, meter_id, term.meter_id, term.sign)  # fmt: skip
    await note(actor, "site", site_id, "meter", now, after={"serial": serial, "kind": form.kind, "medium": form.medium})
    return meter_id


async def set_terms(actor: Actor, meter_id: UUID, terms: Sequence[Term], now: datetime) -> None:
    """What a reckoned meter is reckoned from. Raises Refused not_found, terms_needed, meter_cycle."""
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT site_id, source FROM meter WHERE id = $1", meter_id)
        if row is None:
            raise not_found("meter")
        if row["source"] != "rule" or not terms:
            raise Refused("terms_needed", 422, "A reckoned meter names the meters that are added or subtracted; others name none.",
                          fields=["terms"])  # fmt: skip
        await put_terms(actor, row["site_id"], meter_id, terms, now)


async def put_terms(actor: Actor, site_id: UUID, meter_id: UUID, terms: Sequence[Term], now: datetime) -> None:
    """The same inside the caller's transaction. Raises Refused not_found, meter_cycle."""
    await execute("SELECT 1 FROM site WHERE id = $1 FOR UPDATE", site_id)
    await _all_of_site(site_id, [term.meter_id for term in terms])
    known: dict[UUID, list[UUID]] = {}
    for one in await fetch("SELECT t.meter_id, t.part_id FROM meter_term t JOIN meter m ON m.account_id = t.account_id"
                           " AND m.id = t.meter_id WHERE m.site_id = $1", site_id):  # fmt: skip
        known.setdefault(one["meter_id"], []).append(one["part_id"])
    if in_order({**known, meter_id: [term.meter_id for term in terms]}) is None:
        raise Refused("meter_cycle", 409, "This meter would be a part of itself. Choose other meters.", fields=["terms"])
    await execute("DELETE FROM meter_term WHERE meter_id = $1", meter_id)
    for term in terms:
        await execute("INSERT INTO meter_term (account_id, meter_id, part_id, sign) VALUES ($1, $2, $3, $4)",
                      actor.account_id, meter_id, term.meter_id, term.sign)  # fmt: skip
    await note(actor, "meter", meter_id, "terms", now, after={"terms": [f"{term.sign:+}{term.meter_id}" for term in terms]})


async def assign(actor: Actor, site_id: UUID, gateway_id: UUID, meters: Sequence[UUID], now: datetime) -> int:
    """Hang meters on a gateway, all or none. Returns how many.

    Raises Refused not_found, not_on_a_bus, bus_address_needed, bus_address_taken.
    """
    async with in_account(actor.account_id):
        if await fetchval("SELECT site_id FROM gateway WHERE id = $1", gateway_id) != site_id:
            raise not_found("gateway")
        await _all_of_site(site_id, meters)
        rows = await fetch("SELECT id, serial, source, bus_address, address FROM meter WHERE id = ANY($1::uuid[])"
                           " ORDER BY serial FOR UPDATE",
                           list(meters))  # fmt: skip
        for row in rows:
            if row["source"] != "physical":
                raise Refused("not_on_a_bus", 422, "Only a physical meter hangs on a gateway. Leave gateway and address empty.")
            if row["bus_address"] is None and not row["address"]:
                raise Refused("bus_address_needed", 422, f"Meter {row['serial']} has no bus address.", fields=["bus_address"])
            try:
                await execute("UPDATE meter SET gateway_id = $2, version = version + 1 WHERE id = $1", row["id"], gateway_id)
            except asyncpg.UniqueViolationError as error:
                raise taken(error, row["bus_address"], row["address"]) from error
        await note(actor, "site", site_id, "meters_assigned", now, after={"gateway_id": gateway_id, "meters": len(rows)})
    return len(rows)


async def link(actor: Actor, meter_id: UUID, billing_point_id: UUID | None, first: date, now: datetime) -> None:
    """Which point a meter counts for from a day on; None: for none. Days that stand on a bill never move.

    Raises Refused not_found, day_billed.
    """
    async with in_account(actor.account_id):
        await relink(actor, meter_id, billing_point_id, first, now)


async def relink(actor: Actor, meter_id: UUID, billing_point_id: UUID | None, first: date, now: datetime) -> None:
    """The same inside the caller's transaction."""
    site_id = (await locked_meter(meter_id))["site_id"]
    if billing_point_id is not None and await fetchval("SELECT site_id FROM billing_point WHERE id = $1", billing_point_id) != site_id:
        raise not_found("billing point")
    await _not_billed(site_id, first)
    await _cut_links(meter_id, first)
    if billing_point_id is not None:
        await execute("INSERT INTO meter_link (account_id, meter_id, billing_point_id, period)"
                      " VALUES ($1, $2, $3, daterange($4, NULL))", actor.account_id, meter_id, billing_point_id, first)  # fmt: skip
    await note(actor, "meter", meter_id, "linked", now, after={"billing_point_id": billing_point_id, "from": first})


async def replace(actor: Actor, meter_id: UUID, serial: str, first: date, now: datetime) -> UUID:
    """Another meter in the place of this one from a day on: same bus, same point, same parts. Past bills never move.

    Raises Refused not_found, replaced_already, reckoned_not_replaced, day_billed, bad_serial, serial_taken.
    """
    async with in_account(actor.account_id):
        old = await locked_meter(meter_id)
        if old["removed_on"] is not None or (old["installed_on"] is not None and first <= old["installed_on"]):
            raise Refused("replaced_already", 409, "This meter is removed already, or was installed later. Choose the one in its place.",
                          fields=["first"])  # fmt: skip
        if old["source"] == "rule":
            raise Refused("reckoned_not_replaced", 409, "A reckoned meter hangs nowhere. Change what it is reckoned from.")
        await _not_billed(old["site_id"], first)
        point = await fetchval("SELECT billing_point_id FROM meter_link WHERE meter_id = $1 AND period @> $2::date", meter_id, first)
        await execute("UPDATE meter SET removed_on = $2, version = version + 1 WHERE id = $1", meter_id, first - DAY)
        await _cut_links(meter_id, first)
        kept = {name: old[name] for name in KEPT}
        form = NewMeter(**kept, serial=serial, installed_on=first, billing_point_id=point)
        made = await insert(actor, old["site_id"], form, now, replaces=meter_id)
        await note(actor, "meter", meter_id, "replaced", now, after={"by": made, "from": first})
    return made


async def locked_meter(meter_id: UUID) -> Any:
    """A meter, under the locks of its site and itself, in the order in which readings and runs take them. Raises Refused not_found."""
    await execute("SELECT 1 FROM site WHERE id = (SELECT site_id FROM meter WHERE id = $1) FOR NO KEY UPDATE", meter_id)
    row = await fetchrow("SELECT * FROM meter WHERE id = $1 FOR NO KEY UPDATE", meter_id)
    if row is None:
        raise not_found("meter")
    return row


async def _cut_links(meter_id: UUID, first: date) -> None:
    """What a meter is linked to ends the day before."""
    await execute("DELETE FROM meter_link WHERE meter_id = $1 AND lower(period) >= $2", meter_id, first)
    await execute("UPDATE meter_link SET period = daterange(lower(period), $2) WHERE meter_id = $1 AND period @> $2::date", meter_id, first)


async def _not_billed(site_id: UUID, first: date) -> None:
    # Under the site's lock, as runs and stored days take it: no run is issued in between.
    last = await fetchval("SELECT max(upper(period)) FROM energy_run WHERE site_id = $1 AND state = 'issued'", site_id)
    if last is not None and first < last:
        raise Refused(
            "day_billed", 409, f"Bills are issued up to {last - DAY}. Choose a day after it.", last=str(last - DAY), fields=["first"]
        )


async def _building_of(site_id: UUID | None, building_id: UUID | None) -> None:
    if site_id is None:
        raise not_found("gateway")
    if building_id is not None and await fetchval("SELECT site_id FROM building WHERE id = $1", building_id) != site_id:
        raise not_found("building")


async def same_site(site_id: UUID, form: NewMeter) -> None:
    """Whether everything that a meter names is of its site (inside the caller's transaction). Raises Refused not_found."""
    named = {"gateway": form.gateway_id, "billing_point": form.billing_point_id, "building": form.building_id}
    for table, wanted in named.items():
        if wanted is not None and await fetchval(f"SELECT site_id FROM {table} WHERE id = $1", wanted) != site_id:
            raise not_found(table.replace("_", " "))
    parts = [term.meter_id for term in form.terms]
    await _all_of_site(site_id, [*parts, *([form.parent_id] if form.parent_id else [])])


async def _all_of_site(site_id: UUID, meters: Sequence[UUID]) -> None:
    count = await fetchval("SELECT count(*) FROM meter WHERE id = ANY($1::uuid[]) AND site_id = $2", list(meters), site_id)
    if count != len(set(meters)):
        raise not_found("meter")


def serial_taken() -> Refused:
    """What is said where another device has the serial number."""
    return Refused("serial_taken", 409, "A device with this serial number is entered already. Check the number.", fields=["serial"])


def taken(error: asyncpg.UniqueViolationError, bus_address: int | None, address: str) -> Refused:
    """What of a meter another one has already."""
    if error.constraint_name in ("meter_on_bus", "meter_on_network"):
        where = bus_address if error.constraint_name == "meter_on_bus" else address
        return Refused("bus_address_taken", 409, f"Another meter of this gateway has the address {where}. Choose another one.",
                       address=where, fields=["bus_address", "address"])  # fmt: skip
    if error.constraint_name == "meter_code":
        return Refused(
            "metering_code_taken", 409, "Another meter has this metering point's code. Check the number.", fields=["metering_code"]
        )
    return serial_taken()
