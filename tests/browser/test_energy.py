"""The console's view of a house's energy: from quarter-hours to years, last year beside it, the table and the files behind it."""

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect

from tests.browser.conftest import House
from tests.browser.console import enter, seen, site_of

LAST = datetime.now(UTC).year - 1  # the demo house has two years of past


def wh(text: str) -> int:
    """The Wh of an amount as the page writes it."""
    found = re.search(r"([\d,]+\.\d\d)\s*kWh", text)
    assert found, text
    return round(float(found[1].replace(",", "")) * 1000)


def shown(page: Page, name: str) -> str:
    return page.get_by_test_id(name).inner_text()


def choose(page: Page, group: str, text: str) -> None:
    """Look at the first of a group whose name has this in it."""
    option = page.get_by_test_id("energy-of").locator(f"optgroup[label='{group}'] option").filter(has_text=text).first
    page.get_by_test_id("energy-of").select_option(option.get_attribute("value"))


def test_a_houses_energy_is_seen_by_step_and_place_with_last_year_and_its_table(desk, house: House):
    start = (datetime.now(UTC) - timedelta(days=20)).date()
    page = enter(desk, house, "operator", f"/console/sites/{site_of(house)}/energy?on={start}")
    used, made = page.get_by_test_id("energy_used"), page.get_by_test_id("energy_made")
    expect(used).to_contain_text("kWh")
    expect(made).to_contain_text("kWh")
    legend = page.locator("ul.legend").first
    expect(legend).to_contain_text("Year before")
    seen(page, "energy")
    # What was used is what came from the roof and from the grid, to the last place shown.
    parts = [wh(text) for text in legend.locator("li").filter(has_not_text="Year before").all_inner_texts()]
    assert abs(sum(parts) - wh(shown(page, "energy_used"))) <= 10
    # An arrow key names the values of one day.
    chart = page.get_by_test_id("energy-chart").first
    chart.focus()
    page.keyboard.press("Home")
    expect(chart).to_have_attribute("aria-valuetext", re.compile(r"1 .*: [\d,.]+\skWh\. Solar, used here"))
    page.keyboard.press("Escape")
    # The day on which the clock goes forward, and the one on which it goes back.
    page.get_by_test_id("energy-step").select_option("quarter")
    sundays = {month: next(d for d in range(31, 24, -1) if datetime(LAST, month, d).weekday() == 6) for month in (3, 10)}  # noqa: DTZ001
    for month, count in ((3, 92), (10, 100)):
        page.get_by_test_id("energy-on").fill(f"{LAST}-{month:02}-{sundays[month]}")
        expect(page.get_by_test_id("energy-shown")).to_contain_text(f"{count} quarter-hours")
        expect(page.locator("[data-testid=energy-table] tbody tr")).to_have_count(count)
    page.get_by_text("As a table").click()
    assert page.get_by_text("02:00 (UTC+02:00)").is_visible() and page.get_by_text("02:00 (UTC+01:00)").is_visible()
    for step, rows in (("hour", 168 + 1), ("month", 12), ("year", 10)):
        page.get_by_test_id("energy-step").select_option(step)
        expect(page.locator("[data-testid=energy-table] tbody tr")).to_have_count(rows)
    # The files hold the same.
    page.get_by_test_id("energy-step").select_option("month")
    expect(page.locator("[data-testid=energy-table] tbody tr")).to_have_count(12)
    for form, kind in (("csv", "text/csv"), ("xlsx", "spreadsheetml"), ("json", "application/json")):
        answer = page.request.get(page.get_by_test_id(f"energy-{form}").get_attribute("href") or "")
        assert answer.ok and kind in answer.headers["content-type"], form
    # A flat, a building, a meter; heat and water where there are meters.
    page.get_by_test_id("energy-step").select_option("day")
    page.get_by_test_id("energy-of").select_option(label="A 1.1")
    expect(legend).to_contain_text("From the grid")
    page.get_by_test_id("energy-kind").select_option("heat")
    expect(page.get_by_test_id("energy_counted")).to_contain_text("kWh")
    page.get_by_test_id("energy-kind").select_option("cold_water")
    expect(page.get_by_test_id("energy_counted")).to_contain_text("m³")
    choose(page, "Buildings", "")
    expect(page.get_by_test_id("energy_used")).to_contain_text("kWh")
    choose(page, "Meters", "PV")
    expect(page.get_by_test_id("energy_counted")).to_contain_text("kWh")
    title = shown(page, "energy-title")
    page.get_by_test_id("energy-earlier").click()
    expect(page.get_by_test_id("energy-title")).not_to_have_text(title)
