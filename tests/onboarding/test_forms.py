"""The owner's three forms behind a link."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec
import pytest

from app.audit.model import Actor
from app.database.transaction import as_owner, execute, fetchrow, fetchval, in_account
from app.kernel.errors import Refused
from app.kernel.regime import standard_vat
from app.kernel.settings import settings_from
from app.onboarding import commands, rules
from app.onboarding.model import Address, ContactForm, Rate, RatesForm, SolutionsForm
from app.residents import administration
from app.sites import administration as sites
from app.sites import commands as site_commands
from app.sites import terms
from app.tariffs.queries import tariff_in_force
from notifications.commands import mail_site_form
from tests.charging.house import House, make_house

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
CONTACT = ContactForm(owner_kind="property_manager", family_name="Verwaltung Nord AG", email="nord@example.org", phone="+41", street="N 1",
                      postcode="3000", city="Bern")  # fmt: skip
SOLUTIONS = SolutionsForm(solutions=("charging", "laundry"), method="owner_statements", billing_from=date(2027, 1, 1), vat_liable=True,
                          iban="CH93 0076 2011 6238 5295 7")  # fmt: skip
RATES = RatesForm(rates=(Rate(solution="charging", high=Decimal("0.35"), low=Decimal("0.27")),))


class Desk(msgspec.Struct):
    house: House
    actor: Actor
    site: UUID
    dsn: str

    async def link(self, to: str = "nord@example.org", now: datetime = NOW) -> str:
        """The token of a link just sent, as the outbox hands it to the mail."""
        await commands.send_link(self.actor, self.site, to, now)
        line = await asyncpg.connect(self.dsn)
        try:
            return await line.fetchval("SELECT args->>'token' FROM procrastinate.procrastinate_jobs WHERE task_name = 'SiteFormSent'"
                                       " ORDER BY id DESC LIMIT 1")  # fmt: skip
        finally:
            await line.close()


@pytest.fixture
async def desk(database: str) -> Desk:
    house = await make_house()
    actor = Actor(account_id=house.account_id, name="Olga")
    new = site_commands.NewSite(name="Rosenweg", street="R 1", postcode="3000", city="Bern")
    return Desk(house, actor, await site_commands.create_site(actor, new, frozenset({"operator"}), NOW), database)


async def refusal(work) -> Refused:
    with pytest.raises(Refused) as refused:
        await work
    return refused.value


async def filled(desk: Desk) -> str:
    token = await desk.link()
    await commands.save_draft(token, 1, CONTACT, None, None, NOW)
    await commands.save_draft(token, 2, None, SOLUTIONS, RATES, NOW)
    return token


async def test_what_the_owner_sends_becomes_the_sites_owner_solutions_method_terms_and_prices(desk):
    token = await filled(desk)
    for _ in range(2):
        page = await commands.submit(token, NOW)
    assert page.sent_at == NOW
    async with in_account(desk.house.account_id):
        detail = await sites.site_detail(desk.site)
        owner = next(s for s in await sites.stakeholders(desk.site) if s.kind == "owner")
        person = await administration.person_detail(owner.person_id)
        iban = await fetchval("SELECT iban FROM person WHERE id = $1", owner.person_id)
        tariff = await tariff_in_force(desk.site, date(2027, 1, 1))
        before = await tariff_in_force(desk.site, date(2026, 12, 31))
        methods = await sites.methods(desk.site)
        solutions = [(s.solution, s.first) for s in await sites.solutions(desk.site)]
    assert detail is not None and (detail.billing_from, detail.vat_liable) == (date(2027, 1, 1), True)
    assert person is not None and (person.family_name, person.email, person.kind, iban) == (
        "Verwaltung Nord AG", "nord@example.org", "legal", "CH9300762011623852957")  # fmt: skip
    assert solutions == [("charging", date(2027, 1, 1)), ("laundry", date(2027, 1, 1))]
    assert [m.method for m in methods] == ["owner_statements"]
    assert before is None and tariff is not None
    assert [(c.band, c.unit_price) for c in tariff.components] == [("high", Decimal("0.35")), ("low", Decimal("0.27"))]
    assert tariff.vat_rate == Decimal("0.0810")


@pytest.mark.row("O02")
async def test_the_contact_form_has_kind_names_mail_phone_postal_and_billing_address_and_needs_the_mail(desk):
    for name in ("owner_kind", "family_name", "email", "street", "postcode", "city"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({key: value for key, value in msgspec.to_builtins(CONTACT).items() if key != name}, ContactForm)
    token = await desk.link()
    for email in ("nowhere", "a b@example.org"):
        wrong = msgspec.structs.replace(CONTACT, email=email)
        assert (await refusal(commands.save_draft(token, 1, wrong, None, None, NOW))).code == "bad_email"
    for version, kind in enumerate(("single_owner", "condominium_administrator", "property_manager"), start=1):
        person = msgspec.structs.replace(CONTACT, owner_kind=kind, given_name="Nora", family_name="Nord")
        await commands.save_draft(token, version, person, None, None, NOW)
    elsewhere = msgspec.structs.replace(CONTACT, billing=Address(street="Postfach 7", postcode="3001", city="Bern"))
    await commands.save_draft(token, 4, elsewhere, SOLUTIONS, RATES, NOW)
    await commands.submit(token, NOW)
    async with in_account(desk.house.account_id):
        row = await fetchrow("SELECT * FROM person WHERE email = 'nord@example.org'")
    assert (row["street"], row["postcode"], row["city"], row["postal_address"], row["phone"]) == (
        "Postfach 7", "3001", "Bern", "N 1, 3000 Bern, CH", "+41")  # fmt: skip


@pytest.mark.row("O04")
async def test_the_billing_method_is_exactly_one_of_two_and_becomes_the_sites(desk):
    for wrong in (None, "both", ["operator_bills", "owner_statements"]):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({**msgspec.to_builtins(SOLUTIONS), "method": wrong}, SolutionsForm)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({key: value for key, value in msgspec.to_builtins(SOLUTIONS).items() if key != "method"}, SolutionsForm)
    token = await filled(desk)
    await commands.submit(token, NOW)
    async with in_account(desk.house.account_id):
        assert [one.method for one in await sites.methods(desk.site)] == ["owner_statements"]


async def test_another_account_in_the_form_than_the_known_one_waits_for_a_confirmation(desk):
    token = await filled(desk)
    await commands.submit(token, NOW)
    async with in_account(desk.house.account_id):
        owner = await fetchval("SELECT owner_id FROM owner_terms WHERE site_id = $1", desk.site)
    form = terms.NewStakeholder(kind="owner", person_id=owner, first=date(2026, 1, 1))
    await terms.add_stakeholder(desk.actor, desk.house.site_id, form, NOW)
    desk.site = desk.house.site_id
    token = await desk.link()
    other = msgspec.structs.replace(SOLUTIONS, iban="CH56 0483 5012 3456 7800 9")
    await commands.save_draft(token, 1, CONTACT, other, RATES, NOW)
    await commands.submit(token, NOW)
    async with in_account(desk.house.account_id):
        assert await fetchval("SELECT iban FROM person WHERE id = $1", owner) == "CH9300762011623852957"
        waiting = await fetchval("SELECT iban FROM iban_change WHERE person_id = $1 AND confirmed_at IS NULL", owner)
    assert waiting == "CH5604835012345678009"


async def test_the_form_asks_for_an_owner_kind_and_an_address_to_send_the_access_to(desk):
    token = await desk.link()
    wrong = msgspec.structs.replace(CONTACT, email="nowhere")
    assert (await refusal(commands.save_draft(token, 1, wrong, None, None, NOW))).code == "bad_email"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**msgspec.to_builtins(CONTACT), "owner_kind": "friend"}, ContactForm)


@pytest.mark.row("O03")
async def test_solutions_whose_hardware_stands_are_proposed_and_may_be_left_out(desk):
    desk.site = desk.house.site_id
    token = await desk.link()
    assert (await commands.page(token, NOW)).proposed_solutions == ["charging"]
    other = msgspec.structs.replace(SOLUTIONS, solutions=("laundry",))
    page = await commands.save_draft(token, 1, CONTACT, other, None, NOW)
    assert page.solutions is not None and page.solutions.solutions == ("laundry",) and page.missing == []


async def test_an_iban_with_a_wrong_check_digit_is_refused():
    assert rules.plain_iban("CH93 0076 2011 6238 5295 7") == "CH9300762011623852957"
    for wrong in ("CH9300762011623852958", "CH930076201162385295", "", "XX00"):
        with pytest.raises(Refused) as refused:
            rules.plain_iban(wrong)
        assert refused.value.code == "bad_iban"


async def test_nothing_is_sent_before_every_part_is_there_and_the_draft_is_kept(desk):
    token = await desk.link()
    page = await commands.save_draft(token, 1, None, SOLUTIONS, None, NOW)
    assert page.missing == ["contact", "rate:charging"]
    refused = await refusal(commands.submit(token, NOW))
    assert (refused.code, refused.params["missing"]) == ("incomplete", ["contact", "rate:charging"])
    assert (await commands.page(token, NOW)).solutions == SOLUTIONS
    async with in_account(desk.house.account_id):
        assert await fetchrow("SELECT 1 FROM owner_terms WHERE site_id = $1", desk.site) is None


async def test_a_new_link_closes_the_old_one_and_keeps_what_was_filled_in(desk):
    old = await filled(desk)
    new = await desk.link("nord@example.org", NOW + timedelta(hours=1))
    assert (await refusal(commands.page(old, NOW + timedelta(hours=1)))).code == "link_invalid"
    assert (await commands.page(new, NOW + timedelta(hours=1))).contact == CONTACT
    assert (await refusal(commands.page(new, NOW + timedelta(days=31)))).code == "link_invalid"
    assert (await refusal(commands.page("guess", NOW))).code == "link_invalid"


async def test_of_two_who_fill_in_the_same_form_the_second_is_told(desk):
    token = await desk.link()
    await commands.save_draft(token, 1, CONTACT, None, None, NOW)
    assert (await refusal(commands.save_draft(token, 1, CONTACT, None, None, NOW))).code == "changed_meanwhile"


async def test_sent_forms_are_final_and_no_new_link_reopens_them(desk):
    token = await filled(desk)
    await commands.submit(token, NOW)
    assert (await refusal(commands.save_draft(token, 3, CONTACT, None, None, NOW))).code == "sent_already"
    assert (await refusal(desk.link())).code == "sent_already"


@pytest.mark.parametrize(
    "rate",
    [Rate(solution="charging"), Rate(solution="charging", high=Decimal(1)), Rate(solution="charging", single=Decimal(1), low=Decimal(1)),
     Rate(solution="charging", single=Decimal("-0.01")), Rate(solution="charging", single=Decimal("NaN"))],
)  # fmt: skip
def test_a_price_is_one_or_a_high_and_a_low_one_and_never_negative(rate):
    with pytest.raises(Refused) as refused:
        rules.check_rates(RatesForm(rates=(rate,)))
    assert refused.value.code == "bad_rate"


async def test_the_link_goes_out_by_mail_once(desk, tmp_path: Path):
    form = await commands.send_link(desk.actor, desk.site, "nord@example.org", NOW)
    settings = settings_from({"HOFSTROM_DATA": str(tmp_path)})
    for _ in range(2):
        await mail_site_form(settings, desk.house.account_id, form, "SECRET-TOKEN", NOW)
    mails = [path.read_text().replace("=\n", "") for path in (tmp_path / "mail").glob("*.eml")]
    assert len(mails) == 1 and "/forms#SECRET-TOKEN" in mails[0] and "24.12.2026" in mails[0]


async def test_a_tariff_that_is_proposed_and_kept_is_not_entered_again(desk):
    token = await filled(desk)
    async with as_owner():
        tariff = await fetchval("INSERT INTO tariff (account_id, site_id, name, currency, vat_rate, vat_included, period) VALUES"
                                " ($1, $2, 't', 'CHF', 0.081, true, '[2026-01-01,)') RETURNING id", desk.house.account_id, desk.site)  # fmt: skip
        await execute("INSERT INTO tariff_component (account_id, tariff_id, position, dimension, unit_price) VALUES ($1, $2, 1, 'kwh', 0.3)",
                      desk.house.account_id, tariff)  # fmt: skip
    page = await commands.page(token, NOW)
    assert page.proposed_rates == [Rate(solution="charging", single=Decimal("0.300000"))]
    await commands.save_draft(token, 3, None, None, RatesForm(rates=tuple(page.proposed_rates)), NOW)
    await commands.submit(token, NOW)
    async with in_account(desk.house.account_id):
        assert await fetchval("SELECT count(*) FROM tariff WHERE site_id = $1", desk.site) == 1


def test_vat_rates_are_dated():
    assert [standard_vat("CH", day) for day in (date(2023, 12, 31), date(2024, 1, 1))] == [Decimal("0.077"), Decimal("0.081")]
    with pytest.raises(LookupError):
        standard_vat("US", date(2026, 1, 1))
