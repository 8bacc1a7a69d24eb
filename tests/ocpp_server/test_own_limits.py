"""What an operator limits by hand at a balanced place: the loop keeps it as a further bound, on both versions."""

from datetime import timedelta
from decimal import Decimal

import pytest

from app.charging import limits, wiring
from app.charging.intents import V16, V201, Period, Profile
from app.charging.limit_rules import bound_of
from app.database.transaction import in_account
from tests.charging.house import BADGE_ANNA, BADGE_BEN
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.staff import staffed
from tests.ocpp_server.test_balance import charging, circuit, limit_of, settled, steps, turn, utc, wanted


@pytest.fixture(params=[V16, V201])
def version(request):
    return request.param


@pytest.fixture
async def staff(site, settings_for, tmp_path):
    async with staffed(site, settings_for(), tmp_path) as made:
        yield made


async def full(site, version):
    """A car at full speed on a circuit with room."""
    await circuit(site, 40, stations=("CP-1",))
    charger, charge = await charging(site, "CP-1", version, BADGE_ANNA)
    at = utc()
    await charge.begin(at, 1000)
    for seconds in (0, 31, 33, 35):
        await turn(site, at + timedelta(seconds=seconds))
    assert await wanted(site, "CP-1") == 16
    return charger, at


async def test_a_limit_by_hand_holds_at_once_outlives_the_rounds_and_ends_when_it_is_lifted(site, version, staff):
    charger, at = await full(site, version)
    assert (await staff.ask({"kind": "LimitPlace", "connector": 1, "limit_a": "8"})).status_code == 202
    await settled(site)
    assert (await wanted(site, "CP-1"), charger.limit(1)) == (8, 8)
    for seconds in (60, 95, 97, 99):
        await turn(site, at + timedelta(seconds=seconds))
        assert (await wanted(site, "CP-1"), charger.limit(1)) == (8, 8)
    assert (await steps(site, "CP-1"))[-1]["reason"] == "operator_limit"
    assert (await staff.ask({"kind": "LimitPlace", "connector": 1, "limit_a": None})).status_code == 202
    for seconds in (100, 131, 133):
        await turn(site, at + timedelta(seconds=seconds))
    assert await wanted(site, "CP-1") == 16


async def test_a_profile_by_hand_is_a_bound_in_its_time_and_never_stands_before_the_loops_own(site, version, staff):
    charger, at = await full(site, version)
    ends = (at + timedelta(minutes=10)).isoformat()
    profile = {"id": 77, "stack_level": 5, "purpose": "default", "valid_to": ends, "starts_at": at.isoformat(),
               "periods": [{"start_s": 0, "limit_a": "10"}, {"start_s": 300, "limit_a": "0"}]}  # fmt: skip
    asked = await staff.ask({"kind": "SetProfile", "connector": 1, "profile": profile})
    assert asked.status_code == 202, asked.text
    await settled(site)
    assert set(charger.installed) == {0, 1} and await wanted(site, "CP-1") == 10
    for seconds, most in ((120, 10), (301, 0), (500, 0)):
        await turn(site, at + timedelta(seconds=seconds))
        assert await wanted(site, "CP-1") == most
    for seconds in (601, 632, 634, 636, 638):
        await turn(site, at + timedelta(seconds=seconds))
    assert await wanted(site, "CP-1") == 16
    # Clearing what was set by hand leaves the loop's profiles in the charger.
    assert (await staff.ask({"kind": "SetProfile", "connector": 1, "profile": profile | {"valid_to": None}})).status_code == 202
    assert (await staff.ask({"kind": "ClearProfile"})).status_code == 202
    await settled(site)
    assert set(charger.installed) == {0, 1}
    assert await rows("SELECT 1 FROM place_bound") == []


async def test_a_limit_by_hand_stays_when_nobody_balances_the_place_any_more(site, staff):
    charger, at = await full(site, V16)
    await staff.ask({"kind": "LimitPlace", "connector": 1, "limit_a": "7"})
    await settled(site)
    station = site.house.stations["CP-1"]
    async with in_account(site.house.account_id):
        freed = await wiring.wire(site.house.account_id, site.house.site_id, wiring.CircuitWiring(off=[station]))
    await wiring.free(freed, at)
    await settled(site)
    assert (await limit_of(site, "CP-1"))["wanted_a"] == 7 and charger.limit(1) == 7
    await staff.ask({"kind": "LimitPlace", "connector": 1, "limit_a": None})
    await eventually(lambda: rows("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM charging_limit WHERE connector_no = 1)"))


def test_a_profile_bounds_in_its_own_time_only():
    at = utc()
    ten = Profile(id=1, stack_level=0, purpose="default", starts_at=at, duration_s=600,
                  periods=(Period(start_s=0, limit_a=Decimal(10)), Period(start_s=60, limit_a=Decimal(6))))  # fmt: skip
    assert [bound_of(ten, None, at + timedelta(seconds=one)) for one in (-1, 0, 59, 60, 599, 600)] == [None, 10, 10, 6, 6, None]
    relative = Profile(id=1, stack_level=0, purpose="transaction", periods=ten.periods)
    assert [bound_of(relative, at, at + timedelta(seconds=one)) for one in (0, 60)] == [10, 6]
    assert bound_of(relative, None, at) == 10


async def test_st62_nobody_rises_on_the_room_of_a_charger_that_has_accepted_less_and_does_not_obey(site, version):
    await circuit(site, 20)
    first, one = await charging(site, "CP-1", version, BADGE_ANNA)
    second, two = await charging(site, "CP-3", version, BADGE_BEN)
    at = utc()
    await one.begin(at, 1000)
    for seconds in (0, 31, 33, 35):
        await turn(site, at + timedelta(seconds=seconds))
    assert await wanted(site, "CP-1") == 16
    await two.begin(at + timedelta(seconds=36), 1000)
    for seconds in range(40, 280, 20):
        now = at + timedelta(seconds=seconds)
        await turn(site, now)
        await first.draws(one, now + timedelta(seconds=1), 16)  # whatever it was told
        await limits.tend(now + timedelta(seconds=2))
        await settled(site)
        assert 16 + float((await limit_of(site, "CP-3"))["told_a"] or 0) <= 20, seconds
    row = await limit_of(site, "CP-1")
    assert (row["told_a"] < 16, row["counted_a"], row["problem"], row["confirmed_at"]) == (True, 16, "not_obeyed", None)
    # It obeys at last: the meter shows it, and only then the other one begins.
    for seconds in range(300, 460, 20):
        now = at + timedelta(seconds=seconds)
        await first.draws(one, now, float((await limit_of(site, "CP-1"))["told_a"]))
        await limits.tend(now + timedelta(seconds=1))
        await turn(site, now + timedelta(seconds=2))
    assert (await limit_of(site, "CP-3"))["told_a"] >= 6 and second.limit(1) >= 6
