"""Direct debits: what is due under a mandate is collected once, settled by the bank's file, and open again where it comes back."""

import asyncio
import io
import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.billing import accounting, credit, direct_debits, mandates, reminders
from app.billing.commands import Credit, book_payment
from app.database.transaction import as_owner, execute, in_account
from app.privacy.commands import erase_person, export_person
from tests.billing.test_collection import NOW, Desk, demo, refusal
from tests.billing.test_pain008 import held, texts

IBAN, OURS, SCHEME = "DE02120300000000202051", "DE89370400440532013000", "DE98ZZZ09999999999"
TODAY = NOW.date()


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> Desk:
    """The demo house in euro, with October's bills."""
    desk = await demo(database, tmp_path)
    await desk.run()
    async with as_owner():  # bills never change: what the demo house has in francs stands for bills in euro
        await execute("ALTER TABLE invoice DISABLE TRIGGER USER")
        await execute("UPDATE invoice SET currency = 'EUR', due_on = $1", TODAY + timedelta(days=10))
        await execute("ALTER TABLE invoice ENABLE TRIGGER USER")
        await execute("UPDATE creditor SET iban = $1", OURS)
    return desk


async def signed(desk: Desk, name: str = "Anna", signed_on: date = date(2026, 1, 1), **more: Any) -> UUID:
    """A mandate of somebody for who bills this house."""
    person = (await desk.one("SELECT id FROM person WHERE given_name = $1", name))["id"]
    creditor = (await desk.one("SELECT creditor_id FROM site WHERE id = $1", desk.site_id))["creditor_id"]
    await mandates.set_scheme_id(desk.actor, creditor, SCHEME, NOW)
    form = mandates.NewMandate(person_id=person, creditor_id=creditor, iban=IBAN, signed_on=signed_on, **more)
    return await mandates.add_mandate(desk.actor, form, NOW)


async def open_of(desk: Desk, name: str = "Anna") -> dict[str, int]:
    rows = await desk.rows("SELECT i.number, i.gross_minor - s.settled_minor AS open FROM invoice i JOIN invoice_settled s"
                           " ON s.invoice_id = i.id JOIN person p ON p.id = i.person_id WHERE p.given_name = $1"
                           " AND i.gross_minor > s.settled_minor ORDER BY i.number", name)  # fmt: skip
    return {row["number"]: row["open"] for row in rows}


async def lines(desk: Desk) -> list[direct_debits.DebitLine]:
    async with in_account(desk.account_id):
        return await direct_debits.debits(TODAY)


async def content(desk: Desk, file_id: UUID) -> Any:
    async with in_account(desk.account_id):
        return held((await direct_debits.content_of(file_id))[1])


async def pay(desk: Desk, number: str, amount_minor: int) -> None:
    """The bank's file brings what was collected, with the reference that went along."""
    reference = (await desk.one("SELECT reference FROM invoice WHERE number = $1", number))["reference"]
    money = Credit(bank_reference=f"B-{number}-{amount_minor}", received_on=TODAY + timedelta(days=10), amount_minor=amount_minor,
                   currency="EUR", reference=reference, payer="Anna")  # fmt: skip
    await book_payment(desk.account_id, money, NOW)


async def balanced(desk: Desk) -> bool:
    async with in_account(desk.account_id):
        entries: dict[str, int] = {}
        for line in await accounting.journal(date(2020, 1, 1), date(2028, 1, 1)):
            entries[line.source_key] = entries.get(line.source_key, 0) + line.amount_minor
    return set(entries.values()) == {0}


async def test_bills_due_under_a_mandate_are_collected_once_however_often_it_is_asked(desk: Desk) -> None:
    await signed(desk, reference="HOF-1", holder="Anna und Max Muster")
    owed = await open_of(desk)
    assert [(one.state, one.bill_number) for one in await lines(desk)] == [("waiting", number) for number in owed]
    reports = await asyncio.gather(*(direct_debits.make_files(desk.actor, NOW) for _ in range(3)))
    (file_id,) = [one for report in reports for one in report.files]
    assert all(report.failed == [] for report in reports)
    root = await content(desk, file_id)
    assert texts(root, "InstdAmt") == [f"{minor / 100:.2f}" for minor in owed.values()]
    assert set(texts(root, "MndtId")) == {"HOF-1"} and texts(root, "ReqdColltnDt") == [f"{TODAY + timedelta(days=10)}"]
    assert {node.findtext("Nm") for node in root.iter("Dbtr")} == {"Anna und Max Muster"}
    references = [
        row["reference"] for row in await desk.rows("SELECT reference FROM invoice WHERE number = ANY($1) ORDER BY number", list(owed))
    ]
    assert ["".join(text.split()) for text in texts(root, "Ustrd")] == references
    assert {one.state for one in await lines(desk)} == {"under_way"}
    async with in_account(desk.account_id):
        (listed,) = await direct_debits.files()
    assert (listed.debits, listed.amount_minor, listed.created_by) == (len(owed), sum(owed.values()), "Otto")
    with pytest.raises(Exception, match="permission denied"):
        await desk.rows("UPDATE debit_file SET amount_minor = 1")


async def test_what_is_collected_settles_the_bill_and_what_the_bank_takes_back_is_open_again(desk: Desk) -> None:
    await signed(desk)
    owed = await open_of(desk)
    number, minor = next(iter(owed.items()))
    await direct_debits.make_files(desk.actor, NOW)
    await pay(desk, number, minor)
    (line,) = [one for one in await lines(desk) if one.bill_number == number]
    assert line.state == "paid" and number not in await open_of(desk)
    person = (await desk.one("SELECT person_id FROM invoice WHERE number = $1", number))["person_id"]
    bank = "SELECT coalesce(sum(amount_minor), 0)::bigint AS minor FROM ledger_posting WHERE ledger_account = 'bank'"
    before = (await desk.one(bank))["minor"]
    assert await refusal(direct_debits.return_debit(desk.actor, line.id, " ", TODAY, NOW)) == "reason_needed"
    for _ in range(2):
        await direct_debits.return_debit(desk.actor, line.id, "AM04", TODAY, NOW)
    assert (await open_of(desk))[number] == minor and (await desk.one(bank))["minor"] == before - minor
    async with in_account(desk.account_id):
        assert await credit.credit_minor(person) == 0
    assert await balanced(desk)
    made = await direct_debits.make_files(desk.actor, NOW)  # and it may be collected anew
    assert texts(await content(desk, made.files[0]), "InstdAmt") == [f"{minor / 100:.2f}"]
    assert sorted(one.state for one in await lines(desk) if one.bill_number == number) == ["returned", "under_way"]


async def test_a_debit_that_never_brought_money_comes_back_without_a_booking(desk: Desk) -> None:
    await signed(desk)
    await direct_debits.make_files(desk.actor, NOW)
    owed, journal = await open_of(desk), "SELECT count(*) AS n FROM ledger_entry"
    before = (await desk.one(journal))["n"]
    line = (await lines(desk))[0]
    await direct_debits.return_debit(desk.actor, line.id, "MD01", TODAY, NOW)
    assert await open_of(desk) == owed and (await desk.one(journal))["n"] == before


async def test_who_cannot_be_collected_from_is_named_and_a_disputed_bill_waits(desk: Desk) -> None:
    await signed(desk, signed_on=date(2023, 10, 1))  # not used for 36 months
    await signed(desk, "Claire")
    claire = await open_of(desk, "Claire")
    bill = await desk.one("SELECT id FROM invoice WHERE number = $1", next(iter(claire)))
    await reminders.open_dispute(desk.actor, bill["id"], "Not mine", NOW)
    made = await direct_debits.make_files(desk.actor, NOW)
    assert {(one.code, one.name) for one in made.failed} == {("mandate_lapsed", "Anna Keller")}
    assert {one.bill_number for one in await lines(desk) if one.state == "under_way"} == set(claire) - {next(iter(claire))}
    creditor = (await desk.one("SELECT creditor_id FROM site WHERE id = $1", desk.site_id))["creditor_id"]
    await mandates.set_scheme_id(desk.actor, creditor, "", NOW)
    assert {one.code for one in (await direct_debits.make_files(desk.actor, NOW)).failed} == {"no_scheme_id"}
    assert await refusal(mandates.set_scheme_id(desk.actor, creditor, "DE00ZZZ09999999999", NOW)) == "bad_scheme_id"


async def test_no_reminder_goes_out_while_a_debit_is_under_way(desk: Desk) -> None:
    await signed(desk)
    await direct_debits.make_files(desk.actor, NOW)
    due = TODAY + timedelta(days=10)
    anna = "SELECT r.level FROM reminder r JOIN invoice i ON i.id = r.invoice_id JOIN person p ON p.id = i.person_id WHERE p.given_name = 'Anna'"
    await reminders.remind_overdue(desk.account_id, due + timedelta(days=9), NOW)
    assert await desk.rows(anna) == []
    await reminders.remind_overdue(desk.account_id, due + timedelta(days=10), NOW)
    assert len(await desk.rows(anna)) > 0


async def test_a_mandate_is_replaced_ended_and_cut_with_its_person(desk: Desk) -> None:
    first = await signed(desk, reference="ONE")
    assert await refusal(signed(desk, reference="ONE")) == "reference_taken"
    assert await refusal(signed(desk, signed_on=TODAY + timedelta(days=1))) == "mandate_later"
    second = await signed(desk)
    async with in_account(desk.account_id):
        (listed,) = await mandates.mandates()
    with zipfile.ZipFile(io.BytesIO(await export_person(desk.actor, listed.person_id, NOW))) as packed:
        assert IBAN in packed.read("mandates.csv").decode()
    assert (listed.id, listed.iban_tail, listed.holder) == (second, IBAN[-4:], "Anna Keller") and first != second
    for _ in range(2):
        await mandates.end_mandate(desk.actor, second, NOW)
    assert (await direct_debits.make_files(desk.actor, NOW)).files == []
    for number, minor in (await open_of(desk)).items():
        await pay(desk, number, minor)
    async with as_owner():
        await execute("UPDATE occupancy SET period = daterange(lower(period), '2026-11-01') WHERE person_id = $1"
                      " AND upper(period) IS NULL", listed.person_id)  # fmt: skip
    await erase_person(desk.actor, listed.person_id, "By letter", NOW)
    assert {(row["iban"], row["holder"]) for row in await desk.rows("SELECT iban, holder FROM debit_mandate")} == {("", "#")}
