"""The loop of a site with real stations of both versions on real sockets: shared out, told, proven by meters, explained."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from app.audit.model import Actor
from app.charging import balance_runner, limits
from app.charging.balance_loop import take_lease, tick
from app.charging.balance_planner import SitePlan
from app.charging.balance_runner import BalanceRunner
from app.charging.balance_views import ChargeWish, wish_for
from app.charging.intents import V16, V201
from app.charging.power_caps import NewPowerCap, cap_power, caps_of, end_cap
from app.database.transaction import as_owner, execute, in_account
from app.kernel.errors import Refused
from app.kernel.identifiers import new_id
from app.kernel.tasks import ended
from app.outbox.wake import live_channel
from tests.charging.house import BADGE_ANNA, BADGE_BEN, BADGE_BLOCKED
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.speaking import Charge
from tests.ocpp_server.test_limits import Charger


def utc():
    return datetime.now(UTC)


@pytest.fixture(params=[V16, V201])
def version(request):
    return request.param


async def circuit(site, limit_a=20, meter=False, worst_a=0, stations=("CP-1", "CP-3"), **wiring):
    """One fuse of the same size on each phase, with stations on it."""
    found = new_id()
    async with as_owner():
        await execute("INSERT INTO circuit (account_id, id, site_id, name, limit_ma, has_meter, worst_base_ma) VALUES ($1, $2, $3,"
                      " 'Garage', $4, $5, $6)", site.house.account_id, found, site.house.site_id, [limit_a * 1000] * 3, meter,
                      [worst_a * 1000] * 3)  # fmt: skip
        for name in stations:
            await execute("INSERT INTO station_wiring (account_id, station_id, circuit_id, phases, max_ma) VALUES"
                          " ($1, $2, $3, '{L1,L2,L3}', 16000)", site.house.account_id, site.house.stations[name], found)  # fmt: skip
    return found


async def reading(site, circuit_id, amperes, at):
    async with as_owner():
        await execute("INSERT INTO circuit_reading (account_id, circuit_id, taken_at, received_at, base_ma) VALUES ($1, $2, $3, $3, $4)"
                      " ON CONFLICT (account_id, circuit_id) DO UPDATE SET received_at = excluded.received_at, base_ma = excluded.base_ma",
                      site.house.account_id, circuit_id, at, [round(amperes * 1000)] * 3)  # fmt: skip


async def turn(site, at, owner="one", **more):
    """A tick, and the chargers have answered to it."""
    woken, _ = await tick(site.house.account_id, site.house.site_id, owner, at, **more)
    await settled(site)
    return woken


async def settled(site):
    async def quiet():
        for name in site.house.stations:
            await site.wake(name)
        found = await rows("SELECT count(*) AS n FROM station_command WHERE state IN ('queued', 'sent')")
        return found[0]["n"] == 0

    await eventually(quiet)


async def charging(site, name, version, tag):
    told_by = Charger(await site.connected(name, version), version, "Current")
    charge = Charge(told_by.station, tag=tag, tx=f"tx-{name}")
    return told_by, charge


async def limit_of(site, name):
    (found,) = await rows("SELECT * FROM charging_limit WHERE station_id = $1 AND connector_no = 1", site.house.stations[name])
    return found


async def steps(site, name):
    return await rows(
        "SELECT b.* FROM balance_step b JOIN charging_session x ON x.id = b.session_id WHERE x.station_id = $1 ORDER BY b.at",
        site.house.stations[name],
    )


async def test_two_cars_share_a_fuse_and_are_told_why(site, version):
    await circuit(site, 20)
    first, one = await charging(site, "CP-1", version, BADGE_ANNA)
    second, two = await charging(site, "CP-3", version, BADGE_BEN)
    at = utc()
    await turn(site, at)
    # A free place is told that nothing flows: a car that comes waits for its turn, a tick.
    assert (await limit_of(site, "CP-1"))["told_a"] == 0
    await one.begin(at, 1000)
    await two.begin(at, 1000)
    for seconds in range(2, 260, 20):
        now = at + timedelta(seconds=seconds)
        await turn(site, now)
        for charger, charge, name in ((first, one, "CP-1"), (second, two, "CP-3")):
            await charger.draws(charge, now + timedelta(seconds=1), float((await limit_of(site, name))["told_a"] or 0))
        await limits.tend(now + timedelta(seconds=2))
        await settled(site)
        counted = [(await limit_of(site, name))["told_a"] or 0 for name in ("CP-1", "CP-3")]
        assert sum(counted) <= 20
    assert [first.limit(1), second.limit(1)] == [10, 10]
    last = (await steps(site, "CP-1"))[-1]
    assert (last["reason"], last["cars"], last["shared_ma"], last["limit_ma"]) == ("sharing", 2, 20_000, 10_000)
    assert last["circuit_name"] == "Garage"


async def test_a_silent_meter_stops_every_rise_and_a_lost_one_counts_at_its_worst(site, version):
    fuse = await circuit(site, 40, meter=True, worst_a=34, stations=("CP-1",))
    _, charge = await charging(site, "CP-1", version, BADGE_ANNA)
    at = utc()
    await reading(site, fuse, 30, at)
    await turn(site, at)
    await charge.begin(at, 1000)
    await turn(site, at + timedelta(seconds=1))
    told = (await limit_of(site, "CP-1"))["wanted_a"]
    assert 6 <= told <= 10
    # Half a minute without a word: the room of before is not used to rise.
    for seconds in (20, 40, 55):
        await turn(site, at + timedelta(seconds=seconds))
        assert (await limit_of(site, "CP-1"))["wanted_a"] <= told
    # After a minute the worst ever known counts: 40 - 34 A.
    await turn(site, at + timedelta(seconds=62))
    assert (await limit_of(site, "CP-1"))["wanted_a"] == 6
    assert (await steps(site, "CP-1"))[-1]["reason"] == "meter_silent"


async def test_a_station_that_is_gone_keeps_its_current_reserved_until_its_limit_lapses(site, version):
    await circuit(site, 22)
    gone, one = await charging(site, "CP-1", version, BADGE_ANNA)
    at = utc()
    await one.begin(at, 1000)
    await turn(site, at)
    await gone.draws(one, at + timedelta(seconds=1), 16)
    was = (await limit_of(site, "CP-1"))["counted_a"]
    gone.station.cut()
    await eventually(lambda: rows("SELECT 1 FROM station WHERE identity = 'CP-1' AND NOT online"))
    _, two = await charging(site, "CP-3", version, BADGE_BEN)
    await two.begin(at, 1000)
    await turn(site, at + timedelta(seconds=4))
    assert float((await limit_of(site, "CP-3"))["wanted_a"]) <= 22 - float(was)
    # Its short profile has lapsed by itself: now it counts at the lasting one.
    later = at + timedelta(minutes=12)
    await limits.tend(later)
    for seconds in range(0, 120, 40):
        await settled(site)
        await turn(site, later + timedelta(seconds=seconds))
    assert 6 < (await limit_of(site, "CP-3"))["wanted_a"] <= 16


async def test_one_node_owns_a_site_and_another_takes_over_when_it_dies(site):
    await circuit(site, 20)
    house = site.house
    assert await take_lease(house.account_id, house.site_id, "one", seconds=1)
    assert not await take_lease(house.account_id, house.site_id, "two")
    assert await tick(house.account_id, house.site_id, "two", utc()) == ([], [])
    assert await eventually(lambda: take_lease(house.account_id, house.site_id, "two"), 5)
    (lease,) = await rows("SELECT owner, term FROM balance_lease")
    assert (lease["owner"], lease["term"]) == ("two", 2)


async def wanted(site, name):
    """Amperes that were asked of a place last."""
    return (await limit_of(site, name))["wanted_a"]


@pytest.mark.row("M16")
async def test_at_every_reading_the_zone_keeps_to_what_the_other_loads_leave(site, version):
    fuse = await circuit(site, 40, meter=True, worst_a=40)
    _, one = await charging(site, "CP-1", version, BADGE_ANNA)
    _, two = await charging(site, "CP-3", version, BADGE_BEN)
    at = utc()
    await reading(site, fuse, 10, at)
    await turn(site, at)
    await one.begin(at, 1000)
    await two.begin(at, 1000)
    for step, load_a in enumerate((10, 10, 20, 26, 31, 37, 33, 12)):
        now = at + timedelta(seconds=1 + step)
        await reading(site, fuse, load_a, now)
        await turn(site, now)
        asked = [await wanted(site, name) for name in ("CP-1", "CP-3")]
        assert sum(asked) <= max(0, 40 - load_a), (load_a, asked)
    # A load that goes gives room back, after it has held.
    assert sum([await wanted(site, name) for name in ("CP-1", "CP-3")]) < 28


@pytest.mark.row("M19")
async def test_without_its_meter_a_zone_falls_to_its_safe_current_and_a_station_that_hears_nothing_to_its_own(site, version):
    fuse = await circuit(site, 40, meter=True, worst_a=20, stations=("CP-1", "CP-3"))
    async with as_owner():
        await execute("UPDATE circuit SET safe_ma = 13000 WHERE id = $1", fuse)
    first, one = await charging(site, "CP-1", version, BADGE_ANNA)
    _, two = await charging(site, "CP-3", version, BADGE_BEN)
    at = utc()
    await reading(site, fuse, 0, at)
    await turn(site, at)
    await one.begin(at, 1000)
    await two.begin(at, 1000)
    for seconds in (1, 32, 34, 36):
        await reading(site, fuse, 0, at + timedelta(seconds=seconds))
        await turn(site, at + timedelta(seconds=seconds))
    assert min([await wanted(site, name) for name in ("CP-1", "CP-3")]) > 6.5
    await turn(site, at + timedelta(seconds=36 + 59))  # silent: nothing rises, but it holds
    assert sum([await wanted(site, name) for name in ("CP-1", "CP-3")]) > 13
    await turn(site, at + timedelta(seconds=36 + 61))
    assert [await wanted(site, name) for name in ("CP-1", "CP-3")] in ([6, 6], [6, 7], [7, 6])  # not 10 and 10, which 40 - 20 would leave
    # Under the limit that lapses lies the station's own, stored in it.
    assert first.limit(0) == 6 and first.installed[1][2].get("validTo")
    assert (await limit_of(site, "CP-1"))["failsafe_set"]


@pytest.mark.row("M20")
async def test_who_charges_is_managed_by_badge_and_how_much_by_what_is_there(site, version):
    fuse = await circuit(site, 40, meter=True, worst_a=40, stations=("CP-1",))
    told_by, charge = await charging(site, "CP-1", version, BADGE_ANNA)
    at = utc()
    await reading(site, fuse, 25, at)
    for uid, status in ((BADGE_BLOCKED, "Blocked"), (BADGE_ANNA, "Accepted")):
        token = {"idTag": uid} if version == V16 else {"idToken": {"idToken": uid, "type": "ISO14443"}}
        answer = await told_by.station.said("Authorize", token)
        assert next(iter(answer.values()))["status"] == status
    await turn(site, at)
    assert await wanted(site, "CP-1") == 0  # nobody is there
    await charge.begin(at, 1000)
    (session,) = await rows("SELECT person_id, source FROM charging_session WHERE state = 'open'")
    assert (session["person_id"], session["source"]) == (site.house.anna, "badge")
    for step, (load_a, most) in enumerate(((25, 15), (34, 6), (36, 0))):
        now = at + timedelta(seconds=1 + step)
        await reading(site, fuse, load_a, now)
        await turn(site, now)
        assert await wanted(site, "CP-1") <= most
    assert (await steps(site, "CP-1"))[-1]["reason"] == "waiting_capacity"


async def test_a_grid_operators_cap_holds_until_its_end_or_until_it_is_taken_back(site, version):
    await circuit(site, 40)
    _, one = await charging(site, "CP-1", version, BADGE_ANNA)
    at, house = utc(), site.house
    grid = Actor(account_id=house.account_id, name="operator")
    await one.begin(at, 1000)
    for seconds in (0, 31, 33, 35):
        await turn(site, at + timedelta(seconds=seconds))
    assert await wanted(site, "CP-1") == 16
    # § 14a EnWG: 4.2 kW are 6 A on three phases, from now on.
    async with in_account(house.account_id):
        asked = NewPowerCap(cap_w=4200, ends_at=at + timedelta(hours=2), asked_by="Netze")
        cap = await cap_power(grid, house.site_id, asked, at + timedelta(seconds=36))
        with pytest.raises(Refused):
            await cap_power(grid, house.site_id, asked, at + timedelta(hours=2))
    await turn(site, at + timedelta(seconds=36))
    assert await wanted(site, "CP-1") == 6
    assert (await steps(site, "CP-1"))[-1]["reason"] == "power_cap"
    for seconds in (7199, 7201, 7232, 7234, 7236):
        await turn(site, at + timedelta(seconds=seconds))
        assert (await wanted(site, "CP-1") > 6) == (seconds > 7230)
    # Another one, of no power at all, is taken back.
    later = at + timedelta(seconds=7240)
    async with in_account(house.account_id):
        none = await cap_power(grid, house.site_id, NewPowerCap(cap_w=0, ends_at=later + timedelta(hours=1), asked_by="Netze"), later)
    await turn(site, later)
    assert await wanted(site, "CP-1") == 0
    async with in_account(house.account_id):
        await end_cap(grid, house.site_id, none.id, later + timedelta(seconds=5))
        assert [(one.id, one.ends_at) for one in await caps_of(house.site_id)] == [
            (none.id, later + timedelta(seconds=5)),
            (cap.id, cap.ends_at),
        ]
    for seconds in (6, 37):
        await turn(site, later + timedelta(seconds=seconds))
    assert await wanted(site, "CP-1") >= 6


async def test_the_plan_serves_who_has_to_leave_and_is_made_anew_when_a_wish_comes(site):
    await circuit(site, 14)
    first, one = await charging(site, "CP-1", V16, BADGE_ANNA)
    second, two = await charging(site, "CP-3", V16, BADGE_BEN)
    at, ahead = utc(), SitePlan()
    await one.begin(at, 1000)
    await two.begin(at, 1000)
    await turn(site, at, ahead=ahead)
    await first.draws(one, at + timedelta(seconds=33), 6)
    await second.draws(two, at + timedelta(seconds=33), 6)
    await limits.tend(at + timedelta(seconds=34))
    for seconds in (35, 37):
        await turn(site, at + timedelta(seconds=seconds), ahead=ahead)
    assert [await wanted(site, name) for name in ("CP-1", "CP-3")] == [7, 7]  # nobody has said a wish: equal
    (session,) = await rows("SELECT id FROM charging_session WHERE person_id = $1", site.house.ben)
    async with in_account(site.house.account_id):
        wish = ChargeWish(departure_at=at + timedelta(hours=2), wanted_wh=11_000)
        await wish_for(site.house.account_id, session["id"], site.house.ben, wish, at)
    for seconds in (40, 75, 110, 145):
        await turn(site, at + timedelta(seconds=seconds), ahead=ahead)
        await limits.tend(at + timedelta(seconds=seconds))
        await settled(site)
    asked = [float(await wanted(site, name)) for name in ("CP-1", "CP-3")]
    assert asked[0] == 6 and sum(asked) <= 14


async def test_what_happens_between_two_ticks_is_acted_on_at_once(site, version, redis_url, monkeypatch):
    monkeypatch.setattr(balance_runner, "TICK_S", 3600.0)
    await circuit(site, 20, stations=("CP-1",))
    told_by, charge = await charging(site, "CP-1", version, BADGE_ANNA)

    async def wake(stations):
        for name, station_id in site.house.stations.items():
            if station_id in stations:
                await site.wake(name)

    async def announce(_):
        """Nobody looks."""

    redis = Redis.from_url(redis_url)
    runner = BalanceRunner(utc, announce, wake)
    tasks = [asyncio.create_task(runner.run()), asyncio.create_task(runner.listen(redis))]
    try:
        await eventually(lambda: rows("SELECT 1 FROM charging_limit WHERE connector_no = 1 AND wanted_a = 0"))
        await eventually(lambda: redis.pubsub_numpat())
        # A start: no tick is due for an hour.
        await told_by.station.said("StatusNotification", told_by.station.status("Charging" if version == V16 else "Occupied", 1))
        await charge.begin(utc(), 1000)
        await eventually(lambda: rows("SELECT 1 FROM charging_limit WHERE connector_no = 1 AND wanted_a = 6"))
        # A circuit that is set anew, as the web announces it.
        async with as_owner():
            await execute("UPDATE circuit SET limit_ma = '{5000,5000,5000}'")
        wish = {"kind": "balance", "account_id": str(site.house.account_id)}
        await redis.publish(live_channel(site.house.account_id), json.dumps(wish))
        await eventually(lambda: rows("SELECT 1 FROM charging_limit WHERE connector_no = 1 AND wanted_a = 0"))
        # And the end.
        await charge.end(utc(), 1500)
    finally:
        await ended(tasks)
        await redis.aclose()
