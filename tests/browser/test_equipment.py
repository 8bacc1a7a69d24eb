"""Equipment in the console on a desktop and on a phone: one of each kind, a table of meters, a gateway for many, another meter."""

from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import House
from tests.browser.console import SIZES, enter, seen

SHEET = "serial\tkind\tgateway\tbus address\tplace\nT-1\tconsumption\t\t11\tFlat 1\nT-2\tconsumption\t\t11\tFlat 9\n"
GOOD = SHEET.replace("Flat 9", "Flat 2").replace("T-2\tconsumption\t\t11", "T-2\tconsumption\t\t12")


class Empty:
    """A house of its own without anything, in an account of the demo."""

    def __init__(self, house: House, name: str) -> None:
        tokens = {role: {"authorization": f"Bearer {house.login(role)['token']}"} for role in ("operator", "installer")}
        self.api = httpx.Client(base_url=house.url, timeout=60, headers=tokens["operator"])
        self.installer = tokens["installer"]
        self.site = self.post("/api/sites", name=name, street="Lindenweg 9", postcode="8004", city="Zürich")["id"]
        self.building = self.post(f"/api/sites/{self.site}/buildings", name="A")["id"]
        for flat in ("Flat 1", "Flat 2"):
            self.post("/api/billing-points", building_id=self.building, name=flat, since="2024-01-01")

    def post(self, path: str, **body: Any) -> Any:
        answer = self.api.post(path, json=body)
        assert answer.is_success, answer.text
        return answer.json()


def add(page: Page, kind: str, fields: dict[str, str]) -> None:
    """Choose a kind and fill its form in: inputs by their label, choices by what they show."""
    page.get_by_test_id("add-equipment").select_option(kind)
    form = page.get_by_test_id("equipment-form")
    for label, value in fields.items():
        field = form.get_by_label(label, exact=False).first
        if field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(label=value)
        else:
            field.fill(value)
    form.get_by_test_id("send").click()


def back(page: Page) -> None:
    """To the list, where the pane covers it."""
    link = page.locator("a.back")
    if link.is_visible():
        link.click()


SERIAL, NAME = "Serial number", "Name"
EVERYTHING: tuple[tuple[str, dict[str, str]], ...] = (
    ("gateway", {SERIAL: "gw-{n}", NAME: "Cellar gateway", "Building": "A"}),
    ("router", {SERIAL: "rt-{n}", "Uplink": "4G", "SIM number": "8941012345678901{n}", NAME: "Router"}),
    ("rs485_converter", {NAME: "Converter", "Address on bus": "10.0.0.3"}),
    ("mbus_converter", {NAME: "M-Bus level"}),
    ("switch", {NAME: "Switch 8"}),
    ("access_point", {NAME: "Garage air"}),
    ("meter_electricity", {SERIAL: "EL-1", NAME: "Lift", "Measures": "Consumption", "Gateway": "Cellar gateway", "Bus address": "1"}),
    ("meter_relay", {SERIAL: "SH-1", NAME: "Washer", "Measures": "Consumption", "Gateway": "Cellar gateway", "Network address": "10.0.0.7"}),
    ("meter_heat", {SERIAL: "HE-1", NAME: "Flat 1 heat", "Gateway": "Cellar gateway", "Primary address": "1", "Counts for": "Flat 1"}),
    ("meter_hot_water", {SERIAL: "HW-1", NAME: "Flat 1 water"}),
    ("meter_dso", {SERIAL: "DSO-1", NAME: "Grid", "Measures": "Introduction (entry)", "Grid operator": "CH10123001234500000000000000123{n}"}),
    ("meter_rule", {SERIAL: "R-1", NAME: "Sum", "Measures": "Consumption", "EL-1": "added", "SH-1": "taken off"}),
    ("relay_module", {NAME: "Relays", "Output 1: label": "Boiler", "Output 1: switches": "water heater"}),
    ("reader", {SERIAL: "RD-{n}", NAME: "Laundry reader", "Place": "Laundry", "Switches (1)": "SH-1 · Washer"}),
    ("pv", {NAME: "Roof", "Peak power": "29,7", "In operation since": "2026-03-01"}),
    ("battery", {NAME: "Store", "Usable": "22", "Charges": "10", "Gives": "11.5"}),
    ("station_remote", {"OCPP identity": "RM-{n}", NAME: "Remote bay"}),
)  # fmt: skip


@pytest.mark.row("A10")
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_equipment_is_entered_imported_assigned_replaced_and_renamed(browser: Browser, house: House, size: str):
    number = ("desktop", "phone").index(size)
    made = Empty(house, f"Geräte {size}")
    base = f"/console/sites/{made.site}/equipment"
    width, height = SIZES[1 - number]
    context = browser.new_context(
        base_url=house.url, viewport={"width": width, "height": height}, bypass_csp=True, has_touch=size == "phone"
    )
    context.set_default_timeout(20_000)
    page = enter(context, house, "installer", base)
    expect(page.get_by_test_id("empty")).to_contain_text("Begin with router and gateway")
    for kind, fields in EVERYTHING:
        add(page, kind, {label: text.format(n=70 + number) for label, text in fields.items()})
        if kind == "station_remote":
            expect(page.get_by_test_id("station-key")).to_contain_text("shown this once")
            page.get_by_role("link", name="I have entered it").click()
        expect(page.get_by_test_id("equipment-name")).to_have_text(fields[NAME])
        back(page)
    # What another has is refused, in words, at its field.
    add(page, "meter_electricity", {SERIAL: "EL-9", "Gateway": "Cellar gateway", "Bus address": "1"})
    expect(page.get_by_test_id("refused")).to_contain_text("has the address 1")
    expect(page.get_by_label("Bus address")).to_be_focused()
    # A table: one bad row stops all, and each row says why.
    page.goto(f"{base}/import")
    page.get_by_test_id("pasted").fill(SHEET)
    page.get_by_test_id("import").click()
    rows = page.get_by_test_id("import-row")
    expect(rows.nth(0)).to_contain_text("in order")
    expect(rows.nth(1)).to_contain_text("has no 'Flat 9'")
    expect(page.get_by_test_id("report")).to_contain_text("Nothing is entered")
    if size == "desktop":
        seen(page, "meters-import")
    page.get_by_test_id("pasted").fill(GOOD)
    page.get_by_test_id("import").click()
    expect(page.get_by_test_id("report")).to_contain_text("2 meters are entered")
    # Both hang on the gateway at once.
    page.goto(f"{base}/assign")
    page.get_by_label("Gateway", exact=True).select_option(label="Cellar gateway")
    for serial in ("T-1", "T-2"):
        page.get_by_role("checkbox", name=serial).check()
    if size == "desktop":
        seen(page, "meters-assign")
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("notice")).to_contain_text("2 meters hang on it")
    # A meter changes in place, is linked anew from a day on, and is replaced; what was before stays.
    page.goto(f"{base}?q=T-1")
    page.get_by_test_id("row").filter(has_text="T-1").get_by_role("link").click()
    form = page.get_by_test_id("equipment-form")
    expect(form.get_by_label("Gateway")).to_have_value(page.evaluate("() => document.querySelector('[name=gateway_id]').value"))
    form.get_by_label("Model").fill("EM340")
    form.get_by_test_id("send").click()
    expect(page.get_by_test_id("undo")).to_be_visible()
    page.get_by_test_id("replace-meter").click()
    page.get_by_test_id("replace-form").get_by_label("Serial number of the new one").fill("T-100")
    page.get_by_test_id("replace-form").get_by_test_id("send").click()
    expect(page.get_by_test_id("equipment-name")).to_have_text("T-100")
    expect(page.get_by_role("link", name="Replaces T-1")).to_be_visible()
    expect(page.get_by_test_id("equipment-form").get_by_label("Model")).to_have_value("EM340")
    expect(page.get_by_test_id("meter-link")).to_contain_text("Flat 1")
    if size == "desktop":
        seen(page, "equipment-meter")
        page.goto(base)
        seen(page, "equipment")
        page.get_by_test_id("filter-kind").select_option("reader")
        expect(page.get_by_test_id("row")).to_have_count(1)
    context.close()
    # The operator names a meter and finds nothing else to change.
    theirs = browser.new_context(base_url=house.url, viewport={"width": width, "height": height}, bypass_csp=True)
    theirs.set_default_timeout(20_000)
    page = enter(theirs, house, "operator", f"{base}?q=EL-1")
    page.get_by_test_id("row").filter(has_text="EL-1").get_by_role("link").first.click()
    expect(page.get_by_test_id("equipment-form")).to_have_count(0)
    expect(page.get_by_test_id("equipment-facts")).to_contain_text("Cellar gateway")
    page.get_by_test_id("meter-name").get_by_label("Name").fill("Lift, attic")
    page.get_by_test_id("meter-name").get_by_test_id("send").click()
    expect(page.get_by_test_id("equipment-name")).to_have_text("Lift, attic")
    expect(page.get_by_test_id("replace-meter")).to_have_count(0)
    theirs.close()
