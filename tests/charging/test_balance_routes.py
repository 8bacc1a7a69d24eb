"""Circuits are set and checked, a meter's reading is kept, a resident says a wish and is told why."""

from datetime import timedelta

import msgspec
import pytest

from app.charging import balance_picture as picture
from app.charging import balance_views as views
from app.charging import wiring
from app.charging.balance_loop import place_of
from app.charging.balance_state import site_state
from app.charging.balancing.allocation import network_of, share_out
from app.charging.balancing.solar import surplus_kw
from app.database.transaction import as_owner, execute, in_account
from app.kernel.errors import Refused
from app.kernel.identifiers import new_id
from tests.charging.house import NOW, make_house


@pytest.fixture
async def house(database):
    return await make_house()


def plan_of(house, fail_safe_ma=6000, limit=(40_000, 40_000, 30_000)):
    stations = [wiring.StationPart(station_id=one, circuit="Garage", phases=["L2", "L3", "L1"], max_ma=16_000, fail_safe_ma=fail_safe_ma)
                for name, one in house.stations.items() if name != "CP-3"]  # fmt: skip
    return wiring.CircuitWiring(
        circuits=[wiring.CircuitPart(name="Main", limit_ma=[63_000] * 3, has_meter=True, worst_base_ma=[20_000] * 3),
                  wiring.CircuitPart(name="Garage", parent="Main", limit_ma=list(limit))],
        stations=stations,
    )  # fmt: skip


async def wire(house, **more):
    async with in_account(house.account_id):
        await wiring.wire(house.account_id, house.site_id, plan_of(house, **more))
    async with in_account(house.account_id):
        return await wiring.wiring_of(house.site_id)


async def test_circuits_are_kept_and_a_station_without_one_is_found(house):
    kept = await wire(house)
    assert [(one.name, one.parent, one.limit_ma) for one in kept.circuits] == [
        ("Main", None, [63_000] * 3), ("Garage", "Main", [40_000, 40_000, 30_000]),
    ]  # fmt: skip
    assert [one.phases for one in kept.stations] == [["L2", "L3", "L1"]] * 2
    assert [(one.code, one.subject) for one in kept.findings] == [
        ("station_without_circuit", str(house.stations["CP-3"])), ("zone_without_breaker", "Garage"), ("zone_without_meter", "Garage"),
    ]  # fmt: skip
    assert (await wire(house)).circuits == kept.circuits  # the same again changes nothing


@pytest.mark.row("M14")
async def test_a_station_belongs_to_one_zone_of_63_amperes_where_nothing_else_is_said(house):
    async with in_account(house.account_id):
        one = wiring.CircuitWiring(circuits=[wiring.CircuitPart(name="Main"), wiring.CircuitPart(name="Roof")])
        await wiring.wire(house.account_id, house.site_id, one)
    kept = await wire(house)
    assert {part.name: part.limit_ma for part in kept.circuits}["Roof"] == [63_000] * 3
    first = kept.stations[0].station_id
    moved = wiring.CircuitWiring(stations=[wiring.StationPart(station_id=first, circuit="Roof", phases=["L1"], max_ma=32_000)])
    async with in_account(house.account_id):
        await wiring.wire(house.account_id, house.site_id, moved)
        kept = await wiring.wiring_of(house.site_id)
        state = await site_state(house.site_id, NOW)
    assert [part.circuit for part in kept.stations if part.station_id == first] == ["Roof"]
    roof = {name: one for one, name in state.names.items()}["Roof"]
    assert {str(row["circuit_id"]) for row in state.places if row["station_id"] == first} == {roof}
    assert [one.grave for one in kept.findings if one.code == "station_without_circuit"] == [True]
    # Off it again: it hangs nowhere, and the check says so.
    async with in_account(house.account_id):
        assert await wiring.wire(house.account_id, house.site_id, wiring.CircuitWiring(off=[first])) == [first]
        kept = await wiring.wiring_of(house.site_id)
    assert str(first) in {one.subject for one in kept.findings if one.code == "station_without_circuit"}


async def meters(house, *named):
    """Meters by name, each with the one it hangs behind; those with a flat measure it."""
    found = {}
    async with in_account(house.account_id):
        for name, behind, flat in named:
            found[name] = new_id()
            await execute("INSERT INTO meter (account_id, id, site_id, kind, parent_id, serial, created_at) VALUES ($1, $2, $3, $4, $5, $6,"
                          " $7)", house.account_id, found[name], house.site_id, "use", found.get(behind), name, NOW)  # fmt: skip
            if flat is not None:
                await execute("INSERT INTO meter_link (account_id, meter_id, billing_point_id, period) VALUES ($1, $2, $3, '[2026-01-01,)')",
                              house.account_id, found[name], flat)  # fmt: skip
    return found


@pytest.mark.row("A19")
@pytest.mark.row("A20")
async def test_a_zone_has_a_limit_its_meters_and_a_breaker_and_a_meter_that_sees_only_the_zone_is_refused_for_the_rest(house):
    known = await meters(house, ("entry", None, None), ("flat", "entry", house.flat_anna), ("cars", "entry", None), ("near", "cars", None))
    zone = wiring.CircuitPart(name="Cars", limit_ma=[40_000] * 3, breaker="Q7", consumption_meter_id=known["near"],
                              dlm_meters=[wiring.DlmMeter(meter_id=known["entry"], rated_ma=80_000)])  # fmt: skip

    async def kept(part):
        async with in_account(house.account_id):
            await wiring.wire(house.account_id, house.site_id, wiring.CircuitWiring(circuits=[part]))
        async with in_account(house.account_id):
            return await wiring.wiring_of(house.site_id)

    assert (await kept(zone)).circuits == [zone]
    assert {(one.serial, one.behind_id) for one in (await kept(zone)).meters} == {
        ("entry", None), ("flat", known["entry"]), ("cars", known["entry"]), ("near", known["cars"]),
    }  # fmt: skip
    more = msgspec.structs.replace(zone, limit_ma=[50_000] * 3, breaker="Q8",
                                   dlm_meters=sorted([*zone.dlm_meters, wiring.DlmMeter(meter_id=known["flat"])], key=lambda one: one.meter_id))  # fmt: skip
    assert (await kept(more)).circuits == [more]
    # Not the closest: said. One that sees only the zone as the meter of the rest: refused, and nothing has changed.
    further = await kept(msgspec.structs.replace(zone, consumption_meter_id=known["cars"]))
    assert "meter_not_closest" in {one.code for one in further.findings}
    for own in ("cars", "near"):
        with pytest.raises(Refused, match="nothing but the zone"):
            await kept(msgspec.structs.replace(zone, dlm_meters=[wiring.DlmMeter(meter_id=known[own])]))
    assert (await kept(zone)).circuits == [zone]
    with pytest.raises(Refused):
        await kept(msgspec.structs.replace(zone, consumption_meter_id=new_id()))


async def test_fail_safes_that_would_open_a_breaker_are_found(house):
    kept = await wire(house, fail_safe_ma=8000)  # two stations with two places each: 32 A on 30
    assert [(one.subject, one.phase, one.needed_a, one.limit_a) for one in kept.findings if one.code == "fail_safe_too_high"] == [
        ("Garage", "L3", 32, 30)
    ]


async def test_circuits_that_feed_each_other_are_refused(house):
    await wire(house)
    with pytest.raises(Refused, match="circle"):
        async with in_account(house.account_id):
            circle = wiring.CircuitPart(name="Main", parent="Garage", limit_ma=[63_000] * 3)
            await wiring.wire(house.account_id, house.site_id, wiring.CircuitWiring(circuits=[circle]))


async def test_a_reading_counts_while_it_is_young_and_the_worst_after_a_minute(house):
    await wire(house)
    async with in_account(house.account_id):
        await wiring.keep_reading(house.account_id, house.site_id, "Main", [5000, 6000, -7000], NOW)
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


async def charge(house, station, person, flat=None, started=NOW):
    """A charge that runs since `started`."""
    session = new_id()
    async with as_owner():
        await execute(
            "INSERT INTO charging_session (account_id, id, station_id, connector_no, tag_hash, tag_status, source, class, person_id,"
            " billing_point_id, started_at, started_raw, start_received_at, meter_start_wh, last_meter_wh) VALUES ($1, $2, $3, 1, $4,"
            " 'Accepted', 'app', 'internal', $5, $6, $7, '', $7, 0, 0)",
            house.account_id, session, house.stations[station], b"x" * 32, person, flat, started,
        )  # fmt: skip
        await execute("UPDATE station SET online = true WHERE account_id = $1", house.account_id)
    return session


async def shares(house, session, other, **wish):
    """Amperes of two charges once the first has said its wish."""
    async with in_account(house.account_id):
        await views.wish_for(house.account_id, session, house.anna, views.ChargeWish(**wish), NOW)
        state = await site_state(house.site_id, NOW)
    cars = [found.car for row in state.places if (found := place_of(row, NOW)) is not None]
    amps = share_out(cars, network_of(cars, state.circuits), NOW.timestamp() / 60, 5, surplus_kw(state.circuits))
    by_session = {car.session: amount for car, amount in zip(cars, amps, strict=True)}
    return by_session[str(session)], by_session[str(other)]


@pytest.mark.row("R24")
async def test_a_resident_chooses_for_a_charge_full_speed_a_minimum_with_sun_or_sun_only(house):
    await wire(house)
    mine, other = await charge(house, "CP-1", house.anna), await charge(house, "CP-2", house.ben)

    async def with_sun(base_ma, mode):
        async with in_account(house.account_id):
            await wiring.keep_reading(house.account_id, house.site_id, "Main", base_ma, NOW)
        return (await shares(house, mine, other, mode=mode))[0]

    assert [await with_sun([0, 0, 0], mode) for mode in ("fast", "minimum", "solar")] == [15, 6, 0]
    sunny = [-30_000] * 3  # 20.7 kW of sun, of which the other car takes 11
    assert [await with_sun(sunny, mode) for mode in ("fast", "minimum", "solar")] == [15, 14, 14]


@pytest.mark.row("R25")
async def test_a_departure_and_the_wanted_energy_bring_a_charge_forward(house):
    await wire(house, limit=(14_000, 14_000, 14_000))
    mine, other = await charge(house, "CP-1", house.anna), await charge(house, "CP-2", house.ben)
    assert await shares(house, mine, other) == (7, 7)
    soon = NOW + timedelta(hours=2)
    assert await shares(house, mine, other, departure_at=soon, wanted_wh=10_000) == (8, 6)
    # Plenty of time: the other may have more now.
    assert await shares(house, mine, other, departure_at=NOW + timedelta(hours=20), wanted_wh=6_000) == (6, 8)
    # Room for one only: who has to go is served, who has time waits.
    await wire(house, limit=(7_000, 7_000, 7_000))
    assert await shares(house, mine, other, departure_at=soon, wanted_wh=8_000) == (7, 0)


async def test_the_priority_of_the_billing_point_decides_who_has_the_sun(house):
    await wire(house)
    mine, other = await charge(house, "CP-1", house.anna, house.flat_anna), await charge(house, "CP-2", house.ben, house.flat_ben)
    async with as_owner():
        await execute("UPDATE billing_point SET priority = 3 WHERE account_id = $1 AND id = $2", house.account_id, house.flat_ben)
    async with in_account(house.account_id):
        await wiring.keep_reading(house.account_id, house.site_id, "Main", [-9000, -9000, -9000], NOW, 2070)
        await views.wish_for(house.account_id, other, house.ben, views.ChargeWish(mode="solar"), NOW)
    assert await shares(house, mine, other, mode="solar") == (0, 12)  # what the battery takes (3 A) is the cars'
    async with in_account(house.account_id):
        part = wiring.CircuitPart(name="Main", has_meter=True, battery_first=True)
        await wiring.wire(house.account_id, house.site_id, wiring.CircuitWiring(circuits=[part]))
    assert await shares(house, mine, other, mode="solar") == (0, 9)


async def test_what_a_car_leaves_unused_is_noticed_once_it_had_time_to_take_it(house):
    await wire(house)
    session = await charge(house, "CP-1", house.anna)
    told, seen = NOW - timedelta(minutes=2), NOW - timedelta(minutes=1)
    async with as_owner():
        await execute("INSERT INTO charging_limit (account_id, station_id, connector_no, wanted_a, wanted_at, failsafe_a, told_a, told_at,"
                      " counted_a) VALUES ($1, $2, 1, 16, $3, 6, 16, $3, 16)", house.account_id, house.stations["CP-1"], told)  # fmt: skip

    async def observed(watts, at):
        async with as_owner():
            await execute("UPDATE charging_session SET last_power_w = $2, last_value_at = $3 WHERE id = $1", session, watts, at)
        async with in_account(house.account_id):
            state = await site_state(house.site_id, NOW)
        (car,) = [found.car for row in state.places if (found := place_of(row, NOW)) is not None]
        return car.observed_a

    assert await observed(5520, seen) == 8
    assert await observed(10_900, seen) is None  # it takes what it may
    assert await observed(5520, told + timedelta(seconds=10)) is None  # too early to tell
    assert await observed(5520, NOW - timedelta(minutes=10)) is None  # too old


async def test_the_picture_shows_what_flows_on_each_phase_and_who_has_what(house):
    await wire(house)
    session = await charge(house, "CP-1", house.anna)
    async with as_owner():
        await execute("UPDATE station SET online = (identity = 'CP-1') WHERE account_id = $1", house.account_id)
        await execute("UPDATE charging_session SET last_power_w = 5520, last_value_at = $2 WHERE id = $1", session, NOW)
        await execute("INSERT INTO charging_limit (account_id, station_id, connector_no, wanted_a, wanted_at, failsafe_a, told_a, told_at,"
                      " counted_a) VALUES ($1, $2, 1, 10, $3, 6, 10, $3, 10)", house.account_id, house.stations["CP-1"], NOW)  # fmt: skip
    async with in_account(house.account_id):
        await wiring.keep_reading(house.account_id, house.site_id, "Main", [5000, 6000, -7000], NOW)
        load = await picture.site_load(house.site_id, NOW + timedelta(seconds=4))
        await picture.set_priority(house.site_id, house.stations["CP-1"], 7)
        ranked = await picture.site_load(house.site_id, NOW)
        with pytest.raises(Refused):
            await picture.set_priority(house.site_id, house.stations["CP-3"], 7)  # it hangs on no circuit
    main, garage = load.circuits
    assert (main.name, main.limit_ma, main.base_ma, main.age_s, garage.parent) == ("Main", [63_000] * 3, [5000, 6000, -7000], 4, main.id)
    assert (garage.cars_ma, main.cars_ma) == ([10_000] * 3, [10_000] * 3)
    assert garage.reserved_ma == [12_000] * 3  # two places of a station that hears nothing, at their fail-safe
    (mine,) = [one for one in garage.cars if one.charging]
    assert (mine.station_name, mine.limit_ma, mine.measured_ma, mine.online) == ("Place 1", 10_000, 8000, True)
    assert {one.priority for one in ranked.circuits[1].cars if one.station_id == house.stations["CP-1"]} == {7}
