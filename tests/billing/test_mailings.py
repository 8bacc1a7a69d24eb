"""Bills by post, by e-mail and as eBill: the first by post, the fee as its own line, a change from the next bill on."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pdfplumber
import pikepdf
import pytest

from app.billing import accounting, credit, credit_notes, mailings
from app.billing.energy_issue import issue_run
from app.database.transaction import as_owner, execute, fetch, in_account
from app.kernel.money import vat_of_net
from app.residents.people import PersonChange, change_person
from app.sites import administration, terms
from tests.billing import test_collection as collection
from tests.billing.electricity import FIRST, NOW, Desk, desk, expected, refusal

__all__ = ["desk"]
RATE, FEE = Decimal("0.081"), terms.NewCondition(label="Post", amount=Decimal("2.00"), unit="mailing", payer="resident", first=date(2020, 1, 1))  # fmt: skip
APRIL, MAY = (date(2026, 4, 1), date(2026, 4, 30)), datetime(2026, 5, 1, 8, tzinfo=UTC)


async def choose(desk: Any, person_id: UUID, channel: str) -> None:
    async with as_owner():
        version = (await fetch("SELECT version FROM person WHERE id = $1", person_id))[0]["version"]
        await execute(
            "UPDATE person SET email = coalesce(email, 'somebody@house.example'), given_name = CASE given_name WHEN '' THEN 'N' ELSE given_name END"
            " WHERE id = $1",
            person_id,
        )
    await change_person(desk.actor, person_id, PersonChange(version=version, correspondence=channel), NOW)


async def channels(desk: Desk, first: date) -> dict[UUID, tuple[str, str, int]]:
    rows = await desk.rows("SELECT i.person_id, m.* FROM mailing m JOIN invoice i ON i.id = m.invoice_id WHERE i.period_start = $1"
                           " ORDER BY i.number", first)  # fmt: skip
    return {row["person_id"]: (row["chosen"], row["channel"], row["fee_minor"]) for row in rows}


def text_of(pdf: bytes) -> str:
    with pdfplumber.open(io.BytesIO(pdf)) as file:
        return "\n".join(page.extract_text() for page in file.pages)


@pytest.mark.row("R14")
@pytest.mark.row("B20")
async def test_the_first_bill_goes_by_post_with_its_fee_and_later_ones_as_chosen(desk: Desk) -> None:
    house = desk.house
    fee = await terms.add_condition(desk.actor, house.site_id, FEE, NOW)
    for person_id, channel in ((house.anna, "post"), (house.ben, "email"), (house.left, "ebill")):
        await choose(desk, person_id, channel)
    run = await desk.freeze()
    assert await issue_run(desk.actor, run.id, NOW) == (5, [])
    bills = await desk.rows(
        "SELECT i.*, m.chosen, m.channel, m.fee_minor FROM invoice i JOIN mailing m ON m.invoice_id = i.id ORDER BY number"
    )
    seen: set[UUID] = set()
    want = expected(desk)
    for row in bills:
        posted = row["person_id"] not in seen  # Ben has two bills at once: one of them is his first
        seen.add(row["person_id"])
        net = want[row["person_id"], row["period_start"]][0] + (200 if posted else 0)
        assert (row["channel"], row["fee_minor"]) == (("post", 200) if posted else (row["chosen"], 0))
        assert (row["net_minor"], row["vat_minor"]) == (net, vat_of_net(net, RATE))
        assert ("Versand per Post 1 × 2.00 2.00" in text_of(row["pdf"])) is posted
    assert sum(row["fee_minor"] for row in bills) == 800
    assert await booked(desk) == {"revenue:mailing": -800, "receivable": sum(row["gross_minor"] for row in bills)}
    await issue_run(desk.actor, (await desk.freeze(*APRIL, MAY)).id, MAY)
    later = await channels(desk, APRIL[0])
    assert (later[house.anna], later[house.ben]) == (("post", "post", 200), ("email", "email", 0))
    async with in_account(house.account_id):
        (condition,) = await administration.conditions(house.site_id)
    assert condition.billed_until == MAY.date()
    assert await refusal(terms.change_condition(desk.actor, fee, 1, FEE, NOW)) == "condition_billed"


async def booked(desk: Desk) -> dict[str, int]:
    rows = await desk.rows("SELECT split_part(ledger_account, ':', 1) AS kind, ledger_account, sum(amount_minor)::bigint AS minor"
                           " FROM ledger_posting GROUP BY 1, 2")  # fmt: skip
    return {"revenue:mailing": sum(row["minor"] for row in rows if row["ledger_account"] == "revenue:mailing"),
            "receivable": sum(row["minor"] for row in rows if row["kind"] == "receivable")}  # fmt: skip


async def test_without_a_fee_or_where_the_owner_pays_it_the_post_costs_the_resident_nothing(desk: Desk) -> None:
    free = [{"payer": "owner"}, {"unit": "month", "payer": "owner"}, {"last": date(2026, 3, 31)}]
    for one in free:
        await terms.add_condition(desk.actor, desk.house.site_id, terms.NewCondition(**{
            "label": "Post", "amount": Decimal("2.00"), "unit": "mailing", "payer": "resident", "first": date(2020, 1, 1), **one}), NOW)  # fmt: skip
    gone = await terms.add_condition(desk.actor, desk.house.site_id, FEE, NOW)
    await terms.remove_condition(desk.actor, gone, NOW)
    await issue_run(desk.actor, (await desk.freeze()).id, NOW)
    assert {channel for _, channel, _ in (await channels(desk, FIRST)).values()} >= {"post"}
    bills = await desk.rows("SELECT person_id, period_start, net_minor, vat_minor FROM invoice")
    assert {(row["person_id"], row["period_start"]): (row["net_minor"], row["vat_minor"]) for row in bills} == expected(desk)


async def test_the_post_list_is_printed_in_one_file_and_each_bill_is_handed_over_once(desk: Desk) -> None:
    await choose(desk, desk.house.ben, "ebill")
    await issue_run(desk.actor, (await desk.freeze()).id, NOW)
    async with in_account(desk.house.account_id):
        post, ebill, pdf = await mailings.waiting("post"), await mailings.waiting("ebill"), await mailings.to_print()
        assert pdf == await mailings.to_print()
    assert len(post) == 4 and [(one.chosen, one.channel) for one in ebill] == [("ebill", "ebill")]
    text, at = text_of(pdf), 0
    for one in post:  # in the order of the list, each with its address
        at = text.index(f"Stromrechnung {one.number}", at)
        assert one.name and one.city == "c"
    pages = 0
    for row in await desk.rows("SELECT i.pdf FROM invoice i JOIN mailing m ON m.invoice_id = i.id WHERE m.channel = 'post'"):
        with pikepdf.open(io.BytesIO(row["pdf"])) as file:
            pages += len(file.pages)
    with pikepdf.open(io.BytesIO(pdf)) as file:
        assert len(file.pages) == pages
    ids = [one.bill_id for one in post]
    assert await refusal(mailings.hand_over(desk.actor, [*ids, uuid4()], NOW)) == "not_found"
    assert [await mailings.hand_over(desk.actor, ids + ids, NOW) for _ in range(2)] == [4, 0]
    async with in_account(desk.house.account_id):
        assert await mailings.waiting("post") == [] and len(await mailings.waiting("ebill")) == 1
    assert await refusal(printed(desk)) == "not_found"


async def printed(desk: Desk) -> bytes:
    async with in_account(desk.house.account_id):
        return await mailings.to_print()


@pytest.mark.row("R15")
async def test_a_change_of_channel_holds_from_the_next_bill_and_sends_no_issued_one_again(charging: collection.Desk) -> None:
    desk, octobers = charging, {}
    await terms.add_condition(desk.actor, desk.site_id, FEE, NOW)
    people = {row["given_name"]: row for row in await desk.rows("SELECT id, given_name FROM person")}
    worker = collection.Worker(desk.settings, lambda: collection.NOW, None)
    await choose(desk, people["Anna"]["id"], "post")
    await choose(desk, people["Claire"]["id"], "email")
    await desk.run()
    for name in ("Anna", "Claire"):
        octobers[name] = await desk.bill(name)
    sent = await desk.rows("SELECT * FROM mailing ORDER BY invoice_id")
    for name, channel in (("Anna", "email"), ("Claire", "ebill")):
        await choose(desk, people[name]["id"], channel)
    for _ in range(2):  # also where the job runs after the change, and again
        for bill in octobers.values():
            await worker.bill_issued(str(desk.account_id), str(bill["id"]))
    mailed = [subject for _, subject, _ in collection.mails(desk)]
    assert not any(octobers["Anna"]["number"] in subject for subject in mailed)
    assert sum(octobers["Claire"]["number"] in subject for subject in mailed) == 1
    assert await desk.rows("SELECT * FROM mailing ORDER BY invoice_id") == sent
    for bill in octobers.values():  # their charges come again on the next bills
        await credit_notes.credit_bill(desk.actor, bill["id"], "Wrong", collection.NOW, bill_again=True)
        for row in await desk.rows("SELECT c.session_id FROM charge c JOIN invoice_charge ic ON ic.charge_id = c.id WHERE ic.invoice_id = $1",
                                   bill["id"]):  # fmt: skip
            await collection.commands.settle_session(desk.account_id, row["session_id"], collection.NOW)
    await desk.run(collection.NOVEMBER, collection.DECEMBER)
    chosen = await desk.rows("SELECT p.given_name, m.chosen, m.channel FROM mailing m JOIN invoice i ON i.id = m.invoice_id"
                             " JOIN person p ON p.id = i.person_id WHERE i.period_start = $1", collection.NOVEMBER)  # fmt: skip
    assert {row["given_name"] for row in chosen} >= {"Anna", "Claire"}
    for row in chosen:
        assert row["channel"] == row["chosen"] == {"Anna": "email", "Claire": "ebill"}.get(row["given_name"], row["chosen"])


@pytest.fixture
async def charging(database: str, tmp_path: Any) -> collection.Desk:
    return await collection.demo(database, tmp_path)


@pytest.mark.row("R14")
@pytest.mark.row("B20")
async def test_the_fee_on_a_bill_of_charges_is_in_the_books_and_goes_back_with_a_credit_note(charging: collection.Desk) -> None:
    desk = charging
    await terms.add_condition(desk.actor, desk.site_id, FEE, NOW)
    anna = (await desk.rows("SELECT id FROM person WHERE given_name = 'Anna'"))[0]["id"]
    await choose(desk, anna, "post")
    await desk.run()
    bill = await desk.bill()
    charges = await desk.rows("SELECT c.gross_minor FROM charge c JOIN invoice_charge ic ON ic.charge_id = c.id WHERE ic.invoice_id = $1",
                              bill["id"])  # fmt: skip
    assert bill["gross_minor"] == sum(row["gross_minor"] for row in charges) + 216  # CHF 2.00 and 8.1 % VAT
    assert "Versand per Post 1 × 2.16 2.16" in text_of(bill["pdf"])
    async with in_account(desk.account_id):
        vat = await accounting.vat_report(collection.NOW.date(), collection.NOW.date())
        totals = (await fetch("SELECT sum(net_minor)::bigint AS net, sum(vat_minor)::bigint AS vat FROM invoice WHERE issued_on = $1",
                              collection.NOW.date()))[0]  # fmt: skip
        (line,) = await mailings.fee_on(bill["id"])
    assert (line.dimension, line.amount_minor) == ("mailing", 216)
    assert (sum(one.net_minor for one in vat), sum(one.vat_minor for one in vat)) == (totals["net"], totals["vat"])
    for row in await desk.rows("SELECT number, gross_minor, reference FROM invoice WHERE person_id = $1", anna):
        await desk.pay(row["number"], row["gross_minor"], row["reference"])
    assert await balance(desk, anna) == (0, 0)
    await credit_notes.credit_bill(desk.actor, bill["id"], "Wrong", collection.NOW)
    note = await desk.bill(kind="credit_note")
    assert note["gross_minor"] == -bill["gross_minor"] and "Versand per Post" in text_of(note["pdf"])
    assert await balance(desk, anna) == (-bill["gross_minor"], bill["gross_minor"])
    assert (await desk.rows("SELECT sum(v.net_minor)::bigint AS minor FROM invoice_vat v JOIN invoice i ON i.id = v.invoice_id"
                            " WHERE i.person_id = $1", anna))[0]["minor"] == 0  # fmt: skip


async def balance(desk: collection.Desk, person_id: UUID) -> tuple[int, int]:
    """What the ledger says is owed, of charges that a bill has taken, and the credit."""
    async with in_account(desk.account_id):
        owed = (await fetch("SELECT coalesce(sum(amount_minor), 0)::bigint AS minor FROM ledger_posting WHERE ledger_account = $1",
                            f"receivable:{person_id}"))[0]["minor"]  # fmt: skip
        unbilled = (await fetch("SELECT coalesce(sum(gross_minor), 0)::bigint AS minor FROM charge c WHERE person_id = $1 AND NOT EXISTS"
                                " (SELECT 1 FROM invoice_charge ic WHERE ic.charge_id = c.id)", person_id))[0]["minor"]  # fmt: skip
        return owed - unbilled, await credit.credit_minor(person_id)
