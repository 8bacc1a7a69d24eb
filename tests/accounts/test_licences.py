"""Platform accounts: asked for, approved, extended, renewed, reminded of."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import msgspec
import pytest

from app.accounts import licence_rules as rules
from app.accounts import licences
from app.accounts.licence_rules import Licence, NewAccount, Variable
from app.accounts.licences import Answer
from app.database.transaction import as_owner, execute, fetchval
from app.kernel.errors import Refused
from app.kernel.identifiers import new_id
from app.kernel.settings import settings_from
from notifications.commands import mail_licence

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
FORM = NewAccount(
    account_name="Genossenschaft Nord", client_name="Nord AG", licence="plus", datapoints=20, sector="housing", comment="bitte"
)
YES = Answer(approve=True)


@pytest.fixture
async def boss(database: str) -> UUID:
    login = new_id()
    async with as_owner():
        await execute(
            "INSERT INTO login (id, email, name, locale, created_at) VALUES ($1, 'boss@example.org', 'Berta Boss', 'de', $2)", login, NOW
        )
    return login


async def refusal(work) -> Refused:
    with pytest.raises(Refused) as refused:
        await work
    return refused.value


async def approved(boss: UUID, form: NewAccount = FORM, now: datetime = NOW) -> UUID:
    asked = await licences.ask_for_account(boss, form, now)
    made = await licences.answer(boss, asked, YES, now)
    assert made.account_id is not None
    return made.account_id


async def licence(account_id: UUID, now: datetime = NOW) -> Licence:
    found = await licences.portfolio(now.date())
    return next(one for one in [*found.active, *found.expired] if one.account_id == account_id)


@pytest.mark.row("A61")
@pytest.mark.row("A65")
async def test_an_account_is_asked_for_with_every_field_and_exists_only_after_the_approval(boss):
    asked = await licences.ask_for_account(boss, FORM, NOW)
    assert await licences.ask_for_account(boss, FORM, NOW) == asked
    found = await licences.portfolio(NOW.date())
    assert [(r.kind, r.account_name, r.state, r.comment, r.asked_by, r.sector, r.months) for r in found.applications] == [
        ("new", "Genossenschaft Nord", "pending", "bitte", "Berta Boss", "housing", 12)]  # fmt: skip
    async with as_owner():
        assert await fetchval("SELECT count(*) FROM account") == 0
    for _ in range(2):
        await licences.answer(boss, asked, YES, NOW)
    made = (await licences.portfolio(NOW.date())).active
    assert [(m.account_name, m.client_name, m.kind, m.datapoints, m.in_use, m.expires_on) for m in made] == [
        ("Genossenschaft Nord", "Nord AG", "plus", 20, 0, date(2027, 11, 24))]  # fmt: skip
    assert (await refusal(licences.ask_for_account(boss, FORM, NOW))).code == "account_exists"


@pytest.mark.row("A62")
async def test_an_account_has_at_least_twenty_datapoints(boss):
    refused = await refusal(licences.ask_for_account(boss, msgspec.structs.replace(FORM, datapoints=19), NOW))
    assert (refused.code, refused.params["fields"]) == ("too_few_datapoints", ["datapoints"])


@pytest.mark.row("A63")
async def test_rtc_lines_are_for_spain_only(boss):
    refused = await refusal(licences.ask_for_account(boss, msgspec.structs.replace(FORM, rtc_lines=1), NOW))
    assert refused.code == "rtc_in_spain_only"
    await licences.ask_for_account(boss, msgspec.structs.replace(FORM, rtc_lines=3, country="ES"), NOW)


@pytest.mark.row("A64")
async def test_an_own_mail_domain_may_be_chosen_and_the_comment_left_out(boss):
    for wrong in ("example", "a@example.org", "exa mple.org", ".org"):
        assert (await refusal(licences.ask_for_account(boss, msgspec.structs.replace(FORM, email_domain=wrong), NOW))).code == "bad_domain"
    account = await approved(boss, msgspec.structs.replace(FORM, email_domain="nord.example", comment=""))
    assert (await licence(account)).email_domain == "nord.example"


@pytest.mark.row("A67")
@pytest.mark.row("A68")
@pytest.mark.row("B59")
async def test_datapoints_are_added_and_taken_away_only_by_approval_and_never_below_twenty_or_what_is_used(boss):
    account = await approved(boss)
    asked = await licences.ask_for_datapoints(boss, account, 25, NOW)
    assert (await licence(account)).datapoints == 20
    assert (await refusal(licences.ask_for_datapoints(boss, account, 5, NOW))).code == "asked_already"
    for _ in range(2):
        await licences.answer(boss, asked, YES, NOW)
    assert (await licence(account)).datapoints == 45
    refused = await refusal(licences.ask_for_datapoints(boss, account, -26, NOW))
    assert (refused.code, refused.params["removable"]) == ("below_use", 25)
    asked = await licences.ask_for_datapoints(boss, account, -25, NOW)
    await _use(account, connectors=11)
    assert (await licence(account)).in_use == 22
    refused = await refusal(licences.answer(boss, asked, YES, NOW))
    assert (refused.code, refused.params["floor"]) == ("below_use", 22)
    assert (await licence(account)).datapoints == 45
    no = Answer(approve=False, answer="22 sind in Gebrauch.")
    assert (await licences.answer(boss, asked, no, NOW)).state == "refused"
    assert (await refusal(licences.answer(boss, asked, YES, NOW))).code == "answered_already"
    assert (await licence(account)).datapoints == 45
    assert (await refusal(licences.ask_for_datapoints(boss, account, 0, NOW))).code == "nothing_asked"


@pytest.mark.row("A69")
async def test_another_licence_is_a_request_too(boss):
    account = await approved(boss)
    assert (await refusal(licences.ask_for_licence(boss, account, "plus", NOW))).code == "same_licence"
    asked = await licences.ask_for_licence(boss, account, "enterprise", NOW)
    assert (await licence(account)).kind == "plus"
    assert (await refusal(licences.answer(boss, asked, Answer(approve=False), NOW))).code == "reason_needed"
    await licences.answer(boss, asked, YES, NOW)
    assert (await licence(account)).kind == "enterprise"


@pytest.mark.row("A59")
@pytest.mark.row("A71")
async def test_an_account_that_ends_moves_to_the_expired_ones_with_its_data_and_comes_back_renewed(boss):
    account = await approved(boss)
    last, after = datetime(2027, 11, 24, 23, tzinfo=UTC), datetime(2027, 11, 25, 1, tzinfo=UTC)
    assert [a.account_id for a in (await licences.portfolio(last.date())).active] == [account]
    found = await licences.portfolio(after.date())
    assert (found.active, [a.datapoints for a in found.expired]) == ([], [20])
    asked = await licences.ask_for_renewal(boss, account, after)
    assert [r.kind for r in (await licences.portfolio(after.date())).applications] == ["renewal"]
    for _ in range(2):
        await licences.answer(boss, asked, YES, after)
    assert (await licence(account, after)).expires_on == date(2028, 11, 25)
    assert [a.account_id for a in (await licences.portfolio(after.date())).active] == [account]


def test_a_renewal_before_the_end_follows_the_old_end():
    assert rules.renewed_until(date(2027, 2, 28), date(2027, 1, 3)) == date(2028, 2, 28)
    assert rules.later(date(2028, 2, 29), 12) == date(2029, 2, 28)


@pytest.mark.row("A70")
async def test_reminders_go_out_a_month_and_a_week_before_and_on_the_day_each_once_from_the_real_date(boss, database, tmp_path: Path):
    account = await approved(boss, msgspec.structs.replace(FORM, months=5))  # ends on 24 April 2027, not after a year
    async with as_owner():
        await execute(
            "INSERT INTO role_grant (account_id, login_id, role, valid_from) VALUES ($1, $2, 'superadmin', '2026-01-01')", account, boss
        )
    given = {}
    for offset in range(200):
        now = NOW + timedelta(days=offset)
        for _ in range(2):
            given |= {kind: now.date() for _, kind in await licences.remind(now)}
    assert given == {"month_before": date(2027, 3, 24), "week_before": date(2027, 4, 17), "on_the_day": date(2027, 4, 24)}
    line = await asyncpg.connect(database)
    jobs = await line.fetch(
        "SELECT args->>'kind' AS kind FROM procrastinate.procrastinate_jobs WHERE task_name = 'LicenceEnds' ORDER BY id"
    )
    await line.close()
    assert [job["kind"] for job in jobs] == ["month_before", "week_before", "on_the_day"]
    settings = settings_from({"HOFSTROM_DATA": str(tmp_path)})
    for _ in range(2):
        await mail_licence(settings, account, "week_before", date(2027, 4, 24), NOW)
    mails = list((tmp_path / "mail").glob("*.eml"))
    assert len(mails) == 1 and "boss@example.org" in mails[0].read_text()


async def test_a_renewed_account_is_reminded_of_its_new_end(boss):
    account = await approved(boss, msgspec.structs.replace(FORM, months=1))
    await licences.remind(NOW)
    asked = await licences.ask_for_renewal(boss, account, NOW)
    await licences.answer(boss, asked, YES, NOW)
    assert await licences.remind(NOW + timedelta(days=31)) == []
    assert await licences.remind(datetime(2027, 12, 24, 6, tzinfo=UTC)) == [(account, "on_the_day")]


def test_after_days_without_a_run_only_the_latest_reminder_is_given():
    end = date(2027, 4, 24)
    assert rules.reminder_due(end, date(2027, 4, 20), []) == "week_before"
    assert rules.reminder_due(end, date(2027, 4, 20), ["week_before"]) is None
    assert rules.reminder_due(end, date(2027, 4, 25), []) is None


@pytest.mark.row("A72")
@pytest.mark.row("A73")
def test_a_datapoint_is_one_variable_of_a_device_whatever_its_resolutions_and_only_billable_kinds_count():
    device = [
        Variable("M-1", name, "sent_in", seconds) for name in ("active energy", "reactive energy", "power") for seconds in (60, 900, 3600)
    ]
    assert rules.datapoints_of(device) == 3
    assert rules.datapoints_of([*device, Variable("M-2", "power")]) == 4
    billable = {"sent_in", "virtual_device", "forecast", "carbon"}
    kinds = ("sent_in", "virtual_device", "forecast", "carbon", "group", "derived", "calculated", "degree_days", "location")
    assert {kind for kind in kinds if rules.datapoints_of([Variable("X", "value", kind)])} == billable


@pytest.mark.row("A60")
@pytest.mark.row("A72")
@pytest.mark.row("A73")
async def test_the_active_accounts_show_what_is_in_use_counted_by_variable(boss):
    account = await approved(boss, msgspec.structs.replace(FORM, datapoints=30))
    await _use(account, connectors=4)
    assert (await licence(account)).in_use == 8
    async with as_owner():
        site = await fetchval("SELECT id FROM site WHERE account_id = $1", account)
        await execute("UPDATE site SET latitude = 46.9, longitude = 7.4 WHERE id = $1", site)  # location metadata
        await execute("INSERT INTO meter (account_id, site_id, kind, serial, created_at) VALUES ($1, $2, 'production', 'PV', $3)",
                      account, site, NOW)  # fmt: skip
        circuit = await fetchval("INSERT INTO circuit (account_id, site_id, name, limit_ma) VALUES ($1, $2, 'Main', '{63000,63000,63000}')"
                                 " RETURNING id", account, site)  # fmt: skip
        await execute("INSERT INTO circuit_reading (account_id, circuit_id, taken_at, received_at, base_ma) VALUES ($1, $2, $3, $3, '{1,2,3}')",
                      account, circuit, NOW)  # fmt: skip
    found = await licence(account)
    assert (found.in_use, found.datapoints - found.in_use) == (8 + 1 + 3, 18)


async def _use(account: UUID, connectors: int) -> None:
    creditor, site, station = new_id(), new_id(), new_id()
    async with as_owner():
        await execute("INSERT INTO creditor (account_id, id, name, street, postcode, city, country, iban)"
                      " VALUES ($1, $2, 'C', 's', 'p', 'c', 'CH', 'CH9300762011623852957')", account, creditor)  # fmt: skip
        await execute("INSERT INTO site (account_id, id, creditor_id, name, street, postcode, city, country, currency, time_zone, created_at)"
                      " VALUES ($1, $2, $3, 'S', 's', 'p', 'c', 'CH', 'CHF', 'Europe/Zurich', $4)", account, site, creditor, NOW)  # fmt: skip
        await execute("INSERT INTO station (account_id, id, identity, site_id, name, password_hash, max_power_w, commissioned_at)"
                      " VALUES ($1, $2, 'LIC-1', $3, 'S', decode(repeat('00', 32), 'hex'), 11000, $4)", account, station, site, NOW)  # fmt: skip
        for number in range(1, connectors + 1):
            await execute("INSERT INTO connector (account_id, station_id, number, public_code) VALUES ($1, $2, $3, $4)",
                          account, station, number, f"LICODE{number:02}")  # fmt: skip
