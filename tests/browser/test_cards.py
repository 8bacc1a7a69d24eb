"""Cards in a real browser: a bill paid on the phone, and a guest from the code on the sticker to the end of the hold."""

import re

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import House, sign_in
from tests.browser.console import seen
from tests.stripe_double import StripeDouble

HOLD_MINOR = 4000


def enter_card(page: Page) -> None:
    """What a person does on Stripe's page."""
    page.wait_for_selector("#pay")
    page.click("#pay")


def test_a_bill_is_paid_by_card_on_the_phone(phone: BrowserContext, house: House, stripe: StripeDouble):
    page = phone.new_page()
    page.goto("/signin")
    sign_in(page, house.login("resident"))
    page.get_by_role("link", name="Rechnungen").click()
    with httpx.Client(base_url=house.url, headers={"authorization": f"Bearer {house.login('resident')['token']}"}) as resident:
        bills = resident.get("/api/bills").raise_for_status().json()
    bill = next(one for one in bills if one["open_minor"] > 0)
    page.goto(f"/bills/{bill['id']}")
    page.wait_for_selector("main h1")
    seen(page, "bill-by-card")
    page.get_by_test_id("pay-by-card").click()
    enter_card(page)
    page.wait_for_url(re.compile(rf"/bills/{bill['id']}$"))
    expect(page.get_by_test_id("bill-status")).to_have_attribute("data-state", "paid")
    expect(page.get_by_test_id("pay-by-card")).to_have_count(0)
    assert stripe.objects[next(name for name in stripe.objects if name.startswith("pi_"))]["amount_received"] == bill["open_minor"]


def test_a_guest_charges_with_a_card_from_the_sticker_to_the_end(browser: Browser, house: House, stripe: StripeDouble):
    with httpx.Client(base_url=house.url, headers={"authorization": f"Bearer {house.login('operator')['token']}"}) as operator:
        stations = operator.get("/api/operator/stations").raise_for_status().json()
        station = next(one for one in stations if one["identity"] == "DEMO-1")
        path = f"/api/stations/{station['station_id']}/guests"
        operator.put(path, json={"hold_minor": HOLD_MINOR}).raise_for_status()
        context = browser.new_context(base_url=house.url, viewport={"width": 390, "height": 844}, locale="en-GB", bypass_csp=True)
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.goto("/c/DEMO1X")
        expect(page.get_by_test_id("guest-hold")).to_contain_text("40.00")
        seen(page, "guest-place")
        page.get_by_test_id("guest-start").click()
        enter_card(page)
        page.wait_for_url(re.compile(r"/g/[0-9a-f]{64}$"))
        state = page.get_by_test_id("guest-state")
        expect(state).to_have_attribute("data-state", "charging", timeout=40_000)
        expect(page.get_by_test_id("guest-cost")).to_have_text(re.compile(r"[1-9]"), timeout=60_000)
        seen(page, "guest-charging")
        page.get_by_test_id("stop").click()
        page.get_by_test_id("stop-yes").click()
        # A few rappen are less than a card pays: they are written off, the hold is given free, and the page says so.
        expect(state).to_have_attribute("data-state", "released", timeout=60_000)
        expect(state).to_contain_text("less than a card can pay")
        expect(page.get_by_test_id("receipt")).to_have_count(0)
        seen(page, "guest-below-minimum")
        held = [one for one in stripe.objects.values() if one.get("object") == "payment_intent" and one["metadata"].get("about") == "guest"]
        assert [(one["status"], one["amount_received"]) for one in held] == [("canceled", 0)]
        operator.put(path, json={"hold_minor": None}).raise_for_status()
        context.close()
