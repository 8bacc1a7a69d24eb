"""Money at the desk: the post list, direct debits with their mandate, disputes, refunds, journal, VAT and margin."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import httpx
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import House
from tests.browser.console import enter, seen, site_of
from tests.browser.test_runs import COMPONENTS, FIRST, LAST, quarter_count, with_database

IBAN, SCHEME = "DE02120300000000202051", "DE98ZZZ09999999999"


def call(api: httpx.Client, method: str, path: str, **body: Any) -> Any:
    answer = api.request(method, path, json=body or None)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None


def measured(house: House, api: httpx.Client, site: str, point: str) -> None:
    """A meter of 400 W all the month."""
    with httpx.Client(
        base_url=house.url, timeout=60, headers={"authorization": f"Bearer {house.login('installer')['token']}"}
    ) as installer:
        meter = {"kind": "use", "serial": "MONEY-1", "billing_point_id": point, "installed_on": f"{FIRST}"}
        made = call(installer, "POST", f"/api/sites/{site}/meters", **meter)["id"]
    for day in (FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)):
        call(api, "PUT", f"/api/meters/{made}/days/{day}", wh=[100] * quarter_count(day, "Europe/Berlin"))


def billed(house: House, api: httpx.Client) -> tuple[str, str]:
    """A house in euro with one flat, whose month of electricity is billed by post. Returns the bill's number and its day."""
    site = call(api, "POST", "/api/sites", name="Hofgarten", street="Ring 1", postcode="50667", city="Köln", country="DE", currency="EUR",
                time_zone="Europe/Berlin")["id"]  # fmt: skip
    call(api, "POST", f"/api/sites/{site}/solutions", solution="electricity", active=True, day=f"{FIRST}")
    call(
        api, "POST", f"/api/sites/{site}/tariffs", valid_from=f"{FIRST}", solution="electricity", vat_included=False, components=COMPONENTS
    )
    building = call(api, "POST", f"/api/sites/{site}/buildings", name="Hof")["id"]
    point = call(api, "POST", "/api/billing-points", building_id=building, name="Flat 1", since=f"{FIRST}")["id"]
    person = call(api, "POST", "/api/people", given_name="Mona", family_name="Post", correspondence="post", street="Ring 1", postcode="50667",
                  city="Köln")["id"]  # fmt: skip
    call(api, "POST", f"/api/billing-points/{point}/stays", person_id=person, entry=f"{FIRST}")
    measured(house, api, site, point)
    run = call(api, "POST", f"/api/sites/{site}/energy-runs", first=f"{FIRST}", last=f"{LAST}")["id"]
    payable_within(house, 10)
    assert call(api, "POST", f"/api/energy-runs/{run}/issue") == {"bills": 1, "failed": []}
    payable_within(house, 30)
    [bill] = call(api, "GET", f"/api/people/{person}/bills")
    return bill["number"], bill["issued_on"]


def payable_within(house: House, days: int) -> None:
    """How long bills may be paid: a direct debit goes to the bank at most fourteen days before."""
    with ThreadPoolExecutor(1) as other_loop:
        other_loop.submit(asyncio.run, with_database(house, "UPDATE creditor SET payment_days = $1", days)).result()


def row(page: Page, number: str) -> Any:
    return page.get_by_test_id("row").filter(has_text=number)


def test_money_at_the_desk(desk: BrowserContext, house: House):
    with httpx.Client(base_url=house.url, timeout=60, headers={"authorization": f"Bearer {house.login('operator')['token']}"}) as api:
        number, issued = billed(house, api)
    page = enter(desk, house, "operator", "/console/open-items")
    # A dispute stops reminders until it is answered.
    row(page, number).get_by_test_id("dispute").click()
    page.get_by_test_id("dispute-form").get_by_label("Reason").fill("The meter was read wrongly")
    page.get_by_test_id("dispute-form").get_by_test_id("send").click()
    expect(row(page, number)).to_contain_text("disputed")
    seen(page, "open-items-disputed")
    # While it is disputed nothing is collected.
    page.get_by_role("link", name="Direct debits").click()
    page.get_by_test_id("change-scheme").first.click()
    page.get_by_test_id("scheme-form").get_by_role("textbox").fill(SCHEME)
    page.get_by_test_id("scheme-form").get_by_test_id("send").click()
    expect(page.get_by_test_id("creditor").first).to_contain_text(SCHEME)
    page.get_by_test_id("add-mandate").click()
    form = page.get_by_test_id("mandate-form")
    form.get_by_test_id("person-person_id").fill("Mona")
    form.get_by_test_id("person-found").first.click()
    form.get_by_label("IBAN").fill("DE02120300000000202052")
    form.get_by_test_id("send").click()
    expect(form.get_by_test_id("refused")).to_contain_text("IBAN")
    form.get_by_label("IBAN").fill(IBAN)
    form.get_by_test_id("send").click()
    expect(page.get_by_test_id("mandate").filter(has_text="Mona Post")).to_contain_text(IBAN[-4:])
    expect(row(page, number)).to_have_count(0)
    page.get_by_role("link", name="Open items").click()
    row(page, number).get_by_test_id("dispute").click()
    page.get_by_test_id("dispute-form").get_by_label("Reason").fill("Here is the picture of the meter")
    page.get_by_test_id("dispute-form").get_by_test_id("send").click()
    expect(row(page, number)).not_to_contain_text("disputed")
    page.get_by_role("link", name="Direct debits").click()
    expect(row(page, number)).to_contain_text("waiting")
    page.get_by_test_id("make-files").click()
    expect(row(page, number)).to_contain_text("under way")
    page.reload()
    with page.expect_download() as file:
        page.get_by_test_id("debit-file").first.get_by_role("link").click()
    assert b"pain.008.001.08" in file.value.path().read_bytes()
    seen(page, "debits")
    row(page, number).get_by_test_id("return").click()
    page.get_by_test_id("return-form").get_by_label("The bank’s reason").fill("AM04")
    page.get_by_test_id("return-form").get_by_test_id("send").click()
    expect(row(page, number).filter(has_text="returned: AM04")).to_have_count(1)
    # The bill waits for the post, is printed, and leaves the list once.
    page.get_by_role("link", name="Post list").click()
    expect(row(page, number)).to_contain_text("50667 Köln")
    seen(page, "post")
    assert page.request.get("/api/operator/mailings/print").body().startswith(b"%PDF")
    page.get_by_test_id("over").click()
    page.get_by_test_id("over-yes").click()
    expect(page.get_by_test_id("none")).to_be_visible()
    # Refunds, the books, VAT and what stays.
    page.get_by_role("link", name="Refunds").click()
    page.get_by_test_id("give-back").click()
    form = page.get_by_test_id("refund-form")
    form.get_by_test_id("person-person_id").fill("Mona")
    form.get_by_test_id("person-found").first.click()
    expect(form.get_by_test_id("credit")).to_contain_text("0.00")
    form.get_by_label("Amount").fill("5")
    form.get_by_test_id("send").click()
    expect(form.get_by_test_id("refused")).to_be_visible()
    seen(page, "refunds")
    page.goto(f"/console/journal?first={issued}&last={issued}&q={number}")
    expect(page.get_by_test_id("row").filter(has_text=number).first).to_be_visible()
    seen(page, "journal")
    with page.expect_download() as export:
        page.get_by_test_id("export-csv").click()
    assert number in export.value.path().read_text()
    page.goto(f"/console/vat?first={issued}&last={issued}")
    expect(page.get_by_test_id("figure").last).to_contain_text(re.compile(r"\d"))
    seen(page, "vat")
    page.get_by_role("link", name="Margin").click()
    page.get_by_test_id("first").fill(f"{date.fromisoformat(issued).year - 1}-01")
    expect(page.get_by_test_id("figure").first).to_contain_text("CHF")
    seen(page, "margin")
    visits(page, house)
    page.goto("/console/open-items")
    page.get_by_role("link", name="Charges to check").click()
    expect(page.locator("main h1")).to_be_visible()


def visits(page: Page, house: House) -> None:
    """Warranty and prices are agreed; a visit outside of it is billed, one under it is not."""
    page.goto(f"/console/sites/{site_of(house)}/terms")
    page.get_by_test_id("add-terms").click()
    form = page.get_by_test_id("terms-form")
    for label, value in {"From": "2024-01-01", "Warranty until": "2024-06-30", "Call-out without VAT": "90", "Hour without VAT": "140",
                         "Maintenance without VAT": "350", "VAT in %": "8.1"}.items():  # fmt: skip
        form.get_by_label(label).fill(value)
    form.get_by_test_id("send").click()
    expect(page.get_by_test_id("service-terms")).to_contain_text("maintenance is billed")
    for day in ("2024-06-30", "2024-07-01"):
        page.get_by_test_id("add-visit").click()
        form = page.get_by_test_id("visit-form")
        form.get_by_label("Day").fill(day)
        form.get_by_label("What was done").fill("Connector replaced")
        form.get_by_test_id("send").click()
        expect(form).to_have_count(0)
    expect(page.get_by_test_id("visit").filter(has_text="free: warranty")).to_have_count(1)
    expect(page.get_by_test_id("visit").filter(has_text="CHF 248.63")).to_have_count(1)
    seen(page, "visits")
