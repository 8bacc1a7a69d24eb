"""Who bills and collects: the operator with everything that follows, or the owner from individual statements and nothing else."""

import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pdfplumber
import pytest

from app.billing import accounting, credit_notes
from app.billing.commands import run_month
from app.billing.credit import credit_minor
from app.billing.energy_issue import issue_run
from app.billing.queries import bills_of_person
from app.billing.reminders import remind_overdue
from app.database.transaction import as_owner, execute, in_account
from app.payouts.commands import pay_out
from app.sites import terms
from app.tariffs.commands import change_prices
from app.tariffs.model import Component
from tests.billing.electricity import FIRST, LAST, NOW, Desk, desk, refusal
from tests.billing.test_billing_start import charged

__all__ = ["desk"]
LATER = NOW + timedelta(days=200)


async def furnish(desk: Desk, method: str) -> None:
    """A method from March on, and a charge of 1.80 by Anna, for which the owner would get a share."""
    async with as_owner():
        await execute("DELETE FROM operating_method WHERE site_id = $1", desk.house.site_id)
    await terms.set_method(desk.actor, desk.house.site_id, method, FIRST, datetime(2026, 2, 1, tzinfo=UTC))
    await change_prices(desk.actor, desk.house.site_id, FIRST, (Component(dimension="kwh", unit_price=Decimal("0.30")),), NOW)
    await charged(desk.house, datetime(2026, 3, 10, 8, tzinfo=UTC), 60)
    async with as_owner():
        await execute("UPDATE person SET iban = 'CH9300762011623852957' WHERE id = $1", desk.owner)


async def bill_all(desk: Desk) -> list[str]:
    """Issue both kinds of bills of March; returns their texts."""
    assert await issue_run(desk.actor, (await desk.freeze()).id, NOW) == (5, [])
    assert (await run_month(desk.house.account_id, desk.house.site_id, FIRST, NOW)).bills == 1
    texts = []
    for row in await desk.rows("SELECT pdf FROM invoice ORDER BY number"):
        with pdfplumber.open(io.BytesIO(row["pdf"])) as pdf:
            texts.append("\n".join(page.extract_text() for page in pdf.pages))
    return texts


async def left_in_ledger(desk: Desk) -> set[str]:
    sums = "SELECT ledger_account FROM ledger_posting GROUP BY 1 HAVING sum(amount_minor) <> 0"
    return {row["ledger_account"] for row in await desk.rows(sums)}


@pytest.mark.row("B31")
async def test_where_the_owner_collects_there_are_statements_and_no_slip_debt_reminder_vat_or_payout(desk: Desk) -> None:
    await furnish(desk, "owner_statements")
    texts = await bill_all(desk)
    assert len(texts) == 6 and all("Einzelabrechnung 2026-" in text and "Zahlen Sie nicht an uns" in text for text in texts)
    assert not any("Zahlteil" in text or "Empfangsschein" in text for text in texts)
    assert await left_in_ledger(desk) == set()
    assert await remind_overdue(desk.house.account_id, LATER.date(), LATER) == 0
    async with in_account(desk.house.account_id):
        assert await accounting.open_items(LATER.date()) == [] and await accounting.vat_report(NOW.date(), NOW.date()) == []
        bills = await bills_of_person(desk.house.anna, LATER.date())
    assert {(bill.status, bill.open_minor) for bill in bills} == {("statement", 0)} and len(bills) == 2
    assert await refusal(pay_out(desk.house.account_id, desk.house.site_id, FIRST, NOW)) == "owner_collects"
    for bill in bills:
        await credit_notes.credit_bill(desk.actor, bill.id, "Wrong", NOW)
    assert await left_in_ledger(desk) == set()
    async with in_account(desk.house.account_id):
        assert await credit_minor(desk.house.anna) == 0 and await accounting.vat_report(NOW.date(), NOW.date()) == []


@pytest.mark.row("B31")
async def test_where_the_operator_collects_bills_are_owed_reminded_of_and_paid_out(desk: Desk) -> None:
    await furnish(desk, "operator_bills")
    texts = await bill_all(desk)
    assert all("Zahlteil" in text and "Einzelabrechnung" not in text for text in texts)
    assert f"receivable:{desk.house.anna}" in await left_in_ledger(desk)
    assert await remind_overdue(desk.house.account_id, LATER.date(), LATER) == 6
    assert await pay_out(desk.house.account_id, desk.house.site_id, FIRST, NOW) is not None
    assert date(2026, 3, 31) == LAST
