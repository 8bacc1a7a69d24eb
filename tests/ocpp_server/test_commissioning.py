"""A commissioning run with real stations: each is switched in turn, the meter shows where the current went, the wiring is mended."""

from datetime import timedelta

import pytest

from app.audit.model import Actor
from app.charging import commissioning
from app.charging.balance_state import site_state
from app.charging.intents import V16, V201
from app.charging.meter_currents import MeterCurrent, MeterCurrents, take_currents
from app.database.transaction import as_owner, execute, in_account
from app.kernel.errors import Refused
from app.kernel.identifiers import new_id
from tests.charging.house import BADGE_ANNA, BADGE_BEN
from tests.ocpp_server.conftest import rows
from tests.ocpp_server.test_balance import charging, circuit, limit_of, turn, utc

HOUSE_A = (4.0, 7.0, 2.0)
INSTALLER = "Ivo Installer"


@pytest.fixture(params=[V16, V201])
def version(request):
    return request.param


async def metered(site, fuse):
    """The meter of the zone, and one before it that sees the house too."""
    entry, own = new_id(), new_id()
    async with as_owner():
        for meter, serial, behind in ((entry, "M-ENTRY", None), (own, "M-CARS", entry)):
            await execute("INSERT INTO meter (account_id, id, site_id, kind, parent_id, serial, created_at) VALUES ($1, $2, $3, 'use', $4, $5, $6)",
                          site.house.account_id, meter, site.house.site_id, behind, serial, utc())  # fmt: skip
        await execute("UPDATE circuit SET has_meter = true, consumption_meter_id = $2 WHERE id = $1", fuse, own)
        await execute("INSERT INTO circuit_dlm_meter (account_id, circuit_id, meter_id, rated_ma) VALUES ($1, $2, $3, 80000)",
                      site.house.account_id, fuse, entry)  # fmt: skip


async def measured(site, cars_a, at, only=("M-ENTRY", "M-CARS")):
    words = {"M-CARS": cars_a, "M-ENTRY": [one + more for one, more in zip(HOUSE_A, cars_a, strict=True)]}
    told = [MeterCurrent(meter=name, at=at, ma=[round(1000 * one) for one in words[name]]) for name in only]
    return await take_currents(site.house.account_id, site.house.site_id, MeterCurrents(currents=told), at)


async def test_what_else_flows_before_a_zone_is_what_its_dlm_meter_sees_without_the_zones_own(site):
    fuse = await circuit(site, 40)
    await metered(site, fuse)
    at = utc()
    taken = await measured(site, (16.0, 16.0, 16.0), at)
    assert (taken.taken, taken.zones, taken.unknown) == (2, 1, [])
    async with in_account(site.house.account_id):
        state = await site_state(site.house.site_id, at)
    assert (state.circuits[0].base, state.silent) == (HOUSE_A, False)
    # Later the zone's own meter is silent: the cars count twice, which is safe. A DLM meter that is silent says nothing.
    later = at + timedelta(seconds=15)
    await measured(site, (6.0, 6.0, 6.0), later, only=("M-ENTRY",))
    async with in_account(site.house.account_id):
        assert (await site_state(site.house.site_id, later)).circuits[0].base == tuple(one + 6 for one in HOUSE_A)
    assert (await measured(site, (6.0, 6.0, 6.0), later + timedelta(seconds=15), only=("M-CARS",))).zones == 0
    ahead = MeterCurrents(currents=[MeterCurrent(meter="M-CARS", at=later + timedelta(hours=1), ma=[0, 0, 0])])
    with pytest.raises(Refused, match="future"):
        await take_currents(site.house.account_id, site.house.site_id, ahead, later)


async def test_a_run_switches_each_station_and_learns_its_phases_from_the_meter(site, version):
    fuse = await circuit(site, 40)
    await metered(site, fuse)
    async with as_owner():
        await execute("UPDATE station_wiring SET phases = '{L1}' WHERE station_id = $1", site.house.stations["CP-1"])
    first, one = await charging(site, "CP-1", version, BADGE_ANNA)
    second, two = await charging(site, "CP-3", version, BADGE_BEN)
    # In truth: CP-1 on L3; CP-3's first terminal on L2, and its car takes one phase.
    truth = {"CP-1": 2, "CP-3": 1}
    at = utc()
    await measured(site, (0.0, 0.0, 0.0), at)
    await turn(site, at)
    await one.begin(at, 1000)
    await two.begin(at, 1000)
    who = Actor(account_id=site.house.account_id, name=INSTALLER)
    async with in_account(site.house.account_id):
        await commissioning.start(who, site.house.site_id, at)
        with pytest.raises(Refused, match="under way"):
            await commissioning.start(who, site.house.site_id, at)
    seen = set()
    for seconds in range(1, 1200, 6):
        now = at + timedelta(seconds=seconds)
        flows = [0.0, 0.0, 0.0]
        for charger, charge, name in ((first, one, "CP-1"), (second, two, "CP-3")):
            amps = float(charger.limit(1)) if 1 in charger.installed else 0.0
            flows[truth[name]] += amps
            await charger.draws(charge, now, amps)
        await measured(site, flows, now)
        await turn(site, now)
        assert sum([float((await limit_of(site, name))["wanted_a"]) for name in truth]) <= 40
        async with in_account(site.house.account_id):
            run = (await commissioning.last_run(site.house.site_id)).run
        seen |= {(step.station_name, step.stage) for step in run.steps}
        if run.state == "done":
            break
    assert run.state == "done" and run.started_by == INSTALLER
    assert seen >= {(f"Place {number}", stage) for number in (1, 3) for stage in ("off", "on", "done")}
    found = {(step.station_name, step.connector): (step.verdict, step.found) for step in run.steps}
    assert found == {("Place 1", 1): ("learnt", ["L3"]), ("Place 1", 2): ("no_car", None),
                     ("Place 3", 1): ("learnt", ["L2"]), ("Place 3", 2): ("no_car", None)}  # fmt: skip
    wired = {row["station_id"]: row["phases"] for row in await rows("SELECT station_id, phases FROM station_wiring")}
    assert wired == {site.house.stations["CP-1"]: ["L3"], site.house.stations["CP-3"]: ["L2", "L3", "L1"]}
    told = await rows("SELECT DISTINCT reason FROM balance_step")
    assert "testing" in {row["reason"] for row in told}
    (kept,) = await rows("SELECT actor FROM audit_entry WHERE action = 'phases_learnt' AND object_id = $1", site.house.stations["CP-1"])
    assert kept["actor"] == INSTALLER


async def test_a_run_that_is_stopped_leaves_what_it_has_learnt_and_the_stations_to_the_loop(site):
    await circuit(site, 40)
    who = Actor(account_id=site.house.account_id, name=INSTALLER)
    async with in_account(site.house.account_id):
        assert (await commissioning.last_run(site.house.site_id)).run is None
        await commissioning.start(who, site.house.site_id, utc())
        await commissioning.stop(who, site.house.site_id, utc())
        await commissioning.stop(who, site.house.site_id, utc())
        run = (await commissioning.last_run(site.house.site_id)).run
        assert (run.state, {step.stage for step in run.steps}) == ("stopped", {"waiting"})
        await execute("DELETE FROM station_wiring")
        with pytest.raises(Refused, match="hangs on a circuit"):
            await commissioning.start(who, site.house.site_id, utc())
