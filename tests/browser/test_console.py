"""The console in a real browser: what an operator, an owner and a superadmin set up, in the words of the ledger."""

import asyncio
import email
import email.policy
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from app.accounts.licence_rules import later
from app.accounts.licences import remind
from app.database.engine import close_database, open_database
from tests.browser.conftest import House
from tests.browser.console import enter, move, new_person, seen, site_of

ID = re.compile(r"/console/sites/[0-9a-f-]{36}$")


def test_an_operator_finds_a_site_changes_it_and_takes_it_back(desk: BrowserContext, house: House):
    page = enter(desk, house, "operator")
    expect(page.get_by_test_id("row")).to_have_count(1)
    expect(page.get_by_test_id("account-administration")).to_have_count(0)
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


@pytest.mark.row("O24")
@pytest.mark.row("A39")
@pytest.mark.row("A40")
def test_a_billing_point_has_every_field_and_a_click_on_its_name_edits(desk: BrowserContext, house: House):
    page = enter(desk, house, "operator", f"/console/sites/{site_of(house)}/points")
    expenses = page.get_by_test_id("expense-shares")
    expenses.locator("summary").click()
    expenses.get_by_label("Amount").fill("1000")
    expenses.get_by_label("Key").select_option("equal")
    expenses.get_by_test_id("send").click()
    expect(expenses.get_by_test_id("expense-share").first).to_contain_text("CHF")
    seen(page, "points")
    expect(page.get_by_test_id("list")).to_contain_text("Building A")
    page.get_by_test_id("add-point").first.click()
    page.get_by_label("Name").fill("Anna Keller")
    page.get_by_label("Assignment").select_option("owner_occupied")
    page.get_by_label("Surface").fill("84.5")
    page.get_by_label("Self-consumption priority").fill("3")
    page.get_by_label("Known since").fill("2026-01-01")
    page.get_by_label("Consumer billing").uncheck()
    page.get_by_label("Integrated into the expense statement").uncheck()
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("refused")).to_contain_text("never named after a person")
    expect(page.get_by_label("Name")).to_be_focused()
    expect(page.get_by_label("Surface")).to_have_value("84.5")
    page.get_by_label("Name").fill("Flat 9.1, ninth floor")
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("point-name")).to_have_text("Flat 9.1, ninth floor")
    expect(page.get_by_test_id("present")).to_contain_text("Vacant: Musterhof Immobilien")
    for label, value in {"Surface": "84.5", "Self-consumption priority": "3", "Assignment": "owner_occupied"}.items():
        expect(page.get_by_label(label)).to_have_value(value)
    expect(page.get_by_label("Consumer billing")).not_to_be_checked()
    expect(page.get_by_label("Billing point activated")).to_be_checked()
    page.get_by_role("link", name="Flat 9.1, ninth floor").click()
    page.get_by_label("Name").fill("Flat 9.1")
    page.get_by_label("Billing point activated").uncheck()
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("point-name")).to_have_text("Flat 9.1")
    page.get_by_test_id("undo").click()
    expect(page.get_by_test_id("point-name")).to_have_text("Flat 9.1, ninth floor")
    expect(page.get_by_label("Billing point activated")).to_be_checked()
    seen(page, "point")


@pytest.mark.row("A39")
def test_a_resident_moves_in_others_follow_with_and_without_a_vacancy_and_get_a_badge(desk: BrowserContext, house: House):
    page = enter(desk, house, "operator", "/console/people")
    page.get_by_test_id("new-person").click()
    new_person(page, "Rosa", "Vital")
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("person-name")).to_have_text("Rosa Vital")
    seen(page, "person")
    page.goto(f"/console/sites/{site_of(house)}/points/new")
    page.get_by_label("Name").fill("Flat 8.1")
    page.get_by_label("Known since").fill("2026-01-01")
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("point-name")).to_have_text("Flat 8.1")
    # Put on the billing point from an entry date; found by a part of the name, by the keyboard.
    page.get_by_test_id("assign").click()
    page.get_by_test_id("person-person_id").press_sequentially("vita")
    expect(page.get_by_test_id("person-found")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_label("Entry day").fill("2026-02-01")
    page.get_by_test_id("move-form").get_by_test_id("send").click()
    expect(page.get_by_test_id("present")).to_contain_text("Rosa Vital")
    # Rename; the time line stays.
    page.get_by_test_id("point-form").get_by_label("Name").fill("Flat 8.1, balcony")
    page.get_by_test_id("point-form").get_by_test_id("send").click()
    expect(page.get_by_test_id("point-name")).to_have_text("Flat 8.1, balcony")
    # With a vacancy: the days between are the owner's.
    move(page, "Nils", "Ahorn", leaves="2026-05-31", enters="2026-07-01", gap="1 Jun 2026")
    stays = page.get_by_test_id("stay")
    expect(stays).to_have_text([re.compile("Nils Ahorn.*since 1 Jul 2026"), re.compile("Vacant: Musterhof Immobilien.*1 Jun 2026.*30 Jun 2026"),
                                re.compile("Rosa Vital.*1 Feb 2026.*31 May 2026"), re.compile("Vacant: Musterhof Immobilien.*31 Jan 2026")])  # fmt: skip
    # Without one: the leaver's last day is the day before.
    move(page, "Ida", "Linde", leaves="", enters="2026-10-01", gap="")
    expect(stays.first).to_contain_text("Ida Linde")
    expect(stays.nth(1)).to_contain_text("30 Sept 2026")
    expect(stays).to_have_count(5)
    seen(page, "time-line")
    page.get_by_role("link", name="Ida Linde").click()
    page.get_by_test_id("new-badge").click()
    page.get_by_label("Number of the badge").fill("04:AA:BB")
    page.get_by_label("Label").fill("Key ring")
    page.get_by_test_id("badge-form").get_by_test_id("send").click()
    expect(page.get_by_test_id("refused")).to_contain_text("not the number of a badge")
    page.get_by_label("Number of the badge").fill("04:AA:BB:CC:DD:EE:0F")
    page.get_by_test_id("badge-form").get_by_test_id("send").click()
    expect(page.get_by_test_id("badge")).to_contain_text("…EE0F")
    page.get_by_test_id("block").click()
    expect(page.get_by_test_id("badge")).to_contain_text("blocked")
    page.get_by_test_id("undo").click()
    expect(page.get_by_test_id("badge")).to_contain_text("active")
    page.goto("/console/badges")
    expect(page.get_by_test_id("row").filter(has_text="Ida Linde")).to_contain_text("Key ring")
    seen(page, "badges")


@pytest.mark.row("A39")
@pytest.mark.row("A42")
def test_prices_change_from_a_day_on_and_can_be_taken_back(desk: BrowserContext, house: House):
    page = enter(desk, house, "owner", f"/console/sites/{site_of(house)}/prices")
    page.get_by_test_id("new-prices").click()
    page.get_by_label("High, CHF").fill("0,4x")
    page.get_by_test_id("send").click()
    expect(page.get_by_label("High, CHF")).to_be_focused()
    expect(page.get_by_test_id("price-form")).to_contain_text("This is not a number")
    page.get_by_label("High, CHF").fill("0,41")
    page.get_by_label("Start fee").fill("0.50")
    page.get_by_label("From", exact=True).fill("2099-01-01")
    seen(page, "price-form")
    page.get_by_test_id("send").click()
    tariffs = page.get_by_test_id("tariffs")
    expect(tariffs).to_contain_text("From 1 Jan 2099")
    expect(tariffs).to_contain_text("CHF 0.41")
    seen(page, "prices")
    page.get_by_test_id("withdraw").click()
    expect(tariffs).not_to_contain_text("2099")


@pytest.mark.row("A58")
@pytest.mark.row("A66")
def test_an_account_is_asked_for_approved_extended_cut_changed_renewed_and_reminded_of(desk: BrowserContext, house: House):
    page = enter(desk, house, "superadmin")
    expect(page.locator("main h1")).to_have_text("Sites")
    page.get_by_test_id("account-administration").click()
    page.get_by_test_id("ask-account").click()
    fields = {"Account name": "Seehof AG", "Client": "Seehof", "Datapoints": "19", "Period in months": "12", "Comment": "From May on."}
    for label, value in fields.items():
        page.get_by_label(label, exact=label == "Client").fill(value)
    page.get_by_label("Country").select_option("ES")
    page.get_by_label("RTC lines").fill("2")
    page.get_by_label("Own e-mail domain").fill("seehof.example")
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("refused")).to_contain_text("at least 20 datapoints")
    page.get_by_label("Datapoints").fill("20")
    seen(page, "account-form")
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("notice")).to_contain_text("application is sent")
    row = page.get_by_test_id("row").filter(has_text="Seehof AG")
    expect(row).to_have_count(0)
    approve(page, "new account")
    for area in ("expired", "applications", "active"):
        expect(page.get_by_test_id(f"area-{area}")).to_be_visible()
    expect(row).to_contain_text("Basic")
    assert (row.get_by_role("cell").nth(3).inner_text(), row.get_by_role("cell").nth(4).inner_text()) == ("0", "20")  # in use, left
    seen(page, "accounts")
    ask(page, "datapoints", "Datapoints to add", "30")
    approve(page, "+30")
    expect(row).to_contain_text("50")
    ask(page, "datapoints", "Datapoints to add", "-40")
    expect(page.get_by_test_id("refused")).to_contain_text("You can remove 30")
    page.get_by_label("Datapoints to add").fill("-25")
    page.get_by_test_id("send").click()
    approve(page, "-25")
    expect(row).to_contain_text("25")
    row.get_by_test_id("dots").press("Enter")
    page.get_by_test_id("act-licence").press("Enter")
    page.get_by_test_id("licence-form").get_by_label("Licence").select_option("plus")
    page.get_by_test_id("send").click()
    approve(page, "other licence")
    expect(row).to_contain_text("Plus")
    expires = row.get_by_role("cell").nth(7).inner_text()
    ask(page, "renewal")
    approve(page, "renewal")
    expect(row).not_to_contain_text(expires)
    _three_reminders(house, datetime.now(UTC).date())


def ask(page: Page, act: str, label: str = "", value: str = "") -> None:
    """Choose an act of the three dots of Seehof AG and send it."""
    page.get_by_test_id("row").filter(has_text="Seehof AG").get_by_test_id("dots").click()
    page.get_by_test_id(f"act-{act}").click()
    if label:
        page.get_by_label(label).fill(value)
    page.get_by_test_id("send").click()


def approve(page: Page, text: str) -> None:
    """Approve the application that says this, and go back to the active accounts."""
    page.get_by_test_id("area-applications").click()
    application = page.get_by_test_id("application").filter(has_text=text)
    application.get_by_test_id("approve").click()
    expect(application).to_have_count(0)
    page.get_by_test_id("area-active").click()


def _three_reminders(house: House, today: date) -> None:
    """The daily task with the clock moved: a month before, a week before, on the day; each reminder comes once, by mail."""
    ends = later(later(today, 12), 12)
    days = (later(ends, -1), ends - timedelta(days=7), ends)
    with ThreadPoolExecutor(1) as other_loop:
        given = [other_loop.submit(asyncio.run, _remind(house, day)).result() for day in days for _ in range(2)]
    assert [len(found) for found in given] == [1, 0, 1, 0, 1, 0]
    wanted, deadline = ["in a month", "in a week", "which is today"], time.monotonic() + 30
    while sorted(said := _reminders_of(house)) != wanted:
        assert time.monotonic() < deadline, said
        time.sleep(0.1)


def _reminders_of(house: House) -> list[str]:
    """What the mails to the superadmin say about the end of Seehof AG."""
    messages = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in (house.data / "mail").glob("*.eml")]
    texts = [str(body.get_content()) for one in messages if one["To"] == house.login("superadmin")["email"] and (body := one.get_body())]
    return [found[1] for text in texts if "Seehof AG" in text and (found := re.search(r"ends on [\w ]+, ([\w ]+)\.", text))]


async def _remind(house: House, day: date) -> list[tuple[UUID, str]]:
    await open_database(json.loads((house.data / "ready.json").read_text())["database_url"])
    try:
        return [*await remind(datetime.combine(day, clock_time(6), UTC))]
    finally:
        await close_database()


SHEET = """Gebäude;Wohnung;Vorname;Nachname;E-Mail;Strasse;PLZ;Ort;Einzug
A;Flat 7.1;Uma;Feld;uma.feld@example.org;Lindenweg 4;8004;Zürich;01.03.2026
Nowhere;Flat 7.2;Tom;Wald;tom.wald@example.org;Lindenweg 4;8004;Zürich;01.03.2026
"""


def test_a_sheet_of_residents_is_imported_with_a_report_by_row(desk: BrowserContext, house: House, tmp_path: Path):
    page = enter(desk, house, "owner", f"/console/sites/{site_of(house)}/import")
    (tmp_path / "latin.csv").write_bytes(SHEET.encode("latin-1"))
    (tmp_path / "sheet.csv").write_text(SHEET)
    page.get_by_test_id("sheet").set_input_files(tmp_path / "latin.csv")
    page.get_by_test_id("import").click()
    expect(page.get_by_test_id("refused")).to_contain_text("Line 1 is not written in UTF-8")
    page.get_by_test_id("sheet").set_input_files(tmp_path / "sheet.csv")
    page.get_by_test_id("import").click()
    expect(page.get_by_test_id("report")).to_contain_text("1 imported, 0 there already, 1 refused")
    expect(page.get_by_test_id("bad-row")).to_contain_text("There is no such building here")
    seen(page, "import")
    page.get_by_test_id("section-points").click()
    expect(page.get_by_test_id("row").filter(has_text="Flat 7.1")).to_contain_text("Uma Feld")
    expect(page.get_by_test_id("row").filter(has_text="Flat 7.2")).to_have_count(0)


def test_a_site_is_created_agreed_upon_and_noted_about(desk: BrowserContext, house: House):
    page = enter(desk, house, "operator", "/console/sites/new")
    for label, value in {"Name": "Quellenhof", "Street": "Quellweg 1", "Postcode": "8005", "City": "Zürich"}.items():
        page.get_by_label(label).fill(value)
    page.get_by_test_id("send").click()
    page.wait_for_url(ID)
    expect(page.get_by_test_id("status")).to_have_text("planned")
    expect(page.get_by_test_id("to-in_operation")).to_have_count(0)
    page.get_by_test_id("to-installing").click()
    expect(page.get_by_test_id("status")).to_have_text("being installed")
    page.get_by_test_id("undo").click()
    expect(page.get_by_test_id("status")).to_have_text("planned")
    page.get_by_test_id("section-terms").click()
    page.get_by_test_id("add-stakeholder").click()
    page.get_by_test_id("person-person_id").press_sequentially("muster")
    page.get_by_test_id("person-found").first.click()
    page.get_by_test_id("stakeholder-form").get_by_test_id("send").click()
    expect(page.get_by_test_id("stakeholders")).to_contain_text("Owner, since")
    page.get_by_test_id("solution-charging").click()
    page.get_by_test_id("solution-form").get_by_test_id("send").click()
    expect(page.get_by_test_id("solutions")).to_contain_text("monthly")
    page.get_by_test_id("add-condition").click()
    page.get_by_label("Label").fill("Operation")
    page.get_by_label("Amount").fill("12,50")
    page.get_by_test_id("condition-form").get_by_test_id("send").click()
    expect(page.get_by_test_id("condition")).to_contain_text("CHF 12.50 per month")
    seen(page, "terms")
    page.get_by_test_id("section-notes").click()
    expect(page.get_by_test_id("empty")).to_be_visible()
    page.get_by_test_id("new-note").click()
    page.get_by_label("Text").fill("Order the sign for place 3.")
    page.get_by_label("Kind").select_option("issue")
    page.get_by_test_id("note-form").get_by_test_id("send").click()
    page.get_by_test_id("close").click()
    page.get_by_label("How it was resolved").fill("It hangs.")
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("note")).to_have_count(0)
    page.get_by_test_id("filter-state").select_option("closed")
    assert "state=closed" in page.url
    expect(page.get_by_test_id("note")).to_contain_text("It hangs.")
    page.get_by_test_id("note").get_by_test_id("history").click()
    expect(page.get_by_test_id("note").get_by_test_id("trail")).to_contain_text("closed")
    seen(page, "notes")
    page.goto("/console?sort=-points&status=planned")
    expect(page.get_by_test_id("row")).to_have_count(1)
    expect(page.get_by_test_id("row")).to_contain_text("Quellenhof")
