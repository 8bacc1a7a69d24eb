"""A station's page: what may be asked of it, what came of it, and why nothing may while it is away."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import House, sign_in
from tests.browser.console import enter, seen


@pytest.mark.row("S05")
def test_an_operator_clears_a_fault_from_afar_and_cannot_while_the_station_is_away(desk, house: House):
    page = enter(desk, house, "operator", "/operator")
    page.get_by_test_id("to-station").filter(has_text="DEMO-2").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    # The restart, first of all; it is sent, answered and logged with the ticket.
    buttons = page.get_by_test_id("commands").get_by_role("button")
    expect(buttons.first).to_have_text("Restart")
    buttons.first.click()
    page.get_by_label("Ticket").fill("T-1")
    page.get_by_test_id("send-command").click()
    entry = page.get_by_test_id("entry").filter(has_text="T-1")
    expect(entry).to_contain_text("Restart")
    expect(entry).to_have_attribute("data-outcome", "accepted")
    expect(page.get_by_test_id("offline")).to_be_visible(timeout=20_000)  # it does restart,
    expect(buttons.first).to_be_enabled(timeout=60_000)  # and comes back without a reload
    # A firmware is added where it is chosen; a new key is asked for where it is told.
    page.get_by_test_id("command-UpdateFirmware").click()
    firmware = {"name": "demo-2.bin", "mimeType": "application/octet-stream", "buffer": b"firmware"}
    page.get_by_test_id("firmware-file").set_input_files(files=[firmware])
    expect(page.get_by_test_id("input-file")).to_contain_text("demo-2.bin")
    page.get_by_test_id("new-key").click()
    expect(page.get_by_test_id("security-said")).to_be_visible()
    page.get_by_test_id("command-ReadConfiguration").click()
    seen(page, "station")
    page.get_by_label("Ticket").fill("T-2")
    page.get_by_test_id("send-command").click()
    expect(page.get_by_test_id("entry").filter(has_text="T-2")).to_contain_text("Read settings")
    # Away: every button is disabled, with the reason; back: all are there again, without a reload.
    house.hofstrom("station", "DEMO-2", "offline")
    expect(page.get_by_test_id("offline")).to_contain_text("Nothing can be sent until it is connected again", timeout=40_000)
    expect(buttons.first).to_be_disabled()
    assert all(one.is_disabled() for one in buttons.all())
    assert {one.get_attribute("aria-describedby") for one in buttons.all()} == {"why"}
    seen(page, "station-away")
    house.hofstrom("station", "DEMO-2", "online")
    expect(buttons.first).to_be_enabled(timeout=60_000)


def fill(page: Page, kind: str, **inputs: str) -> None:
    """Open the form of a command and fill it in."""
    page.get_by_test_id(f"command-{kind}").click()
    for name, value in inputs.items():
        field = page.get_by_test_id(f"input-{name}")
        if field.evaluate("one => one.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def test_monitors_customers_data_and_signed_firmware_are_asked_for_where_the_version_knows_them(desk, house: House):
    page = enter(desk, house, "operator", "/operator")
    page.get_by_test_id("to-station").filter(has_text="DEMO-1").click()
    for kind in ("SetMonitors", "ClearMonitors", "GetMonitoringReport", "CustomerInformation"):  # OCPP 1.6
        expect(page.get_by_test_id(f"command-{kind}")).to_be_disabled()
        expect(page.locator(f"#why-{kind}")).to_have_text("not in this version of OCPP")
    expect(page.get_by_test_id("command-UpdateFirmware")).to_be_enabled()
    page.goto("/operator")
    page.get_by_test_id("to-station").filter(has_text="DEMO-2").click()
    expect(page.get_by_test_id("command-SetMonitors")).to_be_enabled(timeout=60_000)
    for ticket, kind, inputs in (
        ("T-11", "ClearMonitors", {"monitor_ids": "1 2"}),
        ("T-12", "GetMonitoringReport", {}),
        ("T-13", "CustomerInformation", {"known": "clear", "known_by": "identifier", "known_as": "K-1"}),
        ("T-14", "SetMonitors", {"variable": "Connector.Temperature", "monitor": "Delta", "bound": "2,5", "severity": "4"}),
    ):
        fill(page, kind, **inputs)
        page.get_by_label("Ticket").fill(ticket)
        if kind in ("CustomerInformation", "SetMonitors"):
            seen(page, f"station-{kind}")
        page.get_by_test_id("send-command").click()
        # The demo's station knows none of them, and says so.
        entry = page.get_by_test_id("entry").filter(has_text=ticket)
        expect(entry).to_contain_text("the station does not know it", timeout=40_000)
    # A signed firmware has a certificate and a signature; one alone is refused, and what was typed stays.
    fill(page, "UpdateFirmware", certificate="-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----")
    firmware = {"name": "signed.bin", "mimeType": "application/octet-stream", "buffer": b"signed firmware"}
    page.get_by_test_id("firmware-file").set_input_files(files=[firmware])
    expect(page.get_by_test_id("input-file")).to_contain_text("signed.bin")
    page.get_by_label("Ticket").fill("T-15")
    page.get_by_test_id("send-command").click()
    expect(page.get_by_test_id("refused")).to_be_visible()
    seen(page, "station-signed-firmware")
    page.get_by_test_id("input-signature").fill("c2lnbmVk")
    page.get_by_test_id("send-command").click()
    expect(page.get_by_test_id("entry").filter(has_text="T-15")).to_contain_text("Install firmware")


def test_an_operator_says_whom_a_station_takes_and_what_it_must_have_before_work(desk, house: House):
    page = enter(desk, house, "operator", "/operator")
    page.get_by_test_id("to-station").filter(has_text="DEMO-2").click()
    guests, roaming = page.get_by_test_id("guests"), page.get_by_test_id("roaming")
    expect(guests).to_have_text("No guests.")
    page.get_by_test_id("guests-ask").click()
    page.get_by_test_id("guests-most").fill("0")
    page.get_by_test_id("guests-let").click()
    expect(page.get_by_test_id("switch-refused")).to_contain_text("Nothing was changed")
    page.get_by_test_id("guests-most").fill("35,50")
    page.get_by_test_id("setup-change").click()
    page.get_by_test_id("setup-lines").fill("OCPPCommCtrlr.HeartbeatInterval = 60\n")
    seen(page, "station-switches")
    page.get_by_test_id("guests-let").click()
    expect(guests).to_contain_text("35.50")
    page.get_by_test_id("roaming-switch").click()
    expect(roaming).to_have_text("Customers of roaming partners.")
    page.get_by_test_id("setup-keep").click()
    setting = page.get_by_test_id("setup-entry")
    expect(setting).to_contain_text("OCPPCommCtrlr.HeartbeatInterval = 60 · is set at the next start")
    page.reload()
    expect(guests).to_contain_text("35.50")
    expect(roaming).to_have_text("Customers of roaming partners.")
    seen(page, "station-switched")
    page.get_by_test_id("guests-stop").click()
    expect(guests).to_have_text("No guests.")
    page.get_by_test_id("roaming-switch").click()
    expect(roaming).to_have_text("No customers of roaming partners.")
    page.get_by_test_id("setup-change").click()
    page.get_by_test_id("setup-lines").fill("")
    page.get_by_test_id("setup-keep").click()
    expect(setting).to_have_count(0)


def test_a_resident_finds_no_such_page(browser: Browser, house: House):
    context = browser.new_context(base_url=house.url, locale="en-GB")
    page = context.new_page()
    page.goto("/signin")
    sign_in(page, house.login("resident"))
    page.wait_for_url(lambda url: "signin" not in url)
    page.goto("/station/0192d3a0-0000-7000-8000-000000000001")
    expect(page.get_by_role("alert")).to_be_visible()
    context.close()
