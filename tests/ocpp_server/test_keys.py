"""A new key or a higher profile, with the node killed between any two steps: the station always has a way in."""

import asyncio
import base64
import contextlib
import json
import signal
from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.charging.admission import look_up, password_texts
from app.charging.station_certificates import request_certificate, sign_certificate
from app.charging.station_keys import raise_profile, rotate_key
from app.kernel.clock import utc_now
from app.kernel.errors import Refused
from tests.charging.house import SECRET, House, make_house
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.raw_station import RawStation, RefusedUpgrade
from tests.ocpp_server.secure import authority_in, csr, ec_key, trusting
from tests.ocpp_server.test_process import Listener

OLD = "password-of-CP-1"


class Town:
    """A node as a process of its own, with a TLS port, and one station."""

    def __init__(self, listener: Listener, house: House, authority, folder, protocol: str) -> None:
        self.listener, self.house, self.authority, self.folder, self.protocol = listener, house, authority, folder, protocol
        self.station_id = house.stations["CP-1"]
        self.answering = False
        self.tls_port = int(listener.environment["HOFSTROM_OCPP_TLS_PORT"])

    async def comes(self, password: str | None, *, tls: bool = False, chain: str | None = None, key=None) -> RawStation | None:
        """The station connected, or None where it is refused."""
        station = RawStation(self.tls_port if tls else self.listener.port, "CP-1", password)
        if tls:
            station.tls = trusting(self.authority, self.folder, chain, key)
        station.answers = {} if self.answering else {"SetVariables": None, "ChangeConfiguration": None}
        try:
            return await station.open(protocols=(self.protocol,))
        except RefusedUpgrade:
            return None

    async def connected(self, password: str | None, **how) -> RawStation:
        station = await self.comes(password, **how)
        assert station is not None
        await eventually(lambda: rows("SELECT 1 FROM station WHERE identity = 'CP-1' AND online"))
        return station

    async def rotate(self) -> None:
        await rotate_key(self.house.account_id, self.house.login, self.station_id, SECRET, utc_now())

    async def kill(self) -> None:
        await self.listener.end(signal.SIGKILL)
        await self.listener.start()

    async def both_open(self, old: str, new: str) -> None:
        """The old key first: looking at the new one settles it."""
        for password in (old, new):
            station = await self.comes(password)
            assert station is not None, password
            station.cut()
        assert await self.comes(old) is None
        assert await self.comes(new) is not None


@pytest.fixture(params=["ocpp1.6", "ocpp2.0.1"])
async def town(request, database, redis_url, tmp_path) -> AsyncIterator[Town]:
    listener = Listener(database, redis_url)
    other = Listener(database, redis_url)
    listener.environment |= {"HOFSTROM_OCPP_TLS_PORT": str(other.port), "HOFSTROM_CA": str(tmp_path / "ca")}
    await listener.start()
    yield Town(listener, await make_house(stations=1), authority_in(tmp_path / "ca"), tmp_path, request.param)
    if listener.process.returncode is None:
        await listener.end(signal.SIGKILL)


async def sent_key(station: RawStation) -> tuple[str, str]:
    """Message id and key of the server's command."""
    _, message_id, action, payload = await station.next_call()
    if action == "ChangeConfiguration":
        assert payload["key"] == "AuthorizationKey"
        return message_id, payload["value"]
    assert action == "SetVariables", action
    (one,) = payload["setVariableData"]
    assert (one["component"]["name"], one["variable"]["name"]) == ("SecurityCtrlr", "BasicAuthPassword")
    return message_id, one["attributeValue"]


async def accept(town: Town, station: RawStation, message_id: str) -> None:
    accepted = {"status": "Accepted"}
    if town.protocol == "ocpp2.0.1":
        names = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
        accepted = {"setVariableResult": [{"attributeStatus": "Accepted", **names}]}
    await station.text(json.dumps([3, message_id, accepted]))


@contextlib.asynccontextmanager
async def held(dsn: str, sql: str) -> AsyncIterator[None]:
    """A lock that somebody else holds: whatever needs the row waits."""
    line = await asyncpg.connect(dsn)
    try:
        async with line.transaction():
            await line.execute(sql)
            yield
    finally:
        await line.close()


async def somebody_waits(dsn: str) -> None:
    """Until a query waits for a lock; only the cluster's own login sees what others do."""
    line = await asyncpg.connect(dsn)
    sql = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    try:
        await eventually(lambda: line.fetch(sql))
    finally:
        await line.close()


async def test_st44_tc_073_csms_tc_a_09_csms_killed_before_the_new_key_is_sent(town):
    station = await town.connected(OLD)
    await town.listener.end(signal.SIGKILL)
    await town.rotate()  # the row says that the station is there still; the command waits
    station.cut()
    await town.listener.start()
    station = await town.connected(OLD)
    await eventually(lambda: rows("SELECT 1 FROM station_command WHERE action = 'WriteConfiguration' AND state = 'sent'"))
    _, new = await sent_key(station)
    assert len(bytes.fromhex(new)) == 20
    station.cut()
    await town.both_open(OLD, new)


async def test_st44_killed_between_send_and_answer(town):
    station = await town.connected(OLD)
    await town.rotate()
    _, new = await sent_key(station)
    await town.kill()
    station.cut()
    await town.both_open(OLD, new)


async def test_st44_killed_when_the_answer_has_come_and_is_not_stored(town, database):
    station = await town.connected(OLD)
    await town.rotate()
    message_id, new = await sent_key(station)
    async with held(database, f"SELECT 1 FROM station_command WHERE id = '{message_id}' FOR UPDATE"):
        await accept(town, station, message_id)
        await somebody_waits(database)
        await town.listener.end(signal.SIGKILL)
    await town.listener.start()
    station.cut()
    await town.both_open(OLD, new)


async def test_st44_killed_when_the_answer_is_stored_and_the_station_has_not_come_back(town):
    station = await town.connected(OLD)
    await town.rotate()
    message_id, new = await sent_key(station)
    await accept(town, station, message_id)
    await eventually(lambda: rows("SELECT 1 FROM station_command WHERE id = $1 AND verdict = 'accepted'", message_id))
    await town.kill()
    station.cut()
    await town.both_open(OLD, new)


async def test_st44_killed_while_the_visit_with_the_new_key_is_being_settled(town, database):
    station = await town.connected(OLD)
    await town.rotate()
    message_id, new = await sent_key(station)
    await accept(town, station, message_id)
    await eventually(lambda: rows("SELECT 1 FROM station_command WHERE id = $1 AND verdict = 'accepted'", message_id))
    station.cut()
    await eventually(lambda: rows("SELECT 1 FROM station WHERE identity = 'CP-1' AND NOT online"))
    async with held(database, "SELECT 1 FROM station WHERE identity = 'CP-1' FOR UPDATE"):
        coming = asyncio.create_task(town.comes(new))
        await somebody_waits(database)
        await town.listener.end(signal.SIGKILL)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await coming
    await town.listener.start()
    await town.both_open(OLD, new)


async def test_st44_a_repeated_rotation_sends_the_same_pending_key_and_never_a_third_one(town):
    station = await town.connected(OLD)
    await town.rotate()
    _, first = await sent_key(station)
    await town.kill()
    station.cut()
    station = await town.connected(OLD)
    await town.rotate()
    _, second = await sent_key(station)
    assert first == second
    station.cut()
    await town.both_open(OLD, first)


async def test_st44_the_log_never_shows_a_key(town):
    station = await town.connected(OLD)
    await town.rotate()
    message_id, new = await sent_key(station)
    await accept(town, station, message_id)
    await eventually(lambda: rows("SELECT 1 FROM station_command WHERE id = $1 AND state = 'answered'", message_id))
    kept = await rows("SELECT to_jsonb(c)::text || to_jsonb(s)::text AS text FROM station_command c, station s WHERE s.identity = 'CP-1'")
    assert all(new not in row["text"] for row in kept)
    station.cut()


async def test_st44_the_octets_of_a_key_open_as_its_digits_do(town):
    """1.6 sends the octets that the forty digits stand for; others send the digits, in small or capital letters."""
    station = await town.connected(OLD)
    await town.rotate()
    _, new = await sent_key(station)
    station.cut()
    pair = base64.b64encode(b"CP-1:" + bytes.fromhex(new)).decode()
    raw = RawStation(town.listener.port, "CP-1", None)
    raw.extra = [f"Authorization: Basic {pair}"]
    await raw.open(protocols=(town.protocol,))
    assert await town.comes(new.upper()) is not None
    assert await town.comes(OLD) is None


def test_st44_what_a_password_may_mean():
    octets = bytes(range(200, 220))
    assert password_texts(octets) == [octets.hex()]
    assert "ab" * 20 in password_texts(b"AB" * 20)
    assert password_texts(b"plain text of no key") == [b"plain text of no key".hex(), "plain text of no key"]


async def asked_profile(station: RawStation) -> int:
    """The security profile that the server asks for next."""
    while True:
        _, _, action, payload = await station.next_call()
        if action == "SetNetworkProfile":
            return int(payload["connectionData"]["securityProfile"])
        if action == "ChangeConfiguration" and payload["key"] == "SecurityProfile":
            return int(payload["value"])


async def test_st43_tc_083_csms_tc_a_19_csms_an_upgrade_from_profile_1_to_3_survives_kills_between_its_steps(town):
    town.answering = True
    await rows("UPDATE station SET certificate_name = 'SN-1' WHERE identity = 'CP-1' RETURNING id")
    url = f"wss://localhost:{town.tls_port}/ocpp"

    async def upgrade(profile: int) -> None:
        await raise_profile(town.house.account_id, town.house.login, town.station_id, profile, town.authority, url, utc_now())

    station = await town.connected(OLD)
    with pytest.raises(Refused, match="no certificate yet"):
        await upgrade(3)
    await upgrade(2)
    _, _, action, payload = await station.next_call()
    assert action == "InstallCertificate" and payload["certificate"] == town.authority.root(1)
    await town.kill()
    station.cut()
    station = await town.connected(OLD)  # the old way is open
    await upgrade(2)  # asked again
    assert await asked_profile(station) == 2
    station.cut()
    station = await town.connected(OLD, tls=True)
    await town.kill()
    assert await town.comes(OLD) is None
    station.cut()
    station = await town.connected(OLD, tls=True)

    row = await rows("SELECT * FROM station WHERE identity = 'CP-1'")
    key = ec_key()
    guest = await _station_of(row[0])
    assert await request_certificate(guest, csr(key), utc_now())
    (asked,) = await rows("SELECT id FROM station_certificate")
    await sign_certificate(town.authority, town.house.account_id, asked["id"], utc_now())
    action = ""
    while action != "CertificateSigned":
        _, _, action, payload = await station.next_call()
    chain = payload["certificateChain"]
    await eventually(lambda: rows("SELECT 1 FROM station_certificate WHERE state = 'installed'"))
    await upgrade(3)
    assert await asked_profile(station) == 3
    await town.kill()
    station.cut()
    station = await town.connected(OLD, tls=True)  # still by profile 2
    station.cut()
    station = await town.connected(None, tls=True, chain=chain, key=key)
    station.cut()
    assert await town.comes(OLD, tls=True) is None
    assert await town.comes(OLD) is None
    (state,) = await rows("SELECT security_profile, next_profile, reached_profile FROM station WHERE identity = 'CP-1'")
    assert state == {"security_profile": 3, "next_profile": None, "reached_profile": 3}


async def _station_of(row):
    entries, _ = await look_up([row["identity"]], [])
    return entries[row["identity"]].station
