"""A station's page: what may be asked of it, what came of it, and why nothing may while it is away."""

import pytest
from playwright.sync_api import Browser, expect

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
    expect(page.get_by_test_id("offline")).to_be_visible()  # it does restart,
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


def test_a_resident_finds_no_such_page(browser: Browser, house: House):
    context = browser.new_context(base_url=house.url, locale="en-GB")
    page = context.new_page()
    page.goto("/signin")
    sign_in(page, house.login("resident"))
    page.wait_for_url(lambda url: "signin" not in url)
    page.goto("/station/0192d3a0-0000-7000-8000-000000000001")
    expect(page.get_by_role("alert")).to_be_visible()
    context.close()
