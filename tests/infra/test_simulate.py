"""`hofstrom simulate`: a site's own charges, or those of a file, replayed in a scratch copy; and the pure parts of the twin."""

import argparse
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from app.cli import parser
from app.database.transaction import as_owner, execute, in_account
from app.kernel.settings import settings_from
from infra.simulation.cars import Profiles, SimCar
from infra.simulation.command import simulate
from infra.simulation.faults import Faults, Outages
from infra.simulation.history import NothingToReplay, place_of
from infra.simulation.optimum import optimum_wh
from infra.simulation.place import BadFile, TwinCircuit, TwinPlace, TwinStation, Visit, visits_of
from tests.charging.house import BADGE_ANNA, SECRET, make_house
from tests.charging.test_balance_routes import wire

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)


async def charge(house, station, began, minutes, wh):
    async with as_owner():
        await execute(
            "INSERT INTO charging_session (account_id, station_id, connector_no, tag_hash, tag_status, source, class, person_id,"
            " billing_point_id, state, started_at, started_raw, start_received_at, meter_start_wh, stopped_at, meter_stop_wh, energy_wh)"
            " VALUES ($1, $2, 1, $3, 'Accepted', 'badge', 'internal', $4, $5, 'ended', $6, '', $6, 0, $7, $8, $8)",
            house.account_id, house.stations[station], b"x" * 32, house.anna, house.flat_anna, began, began + timedelta(minutes=minutes), wh,
        )  # fmt: skip


def args(*more):
    found = parser().parse_args(["simulate", "--site", "Lindenhof", "--days", "1", *more])
    assert isinstance(found, argparse.Namespace)
    return found


async def test_a_sites_own_charges_are_replayed_with_real_messages_and_reported_with_a_picture(database, tmp_path, capsys):
    house = await make_house()
    await wire(house, limit=(16_000, 16_000, 16_000), fail_safe_ma=0)
    await charge(house, "CP-1", MIDNIGHT + timedelta(hours=20), 25, 1500)
    await charge(house, "CP-2", MIDNIGHT + timedelta(hours=20, minutes=5), 25, 1200)
    await charge(house, "CP-1", MIDNIGHT - timedelta(hours=9), 90, 4000)  # before the days asked for
    place = await place_of(house.account_id, house.site_id, "Lindenhof", MIDNIGHT, 1)
    assert [(one.name, one.parent, one.has_meter) for one in place.circuits] == [("Main", None, True), ("Garage", "Main", False)]
    assert [(one.arrives_s / 3600, one.wh) for one in place.visits] == [(20, 1500), (20 + 1 / 12, 1200)]
    assert place.base(0.0)["Main"] == (20, 20, 20)  # nothing was measured: the worst that is known
    settings = settings_from({"DATABASE_URL": database, "HOFSTROM_SECRET_KEY": SECRET.decode(), "HOFSTROM_DATA": str(tmp_path)})
    code = await simulate(
        settings, [(house.account_id, house.site_id, "Lindenhof")], args("--json", "--picture", str(tmp_path / "p.svg")), NOW
    )
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (code, found["overloads"], found["sessions"]) == (0, 0, 2)
    assert found["kwh"] > 2 and 75 < found["of_optimum"] <= 100 and found["messages"] > 50 and found["switches"] >= 2
    assert "<svg" in (tmp_path / "p.svg").read_text()


async def test_a_site_without_charges_or_circuits_says_what_to_do(database, tmp_path):
    house = await make_house()
    settings = settings_from({"DATABASE_URL": database, "HOFSTROM_SECRET_KEY": SECRET.decode(), "HOFSTROM_DATA": str(tmp_path)})
    site = (house.account_id, house.site_id, "Lindenhof")
    with pytest.raises(NothingToReplay, match="hangs on a circuit"):
        await simulate(settings, [site], args(), NOW)
    with pytest.raises(NothingToReplay, match="give the id"):
        await simulate(settings, [site, site], args(), NOW)
    async with in_account(house.account_id):
        assert BADGE_ANNA  # the site's own data are as they were


STATIONS = [TwinStation(identity=f"S{number}", name=f"Platz {number}", circuit="main") for number in (1, 2)]


def test_a_file_names_places_or_takes_free_ones_and_says_which_line_is_wrong():
    rows = [{"station": "Platz 2", "arrival_min": "10", "departure_min": "90", "kwh": "5", "max_a": "32"},
            {"station": "x", "arrival_min": "20", "departure_min": "60", "kwh": "2", "max_a": ""},
            {"station": "Platz 2", "arrival_min": "80", "departure_min": "200", "kwh": "1", "max_a": "8"},
            {"station": "x", "arrival_min": "2000", "departure_min": "2100", "kwh": "2", "max_a": ""}]  # fmt: skip
    found = visits_of(rows, STATIONS, 1)
    assert [(one.station, one.arrives_s / 60, one.wh, one.max_a) for one in found] == [
        ("S2", 10, 5000, 16), ("S1", 20, 2000, 16), ("S2", 91, 1000, 8),
    ]  # fmt: skip
    with pytest.raises(BadFile, match="line 3"):
        visits_of([rows[0], {"station": "y"}], STATIONS, 1)
    with pytest.raises(BadFile, match="more stations"):
        visits_of([rows[0], rows[1], rows[1] | {"station": "z"}], STATIONS, 1)


def test_a_car_takes_nothing_below_six_amperes_and_less_when_it_is_nearly_full():
    car = SimCar(Visit(id="v", station="S1", arrives_s=0, leaves_s=9, wh=10_000, max_a=16), phases=3)
    assert [car.takes_a(limit) for limit in (5.9, 6, 10, 32)] == [0, 6, 10, 16]
    car.had_wh = 9500
    assert 6 <= car.takes_a(32) < 12
    assert car.charge(10, 7200) == pytest.approx(500) and car.takes_a(32) == 0


def test_a_station_obeys_the_highest_profile_that_holds_and_falls_back_to_the_lasting_one():
    kept = Profiles(16.0, 3)

    def profile(level, limit, unit="A", **more):
        schedule = {"chargingRateUnit": unit, "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}]}
        return {
            "chargingProfileId": level,
            "stackLevel": level,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingSchedule": schedule,
            **more,
        }

    assert kept.limit_a(NOW) == 16
    assert kept.set(profile(0, 6), "A") and kept.set(profile(1, 12, validTo=(NOW + timedelta(minutes=10)).isoformat()), "A")
    assert not kept.set(profile(2, 7000, unit="W"), "A")
    assert [kept.limit_a(NOW + timedelta(minutes=minutes)) for minutes in (0, 9.99, 10)] == [12, 12, 6]
    assert kept.clear(1) and not kept.clear(1) and kept.limit_a(NOW) == 6


def test_outages_are_the_same_for_the_same_seed_and_foresight_bounds_what_can_be_had():
    faults = Faults(seed=5, link_a_day=10, meter_a_day=10)
    first, second = (Outages(faults, ["a", "b"], ["m"], 86_400) for _ in range(2))
    assert first.links == second.links and first.count == second.count and min(first.count) > 0
    assert any(first.link_away("a", at) for at in range(0, 86_400, 60)) and not all(first.link_away("a", at) for at in range(0, 86_400, 60))
    visits = [Visit(id=name, station=name, arrives_s=0, leaves_s=3600, wh=11_040, max_a=16) for name in ("S1", "S2")]
    place = TwinPlace(name="p", circuits=[TwinCircuit(name="main", limit=(20.0,) * 3)], stations=STATIONS, visits=visits, base=lambda _: {})
    assert optimum_wh(place, 3600) == pytest.approx(20 * 230 * 3)
    assert optimum_wh(msgspec.structs.replace(place, visits=visits[:1]), 3600) == pytest.approx(11_040)
