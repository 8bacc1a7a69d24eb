"""The operator's fees on residents' bills of electricity, and what other prices would have made of a month, on a real database."""

from datetime import date
from decimal import Decimal

import msgspec
import pytest

from app.billing import credit_notes
from app.billing.documents.bill import BillDocument
from app.billing.energy_issue import issue_run
from app.billing.fees import fees_at
from app.billing.preview import preview_electricity
from app.database.transaction import as_owner, execute, fetchval, in_account
from app.kernel.money import to_minor, vat_of_net
from app.sites import terms
from app.sites.terms import NewCondition, add_condition, remove_condition
from app.tariffs.model import Component, Rate
from tests.billing.electricity import ENTERS, FIRST, LEFT, NOW, RATE, Desk, desk, expected

__all__ = ["desk"]


async def agree(desk: Desk, label: str, amount: str, unit: str, payer: str = "resident", first: date = date(2026, 1, 1)) -> None:
    form = msgspec.convert({"label": label, "amount": amount, "unit": unit, "payer": payer, "first": first}, NewCondition, strict=False)
    await add_condition(desk.actor, desk.house.site_id, form, NOW)


def fees_on(item) -> dict[str, tuple[Decimal, int]]:
    return {line.label: (line.quantity, line.amount_minor) for line in item.bill.lines if line.dimension == "fee"}


@pytest.mark.row("B19")
async def test_management_fees_stand_on_the_residents_bill_unless_the_owner_pays(desk: Desk) -> None:
    before = {(person, first): net for (person, first), (net, _) in expected(desk).items()}
    await agree(desk, "Verwaltung", "6.20", "billing_point")
    await agree(desk, "Haus", "10.00", "month")
    await agree(desk, "Rechnung", "1.50", "bill")
    await agree(desk, "Station", "8.00", "station")
    await agree(desk, "Umsatz", "2", "percent_of_turnover")
    await agree(desk, "Vom Eigentümer", "99", "billing_point", payer="owner")
    run = await desk.freeze()
    items = {(item.person_id, item.bill.first): item for item in run.items}
    anna, left, owner = (items[key] for key in ((desk.house.anna, FIRST), (desk.house.left, FIRST), (desk.owner, date(2026, 3, 13))))
    turnover = {key: to_minor(Decimal(net) * 2 / 10_000, "CHF") for key, net in before.items()}
    assert fees_on(anna) == {
        "Verwaltung": (Decimal(1), 620), "Haus": (Decimal(1), 334), "Rechnung": (Decimal(1), 150), "Station": (Decimal(1), 800),
        "Umsatz": (Decimal(1), turnover[desk.house.anna, FIRST]),
    }  # fmt: skip
    # 12 of 31 days are the leaver's, 7 the owner's, 12 Ben's: a month's fee is shared by them to the cent.
    ben = items[(desk.house.ben, ENTERS)]
    assert [fees_on(item)["Verwaltung"][1] for item in (left, owner, ben)] == [240, 140, 240]
    assert sum(fees_on(item)["Haus"][1] for item in run.items) == 1000
    assert (LEFT.day, ENTERS.day) == (12, 20) and not any("Vom Eigentümer" in fees_on(item) for item in run.items)
    assert await issue_run(desk.actor, run.id, NOW) == (5, [])
    fees = {key: sum(minor for _, minor in fees_on(item).values()) for key, item in items.items()}
    for row in await desk.rows("SELECT person_id, period_start, net_minor, vat_minor, document FROM invoice"):
        key = (row["person_id"], row["period_start"])
        assert (row["net_minor"], row["vat_minor"]) == (before[key] + fees[key], vat_of_net(before[key] + fees[key], Decimal("0.081")))
        shown = [line.label for line in msgspec.json.decode(row["document"], type=BillDocument).positions if line.dimension == "fee"]
        assert "Verwaltung" in shown
    total = "SELECT sum(amount_minor)::bigint AS minor FROM ledger_posting WHERE ledger_account = $1"
    assert (await desk.rows(total, "revenue:operator"))[0]["minor"] == -sum(fees.values())
    assert (await desk.rows(total, "revenue:energy"))[0]["minor"] == -sum(before.values())
    ids = {row["label"]: row["id"] for row in await desk.rows("SELECT id, label FROM financial_condition")}
    assert await remove_condition(desk.actor, ids["Verwaltung"], NOW) == "ended"
    assert await remove_condition(desk.actor, ids["Vom Eigentümer"], NOW) == "removed"
    bill = (await desk.rows("SELECT id FROM invoice WHERE person_id = $1", desk.house.anna))[0]
    await credit_notes.credit_bill(desk.actor, bill["id"], "Not hers", NOW)
    owed = await desk.rows(total, f"receivable:{desk.house.anna}")
    assert owed[0]["minor"] == 0


@pytest.mark.row("B22")
@pytest.mark.row("R13")
async def test_electricity_is_billed_quarterly_and_monthly_at_the_extra_cost_agreed(desk: Desk) -> None:
    await agree(desk, "Monatlich", "3.00", "monthly_bill")
    async with in_account(desk.house.account_id):
        assert await fetchval("SELECT count(*) FROM site_solution") == 0
    await terms.set_solution(desk.actor, desk.house.site_id, "electricity", True, date(2026, 1, 1), None, NOW)
    assert [row["rhythm"] for row in await desk.rows("SELECT rhythm FROM site_solution")] == ["quarterly"]
    assert not any(fees_on(item) for item in (await desk.freeze()).items)
    async with as_owner():
        await execute("UPDATE site_solution SET rhythm = 'monthly'")
    assert [fees_on(item) for item in (await desk.freeze()).items] == [{"Monatlich": (Decimal(1), 300)}] * 5


@pytest.mark.row("B18")
async def test_the_fees_that_residents_pay_are_seen_at_each_billing_point(desk: Desk) -> None:
    await agree(desk, "Verwaltung", "6.20", "billing_point")
    await agree(desk, "Station", "8.00", "station")
    await agree(desk, "Haus", "10.00", "month")
    await agree(desk, "Post", "2.00", "mailing")
    await agree(desk, "Vom Eigentümer", "99", "billing_point", payer="owner")
    await agree(desk, "Ab Mai", "7", "bill", first=date(2026, 5, 1))
    async with in_account(desk.house.account_id):
        anna, ben = await fees_at(desk.house.flat_anna, date(2026, 4, 1)), await fees_at(desk.house.flat_ben, date(2026, 4, 1))
    assert [(fee.label, fee.unit, fee.monthly_minor, fee.first) for fee in anna] == [
        ("Haus", "month", 334, date(2026, 1, 1)), ("Station", "station", 800, date(2026, 1, 1)),
        ("Verwaltung", "billing_point", 620, date(2026, 1, 1)), ("Ab Mai", "bill", None, date(2026, 5, 1)),
        ("Post", "mailing", None, date(2026, 1, 1)),
    ]  # fmt: skip
    assert [fee.label for fee in ben] == ["Haus", "Verwaltung", "Ab Mai", "Post"]


async def test_other_prices_of_electricity_are_tried_on_a_month_with_peaks_and_subscriptions_and_nothing_is_kept(desk: Desk) -> None:
    was = dict.fromkeys((desk.house.anna, desk.house.ben, desk.house.left, desk.owner), 0)
    for (person, _), (net, vat) in expected(desk).items():
        was[person] += net + vat
    dearer = Rate(solution="electricity", vat_included=False, high_hours=RATE.high_hours, components=(
        *RATE.components, Component(dimension="kw", unit_price=Decimal(2)), Component(dimension="month", unit_price=Decimal("3.10"))))  # fmt: skip
    async with in_account(desk.house.account_id):
        tried = await preview_electricity(desk.house.site_id, dearer, FIRST)
    assert {row.person_id: row.was_minor for row in tried.residents} == was
    assert all(row.would_be_minor > row.was_minor for row in tried.residents)
    anna = next(row for row in tried.residents if row.person_id == desk.house.anna)
    peak = max(desk.days["anna"]) * 4
    net = expected(desk)[desk.house.anna, FIRST][0] + to_minor(Decimal(peak) / 1000 * 2, "CHF") + 310
    assert anna.would_be_minor == net + vat_of_net(net, Decimal("0.081")) and anna.energy_wh == sum(desk.days["anna"])
    assert not await desk.rows("SELECT 1 FROM energy_run") and len(await desk.rows("SELECT 1 FROM tariff")) == 1
