"""A run of electricity bills at the desk: frozen, looked at, issued in spite of one that fails, paid."""

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
from playwright.sync_api import BrowserContext, Page, expect

from app.database.engine import close_database, open_database
from app.database.transaction import as_owner, execute, fetchrow
from app.tariffs.energy_rules import quarter_count
from tests.browser.conftest import House
from tests.browser.console import enter, seen, site_of

# Before the demo house's readings begin: nobody but the people of this test has used anything.
FIRST, LAST = date(2024, 2, 1), date(2024, 2, 29)
COMPONENTS = [{"dimension": "kwh", "origin": "solar", "unit_price": "0.20"}, {"dimension": "kwh", "origin": "grid", "unit_price": "0.30"}]
HOME = {"street": "Lindenweg 4", "postcode": "8004", "city": "Zürich"}
GAP, WHOLE, NONE = ("Flat R.1", "Petra", "Lauf"), ("Flat R.2", "Ilse", "Strich"), ("Flat R.3", "Timo", "Still")


class Desk:
    """What the desk does over HTTP beside the page."""

    def __init__(self, house: House, site: str) -> None:
        self.site = site
        self.building = house.described["accounts"][0]["sites"][0]["buildings"][0]["id"]
        self.tokens = {role: {"authorization": f"Bearer {house.login(role)['token']}"} for role in ("operator", "installer")}
        self.api = httpx.Client(base_url=house.url, timeout=60)

    def call(self, method: str, path: str, role: str = "operator", **body: Any) -> Any:
        answer = self.api.request(method, path, json=body or None, headers=self.tokens[role])
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def furnish(self) -> dict[str, str]:
        """Prices, and three flats: one with a day missing, one whole, one without a meter. Returns the people by flat."""
        prices = {"valid_from": f"{FIRST}", "solution": "electricity", "vat_included": False, "components": COMPONENTS}
        self.call("POST", f"/api/sites/{self.site}/tariffs", **prices)
        people = {}
        for name, given, family in (GAP, WHOLE, NONE):
            point = self.call("POST", "/api/billing-points", building_id=self.building, name=name, since="2024-01-01")["id"]
            people[name] = self.call("POST", "/api/people", given_name=given, family_name=family, correspondence="post", **HOME)["id"]
            self.call("POST", f"/api/billing-points/{point}/stays", person_id=people[name], entry="2024-01-01")
            if name != NONE[0]:
                self.measure(point, name, {FIRST + timedelta(days=4)} if name == GAP[0] else set())
        return people

    def measure(self, point: str, serial: str, missing: set[date]) -> None:
        """A meter of 400 W all the month, without the days that are missing."""
        meter = {"kind": "use", "serial": serial, "billing_point_id": point, "installed_on": "2024-01-01"}
        made = self.call("POST", f"/api/sites/{self.site}/meters", "installer", **meter)["id"]
        for day in (FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)):
            if day not in missing:
                self.call("PUT", f"/api/meters/{made}/days/{day}", wh=[100] * quarter_count(day, "Europe/Zurich"))

    def pay(self, person: str, payer: str) -> str:
        """Somebody pays the bill of electricity and forgets the reference; returns the bill's number."""
        bill = next(one for one in self.call("GET", f"/api/people/{person}/bills") if one["kind"] == "electricity")
        credit = {"bank_reference": f"run-{person}", "received_on": bill["issued_on"], "currency": "CHF", "payer": payer}
        self.call("POST", "/api/operator/payments", **credit, amount_minor=bill["gross_minor"])
        return str(bill["number"])


async def _spoil(house: House, run: str, person: str, cents: int) -> None:
    await open_database(json.loads((house.data / "ready.json").read_text())["database_url"])
    try:
        async with as_owner():
            row = await fetchrow("SELECT id, bill FROM energy_item WHERE run_id = $1 AND person_id = $2", UUID(run), UUID(person))
            assert row is not None
            bill = json.loads(row["bill"])
            bill["lines"][0]["amount_minor"] += cents
            await execute("UPDATE energy_item SET bill = $2 WHERE id = $1", row["id"], json.dumps(bill))
    finally:
        await close_database()


async def with_database(house: House, sql: str, *args: Any) -> None:
    """Change what no page changes, in the house's own database."""
    await open_database(json.loads((house.data / "ready.json").read_text())["database_url"])
    try:
        async with as_owner():
            await execute(sql, *args)
    finally:
        await close_database()


def spoil(house: House, run: str, person: str, cents: int) -> None:
    """Let a draft not add up, so that no bill can be made of it; the opposite amount mends it."""
    with ThreadPoolExecutor(1) as other_loop:
        other_loop.submit(asyncio.run, _spoil(house, run, person, cents)).result()


def item(page: Page, flat: tuple[str, str, str]) -> Any:
    return page.get_by_test_id("run-item").filter(has_text=flat[0])


def freeze(page: Page, first: str, last: str) -> None:
    form = page.get_by_test_id("run-form")
    form.get_by_label("First day").fill(first)
    form.get_by_label("Last day").fill(last)
    form.get_by_test_id("send").click()


def issue(page: Page) -> None:
    page.get_by_test_id("issue").click()
    expect(page.get_by_test_id("issue-yes")).to_be_focused()
    page.get_by_test_id("issue-yes").click()


def match(page: Page, number: str, payer: str) -> None:
    """Book a payment without a reference to the bill that is suggested first."""
    page.goto("/operator")
    payment = page.get_by_test_id("unmatched").filter(has_text=payer)
    payment.get_by_test_id("match").click()
    bill = payment.get_by_test_id("match-bill").first
    expect(bill).to_contain_text(number)
    seen(page, "match")
    bill.get_by_role("button", name=number).click()
    expect(page.get_by_test_id("matched")).to_contain_text(number)
    expect(payment).to_have_count(0)


def test_a_month_of_electricity_is_frozen_looked_at_issued_and_paid_and_who_fails_stops_nobody(desk: BrowserContext, house: House):
    office = Desk(house, site_of(house))
    people = office.furnish()
    page = enter(desk, house, "operator", f"/console/sites/{office.site}/runs")
    freeze(page, f"{FIRST}", "2099-01-31")
    expect(page.get_by_test_id("refused")).to_contain_text("not over yet")
    freeze(page, f"{FIRST}", f"{LAST}")
    expect(page.get_by_test_id("run-state")).to_have_attribute("data-state", "draft")
    expect(page.get_by_test_id("run-sum")).to_contain_text("0 of 2 issued")
    expect(item(page, GAP)).to_contain_text("96 quarter-hours are missing")
    expect(item(page, GAP)).to_contain_text("CHF 87.17")  # 28 days of 9.6 kWh at 0.30, and 8.1 % VAT
    expect(item(page, NONE)).to_contain_text("no use in 29 days")
    expect(item(page, WHOLE)).not_to_contain_text("missing")
    seen(page, "run-draft")
    # One draft that does not add up is named with its reason; the other bill goes out.
    run = page.url.rpartition("/")[2]
    spoil(house, run, people[WHOLE[0]], 1)
    issue(page)
    failed = page.get_by_test_id("run-failed")
    expect(failed).to_contain_text("Flat R.2, Ilse Strich")
    expect(failed).to_contain_text("positions come to")
    expect(page.get_by_test_id("run-sum")).to_contain_text("1 of 2 issued")
    expect(item(page, GAP)).to_contain_text("open")
    number = re.search(r"\d{4}-\d{6}", item(page, GAP).inner_text())
    assert number is not None
    seen(page, "run-failed")
    # Mended and issued again: nothing comes twice.
    spoil(house, run, people[WHOLE[0]], -1)
    issue(page)
    expect(page.get_by_test_id("run-sum")).to_contain_text("2 of 2 issued")
    expect(failed).to_have_count(0)
    expect(item(page, GAP)).to_contain_text(number[0])
    assert office.call("POST", f"/api/energy-runs/{run}/issue") == {"bills": 0, "failed": []}
    with page.expect_download() as pdf:
        item(page, WHOLE).get_by_role("link").click()
    assert pdf.value.path().read_bytes().startswith(b"%PDF") and pdf.value.suggested_filename != f"{number[0]}.pdf"
    match(page, office.pay(people[GAP[0]], "P. Lauf"), "P. Lauf")
    page.goto(f"/console/sites/{office.site}/runs/{run}")
    expect(item(page, GAP)).to_contain_text("paid")
    expect(item(page, WHOLE)).to_contain_text("open")
    expect(item(page, NONE)).to_contain_text("no bill")
    seen(page, "run-issued")
    page.get_by_role("link", name="Money").click()
    expect(page.get_by_test_id("row").filter(has_text="Ilse Strich")).to_contain_text("CHF 90.29")
    expect(page.get_by_test_id("row").filter(has_text="Petra Lauf")).to_have_count(0)
    seen(page, "open-items")
    page.goto(f"/console/sites/{office.site}/runs/{run}")
    page.get_by_role("link", name="All runs").click()
    expect(page.get_by_test_id("run").filter(has_text="Feb 2024")).to_contain_text("issued")
    seen(page, "runs")
    freeze(page, f"{FIRST}", f"{LAST}")
    expect(page.get_by_test_id("refused")).to_contain_text("billed already")
