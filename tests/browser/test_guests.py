"""Links that come by mail, in a real browser: an invitation to a role, and the owner's three forms; and personal tokens."""

import email
import re
import time
from email import policy

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import House, sign_in
from tests.browser.console import enter, seen

PATIENCE_SECONDS = 30


def link_to(house: House, address: str, path: str) -> str:
    """The link of the last mail to an address; the worker sends it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for file in sorted((house.data / "mail").glob("*.eml"), key=lambda one: one.stat().st_mtime, reverse=True):
            mail = email.message_from_bytes(file.read_bytes(), policy=policy.default)
            body = mail.get_body(("plain",))
            found = re.search(rf"http\S+/{path}#\S+", body.get_content() if body else "")
            if address in str(mail["to"]) and found:
                return found.group()
        time.sleep(0.05)
    raise AssertionError(f"no mail to {address} with a link to /{path}")


def stranger(browser: Browser, house: House) -> Page:
    """Somebody on a phone who has never been here."""
    context = browser.new_context(base_url=house.url, viewport={"width": 390, "height": 844}, locale="en-GB", bypass_csp=True)
    context.set_default_timeout(20_000)
    return context.new_page()


def test_somebody_is_invited_takes_the_role_and_loses_it(desk: BrowserContext, browser: Browser, house: House):
    page = enter(desk, house, "operator", "/console/access")
    page.get_by_test_id("invite").click()
    form = page.get_by_test_id("invite-form")
    form.get_by_label("E-mail").fill("nora@example.org")
    form.get_by_label("Name").fill("Nora Graf")
    form.get_by_label("Role").select_option(label="Support")
    form.get_by_test_id("send").click()
    expect(page.get_by_test_id("invitation").filter(has_text="Nora Graf")).to_contain_text("open until")
    seen(page, "access")
    guest = stranger(browser, house)
    link = link_to(house, "nora@example.org", "welcome")
    guest.goto(link)
    expect(guest.get_by_text("Your role: Support.")).to_be_visible()
    seen(guest, "welcome")
    guest.get_by_test_id("password").fill("a-long-enough-word")
    guest.get_by_test_id("take").click()
    guest.wait_for_url("**/review")
    late = stranger(browser, house)
    late.goto(link)
    expect(late.get_by_test_id("refused")).to_be_visible()
    page.reload()
    row = page.get_by_test_id("row").filter(has_text="nora@example.org")
    row.get_by_test_id("end-role").click()
    page.get_by_test_id("end-form").get_by_label("Last day").fill("2020-01-01")
    page.get_by_test_id("end-form").get_by_test_id("send").click()
    expect(page.get_by_test_id("refused")).to_be_visible()
    page.get_by_test_id("end-form").get_by_label("Last day").fill("2031-05-31")
    page.get_by_test_id("end-form").get_by_test_id("send").click()
    expect(row).to_contain_text("31 May 2031")


def test_the_owner_fills_in_three_forms_and_the_site_has_them(desk: BrowserContext, browser: Browser, house: House):
    with httpx.Client(base_url=house.url, headers={"authorization": f"Bearer {house.login('operator')['token']}"}) as operator:
        new = {"name": "Neubau", "street": "Neuweg 1", "postcode": "8004", "city": "Zürich", "country": "CH", "currency": "CHF",
               "time_zone": "Europe/Zurich", "kind": "single", "reference": ""}  # fmt: skip
        site = operator.post("/api/sites", json=new).raise_for_status().json()["id"]
        operator.post(f"/api/sites/{site}/form-link", json={"recipient": "eva@example.org"}).raise_for_status()
        guest = stranger(browser, house)
        guest.goto(link_to(house, "eva@example.org", "forms"))
        expect(guest.get_by_role("heading", name="Your details for Neubau")).to_be_visible()
        seen(guest, "forms-1")
        guest.get_by_label("Given name").fill("Eva")
        guest.get_by_label("Family name or company").fill("Aebi")
        guest.get_by_label("E-mail").fill("eva@example.org")
        guest.get_by_label("Street and number").fill("Hofgasse 2")
        guest.get_by_label("Postcode").fill("8001")
        guest.get_by_test_id("send").click()
        guest.get_by_label("Charging").check()
        guest.get_by_label("Billing starts on").fill("2031-01-01")
        guest.get_by_label("IBAN").fill("CH93 0076 2011 6238 5295 8")
        guest.get_by_test_id("send").click()
        expect(guest.get_by_test_id("refused")).to_contain_text("IBAN")
        expect(guest.get_by_label("Billing starts on")).to_have_value("2031-01-01")
        guest.reload()  # what was kept is there again: the first part is filled in
        expect(guest.get_by_label("Family name or company")).to_have_value("Aebi")
        guest.get_by_test_id("send").click()
        guest.get_by_label("Charging").check()
        guest.get_by_label("Billing starts on").fill("2031-01-01")
        guest.get_by_label("IBAN").fill("CH93 0076 2011 6238 5295 7")
        seen(guest, "forms-2")
        guest.get_by_test_id("send").click()
        guest.get_by_label("A high and a low price").check()
        guest.get_by_label("High (Mon–Fri 7–20)").fill("0,36")
        guest.get_by_label("Low", exact=True).fill("0.28")
        seen(guest, "forms-3")
        guest.get_by_test_id("send").click()
        expect(guest.get_by_test_id("form-sent")).to_be_visible()
        page = operator.get(f"/api/sites/{site}").raise_for_status().json()
        assert page["site"]["billing_from"] == "2031-01-01"
        rates = operator.get(f"/api/sites/{site}/tariffs").raise_for_status().json()
    assert "0.36" in str(rates) and "0.28" in str(rates)


def test_a_token_of_ones_own_is_shown_once_works_and_is_revoked(desk: BrowserContext, house: House):
    page = desk.new_page()
    page.goto("/signin")
    page.evaluate("localStorage.setItem('locale', 'en')")
    page.reload()
    sign_in(page, house.login("developer"))
    page.wait_for_url("**/account")
    page.get_by_test_id("tokens").locator("summary").click()
    page.get_by_test_id("token-name").fill("heat pump")
    page.get_by_test_id("token-make").click()
    token = page.get_by_test_id("token").inner_text()

    def allowed() -> int:
        return httpx.get(f"{house.url}/api/me", headers={"authorization": f"Bearer {token}"}).status_code

    assert allowed() == 200
    mine = page.get_by_test_id("tokens").locator(".one").filter(has_text="heat pump")
    mine.get_by_role("button", name="Revoke").click()
    expect(mine).to_have_count(0)
    assert allowed() == 401
