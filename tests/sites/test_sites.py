"""Sites as they are set up and administered, on a real database."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from app.audit.model import Actor
from app.audit.queries import trail
from app.database.transaction import as_owner, execute, fetchval, in_account
from app.kernel.errors import Refused
from app.kernel.identifiers import new_id
from app.metering.equipment import NewGateway, add_gateway
from app.residents import people
from app.sites import administration, commands, notes, rules, terms
from tests.charging.house import House, make_house

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
TODAY = NOW.date()
OPERATOR = frozenset({"operator"})
FORM = commands.NewSite(name="Rosenweg", street="Rosenweg 1", postcode="3000", city="Bern")


class Desk(msgspec.Struct):
    house: House
    actor: Actor
    site: UUID


@pytest.fixture
async def desk(database: str) -> Desk:
    house = await make_house()
    actor = Actor(account_id=house.account_id, name="Olga Operator")
    return Desk(house, actor, await commands.create_site(actor, FORM, OPERATOR, NOW))


async def somebody(desk: Desk, name: str) -> UUID:
    form = people.NewPerson(kind="legal", family_name=name, email=f"{name}@example.org".lower(), street="S", postcode="1", city="C")
    return await people.create_person(desk.actor, form, NOW)


async def refusal(work) -> str:
    with pytest.raises(Refused) as refused:
        await work
    return refused.value.code


def test_every_transition_that_is_offered_leads_to_a_status_and_deactivated_is_the_end():
    assert all(after in rules.TRANSITIONS for afters in rules.TRANSITIONS.values() for after in afters)
    assert rules.TRANSITIONS["deactivated"] == ()


@pytest.mark.row("A06")
async def test_a_site_moves_only_by_the_transitions_that_are_offered(desk):
    async with in_account(desk.house.account_id):
        detail = await administration.site_detail(desk.site)
    assert detail is not None and (detail.status, detail.allowed_status) == ("planned", ["installing", "deactivated"])
    for wrong in sorted(set(rules.TRANSITIONS) - {"planned", "installing", "deactivated"}):
        assert await refusal(commands.set_status(desk.actor, desk.site, wrong, "", NOW)) == "not_allowed_now"
    for status in ("installing", "to_verify", "in_operation", "suspended", "in_operation", "deactivated"):
        for _ in range(2):
            await commands.set_status(desk.actor, desk.site, status, "because", NOW)
    assert await refusal(commands.set_status(desk.actor, desk.site, "in_operation", "", NOW)) == "not_allowed_now"
    async with in_account(desk.house.account_id):
        lines = [line for line in await trail("site", desk.site) if line.action == "status"]
    assert len(lines) == 6 and lines[0].reason == "because" and lines[0].changes["status"] == ["in_operation", "deactivated"]


@pytest.mark.row("A07")
async def test_buildings_are_added_and_renamed_and_two_never_share_a_name(desk):
    first = await commands.add_building(desk.actor, desk.site, "Haus A", NOW)
    assert await refusal(commands.add_building(desk.actor, desk.site, "Haus A", NOW)) == "name_taken"
    assert await commands.rename_building(desk.actor, first, 1, "Haus Nord", NOW) == 2
    assert await refusal(commands.rename_building(desk.actor, first, 1, "Haus Süd", NOW)) == "changed_meanwhile"
    async with in_account(desk.house.account_id):
        assert [b.name for b in await administration.buildings(desk.site)] == ["Haus Nord"]


@pytest.mark.row("A11")
async def test_name_reference_address_and_coordinates_of_a_site_are_changed(desk):
    values = {"name": "Rosenweg West", "reference": "RW-1", "street": "Rosenweg 3", "postcode": "3001", "city": "Bern", "country": "CH",
              "latitude": Decimal("46.948000"), "longitude": Decimal("7.447000")}  # fmt: skip
    assert await commands.change_site(desk.actor, desk.site, commands.SiteChange(version=1, **values), NOW) == 2
    async with in_account(desk.house.account_id):
        detail = await administration.site_detail(desk.site)
    assert {name: getattr(detail, name) for name in values} == values
    assert await refusal(commands.change_site(desk.actor, desk.site, commands.SiteChange(version=2, name="Lindenhof"), NOW)) == "name_taken"
    assert (
        await refusal(commands.change_site(desk.actor, desk.site, commands.SiteChange(version=2, latitude=Decimal(1)), NOW))
        == "invalid_input"
    )
    off = commands.SiteChange(version=2, latitude=Decimal(91), longitude=Decimal(1))
    assert await refusal(commands.change_site(desk.actor, desk.site, off, NOW)) == "invalid_input"


@pytest.mark.row("A04")
@pytest.mark.row("A05")
async def test_notes_and_issues_have_text_assignee_and_due_date_and_an_issue_is_closed_and_reopened_with_words(desk):
    async with as_owner():
        login = new_id()
        await execute("INSERT INTO login (id, email, name, created_at) VALUES ($1, 's@example.org', 'Sina Support', $2)", login, NOW)
        await execute("INSERT INTO role_grant (account_id, login_id, role, valid_from) VALUES ($1, $2, 'support', $3)",
                      desk.house.account_id, login, TODAY)  # fmt: skip
    form = notes.NewNote(kind="issue", text="Tor klemmt", assignee_id=login, due_on=date(2026, 12, 1))
    issue = await notes.add_note(desk.actor, desk.site, form, NOW)
    await notes.change_note(desk.actor, issue, notes.NoteChange(version=1, text="Tor klemmt nachts"), NOW)
    assert await refusal(notes.close_note(desk.actor, issue, " ", NOW)) == "resolution_needed"
    for _ in range(2):
        await notes.close_note(desk.actor, issue, "Scharnier geölt", NOW)

    async def shown():
        async with in_account(desk.house.account_id):
            return (await administration.notes(desk.site))[0]

    closed = await shown()
    assert (closed.assignee_name, closed.text, closed.closed_by, closed.closed_at, closed.resolution) == (
        "Sina Support", "Tor klemmt nachts", "Olga Operator", NOW, "Scharnier geölt")  # fmt: skip
    assert await refusal(notes.reopen_note(desk.actor, issue, "", NOW)) == "reason_needed"
    await notes.reopen_note(desk.actor, issue, "klemmt wieder", NOW)
    assert (await shown()).closed_at is None
    async with in_account(desk.house.account_id):
        lines = await trail("site_note", issue)
    assert lines[0].reason == "klemmt wieder" and lines[0].changes["resolution"] == ["Scharnier geölt", None]
    assert await refusal(notes.add_note(desk.actor, desk.site, msgspec.structs.replace(form, assignee_id=new_id()), NOW)) == "not_found"


@pytest.mark.row("A25")
async def test_a_site_has_stakeholders_of_every_kind_and_exactly_one_owner_at_a_time(desk):
    first, second, firm = [await somebody(desk, name) for name in ("Erste", "Zweite", "Firma")]
    for _ in range(2):
        await terms.add_stakeholder(desk.actor, desk.site, terms.NewStakeholder(kind="owner", person_id=first, first=date(2026, 1, 1)), NOW)
    await terms.add_stakeholder(desk.actor, desk.site, terms.NewStakeholder(kind="owner", person_id=second, first=date(2027, 1, 1)), NOW)
    kinds = ("proxy", "installer", "operator_contact", "grid_operator")
    for kind in kinds * 2:
        await terms.add_stakeholder(desk.actor, desk.site, terms.NewStakeholder(kind=kind, person_id=firm, first=date(2026, 1, 1)), NOW)
    async with in_account(desk.house.account_id):
        found = await administration.stakeholders(desk.site)
    assert sorted(s.kind for s in found) == sorted([*kinds, "owner", "owner"])
    owners = {s.name: (str(s.first), str(s.last or "")) for s in found if s.kind == "owner"}
    assert owners == {"Erste": ("2026-01-01", "2026-12-31"), "Zweite": ("2027-01-01", "")}
    for day in (date(2026, 12, 31), date(2027, 1, 1)):
        async with in_account(desk.house.account_id):
            sql = "SELECT count(*) FROM owner_terms WHERE site_id = $1 AND period @> $2::date"
            assert await fetchval(sql, desk.site, day) == 1
    again = terms.NewStakeholder(kind="owner", person_id=firm, first=date(2026, 6, 1))
    assert await refusal(terms.add_stakeholder(desk.actor, desk.site, again, NOW)) == "owner_exists"
    proxy = next(s for s in found if s.kind == "proxy")
    await terms.end_stakeholder(desk.actor, proxy.id, date(2026, 12, 31), NOW)
    assert await refusal(terms.end_stakeholder(desk.actor, proxy.id, date(2025, 12, 31), NOW)) == "exit_before_entry"


async def test_a_solution_is_activated_and_ended_from_a_day_on(desk):
    for _ in range(2):
        await terms.set_solution(desk.actor, desk.site, "laundry", True, date(2027, 1, 1), None, NOW)
        await terms.set_solution(desk.actor, desk.site, "charging", True, date(2026, 12, 1), "quarterly", NOW)
        await terms.set_solution(desk.actor, desk.site, "laundry", False, date(2027, 7, 1), None, NOW)
    async with in_account(desk.house.account_id):
        found = [(s.solution, s.rhythm, str(s.first), str(s.last or "")) for s in await administration.solutions(desk.site)]
    assert found == [("charging", "quarterly", "2026-12-01", ""), ("laundry", "quarterly", "2027-01-01", "2027-06-30")]
    assert await refusal(terms.set_solution(desk.actor, desk.site, "charging", True, date(2026, 11, 1), None, NOW)) == "solution_planned"


@pytest.mark.row("A28")
async def test_the_operating_method_changes_only_at_a_period_boundary(desk):
    for day in (date(2026, 12, 2), date(2026, 11, 1), TODAY):
        assert await refusal(terms.set_method(desk.actor, desk.site, "owner_statements", day, NOW)) == "not_a_boundary"
    for _ in range(2):
        await terms.set_method(desk.actor, desk.site, "owner_statements", date(2027, 1, 1), NOW)
    async with in_account(desk.house.account_id):
        found = [(m.method, str(m.first), str(m.last or "")) for m in await administration.methods(desk.site)]
    assert found == [("operator_bills", "2026-11-24", "2026-12-31"), ("owner_statements", "2027-01-01", "")]


@pytest.mark.row("A30")
@pytest.mark.row("A31")
async def test_a_fee_is_agreed_changed_removed_and_once_billed_only_ended(desk):
    form = terms.NewCondition(label="Verwaltung", amount=Decimal("4.50"), unit="billing_point", payer="resident", first=date(2026, 1, 1))
    fee = await terms.add_condition(desk.actor, desk.site, form, NOW)
    dearer = msgspec.structs.replace(form, amount=Decimal("5.00"), payer="owner", unit="month", last=date(2027, 12, 31))
    assert await terms.change_condition(desk.actor, fee, 1, dearer, NOW) == 2
    share = msgspec.structs.replace(form, unit="percent_of_turnover", amount=Decimal("100.01"))
    assert await refusal(terms.add_condition(desk.actor, desk.site, share, NOW)) == "bad_amount"
    async with as_owner():
        await execute("UPDATE financial_condition SET billed_until = '2026-10-31'")
    assert await refusal(terms.change_condition(desk.actor, fee, 2, form, NOW)) == "condition_billed"
    assert [await terms.remove_condition(desk.actor, fee, NOW) for _ in range(2)] == ["ended", "ended"]
    never = await terms.add_condition(desk.actor, desk.site, form, NOW)
    assert [await terms.remove_condition(desk.actor, never, NOW) for _ in range(2)] == ["removed", "removed"]
    async with in_account(desk.house.account_id):
        found = await administration.conditions(desk.site)
    assert [(c.amount, c.unit, c.payer, str(c.first), str(c.last)) for c in found] == [
        (Decimal("5.0000"), "month", "owner", "2026-01-01", "2026-10-31")]  # fmt: skip


@pytest.mark.row("A09")
async def test_a_site_that_was_used_is_deactivated_and_only_an_unused_one_is_deleted(desk):
    assert await refusal(commands.delete_site(desk.actor, desk.house.site_id, NOW)) == "site_in_use"
    await commands.set_status(desk.actor, desk.site, "deactivated", "Projekt aufgegeben", NOW)
    await commands.delete_site(desk.actor, desk.site, NOW)
    assert await refusal(commands.delete_site(desk.actor, desk.site, NOW)) == "not_found"
    async with in_account(desk.house.account_id):
        assert await fetchval("SELECT count(*) FROM billing_point WHERE site_id = $1", desk.house.site_id) == 3
        assert (await trail("site", desk.site))[-1].action == "created"


async def test_a_site_with_nothing_but_a_gateway_is_kept_and_says_why(desk):
    await commands.add_building(desk.actor, desk.site, "A", NOW)
    await add_gateway(desk.actor, desk.site, NewGateway(serial="GW-0001"), NOW)
    assert await refusal(commands.delete_site(desk.actor, desk.site, NOW)) == "site_in_use"
    async with in_account(desk.house.account_id):
        assert await fetchval("SELECT count(*) FROM building WHERE site_id = $1", desk.site) == 1


async def test_a_stranger_cannot_delete_my_site(desk):
    stranger = await make_house("XX")
    actor = Actor(account_id=stranger.account_id, name="Stranger")
    assert await refusal(commands.delete_site(actor, desk.site, NOW)) == "not_found"


def test_no_step_of_the_set_up_can_be_skipped():
    everything = {proof: True for _, proof in rules.SETUP if proof}
    nothing_ticked = rules.steps(everything, {})
    assert [step.name for step in nothing_ticked if step.done][-1] == "form_complete"
    assert [step.name for step in nothing_ticked if step.offered] == ["access_and_documents_sent"]
    ticked = {"documents_back": "a"}
    assert [step.name for step in rules.steps(everything, ticked) if step.done][-1] == "form_complete"
    ticked["access_and_documents_sent"] = "b"
    assert all(step.done for step in rules.steps(everything, ticked))
    assert not any(step.done for step in rules.steps({**everything, "installation_validated": False}, ticked))


@pytest.mark.row("A08")
@pytest.mark.row("O01")
async def test_the_set_up_is_seen_from_the_data_and_goes_in_order(desk):
    async def done() -> list[str]:
        async with in_account(desk.house.account_id):
            return [step.name for step in await administration.setup_steps(desk.site, TODAY) if step.done]

    assert await refusal(commands.tick_step(desk.actor, desk.site, "access_and_documents_sent", NOW)) == "step_not_due"
    assert await refusal(commands.tick_step(desk.actor, desk.site, "installation_validated", NOW)) == "step_not_due"
    for status in ("installing", "to_verify"):
        await commands.set_status(desk.actor, desk.site, status, "", NOW)
    owner = await somebody(desk, "Lindenhof")
    await terms.add_stakeholder(desk.actor, desk.site, terms.NewStakeholder(kind="owner", person_id=owner, first=date(2026, 1, 1)), NOW)
    assert await done() == ["installation_validated", "owner_contact_known"]
    async with as_owner():
        await execute("INSERT INTO site_form (account_id, site_id, token_hash, recipient, created_at, expires_at)"
                      " VALUES ($1, $2, 't', 'a@example.org', $3, $3)", desk.house.account_id, desk.site, NOW)  # fmt: skip
    assert (await done())[-1] == "form_link_sent"
    assert await refusal(commands.tick_step(desk.actor, desk.site, "access_and_documents_sent", NOW)) == "step_not_due"
    await commands.change_site(desk.actor, desk.site, commands.SiteChange(version=3, billing_from=date(2026, 11, 1)), NOW)
    await terms.set_solution(desk.actor, desk.site, "charging", True, date(2026, 11, 1), None, NOW)
    async with as_owner():
        await execute("UPDATE person SET iban = 'CH9300762011623852957' WHERE id = $1", owner)
        await execute("INSERT INTO tariff (account_id, site_id, name, currency, vat_rate, vat_included, period)"
                      " VALUES ($1, $2, 't', 'CHF', 0.081, true, '[2026-11-01,)')", desk.house.account_id, desk.site)  # fmt: skip
    for step in ("access_and_documents_sent", "access_and_documents_sent", "documents_back"):
        await commands.tick_step(desk.actor, desk.site, step, NOW)
    assert (await done())[-1] == "documents_back"
    await commands.set_status(desk.actor, desk.site, "in_operation", "", NOW)
    assert await done() == [name for name, _ in rules.SETUP]


@pytest.mark.row("I17")
async def test_a_site_has_name_address_and_kind_and_a_microgrid_needs_the_operator(desk):
    microgrid = msgspec.structs.replace(FORM, name="Inselnetz", kind="microgrid")
    assert await refusal(commands.create_site(desk.actor, microgrid, frozenset({"installer"}), NOW)) == "operator_needed"
    for roles, form in ((OPERATOR, microgrid), (frozenset({"installer"}), msgspec.structs.replace(FORM, name="Hof", kind="community"))):
        made = await commands.create_site(desk.actor, form, roles, NOW)
        await terms.set_solution(desk.actor, made, "charging", True, TODAY, None, NOW)
        async with in_account(desk.house.account_id):
            detail = await administration.site_detail(made)
        assert detail is not None and (detail.name, detail.kind, detail.street, detail.status) == (
            form.name,
            form.kind,
            form.street,
            "planned",
        )
