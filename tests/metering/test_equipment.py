"""Gateways and meters as they are installed, on a real database."""

import io
from collections.abc import Awaitable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from openpyxl import Workbook

from app.audit.model import Actor
from app.database.transaction import as_owner, execute, fetch, fetchval, in_account
from app.kernel.errors import Refused
from app.metering import equipment
from app.metering.equipment import GatewayChange, NewGateway, NewMeter
from app.metering.meter_import import import_meters
from app.metering.model import Term
from app.metering.quarters import meters_of
from tests.charging.house import House, make_house

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


class Desk(msgspec.Struct):
    """A house with one gateway."""

    house: House
    actor: Actor
    gateway: UUID

    async def add(self, serial: str, **values: Any) -> UUID:
        return await equipment.add_meter(self.actor, self.house.site_id, NewMeter(**{"serial": serial, "kind": "use", **values}), NOW)

    async def load(self, table: str | bytes, name: str = "m.csv") -> list[tuple[int, str, str]]:
        content = table.encode() if isinstance(table, str) else table
        return [(one.row, one.outcome, one.code) for one in await import_meters(self.actor, self.house.site_id, name, content, NOW)]

    async def count(self) -> int:
        async with as_owner():
            return int(await fetchval("SELECT count(*) FROM meter"))


@pytest.fixture
async def desk(database: str) -> Desk:
    house = await make_house()
    actor = Actor(account_id=house.account_id, name="Ines Installer")
    gateway = await equipment.add_gateway(actor, house.site_id, NewGateway(serial="gw-001 a", name="Cellar"), NOW)
    return Desk(house, actor, gateway)


async def refusal(work: Awaitable[Any]) -> str:
    with pytest.raises(Refused) as refused:
        await work
    return refused.value.code


@pytest.mark.row("A12")
@pytest.mark.row("I20")
async def test_a_gateways_serial_number_is_unique_on_the_whole_platform_and_its_data_are_changed(desk):
    other = await make_house("XX")
    stranger = Actor(account_id=other.account_id, name="Other")
    assert await refusal(equipment.add_gateway(stranger, other.site_id, NewGateway(serial="GW-001A"), NOW)) == "serial_taken"
    assert await refusal(equipment.add_gateway(desk.actor, desk.house.site_id, NewGateway(serial="??"), NOW)) == "bad_serial"
    async with as_owner():
        building = await fetchval("SELECT id FROM building WHERE site_id = $1", desk.house.site_id)
        foreign = await fetchval("SELECT id FROM building WHERE site_id = $1", other.site_id)
    change = GatewayChange(version=1, name="Cellar 2", building_id=building, installed_on=date(2026, 3, 1))
    assert await equipment.change_gateway(desk.actor, desk.gateway, change, NOW) == 2
    stale = GatewayChange(version=1, name="Attic")
    assert await refusal(equipment.change_gateway(desk.actor, desk.gateway, stale, NOW)) == "changed_meanwhile"
    assert (
        await refusal(equipment.change_gateway(desk.actor, desk.gateway, GatewayChange(version=2, building_id=foreign), NOW)) == "not_found"
    )
    early = GatewayChange(version=2, removed_on=date(2026, 2, 1))
    assert await refusal(equipment.change_gateway(desk.actor, desk.gateway, early, NOW)) == "removed_before"
    async with in_account(desk.house.account_id):
        (shown,) = await equipment.gateways(desk.house.site_id)
    assert (shown.serial, shown.name, shown.building_id, shown.seen_at, shown.meters) == ("GW-001A", "Cellar 2", building, None, 0)


@pytest.mark.row("I21")
async def test_an_electricity_meter_has_a_mode_a_bus_address_and_is_direct_or_indirect(desk):
    for number, kind in enumerate(("use", "entry", "production", "battery"), start=1):
        await desk.add(f"EL-{number}", kind=kind, gateway_id=desk.gateway, bus_address=number, model="EM24", amperage_a=80)
    await desk.add("EL-5", indirect=True, amperage_a=250)
    assert await refusal(desk.add("EL-6", gateway_id=desk.gateway, bus_address=4)) == "bus_address_taken"
    assert await refusal(desk.add("el-5")) == "serial_taken"
    cases: dict[str, dict[str, Any]] = {
        "bus_address_needed": {"gateway_id": desk.gateway}, "bad_bus_address": {"bus_address": 248}, "amperage_needed": {"indirect": True},
        "indirect_needed": {"amperage_a": 81}, "terms_needed": {"source": "rule"}, "not_on_a_bus": {"source": "dso", "bus_address": 1},
        "not_found": {"gateway_id": desk.house.site_id, "bus_address": 9},
    }  # fmt: skip
    for code, values in cases.items():
        assert await refusal(desk.add("EL-9", **values)) == code
    assert await desk.count() == 5
    async with in_account(desk.house.account_id):
        found = {meter.serial: meter for meter in await meters_of(desk.house.site_id)}
    assert (found["EL-2"].kind, found["EL-2"].bus_address, found["EL-2"].model) == ("entry", 2, "EM24")
    assert (found["EL-5"].indirect, found["EL-5"].amperage_a) == (True, 250)


@pytest.mark.row("I28")
async def test_heat_and_water_meters_hang_on_m_bus_beside_the_modbus_and_count_use(desk):
    await desk.add("EL-1", gateway_id=desk.gateway, bus_address=7)
    heat = await desk.add("HE-1", medium="heat", gateway_id=desk.gateway, bus_address=7, billing_point_id=desk.house.flat_anna)
    await desk.add("WA-1", medium="cold_water", gateway_id=desk.gateway, bus_address=250)
    assert await refusal(desk.add("WA-2", medium="hot_water", gateway_id=desk.gateway, bus_address=7)) == "bus_address_taken"
    assert await refusal(desk.add("WA-3", medium="hot_water", bus_address=0)) == "bad_bus_address"
    assert await refusal(desk.add("WA-4", medium="hot_water", kind="production")) == "bad_kind"
    async with in_account(desk.house.account_id):
        meter = next(one for one in await meters_of(desk.house.site_id) if one.id == heat)
    assert meter.medium == "heat" and meter.links[0].billing_point_id == desk.house.flat_anna


@pytest.mark.row("A15")
async def test_a_meter_is_physical_or_reckoned_from_others_and_never_from_itself(desk):
    first, second = await desk.add("P-1"), await desk.add("P-2")
    total = await desk.add("R-1", source="rule", terms=(Term(first, 1), Term(second, 1)))
    rest = await desk.add("R-2", source="rule", terms=(Term(total, 1), Term(second, -1)))
    assert await refusal(equipment.set_terms(desk.actor, total, [Term(rest, 1)], NOW)) == "meter_cycle"
    assert await refusal(equipment.set_terms(desk.actor, total, [Term(total, 1)], NOW)) == "meter_cycle"
    assert await refusal(equipment.set_terms(desk.actor, first, [Term(second, 1)], NOW)) == "terms_needed"
    for _ in range(2):
        await equipment.set_terms(desk.actor, total, [Term(first, 1)], NOW)
    async with in_account(desk.house.account_id):
        found = {meter.id: meter.terms for meter in await meters_of(desk.house.site_id)}
    assert found[total] == (Term(first, 1),) and found[rest] == (Term(total, 1), Term(second, -1))


SHEET = """Seriennummer;Modus;Medium;Gateway;Busadresse;Wohnung;Ampere;Eingebaut
EM-1;Verbrauch;;gw-001a;1;anna;;01.03.2026
EM-2;production;;GW-001A;2;;250;
HE-1;Verbrauch;Wärme;GW-001A;1;ben;;2026-03-01
"""


@pytest.mark.row("A17")
async def test_a_table_of_meters_is_entered_whole_or_not_at_all_and_every_row_says_why(desk):
    bad = SHEET + "EM-1;Verbrauch;;;;;;\nEM-4;Verbrauch;;GW-001A;2;;;\nEM-5;Verbrauch;;;;attic;;\nEM-6;Wind;;;;;;\n;Verbrauch;;;;;;\n"
    assert await desk.load(bad) == [
        (2, "good", ""), (3, "good", ""), (4, "good", ""), (5, "refused", "serial_taken"), (6, "refused", "bus_address_taken"),
        (7, "refused", "no_such_cell"), (8, "refused", "bad_cell"), (9, "refused", "missing_cell"),
    ]  # fmt: skip
    assert await desk.count() == 0
    assert [outcome for _, outcome, _ in await desk.load(SHEET)] == ["done"] * 3
    assert [code for _, _, code in await desk.load(SHEET)] == ["serial_taken"] * 3
    async with in_account(desk.house.account_id):
        found = {meter.serial: meter for meter in await meters_of(desk.house.site_id)}
    assert (found["EM-1"].installed_on, found["EM-1"].links[0].billing_point_id) == (date(2026, 3, 1), desk.house.flat_anna)
    assert (found["EM-2"].indirect, found["EM-2"].amperage_a, found["HE-1"].medium) == (True, 250, "heat")
    assert [outcome for _, outcome, _ in await desk.load("serial\tkind\nPA-1\tuse\nPA-2\tentry\n", "pasted.txt")] == ["done"] * 2
    book, packed = Workbook(), io.BytesIO()
    for line in (["serial", "kind"], ["XL-1", "consumption"]):
        book.active.append(line)
    book.save(packed)
    assert [outcome for _, outcome, _ in await desk.load(packed.getvalue(), "m.xlsx")] == ["done"]


@pytest.mark.row("A18")
async def test_many_meters_are_hung_on_a_gateway_at_once_or_none(desk):
    meters = [await desk.add(f"M-{n}", bus_address=n) for n in (1, 2, 3)]
    bare, twin = await desk.add("M-4"), await desk.add("M-5", bus_address=2)
    assign = equipment.assign
    assert await refusal(assign(desk.actor, desk.house.site_id, desk.gateway, [*meters, bare], NOW)) == "bus_address_needed"
    assert await refusal(assign(desk.actor, desk.house.site_id, desk.gateway, [*meters, twin], NOW)) == "bus_address_taken"
    assert await refusal(assign(desk.actor, desk.house.site_id, desk.house.site_id, meters, NOW)) == "not_found"
    async with as_owner():
        assert await fetchval("SELECT count(*) FROM meter WHERE gateway_id IS NOT NULL") == 0
    assert [await assign(desk.actor, desk.house.site_id, desk.gateway, meters, NOW) for _ in range(2)] == [3, 3]
    async with as_owner():
        assert await fetchval("SELECT count(*) FROM meter WHERE gateway_id = $1", desk.gateway) == 3


async def test_a_meter_is_replaced_in_mid_period_and_days_that_are_billed_stay_as_they_are(desk):
    old = await desk.add("OLD-1", gateway_id=desk.gateway, bus_address=1, billing_point_id=desk.house.flat_anna,
                         installed_on=date(2026, 1, 1))  # fmt: skip
    async with as_owner():
        await execute("INSERT INTO energy_run (account_id, site_id, period, state, frozen_at) VALUES ($1, $2, '[2026-03-01,2026-04-01)',"
                      " 'issued', $3)", desk.house.account_id, desk.house.site_id, NOW)  # fmt: skip
    assert await refusal(equipment.replace(desk.actor, old, "NEW-1", date(2026, 3, 31), NOW)) == "day_billed"
    assert await refusal(equipment.link(desk.actor, old, desk.house.flat_ben, date(2026, 3, 31), NOW)) == "day_billed"
    new = await equipment.replace(desk.actor, old, "NEW-1", date(2026, 4, 10), NOW)
    assert await refusal(equipment.replace(desk.actor, old, "NEW-2", date(2026, 4, 11), NOW)) == "replaced_already"
    await equipment.link(desk.actor, new, desk.house.flat_ben, date(2026, 5, 1), NOW)
    async with as_owner():
        rows = await fetch("SELECT meter_id, billing_point_id, period::text FROM meter_link ORDER BY lower(period)")
        kept = await fetch("SELECT gateway_id, bus_address, removed_on FROM meter ORDER BY created_at, serial DESC")
    assert [tuple(row) for row in rows] == [
        (old, desk.house.flat_anna, "[2026-01-01,2026-04-10)"), (new, desk.house.flat_anna, "[2026-04-10,2026-05-01)"),
        (new, desk.house.flat_ben, "[2026-05-01,)"),
    ]  # fmt: skip
    assert [tuple(row) for row in kept] == [(desk.gateway, 1, date(2026, 4, 9)), (desk.gateway, 1, None)]
