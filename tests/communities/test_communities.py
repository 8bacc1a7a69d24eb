"""A community's meters on a real database: created whole, configured by days, and what they share."""

from collections.abc import Awaitable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import pytest

from app.audit.model import Actor
from app.communities import commands, queries, readings
from app.communities import sharing_rules as rules
from app.communities.model import Connection, NewCommunityMeter, NewConfiguration
from app.database.transaction import as_owner, fetchval, in_account
from app.kernel.errors import Refused
from tests.charging.house import House, make_house

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
TODAY = NOW.date()
EAN = "541449123456789012"
DAY = timedelta(days=1)


class Desk(msgspec.Struct):
    """A community of Anna and Ben."""

    house: House
    actor: Actor
    community: UUID

    async def meter(self, ean: str, number: str, member: UUID, **changed: Any) -> UUID:
        return await commands.create_meter(self.actor, self.community, form(member, ean=ean, meter_number=number, **changed), NOW)

    async def page(self, meter: UUID, day: date = TODAY, holder: UUID | None = None) -> Connection:
        async with in_account(self.house.account_id):
            return await queries.connection(meter, day, holder)


def form(member: UUID, **changed: Any) -> NewCommunityMeter:
    values: dict[str, Any] = {
        "street": "Rue Haute 1", "postcode": "1000", "city": "Bruxelles", "country": "BE", "ean": EAN, "meter_number": "1SAG1100",
        "phases": 3, "reading_frequency": "monthly", "tariff_group": "low_tension", "sampling_power_kw": Decimal("9.2"),
        "generating_capacity_kw": Decimal("5.5"), "amperage_a": Decimal(40), "production_chain": "solar",
        "injection_status": "self_producer_owner", "grid_operator": "Sibelga", "rate": "dual", "client_type": "residential",
        "member_id": member, "activation_date": date(2026, 10, 1),
    }  # fmt: skip
    return NewCommunityMeter(**{**values, **changed})


def later(member: UUID, first: date, **changed: Any) -> NewConfiguration:
    kept = {name: getattr(form(member), name) for name in commands.SETTINGS}
    return NewConfiguration(**{**kept, "first": first, **changed})


@pytest.fixture
async def desk(database: str) -> Desk:
    house = await make_house()
    actor = Actor(account_id=house.account_id, name="Olga Operator")
    community = await commands.create_community(actor, house.site_id, "Haute", NOW)
    for person in (house.anna, house.ben):
        await commands.add_member(actor, community, person, date(2026, 1, 1), NOW)
    return Desk(house, actor, community)


async def refusal(work: Awaitable[Any]) -> str:
    with pytest.raises(Refused) as refused:
        await work
    return refused.value.code


@pytest.mark.row("A76")
@pytest.mark.row("A77")
async def test_the_address_the_ean_and_the_number_are_needed_and_an_ean_is_used_once(desk):
    await desk.meter(EAN, "1SAG1100", desk.house.anna)
    with pytest.raises(Refused) as refused:
        await desk.meter(EAN, "1SAG1101", desk.house.ben)
    assert (refused.value.code, refused.value.status, refused.value.params["fields"]) == ("ean_taken", 409, ["ean"])
    assert await refusal(desk.meter("541449123456789013", "1SAG1100", desk.house.ben)) == "meter_number_taken"
    whole = msgspec.to_builtins(form(desk.house.anna))
    for name in ("street", "postcode", "city", "ean", "meter_number"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({key: value for key, value in whole.items() if key != name}, NewCommunityMeter)
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({**whole, name: " "}, NewCommunityMeter)
    for wrong in ("54144912345678901", "5414491234567890123", "54144912345678901x"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({**whole, "ean": wrong}, NewCommunityMeter)


@pytest.mark.row("A78")
@pytest.mark.row("A79")
@pytest.mark.row("A80")
@pytest.mark.row("A81")
async def test_every_field_of_the_form_is_kept_and_only_what_exists_is_taken(desk):
    meter = await desk.meter(EAN, "1SAG1100", desk.house.anna)
    shown = await desk.page(meter)
    given = form(desk.house.anna)
    assert shown.actual is not None and shown.actual.member_name == "anna"
    assert {name: getattr(shown.actual, name) for name in commands.SETTINGS} == {name: getattr(given, name) for name in commands.SETTINGS}
    assert (shown.ean, shown.meter_number, shown.street, shown.city, shown.country) == (EAN, "1SAG1100", "Rue Haute 1", "Bruxelles", "BE")
    bare = await desk.meter("541449123456789029", "2", desk.house.ben, sampling_power_kw=None, generating_capacity_kw=None, amperage_a=None,
                            production_chain=None, injection_status=None)  # fmt: skip
    assert (await desk.page(bare)).actual.amperage_a is None
    whole = msgspec.to_builtins(given)
    wrong = {"phases": 0, "reading_frequency": "weekly", "tariff_group": "middle", "production_chain": "nuclear", "injection_status": "x",
             "rate": "triple", "client_type": "state", "member_id": "anna"}  # fmt: skip
    for name, value in wrong.items():
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({**whole, name: value}, NewCommunityMeter)
    for name in commands.FIGURES:
        assert await refusal(desk.meter("541449123456789036", "3", desk.house.anna, **{name: Decimal(-1)})) == "bad_figure"
    assert await refusal(desk.meter("541449123456789036", "3", desk.house.stranger)) == "not_a_member"
    assert await refusal(desk.meter("541449123456789036", "3", desk.house.anna, activation_date=date(2025, 12, 31))) == "not_a_member"


@pytest.mark.row("A83")
async def test_what_is_refused_leaves_neither_a_meter_nor_a_configuration(desk):
    assert await refusal(desk.meter(EAN, "1SAG1100", desk.house.stranger)) == "not_a_member"
    async with as_owner():
        for table in ("meter", "community_meter", "community_configuration"):
            assert await fetchval(f"SELECT count(*) FROM {table}") == 0, table
    meter = await desk.meter(EAN, "1SAG1100", desk.house.anna)
    async with as_owner():
        assert await fetchval("SELECT count(*) FROM community_configuration WHERE meter_id = $1", meter) == 1


@pytest.mark.row("A85")
async def test_a_new_configuration_ends_the_one_before_and_a_future_one_can_be_taken_back(desk):
    meter = await desk.meter(EAN, "1SAG1100", desk.house.anna)
    await commands.add_configuration(desk.actor, meter, later(desk.house.ben, date(2026, 11, 1), rate="simple"), NOW)
    for taken in (date(2026, 11, 1), date(2026, 10, 15)):
        assert await refusal(commands.add_configuration(desk.actor, meter, later(desk.house.anna, taken), NOW)) == "configuration_exists"
    future = await commands.add_configuration(desk.actor, meter, later(desk.house.anna, date(2027, 1, 1)), NOW)
    shown = await desk.page(meter)
    assert [(one.first, one.last, one.rate) for one in [*shown.historical, shown.actual, *shown.future]] == [
        (date(2026, 10, 1), date(2026, 10, 31), "dual"), (date(2026, 11, 1), date(2026, 12, 31), "simple"), (date(2027, 1, 1), None, "dual"),
    ]  # fmt: skip
    assert await refusal(commands.delete_configuration(desk.actor, shown.actual.id, True, NOW, TODAY)) == "configuration_begun"
    await commands.delete_configuration(desk.actor, future, False, NOW, TODAY)
    assert (await desk.page(meter)).actual.last == date(2026, 12, 31)
    future = await commands.add_configuration(desk.actor, meter, later(desk.house.anna, date(2027, 2, 1)), NOW)
    await commands.delete_configuration(desk.actor, future, True, NOW, TODAY)
    assert (await desk.page(meter)).actual.last is None
    waiting = await desk.meter("541449123456789029", "2", desk.house.anna, activation_date=date(2027, 1, 1))
    only = (await desk.page(waiting)).future[0]
    assert await refusal(commands.delete_configuration(desk.actor, only.id, False, NOW, TODAY)) == "only_configuration"


@pytest.mark.row("A86")
async def test_a_deactivated_meter_keeps_its_rate_type_and_holder(desk):
    meter = await desk.meter(EAN, "1SAG1100", desk.house.anna)
    before = (await desk.page(meter)).actual
    for _ in range(2):
        await commands.set_state(desk.actor, meter, "inactive", date(2026, 11, 10), NOW)
    shown = await desk.page(meter)
    assert (shown.actual.state, shown.actual.first, shown.historical[0].last) == ("inactive", date(2026, 11, 10), date(2026, 11, 9))
    assert {name: getattr(shown.actual, name) for name in commands.SETTINGS} == {name: getattr(before, name) for name in commands.SETTINGS}
    for day, state in ((20, "waiting_for_grid_operator"), (21, "waiting_for_manager"), (22, "active")):
        await commands.set_state(desk.actor, meter, state, date(2026, 11, day), NOW)
    assert (await desk.page(meter)).actual.state == "active"
    assert await refusal(commands.set_state(desk.actor, meter, "inactive", date(2026, 9, 1), NOW)) == "before_activation"


async def test_a_membership_is_kept_once_and_a_communitys_name_is_its_own(desk):
    first = await commands.add_member(desk.actor, desk.community, desk.house.anna, date(2026, 1, 1), NOW)
    async with in_account(desk.house.account_id):
        assert [one.name for one in await queries.members(desk.community)] == ["anna", "ben"]
        assert first in [one.id for one in await queries.members(desk.community)]
    assert await refusal(commands.add_member(desk.actor, desk.community, desk.house.anna, date(2026, 3, 1), NOW)) == "member_already"
    assert await refusal(commands.create_community(desk.actor, desk.house.site_id, " Haute ", NOW)) == "name_taken"


def test_a_meter_takes_part_on_active_days_only():
    class One(msgspec.Struct):
        first: date
        last: date | None
        state: str

    listed = [One(TODAY, TODAY + DAY, "active"), One(TODAY + 2 * DAY, TODAY + 2 * DAY, "inactive"), One(TODAY + 3 * DAY, None, "active")]
    assert rules.active_days(listed, TODAY - DAY, 6) == [False, True, True, False, True, True]
    assert rules.in_force(listed, TODAY + 2 * DAY) == 1 and rules.in_force(listed, TODAY - DAY) is None


def test_what_is_shared_is_taken_and_given_in_proportion_and_the_sums_agree():
    drawn, fed = np.array([[300, 100], [100, 0], [500, 0]]), np.array([[0, 0], [200, 900], [0, 100]])
    active = np.array([[1, 1], [1, 1], [0, 0]])
    shared, injected = rules.shares(drawn, fed, active)
    assert shared.tolist() == [[150, 100], [50, 0], [0, 0]]
    assert injected.tolist() == [[0, 0], [200, 100], [0, 0]]


@pytest.mark.row("A82")
@pytest.mark.row("R48")
async def test_six_series_where_a_meter_is_left_out_of_everything_before_its_activation(desk):
    """Anna feeds in and Ben draws; Ben's meter is active from the third day of the month only."""
    first = date(2026, 10, 1)
    giver = await desk.meter(EAN, "A", desk.house.anna)
    taker = await desk.meter("541449123456789029", "B", desk.house.ben, activation_date=date(2026, 10, 3))
    for n in range(4):
        await readings.store(desk.house.account_id, giver, first + n * DAY, [10] * 96, [100] * 96, NOW)
        await readings.store(desk.house.account_id, taker, first + n * DAY, [50] * 96, [], NOW)
    async with in_account(desk.house.account_id):
        taken = await readings.series(taker, first, first + 4 * DAY, "day")
        given = await readings.series(giver, first, first + 4 * DAY, "day")
        quarters = await readings.series(giver, date(2026, 10, 25), date(2026, 10, 25), "quarter")
        month = await readings.series(taker, first, date(2026, 10, 31), "month")
        with pytest.raises(Refused):
            await readings.series(taker, first, first + 31 * DAY, "quarter")
    assert [(one.at, one.gross, one.net, one.shared) for one in taken] == [
        ("2026-10-01", None, None, None), ("2026-10-02", None, None, None), ("2026-10-03", 4800, 0, 4800), ("2026-10-04", 4800, 0, 4800),
        ("2026-10-05", None, None, None),
    ]  # fmt: skip
    assert [(one.injected_gross, one.injected_net, one.injected_shared, one.shared) for one in given[1:3]] == [
        (9600, 8640, 960, 960), (9600, 3840, 5760, 960),
    ]  # fmt: skip
    assert len(quarters) == 100 and quarters[0].at == "2026-10-24T22:00:00Z" and quarters[0].gross is None
    assert [(one.at, one.shared) for one in month] == [("2026-10", 9600)]


async def test_a_member_sees_the_own_time_only(desk):
    meter = await desk.meter(EAN, "A", desk.house.anna)
    await commands.add_configuration(desk.actor, meter, later(desk.house.ben, date(2026, 10, 3)), NOW)
    for day in (2, 3):
        await readings.store(desk.house.account_id, meter, date(2026, 10, day), [10] * 96, [], NOW)
    assert [one.member_name for one in (await desk.page(meter, holder=desk.house.anna)).historical] == ["anna"]
    assert (await desk.page(meter, holder=desk.house.anna)).actual is None
    assert await refusal(desk.page(meter, holder=desk.house.stranger)) == "not_found"
    async with in_account(desk.house.account_id):
        seen = await readings.series(meter, date(2026, 10, 2), date(2026, 10, 3), "day", desk.house.ben)
        assert [one.gross for one in seen] == [None, 960]
        [hers] = await queries.connections_of(desk.house.anna, TODAY)
        # It is Ben's by now: Anna is told nothing of who came after her.
        assert (hers.ean, hers.member_name, hers.state, hers.activation_date) == (EAN, "anna", None, date(2026, 10, 1))
        [his] = await queries.connections_of(desk.house.ben, TODAY)
        assert (his.member_name, his.state, his.activation_date) == ("ben", "active", date(2026, 10, 3))
        assert await queries.connections_of(desk.house.stranger, TODAY) == []


async def test_the_list_is_filtered_by_digits_of_the_ean(desk):
    await desk.meter(EAN, "A", desk.house.anna)
    await desk.meter("541449999999999999", "B", desk.house.ben, activation_date=date(2027, 1, 1))
    async with in_account(desk.house.account_id):
        assert [one.meter_number for one in await queries.connections(desk.community, "123456", TODAY)] == ["A"]
        both = await queries.connections(desk.community, "5414", TODAY)
        assert [(one.meter_number, one.state, one.member_name) for one in both] == [("A", "active", "anna"), ("B", None, "ben")]
        assert await queries.connections(desk.community, "000", TODAY) == []
