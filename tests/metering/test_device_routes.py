"""What owner, operator and installer may do with equipment, over HTTP."""

import pytest

from tests.metering.test_reading_routes import Door, door  # noqa: F401 - the fixture


@pytest.mark.row("O39")
async def test_owner_and_operator_rename_a_meter_and_change_nothing_else(door: Door):  # noqa: F811
    meter = f"/api/meters/{door.meter}"
    for version, role in enumerate(("owner", "operator", "proxy"), start=1):
        renamed = await door.ask("PATCH", meter, role, body={"version": version, "name": f"Cellar {role}"})
        assert (renamed.status_code, renamed.json()) == (200, {"version": version + 1})
        for path, method, body in (
            (f"{meter}/configuration", "PATCH", {"version": version + 1, "model": "EM24"}), (f"{meter}/terms", "PUT", {"terms": []}),
            (f"{meter}/link", "PUT", {"billing_point_id": None, "first": "2027-01-01"}), (f"{meter}/isolated", "PUT", {"isolated": True}),
            (f"{meter}/replacement", "POST", {"serial": "PV-2", "first": "2027-01-01"}),
        ):  # fmt: skip
            assert (await door.ask(method, path, role, body=body)).status_code == 403, path
    odd = await door.ask("PATCH", meter, "owner", body={"version": 4, "name": "Cellar", "serial": "PV-2"})
    assert odd.status_code == 422
    shown = next(one for one in (await door.ask("GET", f"/api/sites/{door.site}/meters", "owner")).json() if one["id"] == door.meter)
    assert (shown["name"], shown["serial"], shown["model"]) == ("Cellar proxy", "PV-1", "")


async def test_equipment_of_every_kind_is_added_and_changed_from_a_site(door: Door):  # noqa: F811
    site = f"/api/sites/{door.site}"
    gateway = (await door.ask("POST", f"{site}/gateways", body={"serial": "GW-77"})).json()["id"]
    outputs = [{"position": n, "label": f"O{n}", "drives": "other"} for n in (1, 2, 3, 4)]
    forms = [
        {"kind": "router", "serial": "RT-1", "uplink": "lan"}, {"kind": "rs485_converter", "address": "10.0.0.3"},
        {"kind": "mbus_converter"}, {"kind": "switch"}, {"kind": "access_point"}, {"kind": "relay_module", "outputs": outputs},
        {"kind": "reader", "serial": "RD-1", "place": "Laundry", "keypad": False},
        {"kind": "pv", "peak_w": 9000, "installed_on": "2026-03-01", "meter_id": door.meter},
        {"kind": "battery", "usable_wh": 9000, "charge_w": 5000, "discharge_w": 5000},
    ]  # fmt: skip
    for form in forms:
        made = await door.ask("POST", f"{site}/devices", "operator", body={**form, "gateway_id": gateway})
        assert made.status_code == 201, made.text
        changed = await door.ask("PATCH", f"/api/devices/{made.json()['id']}", "operator", body={"version": 1, "name": form["kind"]})
        assert changed.json() == {"version": 2}
    devices = (await door.ask("GET", f"{site}/devices", "owner")).json()
    assert {one["name"] for one in devices} == {form["kind"] for form in forms}
    station = (await door.ask("POST", f"{site}/stations", body={"identity": "NEW-77", "name": "Bay", "gateway_id": gateway})).json()
    assert len(station["key"]) == 40
    assert (await door.ask("PATCH", f"/api/stations/{station['id']}", body={"version": 1, "place": "Garage"})).json() == {"version": 2}
    shown = next(one for one in (await door.ask("GET", f"{site}/stations", "owner")).json() if one["id"] == station["id"])
    assert (shown["identity"], shown["place"], shown["gateway_id"]) == ("NEW-77", "Garage", gateway) and "key" not in shown
    assert (await door.ask("POST", f"{site}/devices", "owner", body={"kind": "switch"})).status_code == 403
