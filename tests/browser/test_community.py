"""A meter of an energy community, created in its steps on a desktop and on a phone, and seen by the member who holds it."""

from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import House, sign_in
from tests.browser.console import SIZES, seen

EAN = "541449123456789012"


def enter(context: BrowserContext, login: dict[str, Any], path: str) -> Page:
    """Sign in and open a page in English."""
    page = context.new_page()
    page.goto("/signin")
    page.evaluate("localStorage.setItem('locale', 'en')")
    page.reload()
    sign_in(page, login)
    page.wait_for_url(lambda url: "signin" not in url)
    page.goto(path)
    return page


def login_of(account: dict[str, Any], role: str) -> dict[str, Any]:
    return next(login for login in account["logins"] if login["role"] == role)


def walk(page: Page, member: str, ean: str, number: str) -> None:
    """The six steps with everything that they ask for."""
    page.get_by_test_id("add-meter").click()
    expect(page.get_by_test_id("step-title")).to_have_text("Address and meter")
    for label, value in {"Street": "Rue Haute 1", "Postcode": "1000", "City": "Bruxelles", "Country": "BE", "EAN": "123",
                         "Meter number": number}.items():  # fmt: skip
        page.get_by_label(label).fill(value)
    page.get_by_test_id("step-next").click()
    expect(page.get_by_test_id("refused")).to_contain_text("exactly 18 digits")
    expect(page.get_by_label("EAN")).to_be_focused()
    page.get_by_label("EAN").fill(ean)
    page.get_by_test_id("step-next").click()
    expect(page.get_by_test_id("step-title")).to_have_text("Technical")
    page.get_by_label("Number of phases").select_option("3")
    page.get_by_label("Reading frequency").select_option("yearly")
    page.get_by_label("Tariff group").select_option("high_tension")
    page.get_by_test_id("step-next").click()
    expect(page.get_by_test_id("step-title")).to_have_text("Power")
    for label, value in {"Sampling power": "9,2", "Total generating capacity": "5.5", "Amperage": "40"}.items():
        page.get_by_label(label).fill(value)
    page.get_by_test_id("step-next").click()
    expect(page.get_by_test_id("step-title")).to_have_text("Grid")
    page.get_by_label("Production chain").select_option("solar")
    page.get_by_label("Injection status").select_option("injection_owner")
    page.get_by_label("Grid operator").fill("Sibelga")
    page.get_by_test_id("step-back").click()
    expect(page.get_by_label("Sampling power")).to_have_value("9,2")
    page.get_by_test_id("step-next").click()
    expect(page.get_by_label("Grid operator")).to_have_value("Sibelga")
    page.get_by_test_id("step-next").click()
    expect(page.get_by_test_id("step-title")).to_have_text("Member")
    page.get_by_label("Rate").select_option("dual")
    page.get_by_label("Client type").select_option("business")
    page.get_by_label("Member who owns the meter").select_option(label=member)
    page.get_by_test_id("step-next").click()
    expect(page.get_by_test_id("step-title")).to_have_text("Activation")
    expect(page.get_by_test_id("meter-form")).to_contain_text("in no calculation")


def found_with_member(page: Page, member: str) -> None:
    """A community with one member."""
    page.get_by_test_id("found").click()
    page.get_by_label("Name").fill("Rue Haute")
    page.get_by_test_id("send").click()
    page.get_by_test_id("add-member").click()
    page.get_by_test_id("person-person_id").press_sequentially(member)
    page.get_by_test_id("person-found").first.click()
    page.get_by_test_id("member-form").get_by_test_id("send").click()
    expect(page.get_by_test_id("members")).to_contain_text(member)


@pytest.mark.row("A75")
@pytest.mark.row("A84")
@pytest.mark.row("R47")
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_a_communitys_meter_is_created_in_steps_found_by_its_ean_and_opened_by_its_member(browser: Browser, house: House, size: str):
    # Each size in an account of its own, so that the same EAN is new in both.
    number = ("desktop", "phone").index(size)
    account = house.described["accounts"][number]
    width, height = SIZES[1 - number]
    context = browser.new_context(
        base_url=house.url, viewport={"width": width, "height": height}, bypass_csp=True, has_touch=size == "phone"
    )
    context.set_default_timeout(20_000)
    resident = login_of(account, "resident")
    name = context.request.get("/api/me", headers={"authorization": f"Bearer {resident['token']}"}).json()["name"]
    page = enter(context, login_of(account, "operator"), f"/console/sites/{account['sites'][0]['id']}/community")
    found_with_member(page, name)
    walk(page, name, EAN, "1SAG1100")
    page.get_by_test_id("step-next").click()
    expect(page.get_by_test_id("connection-ean")).to_have_text(EAN)
    expect(page.get_by_test_id("configuration")).to_contain_text("Sibelga")
    expect(page.get_by_test_id("meter-state")).to_have_text("active")
    if size == "desktop":
        seen(page, "community-meter")
    page.goto(f"/console/sites/{account['sites'][0]['id']}/community")
    with page.expect_response(lambda answer: answer.url.endswith("/meters") and answer.request.method == "POST") as refused:
        walk(page, name, EAN, "1SAG1101")
        page.get_by_test_id("step-next").click()
    assert refused.value.status == 409
    expect(page.get_by_test_id("refused")).to_contain_text("EAN exists already")
    expect(page.get_by_test_id("step-title")).to_have_text("Address and meter")
    expect(page.get_by_label("EAN")).to_have_value(EAN)
    if size == "desktop":
        seen(page, "community-form")
    page.get_by_role("link", name="Cancel").click()
    page.get_by_test_id("ean-filter").fill("999")
    expect(page.get_by_test_id("connection")).to_have_count(0)
    page.get_by_test_id("ean-filter").fill("5414491")
    expect(page.get_by_test_id("connection")).to_have_count(1)
    if size == "desktop":
        seen(page, "community")
    page.get_by_test_id("connection").get_by_role("link").or_(page.locator("a[data-testid=connection]")).click()
    for tab, text in {
        "historical": "No earlier configuration",
        "future": "No future configuration",
        "consumption": "Nothing has been",
    }.items():
        page.get_by_test_id(f"tab-{tab}").click()
        expect(page.get_by_role("tabpanel")).to_contain_text(text)
    context.close()
    mine = browser.new_context(base_url=house.url, viewport={"width": width, "height": height}, bypass_csp=True)
    mine.set_default_timeout(20_000)
    page = enter(mine, resident, "/account")
    page.get_by_test_id("community").click()
    page.get_by_test_id("connection").get_by_role("link").or_(page.locator("a[data-testid=connection]")).click()
    expect(page.get_by_test_id("connection-ean")).to_have_text(EAN)
    expect(page.get_by_test_id("configuration")).to_contain_text(name)
    for tab in ("historical", "future", "consumption", "actual"):
        page.get_by_test_id(f"tab-{tab}").click()
        expect(page.get_by_test_id(f"tab-{tab}")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_test_id("change-state")).to_have_count(0)
    if size == "phone":
        seen(page, "my-community-meter")
    mine.close()
