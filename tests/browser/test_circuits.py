"""The circuits of a house: drawn and set in the console; the phone says why a charge has what it has and takes a wish."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import House, picture
from tests.browser.console import SIZES, enter, seen, site_of

BADGE = "04A1B2C3D4E5F6"
FREE = """async (site) => {
    const path = `/api/sites/${site}/circuits`;
    const off = (await (await fetch(path)).json()).stations.map((one) => one.station_id);
    const headers = { 'content-type': 'application/json', 'x-csrftoken': /csrftoken=([^;]+)/.exec(document.cookie)[1] };
    return (await fetch(path, { method: 'PUT', body: JSON.stringify({ off }), headers })).status;
}"""


@pytest.fixture
def balanced(desk, house: House) -> Iterator[Page]:
    """The operator's page of circuits; in the end nobody balances any more, as the other tests expect it."""
    page = enter(desk, house, "operator", f"/console/sites/{site_of(house)}/circuits")
    yield page
    assert page.evaluate(FREE, site_of(house)) == 200


def circuit(page: Page, name: str, amperes: str, parent: str = "", breaker: str = "") -> None:
    """Enter a circuit."""
    form = page.get_by_test_id("circuit-form")
    form.get_by_label("Name").fill(name)
    if parent:
        form.get_by_label("Fed by").select_option(parent)
        form.get_by_label("Parent breaker").fill(breaker)
    limits = form.get_by_role("group", name="Maximum current a phase (A)")
    for phase in ("L1", "L2", "L3"):
        limits.get_by_label(phase).fill(amperes)
    form.get_by_test_id("send").click()
    expect(page.get_by_test_id("circuit").filter(has_text=name).first).to_be_visible()


def test_circuits_are_drawn_and_the_phone_says_why_a_charge_is_slow(balanced: Page, phone, house: House):
    page = balanced
    page.get_by_test_id("first-circuit").click()
    form = page.get_by_test_id("circuit-form")
    form.get_by_label("Name").fill("Hauptsicherung")
    form.get_by_role("group", name="Maximum current a phase (A)").get_by_label("L2").fill("viel")
    form.get_by_test_id("send").click()
    expect(page.get_by_test_id("refused")).to_contain_text("Write amperes as a number")
    circuit(page, "Hauptsicherung", "40")
    page.get_by_test_id("new-circuit").click()
    circuit(page, "Garage", "10", "Hauptsicherung", "Q7")
    page.get_by_test_id("wire-station").click()
    wired = page.get_by_test_id("wiring-form")
    wired.get_by_label("Station").select_option(label="Platz 2")
    wired.get_by_label("Circuit").select_option("Garage")
    wired.get_by_test_id("send").click()
    tree = page.get_by_test_id("tree")
    car = tree.get_by_test_id("car").first
    expect(car).to_contain_text("no car")
    expect(page.get_by_test_id("findings")).to_contain_text("hangs on no circuit")
    # A charge: the picture shows its share, the phone says why, in its own language.
    house.hofstrom("badge", "DEMO-2", BADGE)
    expect(car).to_contain_text("shares the circuit", timeout=60_000)
    expect(page.get_by_role("img", name=re.compile("L1: house 0.A, cars 10")).first).to_be_visible(timeout=60_000)
    car.get_by_role("combobox").select_option("5")
    # The grid operator asks for less: it acts at once, stands on the page, and is taken back.
    page.get_by_test_id("new-cap").click()
    cap = page.get_by_test_id("cap-form")
    cap.get_by_label("Most power of all cars").fill("4,2")
    cap.get_by_label("Asked by").fill("Stadtwerk")
    cap.get_by_label("Until (day)").fill("2099-12-31")
    cap.get_by_label("Until (time)").fill("12:00")
    cap.get_by_test_id("send").click()
    expect(page.get_by_role("status").filter(has_text="The grid operator limits the cars to")).to_be_visible()
    expect(page.get_by_test_id("power-cap").first).to_contain_text("Stadtwerk")
    seen(page, "circuits")
    page.get_by_test_id("power-cap").first.get_by_role("button", name="End now").click()
    expect(page.get_by_role("status").filter(has_text="The grid operator limits the cars to")).to_have_count(0)
    # The commissioning run: the station is switched off when it is its turn, and the run can be stopped.
    page.get_by_test_id("to-commissioning").click()
    page.get_by_test_id("commissioning-start").click()
    expect(page.get_by_test_id("commissioning-step").first).to_have_attribute("data-stage", re.compile("off|on"), timeout=30_000)
    expect(page.get_by_test_id("commissioning")).to_contain_text("is switched o")
    seen(page, "commissioning")
    page.get_by_test_id("commissioning-stop").click()
    expect(page.get_by_test_id("commissioning")).to_have_attribute("data-state", "stopped")
    page.goto(page.url.replace("/commissioning", "/circuits"))
    expect(car).to_contain_text("shares the circuit", timeout=90_000)
    own = enter(phone, house, "resident", "/charge")
    own.evaluate("localStorage.setItem('locale', 'de')")
    own.reload()
    own.get_by_test_id("session-card").first.click()
    expect(own.get_by_test_id("share")).to_contain_text("10\u00a0A frei (Garage), Sie haben 10\u00a0A")
    for width, height in SIZES:
        for scheme in ("light", "dark"):
            own.set_viewport_size({"width": width, "height": height})
            own.emulate_media(color_scheme=scheme)
            picture(own, f"share-{width}-{scheme}")
    wish = own.get_by_test_id("wish")
    wish.get_by_label("Gewünschte kWh").fill("700")
    own.get_by_test_id("wish-save").click()
    expect(own.get_by_role("alert")).to_contain_text("bis 500")
    wish.get_by_label("Gewünschte kWh").fill("12,5")
    wish.get_by_label("Nur mit der Sonne").check()
    own.get_by_test_id("wish-save").click()
    expect(wish).to_contain_text("Gespeichert")
    # It acts at once: down to the least current, which a charge that has begun keeps for a quarter of an hour.
    expect(own.get_by_test_id("share")).to_contain_text("Sie haben 6\u00a0A", timeout=30_000)
    house.hofstrom("badge", "DEMO-2", BADGE)
