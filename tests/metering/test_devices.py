"""Routers, relay modules, readers, PV and batteries, and every field of a meter, on a real database."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from app.audit.model import Actor
from app.database.transaction import as_owner, fetch, fetchval, in_account
from app.metering import devices, equipment
from app.metering.device_rules import Output, Target
from app.metering.devices import Device, DeviceChange, NewDevice
from app.metering.equipment import NewGateway, NewMeter
from app.metering.meter_change import MeterChange, change_meter
from app.metering.model import Term
from app.metering.quarters import Meter, meters_of, store_day
from tests.charging.house import House, make_house
from tests.metering.test_equipment import refusal

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
SIM = "8941 0123 4567 8901 234"


class Desk(msgspec.Struct):
    """A house with one gateway."""

    house: House
    actor: Actor
    gateway: UUID
    building: UUID

    async def add(self, kind: str, **values: Any) -> UUID:
        return await devices.add_device(
            self.actor, self.house.site_id, msgspec.convert({"kind": kind, **values}, NewDevice, strict=False), NOW
        )

    async def refuses(self, kind: str, **values: Any) -> str:
        return await refusal(self.add(kind, **values))

    async def change(self, device_id: UUID, version: int = 1, **values: Any) -> int:
        return await devices.change_device(self.actor, device_id, DeviceChange(version=version, **values), NOW)

    async def shown(self, device_id: UUID) -> Device:
        async with in_account(self.house.account_id):
            return next(one for one in await devices.devices(self.house.site_id) if one.id == device_id)

    async def meter(self, serial: str, **values: Any) -> UUID:
        return await equipment.add_meter(self.actor, self.house.site_id, NewMeter(**{"serial": serial, "kind": "use", **values}), NOW)

    async def configure(self, meter_id: UUID, version: int = 1, **values: Any) -> int:
        return await change_meter(self.actor, meter_id, MeterChange(version=version, **values), NOW)

    async def meter_as_shown(self, meter_id: UUID) -> Meter:
        async with in_account(self.house.account_id):
            return next(one for one in await meters_of(self.house.site_id) if one.id == meter_id)


@pytest.fixture
async def desk(database: str) -> Desk:
    house = await make_house()
    actor = Actor(account_id=house.account_id, name="Ines Installer")
    gateway = await equipment.add_gateway(actor, house.site_id, NewGateway(serial="gw-001 a", name="Cellar"), NOW)
    async with as_owner():
        building = await fetchval("SELECT id FROM building WHERE site_id = $1", house.site_id)
    return Desk(house, actor, gateway, building)


@pytest.mark.row("A13")
@pytest.mark.row("I19")
async def test_a_router_has_a_type_a_serial_number_and_with_4g_a_sim_card(desk):
    router = await desk.add("router", serial="rt 100", uplink="4g", sim=SIM, model="RUT956", building_id=desk.building)
    assert await desk.refuses("router", serial="RT-2") == "field_needed"
    assert await desk.refuses("router", uplink="lan") == "field_needed"
    assert await desk.refuses("router", serial="RT-2", uplink="4g") == "sim_needed"
    assert await desk.refuses("router", serial="RT-2", uplink="lan", sim=SIM) == "sim_needed"
    assert await desk.refuses("router", serial="RT-2", uplink="4g", sim="89 41") == "bad_sim"
    assert await desk.refuses("router", serial="RT100", uplink="lan") == "serial_taken"
    assert await desk.refuses("router", serial="RT-2", uplink="4g", sim=SIM) == "sim_taken"
    assert await desk.refuses("router", serial="RT-2", uplink="lan", keypad=True) == "not_of_this_kind"
    assert await refusal(desk.change(router, uplink="lan")) == "sim_needed"
    assert await desk.change(router, uplink="lan", sim=None, name=" Cellar  left ") == 2
    assert await refusal(desk.change(router, name="Attic")) == "changed_meanwhile"
    assert await refusal(desk.change(router, 2, building_id=desk.house.site_id)) == "not_found"
    assert await refusal(desk.change(router, 2, installed_on=date(2026, 3, 1), removed_on=date(2026, 2, 1))) == "removed_before"
    shown = await desk.shown(router)
    assert (shown.serial, shown.uplink, shown.sim, shown.name, shown.building_id) == ("RT100", "lan", None, "Cellar left", desk.building)


MODULE = [
    {"position": 1, "label": "Boiler", "drives": "water_heater"}, {"position": 2, "label": "Pump", "drives": "heat_pump"},
    {"position": 3, "label": "Wash left", "drives": "washing_machine"}, {"position": 4},
]  # fmt: skip


@pytest.mark.row("I26")
async def test_a_relay_module_has_four_outputs_each_with_a_label_and_what_it_drives(desk):
    module = await desk.add("relay_module", outputs=MODULE, serial="IO-1", gateway_id=desk.gateway, address="12")
    assert await desk.refuses("relay_module", outputs=MODULE[:3]) == "four_outputs"
    assert await desk.refuses("relay_module", outputs=[*MODULE[:3], {"position": 3, "label": "x", "drives": "other"}]) == "four_outputs"
    assert await desk.refuses("relay_module", outputs=[*MODULE[:3], {"position": 4, "drives": "dryer"}]) == "four_outputs"
    changed = [*[Output(**one) for one in MODULE[:3]], Output(position=4, label="Dry", drives="dryer")]
    assert await desk.change(module, outputs=tuple(changed)) == 2
    assert await refusal(desk.change(module, 1, outputs=tuple(Output(**one) for one in MODULE))) == "changed_meanwhile"
    assert await desk.change(module, 2, outputs=tuple(changed)) == 2
    assert [(one.position, one.label, one.drives) for one in (await desk.shown(module)).outputs][2:] == [
        (3, "Wash left", "washing_machine"), (4, "Dry", "dryer")]  # fmt: skip


@pytest.mark.row("I27")
async def test_a_reader_has_a_number_a_place_a_keypad_or_none_and_what_it_switches(desk):
    module = await desk.add("relay_module", outputs=MODULE)
    socket, plain = await desk.meter("SH-1", relay=True, led=True), await desk.meter("EM-1")
    target = {"module_id": str(module), "output": 3}
    laundry = await desk.add("reader", serial="RD-1", place="Laundry", keypad=False, targets=[target])
    bikes = await desk.add("reader", serial="RD-2", place="Bikes", keypad=True, targets=[{"socket": 7, "meter_id": str(socket)}])
    refused = {
        "field_needed": {"keypad": False, "place": ""}, "bad_targets": {"keypad": True, "targets": [target]},
        "target_taken": {"keypad": False, "targets": [target]}, "no_relay": {"keypad": False, "targets": [{"meter_id": str(plain)}]},
        "not_found": {"keypad": False, "targets": [{"module_id": str(laundry), "output": 1}]}, "serial_taken": {"keypad": True, "serial": "RD-1"},
    }  # fmt: skip
    for code, values in refused.items():
        assert await desk.refuses("reader", **{"serial": "RD-3", "place": "Attic", **values}) == code, code
    both = (Target(socket=7, meter_id=socket), Target(socket=8, module_id=module, output=4))
    assert await desk.change(bikes, targets=both) == 2
    assert await refusal(desk.change(bikes, 2, targets=(both[0], both[0]))) == "bad_targets"
    assert (await desk.shown(bikes)).targets == both
    assert (await desk.shown(laundry)).targets == (Target(module_id=module, output=3),)


@pytest.mark.row("I22")
@pytest.mark.row("I23")
async def test_pv_and_a_battery_are_recorded_with_their_figures_and_their_meters(desk):
    made, stored = await desk.meter("PV-1", kind="production"), await desk.meter("BA-1", kind="battery")
    pv = await desk.add("pv", peak_w=29_700, inverter="Fronius Symo", meter_id=str(made), installed_on="2026-03-01")
    battery = await desk.add("battery", usable_wh=22_000, charge_w=10_000, discharge_w=11_000, meter_id=str(stored))
    assert await desk.refuses("pv", peak_w=29_700) == "field_needed"
    assert await desk.refuses("pv", installed_on="2026-03-01") == "field_needed"
    assert await desk.refuses("pv", peak_w=1, installed_on="2026-03-01", meter_id=str(stored)) == "other_mode"
    assert await desk.refuses("battery", usable_wh=22_000, charge_w=10_000) == "field_needed"
    assert await desk.refuses("battery", usable_wh=1, charge_w=1, discharge_w=1, peak_w=1) == "not_of_this_kind"
    assert await desk.change(pv, peak_w=31_000) == 2
    shown, kept = await desk.shown(pv), await desk.shown(battery)
    assert (shown.peak_w, shown.inverter, shown.meter_id, shown.installed_on) == (31_000, "Fronius Symo", made, date(2026, 3, 1))
    assert (kept.usable_wh, kept.charge_w, kept.discharge_w, kept.meter_id) == (22_000, 10_000, 11_000, stored)


@pytest.mark.row("A14")
@pytest.mark.row("A22")
async def test_a_meter_is_changed_in_all_its_fields_and_what_it_measures_only_before_its_first_reading(desk):
    meter, above = await desk.meter("EM-1"), await desk.meter("EM-2", gateway_id=desk.gateway, bus_address=1)
    values = {"serial": "em-9", "kind": "entry", "name": "Cellar", "model": "EM340", "building_id": desk.building, "gateway_id": desk.gateway,
              "bus_address": 2, "indirect": True, "amperage_a": 250, "phases": 1, "installed_on": date(2026, 3, 1), "parent_id": above}  # fmt: skip
    assert await desk.configure(meter, **values) == 2
    shown = await desk.meter_as_shown(meter)
    assert {name: getattr(shown, name) for name in values} == {**values, "serial": "EM-9"}
    assert await refusal(desk.configure(meter, 1, model="EM24")) == "changed_meanwhile"
    refused = {"bus_address_taken": {"bus_address": 1}, "bus_address_needed": {"bus_address": None}, "serial_taken": {"serial": "EM-2"},
               "amperage_needed": {"amperage_a": None}, "bad_kind": {"medium": "heat"}, "not_found": {"building_id": desk.gateway},
               "removed_before": {"removed_on": date(2026, 2, 1)}, "meter_cycle": {"parent_id": meter},
               "bad_metering_code": {"metering_code": "CH1012300123450000000000000012345"}}  # fmt: skip
    for code, change in refused.items():
        assert await refusal(desk.configure(meter, 2, **change)) == code
    heat = {"medium": "heat", "kind": "use", "bus_address": 1, "indirect": False, "amperage_a": None}
    assert await desk.configure(meter, 2, **heat) == 3  # M-Bus has addresses of its own
    assert await desk.configure(meter, 3, medium="cold_water") == 4
    await store_day(desk.house.account_id, above, date(2026, 3, 2), [1] * 96, NOW)
    assert await refusal(desk.configure(above, 1, kind="production")) == "meter_has_readings"
    assert await desk.configure(above, 1, model="EM24", kind="use") == 2


async def test_a_grid_operators_meter_has_its_metering_points_code_and_hangs_on_no_bus(desk):
    code = "CH 1012 3001 2345 0000 0000 0000 0001 2345"
    meter = await desk.meter("DSO-1", kind="entry", source="dso", metering_code=code)
    assert (await desk.meter_as_shown(meter)).metering_code == code.replace(" ", "")
    assert await refusal(desk.meter("DSO-2", kind="entry", source="dso", metering_code=code)) == "metering_code_taken"
    assert await refusal(desk.meter("DSO-2", kind="entry", metering_code=code)) == "bad_metering_code"
    assert await refusal(desk.meter("DSO-2", kind="entry", source="dso", gateway_id=desk.gateway)) == "not_on_a_bus"
    assert await desk.configure(meter, metering_code="CH1012300123450000000000000099999", name="Grid") == 2
    assert (await desk.meter_as_shown(meter)).name == "Grid"


async def test_a_reckoned_meter_is_never_replaced_and_its_parts_are_changed_without_a_circle(desk):
    first, second = await desk.meter("P-1"), await desk.meter("P-2")
    total = await desk.meter("R-1", source="rule", terms=(Term(first, 1), Term(second, 1)))
    rest = await desk.meter("R-2", source="rule", terms=(Term(total, 1), Term(second, -1)))
    assert await refusal(desk.configure(total, terms=(Term(rest, 1),))) == "meter_cycle"
    assert await refusal(desk.configure(total, terms=())) == "terms_needed"
    await desk.configure(total, terms=(Term(first, 1), Term(second, -1)))
    assert (await desk.meter_as_shown(total)).terms == (Term(first, 1), Term(second, -1))
    assert await refusal(equipment.replace(desk.actor, total, "R-9", date(2026, 4, 1), NOW)) == "reckoned_not_replaced"


async def test_a_meter_begins_at_its_first_index_on_the_day_of_its_installation_and_keeps_what_it_had_when_it_is_replaced(desk):
    old = await desk.meter("SH-1", relay=True, led=True, gateway_id=desk.gateway, address="10.0.0.7", installed_on=date(2026, 3, 1),
                           first_index=12_345, building_id=desk.building)  # fmt: skip
    assert await refusal(desk.meter("SH-2", led=True)) == "relay_on_electricity"
    assert await refusal(desk.meter("SH-2", relay=True, medium="heat")) == "relay_on_electricity"
    assert await refusal(desk.meter("SH-2", gateway_id=desk.gateway, address="10.0.0.7")) == "bus_address_taken"
    new = await desk.meter_as_shown(await equipment.replace(desk.actor, old, "SH-3", date(2026, 6, 1), NOW))
    assert (new.relay, new.led, new.address, new.gateway_id, new.building_id) == (True, True, "10.0.0.7", desk.gateway, desk.building)
    async with as_owner():
        rows = await fetch("SELECT meter_id, imported, taken_at FROM index_reading ORDER BY taken_at")
    assert [(row["meter_id"], row["imported"]) for row in rows] == [(old, 12_345), (new.id, 0)]
    assert await refusal(desk.configure(old, 2, installed_on=date(2026, 4, 1))) == "read_before"
