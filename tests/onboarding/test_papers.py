"""The three documents that an owner gets: contract, power of attorney, spreadsheet."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pdfplumber
import pytest
from openpyxl import load_workbook

from app.audit.model import Actor
from app.database.transaction import as_owner, execute, in_account
from app.kernel.errors import Refused
from app.onboarding.papers import paper, residents_sheet
from app.residents.imports import import_residents
from app.residents.people import NewPerson, create_person
from app.sites import terms
from tests.charging.house import make_house

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


def text_of(pdf: bytes) -> str:
    with pdfplumber.open(io.BytesIO(pdf)) as found:
        return " ".join("\n".join(page.extract_text() for page in found.pages).split())


@pytest.mark.row("O09")
async def test_an_owner_gets_a_contract_a_power_of_attorney_and_the_spreadsheet_that_the_import_reads(database):
    house = await make_house()
    actor = Actor(account_id=house.account_id, name="Olga")
    async with in_account(house.account_id):
        with pytest.raises(Refused) as refused:
            await paper(house.site_id, "contract", NOW.date())
    assert refused.value.code == "owner_needed"
    people = {}
    for name in ("Lindenhof AG", "Netz Nord"):
        form = NewPerson(kind="legal", family_name=name, correspondence="post", street="Seeweg 5", postcode="8001", city="Zürich")
        people[name] = await create_person(actor, form, NOW)
    for kind, name in (("owner", "Lindenhof AG"), ("grid_operator", "Netz Nord")):
        await terms.add_stakeholder(
            actor, house.site_id, terms.NewStakeholder(kind=kind, person_id=people[name], first=date(2026, 1, 1)), NOW
        )
    await terms.set_solution(actor, house.site_id, "charging", True, date(2026, 1, 1), None, NOW)
    fee = terms.NewCondition(label="=Verwaltung", amount=Decimal("4.5"), unit="billing_point", payer="owner", first=date(2026, 1, 1))
    await terms.add_condition(actor, house.site_id, fee, NOW)
    async with as_owner():
        await execute("UPDATE site SET billing_from = '2027-01-01' WHERE id = $1", house.site_id)
    for locale, contract, power in (("de", "Verwaltungsvertrag", "Vollmacht an den Netzbetreiber"), ("fr", "Contrat de gérance", "Procuration"),
                                    ("it", "Contratto di gestione", "Procura"), ("en", "Management contract", "Power of attorney"),
                                    ("nl", "Beheerovereenkomst", "Volmacht")):  # fmt: skip
        async with as_owner():
            await execute("UPDATE person SET locale = $2 WHERE id = $1", people["Lindenhof AG"], locale)
        async with in_account(house.account_id):
            made = [await paper(house.site_id, kind, NOW.date()) for kind in ("contract", "power-of-attorney") for _ in range(2)]
        assert made[0] == made[1] and made[2] == made[3]
        agreed, asked = text_of(made[0]), text_of(made[2])
        assert all(word in agreed for word in (contract, "Lindenhof AG", "Seeweg 5", "=Verwaltung", "2027"))
        assert all(word in asked for word in (power, "Lindenhof AG", "Netz Nord", "L 1, 8000 Z")) and "=Verwaltung" not in asked
    async with in_account(house.account_id):
        content = await residents_sheet(house.site_id)
    book = load_workbook(io.BytesIO(content))
    assert [[cell.value for cell in row[:2]] for row in book.active.iter_rows(min_row=2)] == [["A", "anna"], ["A", "ben"], ["A", "left"]]
    for column, value in zip("CDEJ", ("Lea", "Left", "lea@example.org", "2026-12-01"), strict=True):
        book.active[f"{column}4"] = value
    for row in (3, 2):
        book.active.delete_rows(row)
    filled = io.BytesIO()
    book.save(filled)
    (report,) = await import_residents(actor, house.site_id, "residents.xlsx", filled.getvalue(), NOW)
    assert report.outcome == "done", report
