"""Zones are fed and measured as the plan of a house asks."""

import msgspec
import pytest

from app.charging.balancing.zone_checks import Meter, Zone, check_zones, sees_only_zone

# The entry meter; behind it two flats, the common areas, and the cars' meter.
ENTRY = Meter(id="entry")
FLATS = [Meter(id=f"flat{number}", behind="entry", consumer=True) for number in (1, 2)]
COMMON = Meter(id="common", behind="entry", common=True, consumer=True)
CARS = Meter(id="cars", behind="entry")
HOUSE = [ENTRY, *FLATS, COMMON, CARS]
GARAGE = Zone(id="garage", limit_a=63, breaker="Q7", stations=4, consumption="cars", dlm={"entry": 80.0})


def codes(zone=GARAGE, meters=HOUSE, others=()):
    return [(one.code, one.grave) for one in check_zones([zone, *others], meters) if one.subject == zone.id]


def but(zone=GARAGE, **changes):
    return msgspec.structs.replace(zone, **changes)


def moved(meter, behind):
    return [msgspec.structs.replace(one, behind=behind) if one.id == meter else one for one in HOUSE]


@pytest.mark.row("I08")
def test_cars_have_their_own_feeder_and_breaker_of_63_amperes_and_a_meter():
    assert codes() == []
    assert codes(but(limit_a=80, dlm={})) == [("feeder_over_63", False)]
    assert codes(but(breaker="")) == [("zone_without_breaker", False)]
    assert codes(but(consumption=None)) == [("zone_without_meter", False)]
    assert ("breaker_of_two_zones", True) in codes(others=[but(id="other", consumption=None)])
    assert ("meter_of_two_zones", True) in codes(others=[but(id="other", breaker="Q8")])
    # What feeds no station is no feeder of cars.
    assert codes(but(limit_a=250, breaker="", consumption=None, stations=0, dlm={})) == []


@pytest.mark.row("I09")
def test_the_meter_of_the_cars_is_level_with_the_others_behind_the_entry_and_not_behind_the_common_areas():
    assert codes() == []
    assert codes(meters=moved("cars", "common")) == [("meter_behind_common_area", True)]
    assert codes(but(dlm={}), meters=moved("cars", None)) == [("meter_not_behind_entry", True)]
    assert ("meter_at_other_level", False) in codes(meters=moved("cars", "flat1"))


@pytest.mark.row("I46")
def test_the_amperage_of_each_dlm_meter_is_known_and_fits_before_a_zone_goes_live():
    assert codes(but(dlm={"entry": None})) == [("dlm_amperage_missing", True)]
    assert codes(but(dlm={"entry": 40.0})) == [("dlm_amperage_below_limit", True)]
    assert codes(but(dlm={"entry": 63.0, "common": None})) == [("dlm_amperage_missing", True)]


def test_a_meter_at_the_start_of_a_zone_sees_only_the_zone():
    known = {one.id: one for one in [*HOUSE, Meter(id="below", behind="cars")]}
    assert sees_only_zone("cars", "cars", known) and sees_only_zone("below", "cars", known)
    assert not any(sees_only_zone(one, "cars", known) for one in ("entry", "common", "flat1"))
    # One meter right before another: both see the zone and nothing else.
    chain = {one.id: one for one in (ENTRY, FLATS[0], Meter(id="before", behind="entry"), Meter(id="cars", behind="before"))}
    assert sees_only_zone("before", "cars", chain) and not sees_only_zone("entry", "cars", chain)
    assert codes(but(dlm={"cars": 63.0})) == [("dlm_sees_only_zone", True)]


def test_the_meter_closest_to_a_zone_is_to_be_chosen():
    closer = [*HOUSE, Meter(id="closer", behind="cars")]
    assert codes(meters=closer) == [("meter_not_closest", False)]
    assert codes(but(consumption="closer"), meters=closer) == []
    inner = but(id="inner", breaker="Q9", consumption="closer", dlm={})
    assert codes(meters=closer, others=[inner]) == []
