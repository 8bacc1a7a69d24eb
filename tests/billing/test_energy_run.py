"""A house's electricity from quarter-hours to bills, on a real database: three flats, a move, a station below a flat."""

import asyncio
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import asyncpg
import msgspec
import pdfplumber
import pytest

from app.billing import accounting, credit_notes
from app.billing.documents.bill import BillDocument, render_bill
from app.billing.energy_issue import issue_run, run_of
from app.billing.timetable import draft_due, period_over
from app.database.transaction import as_owner, execute, fetch, in_account
from app.kernel.errors import Refused
from app.kernel.settings import settings_from
from app.metering.intake import GATEWAY, Reading, take
from app.metering.quarters import store_day
from app.tariffs.commands import change_rate, set_rate
from app.tariffs.model import Component
from app.worker import Worker, queue_app
from tests.billing import oracle
from tests.billing.electricity import FIRST, LAST, NOW, RATE, ZONE, Desk, desk, expected, refusal

__all__ = ["desk"]


async def test_a_month_is_frozen_previewed_and_billed_once_each_party_what_the_oracle_says(desk: Desk) -> None:
    assert await refusal(desk.freeze(now=datetime(2026, 3, 31, 20, tzinfo=UTC))) == "period_open"
    run = await desk.freeze()
    assert (await desk.freeze()).id == run.id
    want = expected(desk)
    assert {(item.person_id, item.bill.first): item.gross_minor for item in run.items} == {
        key: net + vat for key, (net, vat) in want.items()
    }
    assert all(item.warnings == [] for item in run.items)
    reports = await asyncio.gather(*(issue_run(desk.actor, run.id, NOW) for _ in range(3)))
    assert sum(made for made, _ in reports) == len(want) == 5 and not any(failed for _, failed in reports)
    bills = await desk.rows("SELECT * FROM invoice ORDER BY number")
    assert {(row["person_id"], row["period_start"]): (row["net_minor"], row["vat_minor"]) for row in bills} == want
    assert [int(row["number"][-6:]) for row in bills] == [1, 2, 3, 4, 5]
    for row in bills:
        assert render_bill(msgspec.json.decode(row["document"], type=BillDocument)) == row["pdf"]
    total = "SELECT coalesce(sum(amount_minor), 0)::bigint AS minor FROM ledger_posting WHERE ledger_account LIKE $1"
    assert (await desk.rows(total, "receivable:%"))[0]["minor"] == sum(net + vat for net, vat in want.values())
    assert (await desk.rows(total, "revenue:energy"))[0]["minor"] == -sum(net for net, _ in want.values())
    async with in_account(desk.house.account_id):
        (vat,) = await accounting.vat_report(NOW.date(), NOW.date())
    assert (vat.rate, vat.vat_minor) == (Decimal("0.0810"), sum(vat for _, vat in want.values()))
    assert await refusal(desk.freeze()) == "period_billed"
    assert (
        await refusal(
            change_rate(desk.actor, desk.house.site_id, date(2026, 3, 31), msgspec.structs.replace(RATE, standard_price=Decimal(1)), NOW)
        )
        == "period_billed"
    )
    with pdfplumber.open(io.BytesIO(bills[0]["pdf"])) as pdf:
        text = "\n".join(page.extract_text() for page in pdf.pages)
    assert f"Stromrechnung {bills[0]['number']}" in text and "Solarstrom" in text and "Netzstrom Hochtarif" in text and "MWST 8.1 %" in text


@pytest.mark.row("B04")
@pytest.mark.row("O30")
@pytest.mark.row("O31")
async def test_a_point_that_is_not_activated_counts_for_nothing_and_one_without_billing_is_counted_but_not_billed(desk: Desk) -> None:
    async with as_owner():
        await execute("UPDATE billing_point SET consumer_billing = false WHERE id = $1", desk.house.flat_ben)
    want = {key: net + vat for key, (net, vat) in expected(desk).items() if key != (desk.house.ben, FIRST)}
    assert {(item.person_id, item.bill.first): item.gross_minor for item in (await desk.freeze()).items} == want
    async with as_owner():
        await execute("UPDATE billing_point SET activated = false WHERE id = $1", desk.house.flat_ben)
    desk.days["ben"] = [0] * len(desk.days["ben"])
    want = {key: net + vat for key, (net, vat) in expected(desk).items() if key != (desk.house.ben, FIRST)}
    assert {(item.person_id, item.bill.first): item.gross_minor for item in (await desk.freeze()).items} == want


async def test_what_is_missing_is_said_in_the_preview_and_a_failing_party_stops_no_other(desk: Desk) -> None:
    wh: list[int | None] = [None if n < 3 else value for n, value in enumerate(desk.days["anna"][:96])]
    assert await desk.store("anna", FIRST, FIRST, wh) == [True]
    assert await refusal(store_day(desk.house.account_id, desk.meters["anna"], FIRST, [1] * 95, NOW)) == "bad_day"
    assert await refusal(store_day(desk.house.account_id, desk.meters["anna"], FIRST, [-1] * 96, NOW)) == "bad_day"
    run = await desk.freeze()
    assert [(w.code, w.params) for item in run.items if item.person_id == desk.house.anna for w in item.warnings] == [
        ("missing_readings", {"quarters": 3})
    ]
    async with as_owner():
        await execute("ALTER TABLE person DROP CONSTRAINT person_locale_check")
        await execute("UPDATE person SET locale = 'xx' WHERE id = $1", desk.house.anna)
    made, failed = await issue_run(desk.actor, run.id, NOW)
    assert (made, len(failed)) == (4, 1)
    async with in_account(desk.house.account_id):
        now = await run_of(run.id)
    (anna,) = [item for item in now.items if item.error]
    assert (now.state, anna.person_id, anna.invoice_id) == ("issued", desk.house.anna, None)
    assert failed == [f"{anna.point_name}, {anna.resident_name}: {anna.error}"] and "xx" in str(anna.error)
    async with as_owner():
        await execute("UPDATE person SET locale = 'fr' WHERE id = $1", desk.house.anna)
    assert await issue_run(desk.actor, run.id, NOW) == (1, [])
    assert [int(row["number"][-6:]) for row in await desk.rows("SELECT number FROM invoice ORDER BY number")] == [1, 2, 3, 4, 5]


async def test_a_run_of_which_nothing_could_be_issued_stays_a_draft_that_is_reckoned_again(desk: Desk) -> None:
    run = await desk.freeze()
    async with as_owner():
        await execute("ALTER TABLE person DROP CONSTRAINT person_locale_check")
        await execute("UPDATE person SET locale = 'xx'")
    made, failed = await issue_run(desk.actor, run.id, NOW)
    async with as_owner():
        await execute("UPDATE person SET locale = 'de'")
    assert (made, len(failed), (await desk.freeze()).state) == (0, 5, "draft")
    assert await issue_run(desk.actor, run.id, NOW) == (5, [])
    assert [row["state"] for row in await desk.rows("SELECT state FROM energy_run")] == ["issued"]


async def test_a_run_that_was_cut_short_is_not_reckoned_anew_but_ended_by_the_same_drafts(desk: Desk) -> None:
    run = await desk.freeze()
    assert await issue_run(desk.actor, run.id, NOW) == (5, [])
    async with as_owner():
        await execute("UPDATE energy_run SET state = 'draft', issued_at = NULL")
    assert await refusal(desk.freeze()) == "period_billed"
    assert await issue_run(desk.actor, run.id, NOW) == (0, [])
    assert [row["state"] for row in await desk.rows("SELECT state FROM energy_run")] == ["issued"]


async def test_drafts_that_are_reckoned_while_they_are_issued_are_either_all_old_or_all_new(desk: Desk) -> None:
    run = await desk.freeze()
    (made, failed), frozen = await asyncio.gather(issue_run(desk.actor, run.id, NOW), desk.freeze(), return_exceptions=True)
    assert failed == [] and (made == 5 or not isinstance(frozen, Exception))
    if isinstance(frozen, Exception):
        assert isinstance(frozen, Refused) and frozen.code == "period_billed"
    rest, failed = await issue_run(desk.actor, run.id, NOW)
    assert (made + rest, failed) == (5, [])


async def test_the_timetable_validates_before_it_drafts(desk: Desk) -> None:
    first, last = date(2026, 4, 1), date(2026, 6, 30)
    async with as_owner():
        await execute("INSERT INTO site_solution (account_id, site_id, solution, rhythm, period) VALUES ($1, $2, 'electricity', 'quarterly', $3)",
                      desk.house.account_id, desk.house.site_id, asyncpg.Range(first, None))  # fmt: skip
    begin, now = datetime(2026, 3, 31, 22, tzinfo=UTC), datetime(2026, 7, 1, 8, tzinfo=UTC)
    read = [Reading(meter="M-ben", at=begin + timedelta(days=n), imported=96_000 * n) for n in range((last - first).days + 2)]
    assert (await take(desk.house.account_id, desk.house.site_id, read, GATEWAY, "gateway", now)).refused == []
    run_id = await draft_due(desk.house.account_id, desk.house.site_id, date(2026, 7, 1), now)
    assert run_id is not None
    async with in_account(desk.house.account_id):
        items = {item.point_name: item.bill for item in (await run_of(run_id)).items}
    assert items["ben"].solar_wh + items["ben"].grid_wh == 91 * 96_000


def test_readings_are_validated_on_the_timetable() -> None:
    settings = settings_from({"DATABASE_URL": "postgresql://nowhere/none", "HOFSTROM_SECRET_KEY": "s" * 40})
    app = queue_app(settings, Worker(settings, lambda: NOW, None))
    assert "validate_readings" in {task.task.name for task in app.periodic_registry.periodic_tasks.values()}


async def test_a_bill_of_electricity_is_taken_back_whole_and_a_rate_of_its_own_prices_a_point(desk: Desk) -> None:
    await change_rate(desk.actor, desk.house.site_id, date(2026, 1, 1), msgspec.structs.replace(RATE, rate="Cheap", components=(
        Component(dimension="kwh", unit_price=Decimal("0.10")),)), NOW)  # fmt: skip
    await set_rate(desk.actor, desk.house.flat_anna, "Cheap", date(2026, 1, 1), NOW)
    run = await desk.freeze()
    anna = next(item for item in run.items if item.person_id == desk.house.anna)
    assert [line.amount_minor for line in anna.bill.lines] == [oracle.amount_minor(sum(desk.days["anna"]), 100_000)]
    await issue_run(desk.actor, run.id, NOW)
    bill = (await desk.rows("SELECT * FROM invoice WHERE person_id = $1", desk.house.anna))[0]
    await credit_notes.credit_bill(desk.actor, bill["id"], "Not hers", NOW)
    owed = await desk.rows(
        "SELECT sum(amount_minor)::bigint AS minor FROM ledger_posting WHERE ledger_account = $1", f"receivable:{desk.house.anna}"
    )
    assert owed[0]["minor"] == 0
    async with in_account(desk.house.account_id):
        vat = await accounting.vat_report(NOW.date(), NOW.date())
        totals = (await fetch("SELECT sum(net_minor)::bigint AS net, sum(vat_minor)::bigint AS vat FROM invoice"))[0]
    assert (sum(line.net_minor for line in vat), sum(line.vat_minor for line in vat)) == (totals["net"], totals["vat"])


def test_the_period_that_is_over_follows_from_the_rhythm():
    day = date(2026, 5, 14)
    assert period_over("monthly", day) == (date(2026, 4, 1), date(2026, 4, 30))
    assert period_over("quarterly", day) == (date(2026, 1, 1), date(2026, 3, 31))
    assert period_over("yearly", day) == (date(2025, 1, 1), date(2025, 12, 31))
    assert period_over("quarterly", date(2026, 1, 1)) == (date(2025, 10, 1), date(2025, 12, 31))


@pytest.mark.row("B22")
@pytest.mark.row("R13")
async def test_the_timetable_drafts_a_quarter_once_and_the_first_may_be_short(desk: Desk) -> None:
    today, began = date(2026, 4, 1), LAST - timedelta(days=9)
    assert await draft_due(desk.house.account_id, desk.house.site_id, today, NOW) is None  # electricity has no rhythm here
    async with as_owner():
        await execute("INSERT INTO site_solution (account_id, site_id, solution, rhythm, period) VALUES ($1, $2, 'electricity', 'quarterly', $3)",
                      desk.house.account_id, desk.house.site_id, asyncpg.Range(began, None))  # fmt: skip
    run_id = await draft_due(desk.house.account_id, desk.house.site_id, today, NOW)
    assert run_id is not None
    async with in_account(desk.house.account_id):
        run = await run_of(run_id)
    assert (run.first, run.last, run.state) == (began, LAST, "draft") and run.items
    assert await draft_due(desk.house.account_id, desk.house.site_id, today, NOW) is None
    assert not await desk.rows("SELECT 1 FROM invoice")


@pytest.mark.row("R12")
async def test_the_bill_shows_the_residents_own_peak_with_its_day_and_quarter_hour(desk: Desk) -> None:
    high = list(desk.days["ben"])
    when = datetime(2026, 3, 29, 17, 45, tzinfo=UTC)  # 19:45 in Zürich, on the day of 92 quarter-hours
    high[oracle.quarters(FIRST, LAST, ZONE).index(when.astimezone(ZoneInfo(ZONE)))] = 2_345
    assert all(await desk.store("ben", FIRST, LAST, list(high)))
    run = await desk.freeze()
    item = next(one for one in run.items if one.person_id == desk.house.ben and one.bill.first == FIRST)
    assert (item.bill.peak_wh, item.bill.peak_at) == (2_345, when)
    await issue_run(desk.actor, run.id, NOW)
    bill = (await desk.rows("SELECT * FROM invoice WHERE person_id = $1 AND period_start = $2", desk.house.ben, FIRST))[0]
    with pdfplumber.open(io.BytesIO(bill["pdf"])) as pdf:
        text = "\n".join(page.extract_text() for page in pdf.pages)
    assert "9.38 kW (29.03.2026, 19:45)" in text, [line for line in text.splitlines() if "kW" in line]
