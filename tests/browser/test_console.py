"""The console in a real browser: what an operator, an owner and a superadmin set up, in the words of the ledger."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import ROOT, House, picture, sign_in

AXE = (ROOT / "pwa/node_modules/axe-core/axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = ((390, 844), (1440, 900))
ID = re.compile(r"/console/sites/[0-9a-f-]{36}$")


@pytest.fixture
def desk(browser: Browser, house: House) -> Iterator[BrowserContext]:
    """A desktop that speaks English; the page's policy is set aside so that axe can be put into it."""
    context = browser.new_context(base_url=house.url, viewport={"width": 1440, "height": 900}, locale="en-GB", bypass_csp=True)
    context.set_default_timeout(20_000)
    yield context
    context.close()


def enter(context: BrowserContext, house: House, role: str, path: str = "/console") -> Page:
    """Sign in and open a page of the console."""
    page = context.new_page()
    page.goto("/signin")
    page.evaluate("localStorage.setItem('locale', 'en')")
    page.reload()
    sign_in(page, house.login(role))
    page.wait_for_url(lambda url: "signin" not in url)
    page.goto(path)
    return page


def seen(page: Page, name: str) -> None:
    """Keep the page's picture in both sizes and schemes, and find nothing that bars people by axe's rules."""
    found: list[str] = []
    for width, height in SIZES:
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": height})
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            picture(page, f"console-{name}-{width}-{scheme}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name}: wider than {width}"
            if (width == min(SIZES)[0]) != (scheme == "light"):
                continue  # the phone in the light, the desktop in the dark: both schemes, half the time
            # High enough that nothing lies under the bar at the bottom.
            page.set_viewport_size({"width": width, "height": 3000})
            page.evaluate(AXE)
            answer = page.evaluate("rules => axe.run({ runOnly: rules })", RULES)
            found += [f"{name} {width} {scheme}: {one['id']}: {one['nodes'][0]['html']}" for one in answer["violations"]]
    page.set_viewport_size({"width": 1440, "height": 900})
    page.emulate_media(color_scheme="light")
    assert found == []


def test_an_operator_finds_a_site_changes_it_and_takes_it_back(desk: BrowserContext, house: House):
    page = enter(desk, house, "operator")
    expect(page.get_by_test_id("row")).to_have_count(1)
    page.get_by_test_id("filter").fill("nowhere")
    expect(page.get_by_test_id("none")).to_be_visible()
    assert "q=nowhere" in page.url
    page.get_by_role("button", name="Show all").click()
    seen(page, "portfolio")
    page.keyboard.press("Control+k")
    page.get_by_test_id("search-text").fill("linden")
    expect(page.get_by_test_id("found")).to_contain_text("Lindenhof")
    page.keyboard.press("Enter")
    page.wait_for_url(ID)
    expect(page.get_by_role("heading", name="Lindenhof")).to_be_visible()
    seen(page, "site")
    before = int("".join(filter(str.isdigit, page.get_by_test_id("trail").locator("summary").inner_text())))
    page.get_by_test_id("edit-site").click()
    page.get_by_label("Reference").fill("L-4")
    page.get_by_label("Latitude").fill("47.37")
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("refused")).to_be_visible()
    expect(page.get_by_label("Latitude")).to_be_focused()
    expect(page.get_by_label("Reference")).to_have_value("L-4")
    page.get_by_label("Longitude").fill("8.52")
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("site-facts")).to_contain_text("L-4")
    page.get_by_test_id("undo").click()
    expect(page.get_by_test_id("site-facts")).not_to_contain_text("L-4")
    expect(page.get_by_test_id("trail")).to_contain_text(f"({before + 2})")


def test_what_two_people_change_at_once_is_lost_by_neither(desk: BrowserContext, house: House):
    site = house.described["accounts"][0]["sites"][0]["id"]
    mine = enter(desk, house, "operator", f"/console/sites/{site}")
    mine.get_by_test_id("edit-site").click()
    mine.get_by_label("Reference").fill("mine")
    other = desk.new_page()
    other.goto(f"/console/sites/{site}")
    other.get_by_test_id("edit-site").click()
    other.get_by_label("Reference").fill("theirs")
    other.get_by_test_id("send").click()
    expect(other.get_by_test_id("site-facts")).to_contain_text("theirs")
    mine.get_by_test_id("send").click()
    expect(mine.get_by_test_id("conflict")).to_be_visible()
    expect(mine.get_by_label("Reference")).to_have_value("mine")
    expect(mine.get_by_test_id("site-data")).to_contain_text("theirs")
    seen(mine, "conflict")
    mine.get_by_test_id("send").click()
    expect(mine.get_by_test_id("site-facts")).to_contain_text("mine")
