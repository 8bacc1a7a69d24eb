"""Security profiles over real TLS sockets with real certificates: a station comes in the one way that is set for it."""

import asyncio
import contextlib
import ssl
from datetime import timedelta

import asyncpg
import pytest

from app.kernel.clock import utc_now
from ocpp_server.main import running_node
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.secure import authority_in, certified, ec_key, events, over_tls, refused, rsa_key, set_profile, trusting


async def test_st43_tc_086_csms_tc_a_04_csms_each_profile_lets_in_by_its_own_way_only(secured, protocols):
    _, chain, key = await certified(secured.house, secured.authority)
    ways = {1: secured.station, 2: lambda: over_tls(secured), 3: lambda: over_tls(secured, chain=chain, key=key, password=None)}
    for profile in (1, 2, 3):
        await set_profile("CP-1", profile)
        for way, station in ways.items():
            if way != profile:
                assert await refused(station(), protocols=protocols) == 401, (profile, way)
        assert (await ways[profile]().open(protocols=protocols)).protocol == protocols[0]


async def test_st43_never_lower_after_a_good_connect_on_a_higher_profile(secured, protocols):
    await set_profile("CP-1", 2)
    await over_tls(secured).open(protocols=protocols)
    (row,) = await rows("SELECT reached_profile, security_profile FROM station WHERE identity = 'CP-1'")
    assert row == {"reached_profile": 2, "security_profile": 2}
    assert await refused(secured.station(), protocols=protocols) == 401
    (event,) = await events("downgrade")
    assert event["critical"] and "change it" in event["detail"]
    with pytest.raises(asyncpg.CheckViolationError):
        await set_profile("CP-1", 1, reached=2)


async def test_st43_during_an_upgrade_both_ways_are_open_and_then_the_higher_alone(secured, protocols):
    await rows("UPDATE station SET next_profile = 2 WHERE identity = 'CP-1' RETURNING id")
    await secured.station().open(protocols=protocols)
    await over_tls(secured).open(protocols=protocols)
    assert await refused(secured.station(), protocols=protocols) == 401
    await over_tls(secured).open(protocols=protocols)


async def test_st43_a_certificate_belongs_to_one_station(secured, protocols):
    await set_profile("CP-1", 3)
    await set_profile("CP-2", 3)
    _, chain, key = await certified(secured.house, secured.authority, "CP-1")
    assert await refused(over_tls(secured, "CP-2", chain, key), protocols=protocols) == 401
    (event,) = await events("invalid_certificate")
    assert event["critical"] and "another station" in event["detail"] and event["station_id"] == secured.house.stations["CP-2"]
    await over_tls(secured, "CP-1", chain, key).open(protocols=protocols)


@pytest.mark.parametrize("state", ["revoked", "replaced"])
async def test_st43_a_certificate_that_was_taken_back_opens_nothing(secured, state):
    await set_profile("CP-1", 3)
    _, chain, key = await certified(secured.house, secured.authority, state=state)
    assert await refused(over_tls(secured, chain=chain, key=key)) == 401
    assert [state in event["detail"] for event in await events("invalid_certificate")] == [True]


@pytest.mark.parametrize("days", [-420, 30])
async def test_st43_an_expired_or_not_yet_valid_certificate_is_told_to_the_stations_operator(secured, days):
    await set_profile("CP-1", 3)
    _, chain, key = await certified(secured.house, secured.authority, at=utc_now() + timedelta(days=days))
    assert await refused(over_tls(secured, chain=chain, key=key)) == 401
    (event,) = await events("invalid_certificate")
    assert event["station_id"] == secured.house.stations["CP-1"] and "not valid at this time" in event["detail"]


async def test_st43_a_certificate_of_our_authority_that_is_in_no_row_opens_nothing(secured):
    await set_profile("CP-1", 3)
    _, chain, key = await certified(secured.house, secured.authority, unlisted=True)
    assert await refused(over_tls(secured, chain=chain, key=key)) == 401


async def test_st43_tc_a_08_csms_a_foreign_authoritys_certificate_fails_in_the_handshake_and_is_kept(secured, tmp_path):
    await set_profile("CP-1", 3)
    foreign = authority_in(tmp_path / "foreign")
    foreign.make(utc_now())
    _, chain, key = await certified(secured.house, foreign, unlisted=True)
    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
        await over_tls(secured, chain=chain, key=key).open()
    await eventually(lambda: events("invalid_certificate"))
    assert await rows("SELECT 1 FROM station WHERE identity = 'CP-1' AND online") == []


async def test_st43_a_new_certificate_replaces_the_old_one_once_the_station_has_come_with_it(secured, protocols):
    await set_profile("CP-1", 3)
    old, old_chain, old_key = await certified(secured.house, secured.authority)
    new, new_chain, new_key = await certified(secured.house, secured.authority, state="issued")
    await over_tls(secured, chain=old_chain, key=old_key).open(protocols=protocols)
    await over_tls(secured, chain=new_chain, key=new_key).open(protocols=protocols)
    states = {row["id"]: row["state"] for row in await rows("SELECT id, state FROM station_certificate")}
    assert states == {old: "replaced", new: "in_use"}
    assert await refused(over_tls(secured, chain=old_chain, key=old_key)) == 401


@pytest.mark.parametrize(
    "ciphers",
    ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "AES128-GCM-SHA256", "AES256-GCM-SHA384"],
)  # fmt: skip
async def test_every_cipher_suite_that_ocpp_asks_of_a_server_is_spoken(secured, ciphers):
    await set_profile("CP-1", 2)
    station = over_tls(secured)
    station.tls.maximum_version = ssl.TLSVersion.TLSv1_2
    station.tls.set_ciphers(ciphers)
    await station.open()
    assert station.writer.get_extra_info("cipher")[0] == ciphers


async def test_tc_a_06_csms_older_tls_and_weaker_suites_are_refused(secured):
    for change in (
        {"maximum_version": ssl.TLSVersion.TLSv1_1, "minimum_version": ssl.TLSVersion.TLSv1_1},
        {"ciphers": "ECDHE-RSA-AES128-SHA"},
    ):
        station = over_tls(secured)
        station.tls.set_ciphers(change.get("ciphers", "ALL:@SECLEVEL=0"))
        if "ciphers" in change:
            station.tls.maximum_version = ssl.TLSVersion.TLSv1_2
        else:
            station.tls.minimum_version, station.tls.maximum_version = change["minimum_version"], change["maximum_version"]
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await station.open()


async def test_st35_a_tls_handshake_that_never_ends_is_cut(database, redis_url, settings_for, tmp_path):
    settings = settings_for(HOFSTROM_OCPP_TLS_PORT="0", HOFSTROM_CA=str(tmp_path / "ca"))
    async with running_node(settings, utc_now, port=0, handshake_s=0.5) as (node, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", node.ports.tls)
        writer.write(b"\x16\x03\x01")
        with contextlib.suppress(ConnectionResetError):
            await asyncio.wait_for(reader.read(), 5)  # an alert or nothing; then the end
        writer.close()


async def test_an_rsa_stations_certificate_works_too(secured):
    await set_profile("CP-1", 3)
    _, chain, key = await certified(secured.house, secured.authority, key=rsa_key())
    await over_tls(secured, chain=chain, key=key, password=None).open()


async def test_a_renewed_server_certificate_and_a_second_root_are_taken_up_without_a_restart(secured, tmp_path):
    authority = secured.authority
    before = authority.server_certificate().serial_number
    authority.make_generation(2, utc_now())
    state = authority.state()
    state.trusted.append(2)
    state.current = 2
    authority.write_state(state)
    await set_profile("CP-1", 3)
    _, chain, key = await certified(secured.house, authority, key=ec_key())
    assert authority.server_certificate().serial_number == before

    async def comes():
        station = secured.station("CP-1", None)
        station.port, station.tls = secured.node.ports.tls, trusting(authority, tmp_path, chain, key)
        try:
            return await station.open()
        except (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError):
            return None

    assert await eventually(comes, 30)
    assert authority.server_certificate().serial_number != before
