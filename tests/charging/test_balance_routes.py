"""Circuits are set and checked, a meter's reading is kept, a resident says a wish and is told why."""

from datetime import timedelta

import pytest

from app.charging import balance_views as views
from app.charging.balance_loop import place_of
from app.charging.balance_state import site_state
from app.database.transaction import as_owner, execute, in_account
from app.kernel.errors import Refused
from app.kernel.identifiers import new_id
from tests.charging.house import NOW, make_house


@pytest.fixture
async def house(database):
    return await make_house()


def wiring(house, fail_safe_ma=6000, limit=(40_000, 40_000, 30_000)):
    stations = [views.StationPart(station_id=one, circuit="Garage", phases=["L2", "L3", "L1"], max_ma=16_000, fail_safe_ma=fail_safe_ma)
                for name, one in house.stations.items() if name != "CP-3"]  # fmt: skip
    return views.CircuitWiring(
        circuits=[views.CircuitPart(name="Main", limit_ma=[63_000] * 3, has_meter=True, worst_base_ma=[20_000] * 3),
                  views.CircuitPart(name="Garage", parent="Main", limit_ma=list(limit))],
        stations=stations,
    )  # fmt: skip


async def wire(house, **more):
    async with in_account(house.account_id):
        await views.wire(house.account_id, house.site_id, wiring(house, **more))
    async with in_account(house.account_id):
        return await views.wiring_of(house.site_id)


async def test_circuits_are_kept_and_a_station_without_one_is_found(house):
    kept = await wire(house)
    assert [(one.name, one.parent, one.limit_ma) for one in kept.circuits] == [
        ("Main", None, [63_000] * 3), ("Garage", "Main", [40_000, 40_000, 30_000]),
    ]  # fmt: skip
    assert [one.phases for one in kept.stations] == [["L2", "L3", "L1"]] * 2
    assert [(one.code, one.subject) for one in kept.findings] == [("station_without_circuit", str(house.stations["CP-3"]))]
    assert (await wire(house)).circuits == kept.circuits  # the same again changes nothing


async def test_fail_safes_that_would_open_a_breaker_are_found(house):
    kept = await wire(house, fail_safe_ma=8000)  # two stations with two places each: 32 A on 30
    assert [(one.subject, one.phase, one.needed_a, one.limit_a) for one in kept.findings if one.code == "fail_safe_too_high"] == [
        ("Garage", "L3", 32, 30)
    ]


async def test_circuits_that_feed_each_other_are_refused(house):
    await wire(house)
    with pytest.raises(Refused, match="circle"):
        async with in_account(house.account_id):
            circle = views.CircuitPart(name="Main", parent="Garage", limit_ma=[63_000] * 3)
            await views.wire(house.account_id, house.site_id, views.CircuitWiring(circuits=[circle]))


async def test_a_reading_counts_while_it_is_young_and_the_worst_after_a_minute(house):
    await wire(house)
    async with in_account(house.account_id):
        await views.keep_reading(house.account_id, house.site_id, "Main", [5000, 6000, -7000], NOW)
        young = await site_state(house.site_id, NOW + timedelta(seconds=5))
        older = await site_state(house.site_id, NOW + timedelta(seconds=30))
        lost = await site_state(house.site_id, NOW + timedelta(seconds=61))
        ahead = await site_state(house.site_id, NOW - timedelta(minutes=5))
    main = [{name: one for one in state.circuits for name in [state.names[one.id]]}["Main"].base for state in (young, older, lost, ahead)]
    assert main == [(5, 6, -7), (5, 6, -7), (20, 20, 20), (20, 20, 20)]
    assert [state.silent for state in (young, older, lost, ahead)] == [False, True, True, True]


async def test_a_wish_reaches_the_next_round_and_a_strangers_charge_does_not_exist(house):
    await wire(house)
    session = new_id()
    async with as_owner():
        await execute(
            "INSERT INTO charging_session (account_id, id, station_id, connector_no, tag_hash, tag_status, source, class, person_id,"
            " started_at, started_raw, start_received_at, meter_start_wh, last_meter_wh) VALUES ($1, $2, $3, 1, $4, 'Accepted', 'app',"
            " 'internal', $5, $6, '', $6, 1000, 3000)",
            house.account_id, session, house.stations["CP-1"], b"x" * 32, house.anna, NOW,
        )  # fmt: skip
        await execute("UPDATE station SET online = true")
    leaves = NOW + timedelta(hours=9)
    async with in_account(house.account_id):
        wish = views.ChargeWish(departure_at=leaves, wanted_wh=12_000, mode="solar")
        await views.wish_for(house.account_id, session, house.anna, wish, NOW)
        share = await views.share_of(session, house.anna)
        state = await site_state(house.site_id, NOW)
        with pytest.raises(Refused):
            await views.share_of(session, house.ben)
        with pytest.raises(Refused):
            await views.wish_for(house.account_id, session, house.ben, wish, NOW)
    assert (share.wish, share.steps) == (wish, [])
    (place,) = [found for row in state.places if (found := place_of(row, NOW)) is not None]
    assert (place.car.remaining_kwh, place.car.mode, place.car.departure_min) == (10, "solar", leaves.timestamp() / 60)
    assert place.car.phases == ("L2", "L3", "L1")
