"""What a step asks for and when it is done; the meter checks."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from app.installing.checks import Live, Measured, check_all, passed
from app.installing.model import Thing
from app.installing.rules import asks_of, gateway_urls, open_of, wrong

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def thing(kind: Any, name: str = "It", **values: Any) -> Thing:
    return Thing(kind=kind, id=uuid4(), name=name, **values)


def still(one: Thing, facts: dict[str, Any], house: list[Thing] | None = None, *, photos: int = 1, urls: list[str] | None = None):
    """The codes of what is open, with what they are about."""
    found = open_of(one, facts, photos, house or [one], NOW - timedelta(hours=1), urls or [])
    return [(finding.code, finding.about) if finding.about else finding.code for finding in found]


@pytest.mark.row("I29")
def test_a_4g_router_needs_a_photo_and_a_signal_and_a_weak_one_asks_for_an_antenna_extension():
    router = thing("router_4g")
    assert still(router, {}, photos=0) == ["photo_missing", ("entry_missing", "signal_dbm")]
    assert still(router, {"signal_dbm": -100}) == []
    assert still(router, {"signal_dbm": -101}) == [("antenna_needed", "antenna_extension")]
    assert still(router, {"signal_dbm": -101, "antenna_extension": False}) == [("antenna_needed", "antenna_extension")]
    assert still(router, {"signal_dbm": -104, "antenna_extension": True}) == [("still_weak", "antenna_extension")]
    assert still(router, {"signal_dbm": -95, "antenna_extension": True}) == []
    assert wrong({"signal_dbm": -200, "power": True, "antenna_extension": 1}, asks_of(router, [])) == [
        "antenna_extension", "power", "signal_dbm"]  # fmt: skip


@pytest.mark.row("I30")
def test_a_lan_router_needs_a_photo_and_a_connection_to_the_outside():
    router = thing("router_lan")
    assert still(router, {"outbound": False}, photos=0) == ["photo_missing", ("test_failed", "outbound")]
    assert still(router, {"outbound": True}) == []


def test_a_gateway_is_done_when_power_bus_and_network_are_and_it_was_seen_since_the_work_began():
    facts = {"power": True, "bus": True, "network": True, "ip": "10.0.0.7"}
    assert still(thing("gateway"), facts) == ["not_seen"]
    assert still(thing("gateway", heard_at=NOW - timedelta(days=3)), facts) == ["not_seen"]
    assert still(thing("gateway", heard_at=NOW - timedelta(minutes=30)), facts) == []
    assert still(thing("gateway", heard_at=NOW), {**facts, "bus": False}) == [("test_failed", "bus")]
    assert wrong({"ip": "10.0.0.300"}, asks_of(thing("gateway"), [])) == ["ip"]


@pytest.mark.row("I32")
def test_behind_a_converter_every_meter_answers_and_everything_that_answers_is_entered():
    gateway = uuid4()
    house = [thing("meter", "EL 1", address="1", gateway_id=gateway), thing("meter", "EL 2", address="2", gateway_id=gateway),
             thing("meter", "Else", address="3", gateway_id=uuid4()), thing("thermal", "Heat", address="1", gateway_id=gateway),
             thing("wifi_meter", "Shelly", address="shelly.lan", gateway_id=gateway)]  # fmt: skip
    bus = thing("rs485_converter", gateway_id=gateway)
    mbus = thing("mbus_converter", gateway_id=gateway)
    assert still(bus, {"ip": "10.0.0.8", "answering": [1, 2]}, house) == []
    assert still(bus, {"ip": "10.0.0.8", "answering": [2, 9]}, house) == [("silent", "answering"), ("stranger", "answering")]
    assert still(bus, {"answering": [1, 2]}, house) == [("entry_missing", "ip")]
    assert still(mbus, {"answering": [1]}, house) == []
    silent = open_of(mbus, {"answering": []}, 1, house, NOW)[0]
    assert (silent.code, silent.params) == ("silent", {"address": 1, "name": "Heat"})
    assert wrong({"answering": [0, 251]}, asks_of(mbus, house)) == ["answering"]


@pytest.mark.row("I34")
def test_a_switch_says_which_reader_or_access_point_hangs_on_which_port():
    reader, point = thing("reader", "Door"), thing("access_point", "Cellar")
    switch = thing("switch")
    house = [switch, reader, point]
    assert [ask.about for ask in asks_of(switch, house)] == ["Door", "Cellar"]
    assert still(switch, {f"port_{reader.id}": 1}, house) == [("entry_missing", f"port_{point.id}")]
    assert still(switch, {f"port_{reader.id}": 1, f"port_{point.id}": 1}, house) == [("port_twice", f"port_{point.id}")]
    assert still(switch, {f"port_{reader.id}": 1, f"port_{point.id}": 2}, house) == []


@pytest.mark.row("I35")
def test_an_access_point_has_name_and_channel_and_is_reached_by_every_wifi_device():
    shelly, point = thing("wifi_meter", "Shelly 1"), thing("access_point")
    facts = {"ssid": "Haus", "channel": 6}
    assert still(point, facts, [shelly, point]) == [("entry_missing", f"reach_{shelly.id}")]
    assert still(point, {**facts, f"reach_{shelly.id}": False}, [shelly, point]) == [("test_failed", f"reach_{shelly.id}")]
    assert still(point, {**facts, f"reach_{shelly.id}": True}, [shelly, point]) == []


@pytest.mark.row("I36")
def test_a_pv_meter_is_wired_as_a_consumer():
    heard = {"heard_at": NOW}
    assert still(thing("meter", use="use", **heard), {}) == []
    assert still(thing("meter", use="production", **heard), {}) == [("entry_missing", "wired_as_consumer")]
    assert still(thing("meter", use="production", **heard), {"wired_as_consumer": True}) == []
    assert still(thing("meter", use="use"), {}, photos=0) == ["photo_missing", "not_seen"]


def test_a_station_is_pointed_to_the_gateways_address_on_port_9000():
    station, urls = thing("station", heard_at=NOW), gateway_urls(["10.0.0.7"])
    assert urls == ["ws://10.0.0.7:9000"]
    assert still(station, {"url": "ws://10.0.0.7:9000/CP1"}, urls=urls) == []
    assert still(station, {"url": "WS://10.0.0.7:9000/"}, urls=urls) == []
    for other in ("ws://10.0.0.70:9000/", "ws://10.0.0.7:90001/", "wss://cloud.example/ocpp"):
        assert still(station, {"url": other}, urls=urls) == [("url_differs", "url")]
    assert still(station, {"url": "ws://10.0.0.7:9000"}) == [("gateway_first", "url")]
    assert still(thing("remote_station", heard_at=NOW), {}) == []
    assert still(thing("remote_station"), {}) == ["not_seen"]


def test_a_heat_or_water_meter_has_its_address_and_start_index_and_a_photo():
    meter = thing("thermal", address="7")
    assert still(meter, {}, photos=0) == ["photo_missing", ("entry_missing", "address"), ("entry_missing", "start_index")]
    assert still(meter, {"address": 8, "start_index": 0}) == [("address_differs", "address")]
    assert still(meter, {"address": 7, "start_index": 12_345_000}) == []


@pytest.mark.row("I39")
def test_a_reader_accepts_a_known_badge_and_refuses_an_unknown_one():
    reader = thing("reader")
    assert still(reader, {"known_accepted": True, "unknown_refused": False}) == [("test_failed", "unknown_refused")]
    assert still(reader, {"known_accepted": True}) == [("entry_missing", "unknown_refused")]
    assert still(reader, {"known_accepted": True, "unknown_refused": True}) == []


@pytest.mark.row("I40")
@pytest.mark.row("I41")
@pytest.mark.parametrize("kind", ["relay_meter", "wifi_meter"])
def test_a_relay_meter_shows_power_with_its_relay_on_and_none_with_it_off(kind):
    meter = thing(kind, heard_at=NOW)
    own = {"joined": True, "shown_name": "Laundry"} if kind == "wifi_meter" else {}
    assert still(meter, {**own, "on_w": 800, "off_w": 0}) == []
    assert still(meter, {**own, "on_w": 5, "off_w": 5}) == [("relay_no_load", "on_w")]
    assert still(meter, {**own, "on_w": 800, "off_w": 800}) == [("relay_stuck", "off_w")]
    assert [ask.name for ask in asks_of(meter, [])][-2:] == ["on_w", "off_w"]


@pytest.mark.row("I42")
def test_each_output_of_a_relay_module_is_tested():
    module = thing("relay_module", outputs=((1, "Washer"), (2, "Dryer"), (4, "Pump")))
    assert [ask.about for ask in asks_of(module, [])] == ["Washer", "Dryer", "Pump"]
    facts = {"out_1": True, "out_2": True, "out_4": True}
    assert still(module, facts) == []
    assert still(module, {**facts, "out_4": False}) == [("test_failed", "out_4")]


def meter(kind: Any = "use", power: list[int] | None = None, **values: Any) -> Measured:
    age, volts = values.pop("age", timedelta(0)), values.pop("volts", [231_000, 230_000, 240_000])
    live = None if power is None else Live(taken_at=NOW - age, power_w=power, voltage_mv=volts, export_wh=values.pop("exported", None))
    return Measured(id=uuid4(), kind=kind, live=live, **values)


def outcomes(one: Measured, *others: Measured) -> list[tuple[int, str, str]]:
    return [(found.check, found.state, found.code) for found in check_all([one, *others], NOW)[one.id]]


def ok(*checks: int) -> list[tuple[int, str, str]]:
    return [(check, "passed", "") for check in checks]


@pytest.mark.row("I44")
def test_checks_1_to_4_every_meter_answers_with_230_to_240_v_and_consumption_flows_one_way():
    assert outcomes(meter(power=[10, 20, 30])) == ok(1, 2, 3, 4)
    assert outcomes(meter()) == [(1, "failed", "never_answered")]
    assert outcomes(meter(power=[1, 1, 1], age=timedelta(minutes=10))) == ok(1, 2, 3, 4)
    assert outcomes(meter(power=[1, 1, 1], age=timedelta(minutes=10, seconds=1))) == [(1, "failed", "silent_since")]
    for volts, code in (([229_999, 231_000, 231_000], "voltage"), ([231_000, 231_000, 240_001], "voltage"),
                        ([231_000, 231_000], "phase_missing"), (None, "phase_missing"), ([0, 231_000, 231_000], "voltage")):  # fmt: skip
        assert outcomes(meter(power=[1, 1, 1], volts=volts)) == [*ok(1), (2, "failed", code), *ok(3, 4)]
    assert outcomes(meter(power=[10], volts=[230_000], phases=1)) == ok(1, 2, 3, 4)
    assert outcomes(meter(power=[10, -20, 30])) == [*ok(1, 2), (3, "failed", "backwards"), *ok(4)]
    assert outcomes(meter(power=[10, 20, 0])) == [*ok(1, 2), (3, "failed", "no_load"), *ok(4)]
    assert outcomes(meter(power=[10, 20, 30], exported=0)) == ok(1, 2, 3, 4)
    assert outcomes(meter(power=[10, 20, 30], exported=1)) == [*ok(1, 2, 3), (4, "failed", "exported")]
    assert outcomes(meter(electric=False, heard_at=NOW - timedelta(hours=25))) == ok(1)
    assert outcomes(meter(electric=False, heard_at=NOW - timedelta(hours=26))) == [(1, "failed", "silent_since")]


@pytest.mark.row("I45")
def test_checks_5_and_6_production_is_negative_and_the_entry_tells_the_direction():
    assert outcomes(meter("production", [-100, -90, -80])) == ok(1, 2, 5)
    assert outcomes(meter("production", [-100, 90, -80])) == [*ok(1, 2), (5, "failed", "production_positive")]
    assert outcomes(meter("production", [0, 0, 0])) == [*ok(1, 2), (5, "open", "no_sun")]
    assert outcomes(meter("entry", [1, 1, 1])) == ok(1, 2, 6)
    assert outcomes(meter("entry", [100, -300, 100])) == [*ok(1, 2), (6, "failed", "entry_negative")]
    sun, flat, below = meter("production", [-900] * 3), meter("use", [200] * 3), meter("use", [5000] * 3, below=True)
    assert outcomes(meter("entry", [-700] * 3), sun, flat, below) == ok(1, 2, 6)
    assert outcomes(meter("entry", [700] * 3), sun, flat) == [*ok(1, 2), (6, "failed", "entry_reversed")]
    dull = meter("production", [-50] * 3)
    assert outcomes(meter("entry", [150] * 3), dull, flat) == ok(1, 2, 6)
    assert outcomes(meter("entry", [-150] * 3), dull, flat) == [*ok(1, 2), (6, "failed", "entry_reversed")]
    assert outcomes(meter("entry", [5] * 3), meter("production", [-200] * 3), flat) == [*ok(1, 2), (6, "open", "balance_unknown")]
    assert outcomes(meter("entry", [5] * 3), sun, meter("use")) == [*ok(1, 2), (6, "open", "balance_unknown")]


def test_a_meter_passes_only_with_all_its_checks():
    first, second = meter(power=[10, 20, 30]), meter("production", [0, 0, 0])
    found = check_all([first, second], NOW)
    assert (passed(found[first.id]), passed(found[second.id]), passed([])) == (True, False, False)
