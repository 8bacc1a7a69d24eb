"""A month from charges to bill, bank file, settlement and payout, on a real database, each step twice."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

import msgspec
import pdfplumber
import pytest

from app.billing.camt import bank_file
from app.billing.commands import Credit, book_payment, run_month
from app.billing.documents.bill import BillDocument
from app.database.transaction import as_owner, execute, fetch, fetchrow, fetchval, in_account
from app.kernel.money import vat_of_gross
from app.kernel.settings import settings_from
from app.payouts.commands import pay_out
from app.tariffs.commands import enter_tariff
from infra.demo.houses import PLANS
from infra.demo.past import past_months
from infra.demo.seed import COMPONENTS, Shape, seed
from tests.billing.bank_files import camt, entry, payment

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
OCTOBER = date(2026, 10, 1)
V8 = "camt.054.001.08"


@pytest.fixture
async def house(database: str, tmp_path: Path) -> tuple[UUID, UUID]:
    """(account, site) of the demo house with three months of charges, October not billed yet."""
    settings = settings_from({"HOFSTROM_DATA": str(tmp_path), "DATABASE_URL": database, "HOFSTROM_SECRET_KEY": "s" * 40})
    made = (await seed(settings, NOW))["accounts"][0]
    return UUID(made["id"]), UUID(made["sites"][0]["id"])


ANNAS = "SELECT i.* FROM invoice i JOIN person p ON p.id = i.person_id WHERE p.given_name = 'Anna' AND i.period_start = $1"


async def test_a_month_becomes_one_bill_per_resident_however_often_it_runs(house: tuple[UUID, UUID]) -> None:
    account_id, site_id = house
    first = await run_month(account_id, site_id, OCTOBER, NOW)
    again = await run_month(account_id, site_id, OCTOBER, NOW)
    assert (first.bills, first.failed, again.bills, again.failed) == (2, (), 0, ())
    async with in_account(account_id):
        row = await fetchrow(ANNAS, OCTOBER)
        of_her = "SELECT sum(gross_minor)::bigint FROM charge WHERE period = $1 AND person_id = $2"
        charged = await fetchval(of_her, OCTOBER, row["person_id"])
    assert row["gross_minor"] == charged > 0
    with pdfplumber.open(io.BytesIO(row["pdf"])) as pdf:
        first_page, second = (page.extract_text() for page in pdf.pages)
    amount = f"{charged // 100}.{charged % 100:02d}"
    assert f"Laderechnung {row['number']}" in first_page
    assert amount in first_page
    assert amount in second


async def test_who_gets_no_bill_of_a_month_is_named_and_stops_nobody(house: tuple[UUID, UUID]) -> None:
    account_id, site_id = house
    async with as_owner():
        await execute("ALTER TABLE person DROP CONSTRAINT person_locale_check")
        await execute("UPDATE person SET locale = 'xx' WHERE given_name = 'Anna'")
        name = await fetchval(
            "SELECT trim(given_name || ' ' || family_name) FROM person WHERE given_name = 'Anna' AND account_id = $1", account_id
        )
    found = await run_month(account_id, site_id, OCTOBER, NOW)
    assert (found.bills, len(found.failed)) == (1, 1) and found.failed[0].startswith(f"{name}: ")
    async with as_owner():
        await execute("UPDATE person SET locale = 'de' WHERE locale = 'xx'")
    again = await run_month(account_id, site_id, OCTOBER, NOW)
    assert (again.bills, again.failed) == (1, ())


async def test_a_month_with_two_rates_is_taxed_per_rate_and_the_ledger_owes_the_same(database: str, tmp_path: Path) -> None:
    settings = settings_from({"HOFSTROM_DATA": str(tmp_path), "DATABASE_URL": database, "HOFSTROM_SECRET_KEY": "s" * 40})
    made = (await seed(settings, NOW, Shape(months=0)))["accounts"][0]
    account_id, site_id = UUID(made["id"]), UUID(made["sites"][0]["id"])
    async with as_owner():
        await enter_tariff(account_id, site_id, "Laden", "CHF", Decimal("0.026"), date(2026, 10, 15), COMPONENTS)
    await past_months(settings, PLANS[0], account_id, site_id, 0, NOW, 1)
    assert (await run_month(account_id, site_id, OCTOBER, NOW)).bills == 2
    async with in_account(account_id):
        row = await fetchrow(ANNAS, OCTOBER)
        charged = {r["vat_rate"].normalize(): r["gross"] for r in await fetch(
            "SELECT vat_rate, sum(gross_minor)::bigint AS gross FROM charge WHERE person_id = $1 GROUP BY vat_rate", row["person_id"]
        )}  # fmt: skip
    document = msgspec.json.decode(row["document"], type=BillDocument)
    assert [one.rate for one in document.vat] == [Decimal("0.081"), Decimal("0.026")]
    for one in document.vat:
        assert one.gross_minor == charged[one.rate] > 0
        assert one.vat_minor == vat_of_gross(one.gross_minor, one.rate)
    assert row["vat_minor"] == sum(one.vat_minor for one in document.vat)
    assert row["gross_minor"] == sum(charged.values())
    async with as_owner():
        owed = await fetchval("SELECT -sum(amount_minor)::bigint FROM accept_ledger WHERE account = 'vat:output' AND tenant = $1",
                              str(account_id))  # fmt: skip
        due = await fetchval("SELECT sum(vat_minor)::bigint FROM invoice WHERE account_id = $1", account_id)
    assert owed == due


async def test_a_transfer_in_a_bank_file_settles_the_bill_once(house: tuple[UUID, UUID]) -> None:
    account_id, site_id = house
    await run_month(account_id, site_id, OCTOBER, NOW)
    async with in_account(account_id):
        row = await fetchrow(ANNAS, OCTOBER)
    amount = f"{row['gross_minor'] // 100}.{row['gross_minor'] % 100:02d}"
    content = camt(V8, entry(V8, amount, payment(V8, amount, row["reference"])))
    new = []
    for credit in (*bank_file(content).credits, *bank_file(content).credits):
        booked = Credit(
            bank_reference=credit.bank_reference, received_on=credit.received_on, amount_minor=credit.amount_minor,
            currency=credit.currency, reference=credit.reference, payer=credit.payer,
        )  # fmt: skip
        new.append((await book_payment(account_id, booked, NOW))[1])
    assert new == [True, False]
    async with in_account(account_id):
        settled = await fetchval("SELECT sum(amount_minor)::bigint FROM settlement WHERE invoice_id = $1", row["id"])
    assert settled == row["gross_minor"]


async def test_a_payout_stands_once_with_its_statement_and_payment_file(house: tuple[UUID, UUID]) -> None:
    account_id, site_id = house
    await run_month(account_id, site_id, OCTOBER, NOW)
    first = await pay_out(account_id, site_id, OCTOBER, NOW)
    assert first is not None
    assert await pay_out(account_id, site_id, OCTOBER, NOW) == first
    async with in_account(account_id):
        row = await fetchrow("SELECT * FROM payout WHERE id = $1", first)
        assert await fetchval("SELECT count(*) FROM payout WHERE period = $1", OCTOBER) == 1
    assert row["reimbursed_minor"] + row["withheld_minor"] == row["net_minor"]
    assert row["statement_pdf"].startswith(b"%PDF")
    sums = [node.text for node in ElementTree.fromstring(row["pain001"]).iter() if node.tag.endswith("CtrlSum")]
    assert sums == [f"{row['amount_minor'] // 100}.{row['amount_minor'] % 100:02d}"] * 2
