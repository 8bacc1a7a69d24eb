"""Asking for access in public, and the answer in the console."""

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import House
from tests.browser.console import enter, seen, site_of


def test_somebody_asks_for_access_and_is_let_in_by_the_operator(desk: BrowserContext, house: House):
    page = desk.new_page()
    page.goto("/signin")
    page.evaluate("localStorage.setItem('locale', 'en')")
    page.reload()
    page.get_by_test_id("ask-access").click()
    address = {"Street": "Nowhere 1", "Postcode": "9999", "City": "Nowhere", "Flat or parking space": "9.9"}
    for label, value in {"Name": "Ida Frei", "E-mail": "ida.frei@example.org", **address}.items():
        page.get_by_label(label).fill(value)
    seen(page, "ask")
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("asked")).to_contain_text("e-mail")
    page.close()
    page = enter(desk, house, "superadmin", "/console/access")
    request = page.get_by_test_id("access-request").filter(has_text="Ida Frei")
    expect(request).to_contain_text("No house found")
    request.get_by_test_id("let-in").click()
    seen(page, "access-requests")
    request.get_by_test_id("person-person_id").fill("Anna")
    page.get_by_test_id("person-found").first.click()
    request.get_by_test_id("send").click()
    expect(page.get_by_test_id("notice")).to_contain_text("on its way")
    expect(request).to_have_count(0)
    expect(page.get_by_test_id("invitation").filter(has_text="Ida Frei")).to_be_visible()


def test_owner_and_operator_consent_to_a_developers_reading_and_one_takes_it_back(desk: BrowserContext, house: House):
    path = f"/console/sites/{site_of(house)}/terms"
    page = enter(desk, house, "operator", path)
    form = page.get_by_test_id("api-right-form")
    form.get_by_label("E-mail of the developer").fill(house.login("resident")["email"])
    form.get_by_test_id("send").click()
    expect(form.get_by_test_id("refused")).to_contain_text("developer")
    form.get_by_label("E-mail of the developer").fill(house.login("developer")["email"])
    form.get_by_test_id("send").click()
    right = page.get_by_test_id("api-right")
    expect(right).to_contain_text("Owner: still missing")
    sign_out_of(page)
    page = enter(desk, house, "owner", path)
    right = page.get_by_test_id("api-right")
    right.get_by_test_id("consent").click()
    expect(right).not_to_contain_text("still missing")
    seen(page, "api-rights")
    right.get_by_test_id("end-consent").click()
    expect(right).to_have_count(0)


def sign_out_of(page: Page) -> None:
    """Leave, so that somebody else signs in."""
    page.context.clear_cookies()
    page.close()
