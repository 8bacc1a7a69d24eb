"""The hardware that a house needs for its solutions, and what of it is entered."""

from collections.abc import Iterable

import pytest

from app.installing.plan_rules import House, Need, beside, plan_of
from tests.metering.test_reading_routes import Door, door  # noqa: F401 - the fixture

ALL = House(
    solutions=frozenset({"electricity", "charging", "heating_water", "laundry", "ebike"}), buildings=("A", "B"), flats={"A": 4, "B": 2},
    commons={"A": 1}, stations=3, machines=2, sockets=5, pv=True, battery=True, heat_pump=True, entry_a=250,
)  # fmt: skip


def counts(needs: Iterable[Need], *kinds: str) -> list[tuple[str, str, int]]:
    return [(one.kind, one.building, one.count) for one in needs if one.kind in kinds]


def only(*solutions: str) -> list[Need]:
    return plan_of(House(**{name: getattr(ALL, name) for name in ALL.__struct_fields__} | {"solutions": frozenset(solutions)}))


@pytest.mark.row("I04")
@pytest.mark.parametrize("solution", sorted(ALL.solutions))
def test_each_building_has_one_gateway_and_one_way_to_the_internet(solution: str):
    expected = [("router", "A", 1), ("gateway", "A", 1), ("router", "B", 1), ("gateway", "B", 1)]
    assert counts(only(solution), "router", "gateway") == expected


@pytest.mark.row("I05")
def test_electricity_has_the_operators_meter_and_ours_in_series_and_one_for_each_consumer_and_the_roof():
    needs = only("electricity")
    assert counts(needs, "meter_dso", "meter_entry", "meter_production") == [("meter_dso", "", 1), ("meter_entry", "", 1),
                                                                             ("meter_production", "", 1)]  # fmt: skip
    assert counts(needs, "meter_flat", "meter_common") == [("meter_flat", "A", 4), ("meter_common", "A", 1), ("meter_flat", "B", 2)]
    assert [one.kind for one in needs if one.indirect] == ["meter_entry"]  # 250 A
    assert not any(one.indirect for one in plan_of(House(solutions=frozenset({"electricity"}), entry_a=80)))


@pytest.mark.row("I06")
def test_a_meter_of_its_own_is_advised_for_heat_pump_cars_and_battery():
    assert [one.kind for one in only("electricity", "charging") if one.advised] == ["meter_heat_pump", "meter_charging", "meter_battery"]
    assert [one.kind for one in plan_of(House(solutions=frozenset({"electricity"}))) if one.advised] == []


@pytest.mark.row("I11")
def test_heat_and_water_are_measured_in_each_flat_at_the_source_at_the_heater_and_for_the_common_areas():
    needs = [one for one in only("heating_water") if one.building == "A" and one.kind not in ("router", "gateway")]
    assert [(one.kind, one.count) for one in needs] == [
        ("mbus_converter", 1), ("meter_heat", 4), ("meter_hot_water", 4), ("meter_cold_water", 4), ("heat_source", 1), ("heater_inlet", 1),
        ("cold_water_common", 1),
    ]  # fmt: skip


@pytest.mark.row("I12")
def test_each_machine_of_the_laundry_has_a_reader_and_a_relay_meter():
    assert counts(only("laundry"), "reader", "relay_meter") == [("reader", "", 2), ("relay_meter", "", 2)]


@pytest.mark.row("I13")
def test_bikes_have_a_network_a_reader_with_a_keypad_and_a_meter_for_each_socket():
    needs = [one for one in only("ebike") if not one.building]
    assert [(one.kind, one.count) for one in needs] == [("switch", 1), ("access_point", 1), ("wifi_controller", 1), ("reader_keypad", 1),
                                                         ("socket_meter", 5), ("socket_led", 5)]  # fmt: skip
    assert {"router", "gateway"} <= {one.kind for one in only("ebike")}


def test_cars_have_a_zone_a_meter_and_their_stations():
    assert counts(only("charging"), "zone", "meter_charging", "station") == [("zone", "", 1), ("meter_charging", "", 1), ("station", "", 3)]
    assert plan_of(House(solutions=frozenset(), buildings=("A",))) == []


def test_what_is_entered_stands_beside_the_plan_and_what_is_never_entered_is_not_counted():
    needs = beside(plan_of(ALL), {("router", "A"): 1, ("meter_entry", ""): 1})
    assert {(one.kind, one.building): one.there for one in needs if one.there} == {("router", "A"): 1, ("meter_entry", ""): 1}
    assert next(one.there for one in needs if one.kind == "wifi_controller") is None


@pytest.mark.row("I02")
async def test_choosing_solutions_gives_the_list_of_hardware_and_what_of_it_is_there(door: Door):  # noqa: F811
    form = {"name": "Neubau", "street": "S", "postcode": "1", "city": "C"}
    site = f"/api/sites/{(await door.ask('POST', '/api/sites', 'operator', body=form)).json()['id']}"
    building = (await door.ask("POST", f"{site}/buildings", body={"name": "A"})).json()["id"]
    assert (await door.ask("GET", f"{site}/hardware-plan")).json() == []
    for solution in ("electricity", "laundry"):
        chosen = await door.ask("POST", f"{site}/solutions", "operator", body={"solution": solution, "active": True, "day": "2026-12-01"})
        assert chosen.is_success, chosen.text
    point = await door.ask("POST", "/api/billing-points", "operator", body={"building_id": building, "name": "A 1", "since": "2026-01-01"})
    await door.ask("POST", f"{site}/gateways", body={"serial": "GW-9", "building_id": building})
    for meter in (
        {"serial": "M-1", "kind": "use", "billing_point_id": point.json()["id"]}, {"serial": "M-2", "kind": "use", "relay": True},
        {"serial": "M-3", "kind": "entry"}, {"serial": "M-4", "kind": "entry", "source": "dso"},
    ):  # fmt: skip
        assert (await door.ask("POST", f"{site}/meters", body=meter)).status_code == 201
    plan = (await door.ask("GET", f"{site}/hardware-plan?machines=2&pv=true")).json()
    assert [(one["kind"], one["building"], one["count"], one["there"]) for one in plan] == [
        ("router", "A", 1, 0), ("gateway", "A", 1, 1), ("meter_dso", "", 1, 1), ("meter_entry", "", 1, 1), ("meter_flat", "A", 1, 1),
        ("meter_production", "", 1, 0), ("reader", "", 2, 0), ("relay_meter", "", 2, 1),
    ]  # fmt: skip
    assert (await door.ask("GET", f"{site}/hardware-plan?machines=-1")).status_code == 422
