"""An extra badge is at its holder's cost: one line on the next bill, be it of electricity or of charges."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.audit.model import Actor
from app.billing import credit_notes, mailings
from app.billing.energy_issue import issue_run
from app.database.transaction import in_account
from app.residents import badges
from app.sites import administration, terms
from tests.billing import test_collection as collection
from tests.billing.electricity import NOW, Desk, desk, expected
from tests.billing.test_mailings import APRIL, MAY, balance, charging, text_of
from tests.charging.house import SECRET

__all__ = ["charging", "desk"]
FEE = terms.NewCondition(label="Extra badge", amount=Decimal("25.00"), unit="badge", payer="resident", first=date(2020, 1, 1))


async def ordered(actor: Actor, person_id: UUID, number: int, now: datetime, kind: Any = "extra") -> UUID:
    """A badge that was asked for and approved; approved again it is the same one."""
    asked = await badges.request_badge(actor, person_id, badges.BadgeRequest(kind=kind, place=f"Place {number}"), now)
    made = [await badges.answer_request(actor, asked, badges.RequestAnswer(approve=True, uid=f"04{number:012X}"), SECRET, now)
            for _ in range(2)]  # fmt: skip
    assert made[0] is not None and made[0] == made[1]
    return made[0]


@pytest.mark.row("R30")
async def test_extra_badges_are_one_line_on_the_next_bill_of_electricity_and_a_first_one_is_free(desk: Desk) -> None:
    house = desk.house
    fee = await terms.add_condition(desk.actor, house.site_id, FEE, NOW)
    await ordered(desk.actor, house.anna, 1, NOW, kind="new")
    for number in (2, 3):
        await ordered(desk.actor, house.anna, number, NOW)
    run = await desk.freeze()
    assert await issue_run(desk.actor, run.id, NOW) == (5, [])
    want = expected(desk)
    for row in await desk.rows("SELECT person_id, period_start, net_minor, vat_minor, gross_minor, pdf FROM invoice"):
        extra = 5000 if row["person_id"] == house.anna else 0
        assert row["net_minor"] == want[row["person_id"], row["period_start"]][0] + extra
        assert ("Extra badge 2 × 25.00 50.00" in text_of(row["pdf"])) is bool(extra)
        assert row["gross_minor"] == row["net_minor"] + row["vat_minor"]
    earned = await desk.rows("SELECT sum(amount_minor)::bigint AS minor FROM ledger_posting WHERE ledger_account = 'revenue:operator'")
    assert earned[0]["minor"] == -5000
    await issue_run(desk.actor, (await desk.freeze(*APRIL, MAY)).id, MAY)
    later = await desk.rows("SELECT pdf FROM invoice WHERE person_id = $1 AND period_start = $2", house.anna, APRIL[0])
    assert later and not any("Extra badge" in text_of(row["pdf"]) for row in later)
    async with in_account(house.account_id):
        (condition,) = await administration.conditions(house.site_id)
    assert condition.billed_until == NOW.date()
    assert await terms.remove_condition(desk.actor, fee, NOW) == "ended"


async def test_without_a_fee_or_where_the_owner_pays_it_an_extra_badge_costs_nothing(desk: Desk) -> None:
    for one in ({"payer": "owner"}, {"unit": "bill", "payer": "owner"}, {"last": date(2026, 3, 31)}):
        values = {"label": "Badge", "amount": Decimal(25), "unit": "badge", "payer": "resident", "first": date(2020, 1, 1), **one}
        await terms.add_condition(desk.actor, desk.house.site_id, terms.NewCondition(**values), NOW)
    await ordered(desk.actor, desk.house.anna, 1, NOW)
    await issue_run(desk.actor, (await desk.freeze()).id, NOW)
    bills = await desk.rows("SELECT person_id, period_start, net_minor, vat_minor FROM invoice")
    assert {(row["person_id"], row["period_start"]): (row["net_minor"], row["vat_minor"]) for row in bills} == expected(desk)


@pytest.mark.row("R30")
async def test_an_extra_badge_on_a_bill_of_charges_is_in_the_books_and_comes_again_where_the_bill_is_made_anew(
    charging: collection.Desk,
) -> None:
    desk = charging
    await terms.add_condition(desk.actor, desk.site_id, FEE, collection.NOW)
    anna = (await desk.rows("SELECT id FROM person WHERE given_name = 'Anna'"))[0]["id"]
    await ordered(desk.actor, anna, 1, collection.NOW)
    await desk.run()
    bill = await desk.bill()
    charges = await desk.rows("SELECT c.gross_minor FROM charge c JOIN invoice_charge ic ON ic.charge_id = c.id WHERE ic.invoice_id = $1",
                              bill["id"])  # fmt: skip
    assert bill["gross_minor"] == sum(row["gross_minor"] for row in charges) + 2703  # CHF 25.00 and 8.1 % VAT, rounded
    assert "Extra badge 1 × 27.03 27.03" in text_of(bill["pdf"])
    async with in_account(desk.account_id):
        assert [(line.dimension, line.amount_minor) for line in await mailings.fee_on(bill["id"])] == [("fee", 2703)]
    for row in await desk.rows("SELECT number, gross_minor, reference FROM invoice WHERE person_id = $1", anna):
        await desk.pay(row["number"], row["gross_minor"], row["reference"])
    assert await balance(desk, anna) == (0, 0)
    await credit_notes.credit_bill(desk.actor, bill["id"], "Wrong", collection.NOW, bill_again=True)
    for row in await desk.rows("SELECT c.session_id FROM charge c JOIN invoice_charge ic ON ic.charge_id = c.id WHERE ic.invoice_id = $1",
                               bill["id"]):  # fmt: skip
        await collection.commands.settle_session(desk.account_id, row["session_id"], collection.NOW)
    await desk.run(collection.NOVEMBER, datetime(2026, 12, 1, 8, tzinfo=UTC))
    assert "Extra badge" in text_of((await desk.bill(period=collection.NOVEMBER))["pdf"])
