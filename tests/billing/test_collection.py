"""After the bill: numbers, credit notes, credit, reminders, disputes, journal. A real database, the demo house."""

import asyncio
import io
import json
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pdfplumber
import pytest

from app.audit.model import Actor
from app.billing import accounting, commands, credit, credit_notes, queries, reminders
from app.billing.documents.bill import BillDocument, render_bill
from app.database.transaction import as_owner, execute, fetch, fetchrow, fetchval, in_account
from app.kernel.errors import Refused
from app.kernel.settings import Settings, settings_from
from app.payouts.commands import pay_out
from app.tariffs.commands import set_label
from app.worker import Worker
from infra.demo.seed import seed

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
SEPTEMBER, OCTOBER, NOVEMBER, DECEMBER = date(2026, 9, 1), date(2026, 10, 1), date(2026, 11, 1), datetime(2026, 12, 1, 8, tzinfo=UTC)


class Desk(msgspec.Struct):
    account_id: UUID
    site_id: UUID
    settings: Settings
    actor: Actor

    async def rows(self, sql: str, *args: Any) -> list[Any]:
        async with in_account(self.account_id):
            return await fetch(sql, *args)

    async def one(self, sql: str, *args: Any) -> Any:
        return (await self.rows(sql, *args))[0]

    async def run(self, period: date = OCTOBER, now: datetime = NOW) -> commands.MonthReport:
        return await commands.run_month(self.account_id, self.site_id, period, now)

    async def bill(self, name: str = "Anna", period: date = OCTOBER, kind: str = "charging") -> Any:
        return await self.one("SELECT i.* FROM invoice i JOIN person p ON p.id = i.person_id WHERE p.given_name = $1 AND i.period_start = $2"
                              " AND i.kind = $3", name, period, kind)  # fmt: skip

    async def pay(self, bank: str, amount: int, reference: str, payer: str = "") -> queries.Payment:
        money = commands.Credit(
            bank_reference=bank, received_on=NOW.date(), amount_minor=amount, currency="CHF", reference=reference, payer=payer
        )
        return (await commands.book_payment(self.account_id, money, NOW))[0]

    async def state(self, bill_id: UUID, today: date = date(2026, 11, 24)) -> tuple[str, int]:
        async with in_account(self.account_id):
            found = await queries.bill(bill_id, today)
        assert found is not None
        return found.status, found.open_minor


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> Desk:
    return await demo(database, tmp_path)


async def demo(database: str, tmp_path: Path) -> Desk:
    settings = settings_from({"HOFSTROM_DATA": str(tmp_path), "DATABASE_URL": database, "HOFSTROM_SECRET_KEY": "s" * 40})
    made = (await seed(settings, NOW))["accounts"][0]
    account = UUID(made["id"])
    return Desk(account, UUID(made["sites"][0]["id"]), settings, Actor(account_id=account, name="Otto"))


async def refusal(work: Any) -> str:
    with pytest.raises(Refused) as refused:
        await work
    return refused.value.code


def mails(desk: Desk) -> list[tuple[str, str, str]]:
    found = []
    for path in sorted(Path(desk.settings.data).rglob("*.eml")):
        mail = message_from_bytes(path.read_bytes(), policy=default)
        body = mail.get_body()
        assert body is not None
        found.append((str(mail["to"]), str(mail["subject"]), body.get_content()))
    return found


@pytest.mark.row("B23")
@pytest.mark.row("B35")
async def test_runs_at_once_and_a_failing_resident_make_each_bill_once_and_leave_no_gap_in_the_numbers(desk: Desk) -> None:
    anna = await desk.one("SELECT id FROM person WHERE given_name = 'Anna'")
    async with as_owner():  # an address that no bill can be made for
        await execute("UPDATE person SET locale = 'de' WHERE id = $1", anna["id"])
        await execute("ALTER TABLE person DROP CONSTRAINT person_locale_check")
        await execute("UPDATE person SET locale = 'xx' WHERE id = $1", anna["id"])
    reports = await asyncio.gather(desk.run(), desk.run(), desk.run())
    assert sum(report.bills for report in reports) == 1
    assert all(len(report.failed) == 1 and report.failed[0].startswith("Anna Keller: ") for report in reports)
    async with as_owner():
        await execute("UPDATE person SET locale = 'de' WHERE id = $1", anna["id"])
    assert [(await desk.run()).bills for _ in range(2)] == [1, 0]
    await credit_notes.credit_bill(desk.actor, (await desk.bill())["id"], "Wrong price", NOW)
    numbers = await desk.rows(
        "SELECT creditor_id, kind, split_part(ltrim(number, 'G'), '-', 1) AS year, number FROM invoice ORDER BY number"
    )
    series: dict[tuple[Any, ...], list[int]] = {}
    for row in numbers:
        series.setdefault((row["creditor_id"], row["kind"], row["year"]), []).append(int(row["number"].split("-")[1]))
    assert len(series) == 2
    assert all(found == list(range(1, len(found) + 1)) for found in series.values())


@pytest.mark.row("B34")
async def test_a_bill_is_taken_back_by_a_credit_note_that_names_it_and_its_charges_go_on_the_next_bill(desk: Desk) -> None:
    await desk.run()
    bill = await desk.bill()
    assert await refusal(credit_notes.credit_bill(desk.actor, bill["id"], " ", NOW)) == "reason_needed"
    made = {await credit_notes.credit_bill(desk.actor, bill["id"], "Wrong tariff", NOW, bill_again=True) for _ in range(2)}
    note = await desk.bill(kind="credit_note")
    assert made == {note["id"]}
    assert (note["gross_minor"], note["net_minor"], note["vat_minor"]) == (-bill["gross_minor"], -bill["net_minor"], -bill["vat_minor"])
    assert note["corrects_id"] == bill["id"] and note["number"].startswith("G2026-")
    assert await desk.bill() == bill
    with pdfplumber.open(io.BytesIO(note["pdf"])) as pdf:
        text = pdf.pages[0].extract_text()
    assert f"Gutschrift {note['number']}" in text and f"zu Rechnung {bill['number']}" in text
    assert render_bill(msgspec.json.decode(note["document"], type=BillDocument)) == note["pdf"]
    assert await desk.state(bill["id"]) == ("paid", 0)
    owed = "SELECT coalesce(sum(amount_minor), 0)::bigint AS minor FROM ledger_posting WHERE ledger_account = 'receivable:' || $1::text"
    before = (await desk.one(owed, str(bill["person_id"])))["minor"]
    for row in await desk.rows(
        "SELECT c.session_id FROM charge c JOIN invoice_charge ic ON ic.charge_id = c.id WHERE ic.invoice_id = $1", bill["id"]
    ):
        await commands.settle_session(desk.account_id, row["session_id"], NOW)
    assert (await desk.one(owed, str(bill["person_id"])))["minor"] == before + bill["gross_minor"]
    await desk.run(NOVEMBER, DECEMBER)
    again = await desk.bill(period=NOVEMBER)
    assert again["gross_minor"] >= bill["gross_minor"]
    assert await refusal(credit_notes.credit_bill(desk.actor, note["id"], "Twice", NOW)) == "not_found"
    with pytest.raises(Exception, match="permission denied"):
        await desk.rows("UPDATE invoice SET gross_minor = 0")


async def test_what_is_paid_too_much_settles_the_next_bill_and_the_rest_is_given_back_once(desk: Desk) -> None:
    bill = await desk.bill(period=SEPTEMBER)
    await desk.pay("B-1", 1000, bill["reference"])
    assert await desk.state(bill["id"]) == ("partly_paid", bill["gross_minor"] - 1000)
    await desk.pay("B-2", bill["gross_minor"] + 500, bill["reference"])
    assert await desk.state(bill["id"]) == ("paid", 0)
    async with in_account(desk.account_id):
        assert await credit.credit_minor(bill["person_id"]) == 1500
    await desk.run()
    following = await desk.bill()
    used = min(1500, following["gross_minor"])
    assert (await desk.state(following["id"]))[1] == following["gross_minor"] - used
    with pdfplumber.open(io.BytesIO(following["pdf"])) as pdf:
        text = pdf.pages[0].extract_text()
    assert "Aus Ihrem Guthaben -" in text.replace("−", "-") and "Zu zahlen" in text
    async with in_account(desk.account_id):
        left = await credit.credit_minor(bill["person_id"])
    assert left == 1500 - used
    await desk.pay("B-4", following["gross_minor"] + 700, following["reference"])
    async with in_account(desk.account_id):
        left = await credit.credit_minor(bill["person_id"])
        await execute("UPDATE person SET iban = NULL WHERE id = $1", bill["person_id"])
    assert await refusal(credit.refund(desk.actor, bill["person_id"], left, "key-00001", NOW)) == "no_iban"
    async with in_account(desk.account_id):
        await execute("UPDATE person SET iban = 'CH9300762011623852957' WHERE id = $1", bill["person_id"])
    assert await refusal(credit.refund(desk.actor, bill["person_id"], left + 1, "key-00001", NOW)) == "no_credit"
    assert len({await credit.refund(desk.actor, bill["person_id"], left, "key-00002", NOW) for _ in range(2)}) == 1
    async with in_account(desk.account_id):
        assert await credit.credit_minor(bill["person_id"]) == 0


async def test_a_payment_without_a_known_reference_is_matched_by_hand_from_suggestions(desk: Desk) -> None:
    await desk.run()
    anna, claire = await desk.bill(), await desk.bill("Claire")
    payment = await desk.pay("B-9", claire["gross_minor"], "", "DUBOIS C.")
    async with in_account(desk.account_id):
        assert (await credit.suggestions(payment.id))[0].id == claire["id"]
    for _ in range(2):
        await credit.match_payment(desk.actor, payment.id, claire["id"], NOW)
    assert await desk.state(claire["id"]) == ("paid", 0)
    assert await refusal(credit.match_payment(desk.actor, payment.id, anna["id"], NOW)) == "payment_matched"
    unmatched = await desk.one(
        "SELECT coalesce(sum(amount_minor), 0)::bigint AS minor FROM ledger_posting WHERE ledger_account = 'payments:unmatched'"
    )
    assert unmatched["minor"] == 0


@pytest.mark.row("B32")
async def test_three_reminders_go_out_the_owner_hears_from_the_second_and_a_dispute_stops_them(desk: Desk) -> None:
    await desk.run()
    anna, claire = await desk.bill(), await desk.bill("Claire")
    worker = Worker(desk.settings, lambda: NOW, None)
    sent: list[tuple[int, str, int]] = []
    await reminders.open_dispute(desk.actor, claire["id"], "I was on holiday", NOW)
    for day in range(1, 90):
        today = anna["due_on"] + timedelta(days=day)
        for _ in range(2):
            await reminders.remind_overdue(desk.account_id, today, NOW)
        for row in await desk.rows(
            "SELECT r.*, i.number FROM reminder r JOIN invoice i ON i.id = r.invoice_id WHERE sent_on = $1 ORDER BY number", today
        ):
            sent.append((day, row["number"], row["level"]))
            await worker.bill_reminded(str(desk.account_id), str(row["invoice_id"]), row["level"])
        if day == 60:
            await reminders.close_dispute(desk.actor, claire["id"], "You charged, here are the readings", NOW)
    assert [(day, level) for day, number, level in sent if number == anna["number"]] == [(10, 1), (25, 2), (40, 3)]
    assert [(day, level) for day, number, level in sent if number == claire["number"]] == [(61, 1), (76, 2)]
    subjects = [subject for _, subject, text in mails(desk) if "ahnung" in subject and anna["number"] in text]
    assert sorted(subject for subject in subjects if "Anna" not in subject) == [
        f"{level}. Mahnung zur Rechnung {anna['number']}" for level in (1, 2, 3)
    ]
    assert sorted(subject for subject in subjects if "Anna" in subject) == ["2. Mahnung an Anna Keller", "3. Mahnung an Anna Keller"]
    async with in_account(desk.account_id):
        bill = await queries.bill(anna["id"], NOW.date())
    assert bill is not None and bill.reminders == 3


@pytest.mark.row("B39")
@pytest.mark.row("A48")
async def test_the_journal_has_bills_payments_reminders_credit_notes_and_payouts_and_exports_that_balance(
    desk: Desk, tmp_path: Path
) -> None:

    await desk.run()
    anna, claire = await desk.bill(), await desk.bill("Claire")
    await desk.pay("B-1", 1000, anna["reference"])
    await reminders.remind_overdue(desk.account_id, claire["due_on"] + timedelta(days=11), NOW)
    await credit_notes.credit_bill(desk.actor, claire["id"], "Wrong", NOW)
    await pay_out(desk.account_id, desk.site_id, OCTOBER, NOW)
    async with in_account(desk.account_id):
        lines = await accounting.journal(date(2020, 1, 1), date(2027, 1, 1))
        vat = await accounting.vat_report(NOW.date(), NOW.date())
        items = await accounting.open_items(anna["due_on"] + timedelta(days=3))
        totals = await fetchrow(
            "SELECT sum(net_minor)::bigint AS net, sum(vat_minor)::bigint AS vat FROM invoice WHERE issued_on = $1", NOW.date()
        )
    assert {"session", "bill", "payment", "reminder", "credit_note", "payout"} <= {line.kind for line in lines}
    by_entry: dict[str, int] = {}
    for line in lines:
        by_entry[line.source_key] = by_entry.get(line.source_key, 0) + line.amount_minor
    assert set(by_entry.values()) == {0}
    rows = accounting.journal_csv(lines).split("\r\n")
    assert len(rows) == len(lines) + 2 and rows[0].startswith("booked_at,")
    text = accounting.journal_ledger(lines)
    assert text.count("    bank  ") == sum(line.ledger_account == "bank" for line in lines) > 0
    assert (sum(line.net_minor for line in vat), sum(line.vat_minor for line in vat)) == (totals["net"], totals["vat"])
    assert [(item.number, item.days_overdue, item.open_minor) for item in items if item.number in (anna["number"], claire["number"])] == [
        (anna["number"], 3, anna["gross_minor"] - 1000)
    ]


async def test_the_operators_margin_by_month_is_what_the_ledger_says_it_earned(desk: Desk) -> None:
    await desk.run()
    async with as_owner():
        await execute("UPDATE owner_terms SET internal_permille = 800")
    bill = await desk.bill()
    await credit_notes.credit_bill(desk.actor, bill["id"], "Other terms", NOW, bill_again=True)
    for row in await desk.rows(
        "SELECT c.session_id FROM charge c JOIN invoice_charge ic ON ic.charge_id = c.id WHERE ic.invoice_id = $1", bill["id"]
    ):
        await commands.settle_session(desk.account_id, row["session_id"], NOW)
    async with in_account(desk.account_id):
        found = await accounting.margins(OCTOBER, NOVEMBER)
        revenue = await fetchval("SELECT -sum(amount_minor)::bigint FROM ledger_posting WHERE ledger_account = 'revenue:operator'")
    assert sum(margin.margin_minor for margin in found) == revenue > 0
    assert [margin.period for margin in found] == [OCTOBER, NOVEMBER]
    assert all(margin.turnover_minor - margin.owner_minor == margin.margin_minor for margin in found)


@pytest.mark.row("B17")
async def test_a_sites_own_words_stand_on_bills_issued_after_the_change_only(desk: Desk) -> None:
    for label in ("Ladestrom vom Hof", "Fahrstrom"):
        await set_label(desk.actor, desk.site_id, "kwh_high", "de", label, NOW)
        await set_label(desk.actor, desk.site_id, "kwh", "de", label, NOW)
    await desk.run()
    for period, there in ((SEPTEMBER, False), (OCTOBER, True)):
        bill = await desk.bill(period=period)
        with pdfplumber.open(io.BytesIO(bill["pdf"])) as pdf:
            assert ("Fahrstrom" in pdf.pages[0].extract_text()) is there
        assert render_bill(msgspec.json.decode(bill["document"], type=BillDocument)) == bill["pdf"]


async def queued(dsn: str) -> list[Any]:
    """The jobs; only the cluster's own login may look at the queue's tables."""
    line = await asyncpg.connect(dsn)
    try:
        return list(await line.fetch("SELECT task_name, args FROM procrastinate.procrastinate_jobs ORDER BY id"))
    finally:
        await line.close()


@pytest.mark.row("B21")
async def test_at_the_end_of_the_month_the_timetable_makes_every_bill_and_mails_it(desk: Desk) -> None:
    worker = Worker(desk.settings, lambda: datetime(2026, 11, 1, 3, 15, tzinfo=UTC), None)
    await worker.issue_last_month()
    planned = [(row["task_name"], json.loads(row["args"])) for row in await queued(desk.settings.database_url)]
    assert {UUID(args["site_id"]) for name, args in planned if name == "MonthDue"} >= {desk.site_id}
    for name, args in [one for one in planned if one[0] in ("MonthDue", "EnergyDraftDue")] * 2:  # a job may run more than once
        await worker.table()[name](**args)
    bills = await desk.rows(
        "SELECT i.id, i.number, p.email FROM invoice i JOIN person p ON p.id = i.person_id WHERE i.period_start = $1", OCTOBER
    )
    charged = await desk.rows("SELECT DISTINCT person_id FROM charge WHERE period = $1", OCTOBER)
    assert len(bills) == len(charged) > 0
    for row in bills:
        for _ in range(2):
            await worker.bill_issued(str(desk.account_id), str(row["id"]))
    found = [(to, subject) for to, subject, _ in mails(desk) if any(row["number"] in subject for row in bills)]
    assert sorted(to for to, _ in found) == sorted(row["email"] for row in bills if row["email"])
