"""Residents' pages as people meet them: without barriers, installable, and with a sentence where a place cannot be used."""

import json
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Playwright, expect

from tests.browser.conftest import FLAGS, House, picture, sign_in
from tests.browser.console import AXE, RULES

PAGES = {
    "home": "/", "charge": "/charge", "place": "/c/DEMO1X", "usage": "/usage", "history": "/history", "bills": "/bills", "account": "/account",
    "scan": "/scan", "nothing": "/no-such-page",
}  # fmt: skip


@pytest.fixture
def resident(phone: BrowserContext, house: House) -> Page:
    """A phone on which the resident has signed in."""
    page = phone.new_page()
    page.goto("/signin")
    sign_in(page, house.login("resident"))
    expect(page.get_by_test_id("to-charge")).to_be_visible()
    return page


def barriers(page: Page, name: str) -> list[str]:
    """What axe finds on a page, in the light and in the dark."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
        answer = page.evaluate("rules => axe.run({ runOnly: rules })", RULES)
        found += [f"{name} {scheme}: {one['id']}: {one['nodes'][0]['html']}" for one in answer["violations"]]
    return found


def test_axe_finds_nothing_on_residents_pages_in_the_light_and_in_the_dark(browser, house: House):
    context = browser.new_context(base_url=house.url, viewport={"width": 390, "height": 2400}, locale="de-CH", bypass_csp=True)
    context.add_init_script(AXE)
    page = context.new_page()
    page.goto("/signin")
    expect(page.locator("main h1")).to_be_visible()
    found = barriers(page, "signin")
    sign_in(page, house.login("resident"))
    expect(page.get_by_test_id("to-charge")).to_be_visible()
    for name, path in PAGES.items():
        page.goto(path)
        expect(page.locator("main h1")).to_be_visible()
        page.wait_for_load_state("networkidle" if name in ("usage", "history", "bills", "account") else "load")
        found += barriers(page, name)
    context.close()
    assert found == []


def test_the_pages_can_be_installed_and_ask_no_other_server(house: House, tmp_path: Path, playwright_of_tests: Playwright):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    context = playwright_of_tests.chromium.launch_persistent_context(str(tmp_path), executable_path=chromium, args=FLAGS)
    page = context.pages[0]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{house.url}/signin")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    session = context.new_cdp_session(page)
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert {icon["sizes"] for icon in json.loads(manifest["data"])["icons"]} == {"192x192", "512x512"}
    assert session.send("Page.getInstallabilityErrors") == {"installabilityErrors": []}
    context.close()
    assert {url.split("/")[2] for url in asked if not url.startswith("data:")} == {house.url.split("/")[2]}


def test_a_place_that_cannot_be_used_says_so_and_offers_no_start(resident: Page, house: House):
    state = resident.get_by_test_id("place-state")
    resident.goto("/c/NOSUCH1")
    expect(resident.get_by_test_id("error")).to_contain_text("Kein Platz hat diesen Code")
    neighbour = house.described["accounts"][1]["sites"][0]["stations"][0]["qr_url"]
    resident.goto(neighbour.removeprefix(house.url))
    expect(resident.get_by_test_id("refusal")).to_contain_text("gehört nicht zu Ihrer Wohnung")
    _no_start(resident)
    resident.goto("/c/DEMO2X")
    for order, expected in (("fault", "faulted"), ("offline", "offline")):
        house.hofstrom("station", "DEMO-2", order)
        expect(state).to_have_attribute("data-state", expected, timeout=40_000)
        _no_start(resident)
        picture(resident, f"place-{expected}")
        house.hofstrom("station", "DEMO-2", {"fault": "clear", "offline": "online"}[order])
        expect(resident.get_by_test_id("start")).to_be_visible(timeout=40_000)
    other = [badge["uid"] for badge in house.described["accounts"][0]["sites"][0]["badges"] if badge["resident_id"] != _me(house)][-1]
    house.hofstrom("badge", "DEMO-2", other)
    expect(state).to_have_attribute("data-state", "occupied", timeout=40_000)
    _no_start(resident)
    picture(resident, "place-occupied")
    house.hofstrom("badge", "DEMO-2", other)
    for order in ("unplug", "plug"):  # as it was found
        house.hofstrom("station", "DEMO-2", order)


def test_a_start_that_is_rejected_or_never_answered_says_so_and_charges_nothing(resident: Page, house: House):
    before = resident.request.get("/api/sessions").json()
    request = resident.get_by_test_id("request")
    for place, order, state, words in (
        ("1", "refuse_next_start", "refused", "Die Station hat abgelehnt. Es wurde nichts verrechnet."),
        ("2", "silent_next_start", "no_answer", "Die Station hat nicht geantwortet. Es wurde nichts verrechnet."),
    ):
        told = house.hofstrom("station", f"DEMO-{place}", order)
        assert told.returncode == 0, told.stdout + told.stderr
        resident.goto(f"/c/DEMO{place}X")
        resident.get_by_test_id("start").press("Enter")
        expect(request).to_have_attribute("data-state", state, timeout=40_000)
        expect(request).to_contain_text(words)
        expect(resident.get_by_test_id("start")).to_be_visible()
        picture(resident, f"start-{state}")
    assert resident.request.get("/api/sessions").json() == before


def _no_start(page: Page) -> None:
    expect(page.get_by_test_id("start")).to_have_count(0)


def _me(house: House) -> str:
    return str(house.login("resident")["person_id"])
