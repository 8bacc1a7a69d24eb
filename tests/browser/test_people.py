"""People in a real browser: bills of an account, badges asked for and answered, the address of the next bill, a stay's end dragged."""

import re

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import House, picture, sign_in
from tests.browser.console import enter, new_person, seen, site_of


@pytest.mark.row("A34")
def test_an_accounts_bills_are_seen_and_downloaded_and_a_badge_has_its_history(desk: BrowserContext, house: House):
    page = enter(desk, house, "operator", f"/console/people/{house.login('resident')['person_id']}")
    bills = page.get_by_test_id("person-bill")
    expect(bills.first).to_contain_text("Charging")
    with page.expect_download() as download:
        bills.first.get_by_role("link").click()
    assert download.value.path().read_bytes().startswith(b"%PDF")
    assert re.fullmatch(r"\d{4}-\d{6}\.pdf", download.value.suggested_filename)
    badge = page.get_by_test_id("badge").first
    badge.get_by_test_id("badge-end").click()
    page.get_by_label("Last day (empty").fill("2019-01-01")
    page.get_by_test_id("badge-days").get_by_test_id("send").click()
    expect(page.get_by_test_id("refused")).to_contain_text("The last day lies before the first one")
    page.get_by_label("Last day (empty").fill("2099-12-31")
    page.get_by_test_id("badge-days").get_by_test_id("send").click()
    expect(badge).to_contain_text("31 Dec 2099")
    page.get_by_test_id("undo").click()
    expect(badge).not_to_contain_text("2099")
    badge.get_by_test_id("history").click()
    expect(badge.get_by_test_id("trail")).to_contain_text("31 Dec 2099")
    seen(page, "account")


@pytest.mark.row("A35")
def test_a_contact_is_sent_a_link_to_their_own_access_once_their_address_is_known(desk: BrowserContext, house: House):
    page = enter(desk, house, "operator", f"/console/people/{house.login('resident')['person_id']}")
    contacts, notice = page.get_by_test_id("contacts"), page.get_by_test_id("notice")
    for name, address in (("Hanna Ohne", ""), ("Hanna Mit", "hanna.mit@example.org")):
        contacts.get_by_test_id("add-contact").click()
        contacts.get_by_label("Name").fill(name)
        contacts.get_by_label("E-mail").fill(address)
        contacts.get_by_test_id("send").click()
        expect(contacts.get_by_test_id("contact-form")).to_have_count(0)
    contacts.get_by_role("button", name="Send access: Hanna Ohne").click()
    expect(notice).to_contain_text("Enter an e-mail address first")
    contacts.get_by_role("button", name="Send access: Hanna Mit").click()
    expect(notice).to_contain_text("on its way")
    seen(page, "contacts")
    page.goto("/console/access")
    expect(page.get_by_test_id("invitation").filter(has_text="hanna.mit@example.org")).to_contain_text("Resident")


def test_a_resident_asks_for_badges_and_the_operator_answers_with_a_badge_or_a_reason(
    desk: BrowserContext, phone: BrowserContext, house: House
):
    mine = phone.new_page()
    mine.goto("/signin")
    mine.evaluate("localStorage.setItem('locale', 'en')")
    mine.reload()
    sign_in(mine, house.login("resident"))
    mine.wait_for_url(lambda url: "signin" not in url)
    mine.goto("/account")
    ask = mine.get_by_test_id("ask-badge")
    ask.locator("summary").click()
    ask.get_by_test_id("badge-kind").select_option("enrol")
    ask.get_by_test_id("badge-technology").select_option("desfire")
    ask.get_by_test_id("badge-ask").click()
    expect(ask.get_by_test_id("badge-refused")).to_contain_text("MIFARE Classic")
    for kind, place in (("new", "Place 1"), ("extra", "Place 2")):
        ask.get_by_test_id("badge-kind").select_option(kind)
        ask.get_by_test_id("badge-place").fill(place)
        ask.get_by_test_id("badge-ask").click()
        expect(ask.get_by_test_id("my-request").filter(has_text=place)).to_contain_text("open")
    picture(mine, "phone-ask-badge")
    page = enter(desk, house, "operator", "/console/badges")
    requests = page.get_by_test_id("badge-requests")
    seen(page, "badge-requests")
    first = requests.locator(".card").filter(has_text="Place 1")
    first.get_by_test_id("approve").click()
    first.get_by_label("Number of the badge").fill("04")
    first.get_by_test_id("send").click()
    expect(first.get_by_test_id("refused")).to_contain_text("not the number of a badge")
    expect(first.get_by_label("Number of the badge")).to_have_value("04")
    first.get_by_label("Number of the badge").fill("04:AA:BB:CC:DD:77:0F")
    first.get_by_test_id("send").click()
    expect(requests.locator(".card").filter(has_text="Place 1")).to_have_count(0)
    expect(page.get_by_test_id("row").filter(has_text="770F")).to_contain_text("active")
    second = requests.locator(".card").filter(has_text="Place 2")
    second.get_by_test_id("refuse").press("Enter")
    second.get_by_label("Reason").fill("Two badges are enough.")
    second.get_by_label("Reason").press("Tab")
    second.get_by_test_id("send").press("Enter")
    expect(requests).to_have_count(0)
    mine.reload()
    ask.locator("summary").click()
    expect(ask.get_by_test_id("my-request").filter(has_text="Place 1")).to_contain_text("approved")
    expect(ask.get_by_test_id("my-request").filter(has_text="Place 2")).to_contain_text("Two badges are enough.")


def test_a_resident_asks_for_another_address_and_nothing_typed_is_lost(phone: BrowserContext, house: House):
    page = phone.new_page()
    page.goto("/signin")
    sign_in(page, house.login("resident"))
    page.wait_for_url(lambda url: "signin" not in url)
    page.goto("/account")
    box = page.get_by_test_id("my-address")
    box.locator("summary").click()
    street = box.get_by_test_id("address-street")
    before = street.input_value()
    street.fill("Seeweg 3")
    box.get_by_test_id("address-postcode").fill("x" * 120)
    page.route("**/api/me/address", lambda route: route.abort() if route.request.method == "PUT" else route.continue_())
    box.get_by_test_id("address-save").click()
    expect(box.get_by_test_id("address-refused")).to_be_visible()
    expect(street).to_have_value("Seeweg 3")
    page.unroute("**/api/me/address")
    box.get_by_test_id("address-postcode").fill("6300")
    box.get_by_test_id("address-save").click()
    expect(box.get_by_test_id("address-said")).to_contain_text("nächste Rechnung")
    picture(page, "phone-my-address")
    page.reload()
    box.locator("summary").click()
    expect(street).to_have_value("Seeweg 3")
    street.fill(before)
    box.get_by_test_id("address-save").click()
    expect(box.get_by_test_id("address-said")).to_be_visible()


def test_the_end_of_a_stay_is_dragged_on_the_time_line_and_becomes_a_move(desk: BrowserContext, house: House):
    page = enter(desk, house, "operator", f"/console/sites/{site_of(house)}/points/new")
    page.get_by_label("Name").fill("Flat 6.1")
    page.get_by_label("Known since").fill("2026-01-01")
    page.get_by_test_id("send").click()
    page.get_by_test_id("assign").click()
    form = page.get_by_test_id("move-form")
    form.get_by_test_id("new-account").click()
    new_person(page, "Olaf", "Zieher")
    form.get_by_label("Entry day").fill("2026-02-01")
    form.get_by_test_id("send").click()
    expect(page.get_by_test_id("present")).to_contain_text("Olaf Zieher")
    grip = page.get_by_test_id("grip")
    grip.scroll_into_view_if_needed()
    box = grip.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] - 60, box["y"] + box["height"] / 2, steps=5)
    dragged = page.locator(".dragged").inner_text()
    page.mouse.up()
    day = form.get_by_label("Last day of").input_value()
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", day) and str(int(day[-2:])) in dragged
    seen(page, "dragged")
    form.get_by_role("button", name="Cancel").press("Enter")
    expect(page.get_by_test_id("stay").first).to_contain_text("since 1 Feb 2026")
