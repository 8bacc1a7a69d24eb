"""The door and the line: who gets in, who is cut, and what nobody else notices."""

import asyncio
import base64
import time
from contextlib import contextmanager
from datetime import timedelta

import pytest

from app.charging import nodes
from app.charging.intents import V16, V201
from app.database.transaction import as_machine, as_owner, execute
from app.kernel.clock import utc_now
from ocpp_server import main as main_module
from ocpp_server.door import SLOW_SECONDS, Throttle, basic, identity_in
from ocpp_server.main import running_node
from tests.charging.house import make_house
from tests.ocpp_server.conftest import Site, eventually, rows
from tests.ocpp_server.raw_station import RefusedUpgrade, start_payload


async def refused(station, **how):
    with pytest.raises(RefusedUpgrade) as caught:
        await station.open(**how)
    return caught.value


@pytest.fixture(params=[V16, V201])
def version(request):
    return request.param


async def online(identity="CP-1"):
    (row,) = await rows("SELECT online FROM station WHERE identity = $1", identity)
    return row["online"]


async def test_st30_tc_a_01_csms_tc_a_02_csms_tc_a_03_csms_tc_085_csms_nobody_gets_in_without_the_stations_own_password(site, version):
    own, offered = site.house.passwords["CP-1"], {"protocols": (version,)}
    for password in (None, "wrong", ""):
        caught = await refused(site.station("CP-1", password), **offered)
        assert caught.status == 401
        assert "password" not in caught.head
    assert (await refused(site.station("CP-1", site.house.passwords["CP-2"]), name="CP-2", **offered)).status == 401
    assert (await refused(site.station("CP-1", own), name="CP-2", **offered)).status == 401
    assert (await refused(site.station("CP-1", own), name="cp-1", **offered)).status == 401
    assert (await refused(site.station("cp-1", own), **offered)).status == 401
    assert (await refused(site.station("CP-9", own), **offered)).status == 401
    assert not await online()
    assert (await site.station("CP-1", own).open(**offered)).protocol == version


@pytest.mark.parametrize("path", ["/ocpp/CP-2/../CP-1", "/ocpp/..%2fCP-1", "/ocpp/", "/CP-1", "/ocpp/CP-1/", "/ocpp/CP-1?x=1"])
async def test_st30_an_odd_path_leads_nowhere(site, path):
    assert (await refused(site.station(), path=path)).status in (401, 404)


@pytest.mark.parametrize("protocols", [(), ("ocpp9.9",), ("mqtt",), ("ocpp2.0",)])
async def test_st31_a_station_without_our_subprotocol_is_refused(site, protocols):
    caught = await refused(site.station(), protocols=protocols)
    assert caught.status == 400
    assert "ocpp1.6" not in caught.head


@pytest.mark.parametrize(
    ("offered", "pinned", "chosen"),
    [
        (("ocpp9.9", "ocpp1.6"), None, "ocpp1.6"),
        (("ocpp2.0.1",), None, "ocpp2.0.1"),
        (("ocpp1.6", "ocpp2.0.1"), None, "ocpp2.0.1"),
        (("ocpp2.0.1", "ocpp1.6"), "ocpp1.6", "ocpp1.6"),
        (("ocpp1.6",), "ocpp2.0.1", "ocpp1.6"),
    ],
)
async def test_st31_tc_088_csms_the_newest_offered_version_is_chosen_unless_the_station_is_pinned(site, offered, pinned, chosen):
    async with as_owner():
        await execute("UPDATE station SET pinned_version = $1", pinned)
    station = await site.station().open(protocols=offered)
    assert station.protocol == chosen
    assert (await station.boot())["status"] == "Accepted"
    assert await rows("SELECT ocpp_version FROM station WHERE identity = 'CP-1'") == [{"ocpp_version": chosen}]


async def test_st32_the_second_connection_wins_and_the_first_is_closed(site, version):
    first = await site.connected("CP-1", version)
    await refused(site.station("CP-1", "wrong"))
    assert (await first.said("Heartbeat", {}))["currentTime"]
    second = await site.connected("CP-1", version)
    assert await first.closed() == 1008
    assert (await second.said("Heartbeat", {}))["currentTime"]
    assert await online()
    kinds = await rows("SELECT kind FROM security_event WHERE kind = 'second_connection'")
    assert len(kinds) == 1


async def test_st32_a_connection_at_another_node_wins_too(site, settings_for, version):
    first = await site.connected("CP-1", version)
    async with running_node(settings_for(HOFSTROM_OCPP_PORT="1"), utc_now, port=0) as (_, port):
        there = Site(site.house, site.node, port, [], site.dsn)
        second = await there.connected("CP-1", version)
        assert await first.closed() == 1008
        assert await online()
        second.cut()
    await eventually(lambda: rows("SELECT 1 FROM station WHERE identity = 'CP-1' AND NOT online"))


async def test_st32_a_connection_at_another_node_wins_too_while_redis_is_away(site, settings_for, monkeypatch):
    monkeypatch.setattr(main_module, "LIFE_SECONDS", 0.1)
    one, other = settings_for(HOFSTROM_OCPP_PORT="1", REDIS_URL=""), settings_for(HOFSTROM_OCPP_PORT="2", REDIS_URL="")
    async with running_node(one, utc_now, port=0) as (here, port), running_node(other, utc_now, port=0) as (there, far):
        first = await Site(site.house, here, port, [], site.dsn).connected()
        second = await Site(site.house, there, far, [], site.dsn).connected()
        assert await first.closed() == 1008
        assert (await second.said("Heartbeat", {}))["currentTime"]
        assert await online()
        second.cut()


async def test_a_station_that_left_while_the_database_was_away_is_not_shown_online(site, monkeypatch):
    monkeypatch.setattr(nodes, "JUST_COME", timedelta(0))
    station = await site.connected()
    station.cut()
    await eventually(lambda: rows("SELECT 1 FROM station WHERE identity = 'CP-1' AND NOT online"))
    async with as_machine():  # as if its leaving had not been stored
        await execute("UPDATE station SET online = true, node = $1 WHERE identity = 'CP-1'", site.node.name)
    changed, replaced = await nodes.node_lives(site.node.name, [], utc_now())
    assert [(one.kind, one.station_id) for one in changed] == [("connector", site.house.stations["CP-1"])]
    assert replaced == [] and not await online()


async def test_st33_guessing_is_slowed_and_the_true_station_gets_in_at_its_first_try(site, version):
    statuses = [(await refused(site.station("CP-1", f"guess-{n}"))).status for n in range(14)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    began = time.monotonic()
    assert (await refused(site.station("CP-1", "one more"))).status == 429
    assert time.monotonic() - began >= SLOW_SECONDS
    assert await site.connected("CP-1", version)
    assert await site.connected("CP-2", version)


async def test_st33_the_true_station_gets_in_at_its_first_try_while_others_guess_at_full_speed(site):
    """Same address, same id, forty at a time: no try of the true station is refused."""
    tried, enough = 0, False

    async def guess(number):
        nonlocal tried
        while not enough:  # said and not cancelled: an answer that comes at the same moment would swallow that in Python 3.11
            await refused(site.station("CP-1", f"guess-{number}-{tried}"))
            tried += 1

    async with asyncio.TaskGroup() as group:
        for number in range(40):
            group.create_task(guess(number))
        await eventually(lambda: asyncio.sleep(0, tried > 60), 30)
        for _ in range(10):
            before = tried
            station = await site.connected("CP-1")
            station.cut()
            await eventually(lambda: asyncio.sleep(0, tried > before), 30)  # noqa: B023 - looked at before the next round
        enough = True
    kept = await rows("SELECT count(*) AS n FROM security_event WHERE kind = 'refused'")
    assert kept[0]["n"] < tried


def test_st33_the_throttle_is_per_station_and_address_and_lets_go_with_time():
    at = 0.0
    throttle = Throttle(lambda: at)
    for _ in range(30):
        throttle.failed(("CP-1", "a"))
    assert not throttle.allows(("CP-1", "a"))
    assert throttle.allows(("CP-1", "b"))
    assert throttle.allows(("CP-2", "a"))
    at = 25.0
    assert throttle.allows(("CP-1", "a"))


async def test_st34_a_silent_socket_is_dead_within_two_pings(database, redis_url, settings_for, version):
    house = await make_house(stations=1)
    async with running_node(settings_for(), utc_now, port=0, ping_s=0.3) as (node, port):
        station = Site(house, node, port, [], database).station()
        station.pong = False
        await station.open(protocols=(version,))
        await eventually(online)
        began = time.monotonic()
        await station.closed()
        assert time.monotonic() - began < 6
        await eventually(lambda: rows("SELECT 1 FROM station WHERE NOT online"))


async def test_st34_a_station_that_answers_pings_stays(database, redis_url, settings_for, version):
    house = await make_house(stations=1)
    async with running_node(settings_for(), utc_now, port=0, ping_s=0.2) as (node, port):
        station = await Site(house, node, port, [], database).connected("CP-1", version)
        await asyncio.sleep(1.2)
        assert (await station.said("Heartbeat", {}))["currentTime"]
        station.cut()


async def test_st35_slow_handshakes_are_cut_and_delay_nobody(database, redis_url, settings_for, version):
    house = await make_house(stations=1)
    async with running_node(settings_for(), utc_now, port=0, handshake_s=0.5) as (node, port):
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(50)]
        for _, writer in slow:
            writer.write(b"GET /ocpp/CP-1 HTTP/1.1\r\nHost: a\r\nX-")
        station = await Site(house, node, port, [], database).connected("CP-1", version)
        for reader, writer in slow:
            await asyncio.wait_for(reader.read(), 5)
            writer.close()
        station.cut()


async def test_st36_a_frame_beyond_128_kib_closes_its_own_socket_only(site, version):
    station, other = await site.connected("CP-1", version), await site.connected("CP-2", version)
    await station.text("x" * (128 * 1024 + 1))
    assert await station.closed() == 1009
    assert (await other.said("Heartbeat", {}))["currentTime"]


@pytest.mark.parametrize(
    "text",
    ["", "{bad", "{}", "[]", "null", '[9,"a","b",{}]', '[2,"a"]', '[2,1,"Heartbeat",{}]', "[" * 50_000 + "]" * 50_000,
     '[2,"' + "i" * 5000 + '","Heartbeat",{}]', '[1e999,"a","Heartbeat",{}]'],
)  # fmt: skip
async def test_st37_what_is_no_message_is_dropped_and_the_socket_stays(site, text):
    station = await site.connected()
    await station.text(text)
    assert (await station.said("Heartbeat", {}))["currentTime"]
    assert station.unasked == []


@pytest.mark.parametrize("text", ["", "{bad", "{}", "[]", '[9,"a","b",{}]', '[2,"a"]', "[" * 50_000])
async def test_st37_a_station_of_the_newer_version_is_told_what_was_no_message(site, text):
    station = await site.station().open(protocols=("ocpp2.0.1",))
    await station.text(text)
    assert (await station.said("Heartbeat", {}))["currentTime"]
    (told,) = station.unasked
    assert told[:3] == [4, "-1", "RpcFrameworkError"]


async def test_st37_an_error_uses_the_words_of_its_version(site):
    for version, missing, extra in (
        ("ocpp1.6", "OccurenceConstraintViolation", "FormationViolation"),
        ("ocpp2.0.1", "OccurrenceConstraintViolation", "FormatViolation"),
    ):
        station = await site.station().open(protocols=(version,))
        assert (await station.call("BootNotification", {}))[2] == missing
        assert (await station.call("Heartbeat", {"more": 1}))[2] == extra
        assert (await station.call("NoSuchThing", {}))[2] == "NotImplemented"
        assert (await station.call("Reset", {"type": "Immediate"}))[2] == "NotSupported"


async def test_st37_binary_frames_are_dropped(site, version):
    station = await site.connected("CP-1", version)
    await station.frame(2, b'[2,"a","Heartbeat",{}]')
    assert (await station.said("Heartbeat", {}))["currentTime"]


async def test_st37_too_many_unreadable_frames_a_minute_close_the_socket(site, version):
    station = await site.connected("CP-1", version)
    for _ in range(61):
        await station.text("{bad")
    assert await station.closed() == 1008
    assert await site.connected()


@contextmanager
def database_away(postgres, dsn):
    """The server lets nobody into the test's database and throws out who is in."""
    name = dsn.split("?")[0].rsplit("/", 1)[1]
    shut = f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false"
    out = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    for sql in (shut, out):
        assert postgres.sql(sql).returncode == 0
    try:
        yield
    finally:
        assert postgres.sql(f"ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true").returncode == 0


async def test_a_station_is_asked_to_come_again_while_the_database_is_away(site, postgres):
    with database_away(postgres, site.dsn):
        assert (await refused(site.station())).status == 503
    assert await site.connected()


async def test_a_message_is_not_answered_while_the_database_is_away(site, postgres):
    station = await site.connected()
    with database_away(postgres, site.dsn):
        with pytest.raises(ConnectionError):
            await station.call("StartTransaction", start_payload(utc_now()))
        assert await station.closed() == 1011
    back = await site.connected()
    assert await back.start(utc_now()) > 0


async def test_presence_follows_the_socket_and_survives_a_killed_node(site, settings_for):
    station = await site.connected()
    assert await online()
    station.cut()
    await eventually(lambda: rows("SELECT 1 FROM station WHERE identity = 'CP-1' AND NOT online"))


@pytest.mark.parametrize(
    ("path", "identity"),
    [("/ocpp/CP-1", "CP-1"), ("/ocpp/a%20b", "a b"), ("/ocpp/a/b", None), ("/ocpp/", None), ("/x/CP", None),
     ("/ocpp/" + "x" * 49, None), ("/ocpp/%00", None), ("/ocpp/..", None)],
)  # fmt: skip
def test_the_identity_is_one_plain_name_in_the_path(path, identity):
    assert identity_in(path) == identity


@pytest.mark.parametrize("header", ["", "Bearer x", "Basic", "Basic !!!", "Basic " + base64.b64encode(b"\xff\xfe").decode()])
def test_a_header_that_is_no_basic_one_names_nobody(header):
    assert basic(header) == ("", b"")
