"""Badges as they are made, blocked and asked for."""

from datetime import UTC, datetime

import pytest

from app.audit.model import Actor
from app.audit.queries import trail
from app.charging.authorisation import authorise
from app.charging.model import Station
from app.database.transaction import as_owner, execute, fetch, fetchrow, in_account
from app.kernel.errors import Refused
from app.residents import administration, badges
from app.residents.badge_uid import opened_uid
from app.residents.commands import report_badge_lost
from tests.charging.house import BADGE_BEN, SECRET, House, make_house

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
UID = "04C1C2C3C4C5C6"


@pytest.fixture
async def house(database: str) -> House:
    return await make_house()


@pytest.fixture
def actor(house: House) -> Actor:
    return Actor(account_id=house.account_id, name="Olga Operator")


async def at_station(house: House, uid: str) -> str:
    async with as_owner():
        row = await fetchrow("SELECT * FROM station WHERE identity = 'CP-1'")
    return await authorise(Station(**{name: row[name] for name in Station.__struct_fields__}), uid, SECRET, NOW)


async def refusal(work) -> Refused:
    with pytest.raises(Refused) as refused:
        await work
    return refused.value


@pytest.mark.row("A46")
async def test_a_badge_is_made_for_somebody_and_works_at_once(house, actor):
    assert await at_station(house, UID) == "Invalid"
    new = badges.NewBadge(uid="04:c1:c2:c3 c4:c5:c6", person_id=house.anna, label="Velo")
    made = await badges.create_badge(actor, new, SECRET, NOW)
    assert await badges.create_badge(actor, new, SECRET, NOW) == made
    assert await at_station(house, UID) == "Accepted"
    async with in_account(house.account_id):
        row = next(b for b in await administration.badges(house.anna) if b.id == made)
        assert (row.tail, row.label, row.state) == ("C5C6", "Velo", "active")
        assert UID not in repr(await fetch("SELECT * FROM badge")) and UID not in repr(await trail("badge", made))
    async with as_owner():
        sealed = await fetchrow("SELECT uid_sealed FROM badge WHERE id = $1", made)
    assert opened_uid(SECRET, made, sealed["uid_sealed"]) == UID


async def test_a_badge_that_is_somebody_elses_or_no_badge_at_all_is_refused(house, actor):
    assert (
        await refusal(badges.create_badge(actor, badges.NewBadge(uid=BADGE_BEN, person_id=house.anna), SECRET, NOW))
    ).code == "badge_taken"
    for wrong in ("", "12345", "04C1C2C3C4C5C6'--", "Z4C1C2C3C4C5C6"):
        assert (await refusal(badges.create_badge(actor, badges.NewBadge(uid=wrong, person_id=house.anna), SECRET, NOW))).code == "bad_uid"


async def test_blocking_is_immediate_and_reversible_but_lost_is_for_ever(house, actor):
    made = await badges.create_badge(actor, badges.NewBadge(uid=UID, person_id=house.anna), SECRET, NOW)
    for state, answer in (("blocked", "Blocked"), ("active", "Accepted"), ("lost", "Blocked")):
        for _ in range(2):
            await badges.set_badge_state(actor, made, state, "asked by phone", NOW)
        assert await at_station(house, UID) == answer
    assert (await refusal(badges.set_badge_state(actor, made, "active", "", NOW))).code == "badge_lost"
    assert (await refusal(badges.create_badge(actor, badges.NewBadge(uid=UID, person_id=house.anna), SECRET, NOW))).code == "badge_taken"
    async with in_account(house.account_id):
        assert [line.changes["state"][1] for line in await trail("badge", made) if line.action == "state"] == ["lost", "active", "blocked"]


async def test_a_badge_that_its_holder_reports_lost_is_refused_from_then_on(house):
    assert await at_station(house, BADGE_BEN) == "Accepted"
    async with in_account(house.account_id):
        badge = (await administration.badges(house.ben))[0]
    await report_badge_lost(house.account_id, house.ben, badge.id)
    assert await at_station(house, BADGE_BEN) == "Blocked"


@pytest.mark.row("R29")
async def test_a_request_for_a_private_station_must_name_the_place_or_the_serial_number(house, actor):
    assert (await refusal(badges.request_badge(actor, house.anna, badges.BadgeRequest(kind="new"), NOW))).code == "place_needed"
    named = await badges.request_badge(actor, house.anna, badges.BadgeRequest(kind="new", place="Platz 2"), NOW)
    assert await badges.request_badge(actor, house.anna, badges.BadgeRequest(kind="new", place="Platz 2"), NOW) == named
    await badges.request_badge(actor, house.ben, badges.BadgeRequest(kind="extra"), NOW)  # Ben has no private place


@pytest.mark.row("R32")
@pytest.mark.row("R33")
async def test_a_building_badge_is_enrolled_only_if_it_is_mifare_classic_and_the_owner_collects(house, actor):
    for technology in ("mifare_t_cl", "desfire", "unknown", ""):
        asked = badges.BadgeRequest(kind="enrol", technology=technology)
        assert (await refusal(badges.request_badge(actor, house.ben, asked, NOW))).code == "technology_refused"
    classic = badges.BadgeRequest(kind="enrol", technology="mifare_classic")
    async with as_owner():
        await execute("INSERT INTO operating_method (account_id, site_id, method, period) VALUES ($1, $2, 'operator_bills', '[2000-01-01,)')",
                      house.account_id, house.site_id)  # fmt: skip
    assert (await refusal(badges.request_badge(actor, house.ben, classic, NOW))).code == "own_badges_refused"
    async with as_owner():
        await execute("UPDATE operating_method SET method = 'owner_statements'")
    assert await badges.request_badge(actor, house.ben, classic, NOW)


async def test_a_request_is_answered_once_with_a_badge_or_with_a_reason(house, actor):
    first = await badges.request_badge(actor, house.ben, badges.BadgeRequest(kind="new"), NOW)
    approval = badges.RequestAnswer(approve=True, uid=UID)
    made = await badges.answer_request(actor, first, approval, SECRET, NOW)
    assert made is not None and await badges.answer_request(actor, first, approval, SECRET, NOW) == made
    assert await at_station(house, UID) == "Accepted"
    assert (
        await refusal(badges.answer_request(actor, first, badges.RequestAnswer(approve=False, answer="no"), SECRET, NOW))
    ).code == "answered_already"
    second = await badges.request_badge(actor, house.ben, badges.BadgeRequest(kind="extra"), NOW)
    assert (await refusal(badges.answer_request(actor, second, badges.RequestAnswer(approve=False), SECRET, NOW))).code == "reason_needed"
    await badges.answer_request(actor, second, badges.RequestAnswer(approve=False, answer="Zwei Badges genügen."), SECRET, NOW)
    async with in_account(house.account_id):
        rows = {row.id: (row.state, row.answer) for row in await administration.badge_requests(house.ben)}
    assert rows == {first: ("approved", ""), second: ("refused", "Zwei Badges genügen.")}
