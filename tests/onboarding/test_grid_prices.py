"""What grid operators ask: entered by hand or from a table, from day to day, and proposed in the owner's third form."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from app.database.transaction import in_account
from app.onboarding import commands
from app.onboarding.model import Rate, RatesForm, SolutionsForm
from app.sites import terms
from app.tariffs import grid_prices
from app.tariffs.grid_prices import NewGridPrice
from app.tariffs.queries import tariff_in_force
from tests.onboarding.test_forms import CONTACT, NOW, Desk, desk, refusal

__all__ = ["desk"]
BOTH = SolutionsForm(solutions=("charging", "electricity"), method="operator_bills", billing_from=date(2027, 1, 1), vat_liable=False,
                     iban="CH93 0076 2011 6238 5295 7")  # fmt: skip
TABLE = """Netzbetreiber;Gültig ab;Preis;Hochtarif;Niedertarif;Quelle
stranger;01.01.2026;0,2750;;;Tarifblatt 2026
stranger;2027-01-01;;0.3125;0.2475;Tarifblatt 2027
nobody;2027-01-01;0.3;;;
stranger;soon;0.3;;;
stranger;2028-01-01;0.3;0.4;0.2;
stranger;2028-01-01;cheap;;;
"""


async def operate(desk: Desk) -> None:
    """The house's stranger is the grid operator of the site."""
    form = terms.NewStakeholder(kind="grid_operator", person_id=desk.house.stranger, first=date(2026, 1, 1))
    await terms.add_stakeholder(desk.actor, desk.site, form, NOW)


async def prices(desk: Desk) -> list[tuple[str, str, Decimal | None, Decimal | None, Decimal | None]]:
    async with in_account(desk.house.account_id):
        (found,) = await grid_prices.grid_operators(NOW.date())
    assert (found.name, found.sites) == ("stranger", 1)
    return [(str(one.first), str(one.last or ""), one.single, one.high, one.low) for one in found.prices]


async def test_a_price_holds_from_its_day_until_the_next_one_is_corrected_by_its_day_and_taken_back(desk):
    new = NewGridPrice(first=date(2026, 1, 1), single=Decimal("0.275"), source="sheet")
    assert (await refusal(grid_prices.enter_price(desk.actor, desk.house.stranger, new, NOW))).code == "not_found"
    await operate(desk)
    first = await grid_prices.enter_price(desk.actor, desk.house.stranger, new, NOW)
    assert await grid_prices.enter_price(desk.actor, desk.house.stranger, new, NOW) == first
    later = NewGridPrice(first=date(2028, 1, 1), high=Decimal("0.31"), low=Decimal("0.25"))
    await grid_prices.enter_price(desk.actor, desk.house.stranger, later, NOW)
    between = NewGridPrice(first=date(2027, 1, 1), single=Decimal("0.3"))
    made = await grid_prices.enter_price(desk.actor, desk.house.stranger, between, NOW)
    corrected = NewGridPrice(first=date(2027, 1, 1), single=Decimal("0.29"))
    assert await grid_prices.enter_price(desk.actor, desk.house.stranger, corrected, NOW) == made
    last = ("2028-01-01", "", None, Decimal("0.31"), Decimal("0.25"))
    assert await prices(desk) == [
        last, ("2027-01-01", "2027-12-31", Decimal("0.29"), None, None), ("2026-01-01", "2026-12-31", Decimal("0.275"), None, None),
    ]  # fmt: skip
    await grid_prices.remove_price(desk.actor, made, NOW)
    assert await prices(desk) == [last, ("2026-01-01", "2027-12-31", Decimal("0.275"), None, None)]
    assert (await refusal(grid_prices.remove_price(desk.actor, made, NOW))).code == "not_found"
    for wrong in ({}, {"high": Decimal(1)}, {"single": Decimal(-1)}, {"single": Decimal("NaN")}, {"single": Decimal(1), "low": Decimal(1)}):
        form = NewGridPrice(first=date(2026, 1, 1), **wrong)
        assert (await refusal(grid_prices.enter_price(desk.actor, desk.house.stranger, form, NOW))).code == "bad_rate"


async def test_a_table_of_prices_is_entered_with_a_report_by_row_and_again_changes_nothing(desk):
    await operate(desk)
    report = await grid_prices.import_prices(desk.actor, "p.csv", TABLE.encode(), NOW)
    assert [(row.row, row.outcome, row.code) for row in report] == [
        (2, "done", ""), (3, "done", ""), (4, "refused", "no_such_grid_operator"), (5, "refused", "bad_day"), (6, "refused", "bad_rate"),
        (7, "refused", "bad_cell"),
    ]  # fmt: skip
    assert [row[0] for row in await prices(desk)] == ["2027-01-01", "2026-01-01"]
    again = await grid_prices.import_prices(desk.actor, "p.csv", TABLE.encode(), NOW)
    assert [row.outcome for row in again[:2]] == ["unchanged", "unchanged"]
    for content, code in ((TABLE.encode("latin-1"), "not_utf8"), (b"Netzbetreiber;Preis\nx;1\n", "missing_columns")):
        assert (await refusal(grid_prices.import_prices(desk.actor, "p.csv", content, NOW))).code == code


@pytest.mark.row("O08")
async def test_form_3_has_a_price_for_each_solution_prefilled_with_the_grid_operators_and_editable(desk):
    token = await desk.link()
    assert (await commands.page(token, NOW)).proposed_rates == []
    await operate(desk)
    for first, single in ((date(2026, 1, 1), "0.275"), (date(2027, 1, 1), "0.3")):
        await grid_prices.enter_price(desk.actor, desk.house.stranger, NewGridPrice(first=first, single=Decimal(single)), NOW)
    page = await commands.page(token, NOW)
    assert page.proposed_from_grid
    assert page.proposed_rates == [
        Rate(solution="charging", single=Decimal("0.275")), Rate(solution="electricity", single=Decimal("0.275"), solar=Decimal("0.22")),
    ]  # fmt: skip
    new_year = datetime(2027, 1, 2, 9, tzinfo=UTC)
    later = await commands.page(await desk.link("nord@example.org", new_year), new_year)
    assert {rate.single for rate in later.proposed_rates} == {Decimal("0.3")}
    token = await desk.link()
    page = await commands.save_draft(token, 1, CONTACT, BOTH, None, NOW)
    assert page.missing == ["rate:charging", "rate:electricity"]
    edited = (Rate(solution="charging", single=Decimal("0.38")),
              Rate(solution="electricity", high=Decimal("0.3"), low=Decimal("0.24"), solar=Decimal("0.19")))  # fmt: skip
    await commands.save_draft(token, 2, None, None, RatesForm(rates=edited), NOW)
    await commands.submit(token, NOW)
    async with in_account(desk.house.account_id):
        charging = await tariff_in_force(desk.site, date(2027, 1, 1))
        electricity = await tariff_in_force(desk.site, date(2027, 1, 1), "electricity")
    assert charging is not None and [part.unit_price for part in charging.components] == [Decimal("0.38")]
    assert electricity is not None
    assert [(part.origin, part.band, part.unit_price) for part in electricity.components] == [
        ("solar", "single", Decimal("0.19")), ("grid", "high", Decimal("0.3")), ("grid", "low", Decimal("0.24")),
    ]  # fmt: skip


async def test_a_solar_price_belongs_to_electricity_alone_and_what_is_in_force_is_proposed_before_the_grids(desk):
    token = await desk.link()
    wrong = RatesForm(rates=(Rate(solution="charging", single=Decimal(1), solar=Decimal(1)),))
    assert (await refusal(commands.save_draft(token, 1, None, None, wrong, NOW))).code == "bad_rate"
    await operate(desk)
    await grid_prices.enter_price(desk.actor, desk.house.stranger, NewGridPrice(first=date(2026, 1, 1), single=Decimal("0.275")), NOW)
    own = (Rate(solution="charging", single=Decimal("0.4")), Rate(solution="electricity", single=Decimal("0.3"), solar=Decimal("0.2")))
    await commands.save_draft(token, 1, CONTACT, BOTH, RatesForm(rates=own), NOW)
    await commands.submit(token, NOW)
    async with in_account(desk.house.account_id):
        page_rates, from_grid = await commands._proposed_rates(desk.site, datetime(2027, 1, 2, 9, tzinfo=UTC))
    assert (tuple(page_rates), from_grid) == (own, False)
