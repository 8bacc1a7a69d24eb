"""What is bought and what the grid asks, in a real browser: hardware for a site, and the prices of its grid operator."""

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import House
from tests.browser.console import enter, seen, site_of
from tests.browser.test_equipment import Empty
from tests.browser.test_requests import sign_out_of

SHEET = "Netzbetreiber;Gültig ab;Preis;Hochtarif;Niedertarif\n{name};01.01.2098;;0,3125;0,2475\nNowhere;01.01.2098;0.3;;\n"


def test_an_installer_accepts_the_terms_and_orders_what_the_meters_ask_for(desk: BrowserContext, house: House):
    page = enter(desk, house, "installer", f"/console/sites/{site_of(house)}/orders")
    page.get_by_test_id("new-order").click()
    form = page.get_by_test_id("order-form")
    form.get_by_role("textbox", name="Article 1").fill("EM24, three phases")
    form.get_by_role("textbox", name="Quantity 1").fill("0")
    form.get_by_test_id("send").click()
    expect(form.get_by_role("textbox", name="Quantity 1")).to_be_focused()
    form.get_by_role("textbox", name="Quantity 1").fill("4")
    form.get_by_test_id("send").click()
    expect(form.get_by_test_id("refused")).to_contain_text("Read the terms of sale")
    form.get_by_test_id("terms-of-sale").locator("summary").click()
    expect(form.get_by_test_id("terms-of-sale")).to_contain_text("within 48 hours")
    seen(page, "order-form")
    form.get_by_label("I have read the terms of sale").check()
    form.get_by_test_id("send").click()
    order = page.get_by_test_id("order").first
    expect(order).to_contain_text("4 × EM24, three phases")
    expect(page.get_by_test_id("notice")).to_contain_text("by e-mail")
    seen(page, "orders")
    sign_out_of(page)
    page = enter(desk, house, "operator", f"/console/sites/{site_of(house)}/orders")
    order = page.get_by_test_id("order").first
    order.get_by_test_id("delivered").click()
    order.get_by_test_id("answer-form").get_by_test_id("send").click()
    expect(order.get_by_test_id("order-state")).to_contain_text("Delivered on")


def test_a_grid_operators_price_is_entered_taken_back_and_read_from_a_table(desk: BrowserContext, house: House, tmp_path: Path):
    page = enter(desk, house, "operator", f"/console/sites/{site_of(house)}/terms")
    page.get_by_test_id("add-stakeholder").click()
    form = page.get_by_test_id("stakeholder-form")
    form.get_by_label("Part").select_option("grid_operator")
    form.get_by_test_id("person-person_id").press_sequentially("muster")
    page.get_by_test_id("person-found").first.click()
    form.get_by_test_id("send").click()
    expect(page.get_by_test_id("stakeholders")).to_contain_text("Grid operator")
    page.goto("/console/grid-prices")
    operator = page.get_by_test_id("grid-operator")
    name = operator.get_by_role("heading").inner_text()
    operator.get_by_test_id("add-price").click()
    form = operator.get_by_test_id("grid-price-form")
    form.get_by_label("From", exact=True).fill("2097-01-01")
    form.get_by_label("Energy").fill("0,2x")
    form.get_by_test_id("send").click()
    expect(form.get_by_test_id("refused")).to_contain_text("not a number")
    form.get_by_label("Energy").fill("0,2750")
    form.get_by_test_id("send").click()
    expect(operator.get_by_test_id("grid-price")).to_contain_text("CHF 0.275")
    (tmp_path / "prices.csv").write_text(SHEET.format(name=name))
    page.get_by_test_id("sheet").set_input_files(tmp_path / "prices.csv")
    page.get_by_test_id("import").click()
    expect(page.get_by_test_id("report")).to_contain_text("1 imported, 0 there already, 1 refused")
    expect(page.get_by_test_id("bad-row")).to_contain_text("No site names")
    expect(operator.get_by_test_id("grid-price").first).to_contain_text("High CHF 0.3125, Low CHF 0.2475")
    seen(page, "grid-prices")
    for _ in range(2):
        operator.get_by_test_id("grid-price").first.get_by_role("button").click()
        expect(page.get_by_test_id("notice")).to_contain_text("removed")
    expect(operator.get_by_test_id("grid-price")).to_have_count(0)


@pytest.mark.row("A44")
def test_a_meter_is_linked_to_a_billing_point_that_is_made_in_the_same_step(desk: BrowserContext, house: House):
    bare = Empty(house, "Wiesenhof")
    made = bare.api.post(f"/api/sites/{bare.site}/meters", json={"serial": "WIESE-1", "kind": "use"}, headers=bare.installer)
    page = enter(desk, house, "installer", f"/console/sites/{bare.site}/equipment/{made.json()['id']}")
    page.get_by_test_id("link-meter").click()
    form = page.get_by_test_id("link-form")
    form.get_by_label("Billing point").first.select_option("new")
    form.get_by_label("Name of the new billing point").fill("Workshop")
    form.get_by_test_id("send").click()
    expect(page.get_by_test_id("meter-link")).to_contain_text("Workshop")
    seen(page, "meter-new-point")
