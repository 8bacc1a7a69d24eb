"""Prices of electricity: some are entered for later, tried on a month first; the resident sees them beside those in force."""

from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import House, picture, sign_in
from tests.browser.console import seen

BEGAN, FROM = "2024-01-01", "2036-01-01"
PRICES = [{"dimension": "kwh", "origin": "any", "unit_price": "0.30"}]


class Second:
    """The second house of the demo, so that no other walk meets these prices."""

    def __init__(self, house: House) -> None:
        self.account = house.described["accounts"][1]
        self.site: str = self.account["sites"][0]["id"]
        self.api = httpx.Client(base_url=house.url, timeout=60, headers={"authorization": f"Bearer {self.login('operator')['token']}"})

    def login(self, role: str) -> dict[str, Any]:
        return next(one for one in self.account["logins"] if one["role"] == role)

    def begin(self) -> None:
        body = {"valid_from": BEGAN, "solution": "electricity", "vat_included": False, "components": PRICES}
        assert self.api.post(f"/api/sites/{self.site}/tariffs", json=body).is_success


@pytest.mark.row("R09")
def test_a_resident_sees_the_prices_in_force_and_those_entered_for_later(desk: BrowserContext, phone: BrowserContext, house: House) -> None:
    second = Second(house)
    second.begin()
    page = desk.new_page()
    page.goto("/signin")
    page.evaluate("localStorage.setItem('locale', 'en')")
    page.reload()
    sign_in(page, second.login("operator"))
    page.wait_for_url(lambda url: "signin" not in url)
    page.goto(f"/console/sites/{second.site}/prices")
    page.get_by_test_id("solution-electricity").click()
    expect(page.get_by_test_id("tariffs").locator("section")).not_to_have_count(0)
    page.get_by_test_id("new-prices").click()
    form = page.get_by_test_id("energy-price-form")
    form.locator("[name=valid_from]").fill(FROM)
    form.locator("[name=bands]").select_option("one")
    for name, price in (("grid_single", "0.2873"), ("solar_single", "0.2"), ("month", "9.50"), ("kw", "")):
        form.locator(f"[name={name}]").fill(price)
    page.get_by_test_id("try-prices").click()
    expect(page.get_by_test_id("tried")).to_contain_text("would have cost")
    seen(page, "prices-electricity")
    form.get_by_test_id("send").click()
    expect(page.get_by_test_id("tariffs")).to_contain_text("2036")
    mine = phone.new_page()
    mine.goto("/signin")
    sign_in(mine, second.login("resident"))
    mine.wait_for_url(lambda url: "signin" not in url)
    mine.goto("/usage")
    mine.get_by_test_id("to-rates").click()
    expect(mine.locator("main h1")).to_have_text("Meine Preise")
    electricity = mine.get_by_test_id("rates-electricity").locator("section")
    expect(electricity.first).to_contain_text("Gültig ab")
    expect(electricity.last).to_contain_text("Künftig, ab")
    expect(electricity.last).to_contain_text("2036")
    expect(electricity.last.get_by_test_id("rate")).to_contain_text(["Netzstrom je kWh", "Solarstrom je kWh", "Grundpreis je Monat"])
    expect(mine.get_by_test_id("rates-charging").locator("section")).not_to_have_count(0)
    picture(mine, "my-prices")
