"""From a QR code on a station to the owner's payout, as people do it."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from app.kernel.calendar import month_of, months_before, period_text
from tests.billing.bank_files import camt, entry, payment
from tests.browser.conftest import House, picture, sign_in

LAST_MONTH = period_text(months_before(month_of(datetime.now(UTC).date()), 1))


def test_a_resident_scans_starts_watches_and_stops_a_charge(phone: BrowserContext, house: House):
    page = phone.new_page()
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.goto("/")
    expect(page.get_by_test_id("email")).to_be_visible()
    picture(page, "01-sign-in")
    sign_in(page, house.login("resident"))
    expect(page.get_by_test_id("to-charge")).to_be_visible()
    picture(page, "02-home")
    page.goto("/scan")
    page.wait_for_url(re.compile(r"/c/DEMO1X$"))
    expect(page.get_by_test_id("place-state")).to_contain_text("Auto ist angeschlossen")
    picture(page, "03-place")
    page.get_by_test_id("start").press("Enter")
    page.wait_for_url(re.compile(r"/session/"))
    expect(page.get_by_test_id("state")).to_have_attribute("data-state", "charging", timeout=40_000)
    expect(page.get_by_test_id("power")).not_to_have_text(re.compile(r"^0[.,]0"))
    energy = page.get_by_test_id("energy").inner_text()
    expect(page.get_by_test_id("energy")).not_to_have_text(energy, timeout=30_000)
    picture(page, "04-live")
    page.get_by_test_id("stop").click()
    page.get_by_test_id("stop-yes").click()
    expect(page.get_by_test_id("state")).to_have_attribute("data-state", "ended", timeout=40_000)
    expect(page.get_by_test_id("lines")).to_contain_text("kWh")
    picture(page, "05-ended")
    page.goto("/history")
    expect(page.get_by_test_id("session-card").first).to_contain_text("Platz 1")
    assert troubles == []


@pytest.mark.row("R19")
def test_a_badge_starts_a_charge_and_a_blocked_one_does_not(phone: BrowserContext, house: House):
    refused = house.hofstrom("badge", "DEMO-2", "04DEADBEEF0001")
    assert "Blocked" in refused.stdout, refused.stdout + refused.stderr
    accepted = house.hofstrom("badge", "DEMO-2", "04A1B2C3D4E5F6")
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    page = phone.new_page()
    page.goto("/signin")
    sign_in(page, house.login("resident"))
    running = page.get_by_test_id("session-card").first
    expect(running).to_contain_text("Badge")
    expect(running).to_contain_text("Platz 2")
    house.hofstrom("badge", "DEMO-2", "04A1B2C3D4E5F6")
    page.goto("/history")
    expect(page.get_by_test_id("session-card").first).to_contain_text("Platz 2")


def test_an_offline_station_is_refused_with_a_sentence(phone: BrowserContext, house: House):
    page = phone.new_page()
    page.goto("/signin")
    sign_in(page, house.login("resident"))
    expect(page.get_by_test_id("to-charge")).to_be_visible()
    page.goto("/c/NOSUCH1")
    expect(page.get_by_test_id("error")).to_contain_text("Kein Platz hat diesen Code")
    house.hofstrom("station", "DEMO-2", "offline")
    page.goto("/c/DEMO2X")
    expect(page.get_by_test_id("refusal")).to_contain_text("nicht verbunden")
    house.hofstrom("station", "DEMO-2", "online")
    expect(page.get_by_test_id("start")).to_be_visible(timeout=40_000)


def test_the_month_is_billed_paid_and_paid_out(phone: BrowserContext, house: House):
    for expected in ("2 bills issued", "0 bills issued"):
        assert expected in house.hofstrom("month", "--site", "Lindenhof", "--period", LAST_MONTH).stdout
    page = phone.new_page()
    page.goto("/signin")
    sign_in(page, house.login("resident"))
    expect(page.get_by_test_id("to-charge")).to_be_visible()
    page.goto("/bills")
    page.get_by_test_id("bill").first.click()
    expect(page.get_by_test_id("bill-status")).to_have_attribute("data-state", "issued")
    picture(page, "06-bill")
    with page.expect_download() as download:
        page.get_by_test_id("pdf").click()
    assert download.value.path().read_bytes().startswith(b"%PDF")
    reference = page.get_by_test_id("reference").inner_text()
    amount = re.sub(r"[^\d.]", "", page.get_by_test_id("gross").inner_text())
    paid = house.hofstrom("payment", "--reference", reference, "--amount", amount, "--bank-reference", "B-1")
    assert "matched" in paid.stdout, paid.stdout + paid.stderr
    page.reload()
    expect(page.get_by_test_id("bill-status")).to_have_attribute("data-state", "paid")
    first = house.hofstrom("payouts", "--site", "Lindenhof", "--period", LAST_MONTH).stdout
    assert first.startswith("Lindenhof: payout P")
    assert house.hofstrom("payouts", "--site", "Lindenhof", "--period", LAST_MONTH).stdout == first
    _owner_sees_it(phone.browser.new_context(base_url=house.url, viewport={"width": 390, "height": 844}, locale="de-CH").new_page(), house)


def _owner_sees_it(page: Page, house: House) -> None:
    page.goto("/signin")
    sign_in(page, house.login("owner"))
    page.get_by_test_id("period").select_option(LAST_MONTH)
    expect(page.get_by_test_id("payout")).to_be_visible()
    expect(page.get_by_test_id("revenue")).to_contain_text("Platz 1")
    picture(page, "07-owner")
    page.context.close()


def test_the_installed_page_opens_offline_with_the_last_known_data(phone: BrowserContext, house: House):
    page = phone.new_page()
    page.goto("/signin")
    sign_in(page, house.login("resident"))
    expect(page.get_by_test_id("to-charge")).to_be_visible()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.goto("/usage")
    page.reload()
    expect(page.get_by_test_id("picked")).to_be_visible()
    phone.set_offline(True)
    page.goto("/usage")
    expect(page.get_by_test_id("stale")).to_be_visible()
    expect(page.get_by_test_id("picked")).to_be_visible()
    picture(page, "08-offline")
    phone.set_offline(False)


def test_the_operator_sees_stations_and_the_month_in_the_dark(browser, house: House):
    context = browser.new_context(base_url=house.url, viewport={"width": 1200, "height": 900}, locale="en-GB", color_scheme="dark")
    page = context.new_page()
    page.goto("/signin")
    sign_in(page, house.login("operator"))
    expect(page.get_by_test_id("stations")).to_contain_text("DEMO-1")
    expect(page.get_by_test_id("issue").first).to_be_visible()
    picture(page, "09-operator-dark")
    _a_bank_file_is_loaded(page)
    context.close()


def _a_bank_file_is_loaded(page: Page) -> None:
    """Claire's bill is paid by a file; the same file again says that it was booked before."""
    month = page.request.get(f"/api/operator/month?period={LAST_MONTH}").json()
    bill = next(one for site in month["sites"] for one in site["bills"] if one["status"] == "issued")
    amount = f"{bill['gross_minor'] // 100}.{bill['gross_minor'] % 100:02d}"
    version = "camt.054.001.08"
    content = camt(version, entry(version, amount, payment(version, amount, bill["reference"], payer="Claire Dubois")))
    for told in (f"On bill {bill['number']}", "was booked before"):
        page.get_by_test_id("bank-file").set_input_files({"name": "camt054.xml", "mimeType": "text/xml", "buffer": content})
        page.get_by_test_id("bank-file-book").click()
        expect(page.get_by_test_id("bank-file-told")).to_contain_text(told)
    picture(page, "10-bank-file")
