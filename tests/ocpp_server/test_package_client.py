"""The `ocpp` package's own client, both versions: every message a station may send is answered as the schemas want."""

import asyncio
import base64
import importlib
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from ocpp.charge_point import camel_to_snake_case
from ocpp.messages import get_validator
from ocpp.routing import on
from websockets.asyncio.client import connect

from app.charging import requests
from app.kernel.clock import utc_now
from app.kernel.identifiers import new_id
from ocpp_server.protocols import PROTOCOLS
from tests.charging.house import BADGE_ANNA, SECRET
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.payloads import full
from tests.ocpp_server.raw_station import event_payload, start_payload, stop_payload

MODULES = {"ocpp1.6": ("ocpp.v16", "1.6"), "ocpp2.0.1": ("ocpp.v201", "2.0.1")}
AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
LATER = AT + timedelta(minutes=30)
MONEY = {"StartTransaction", "StopTransaction", "TransactionEvent"}


@asynccontextmanager
async def client(site, version, identity="CP-1", handlers=None):
    """A connected client of the package, that answers what the server asks."""
    module = importlib.import_module(MODULES[version][0])
    kind = type("Client", (module.ChargePoint,), handlers or {})
    pair = base64.b64encode(f"{identity}:{site.house.passwords[identity]}".encode()).decode()
    url = f"ws://127.0.0.1:{site.port}/ocpp/{identity}"
    async with connect(url, subprotocols=[version], additional_headers={"Authorization": f"Basic {pair}"}) as socket:
        assert socket.subprotocol == version
        station = kind(identity, socket)
        reading = asyncio.create_task(station.start())
        try:
            yield station
        finally:
            reading.cancel()


async def said(station, version, action, payload):
    """Send a call; its answer is held against the schema by the package, and an error is raised."""
    call = importlib.import_module(f"{MODULES[version][0]}.call")
    return await station.call(getattr(call, action)(**camel_to_snake_case(payload)), suppress=False)


def everything():
    return [(version, action) for version, protocol in PROTOCOLS.items() for action in sorted(set(protocol.handlers) - MONEY)]


@pytest.fixture
def speaking(site):
    """How to connect."""
    return lambda version, **more: client(site, version, **more)


@pytest.mark.parametrize("version", MODULES)
async def test_every_message_is_understood_in_full_and_answered_by_the_schema(site, speaking, version):
    async with speaking(version) as station:
        for asked, action in everything():
            if asked == version:
                payload = full(get_validator(2, action, MODULES[version][1]).schema)
                answer = await said(station, version, action, payload)
                assert answer is not None, action
                await said(station, version, action, payload)
    kept = await rows("SELECT kind, count(*) AS n FROM security_event WHERE kind LIKE 'station:%' GROUP BY 1")
    assert [one["n"] for one in kept] == [1]


async def charge16(station, version):
    started = await said(station, version, "StartTransaction", start_payload(AT))
    assert started.id_tag_info["status"] == "Accepted"
    await said(station, version, "StopTransaction", stop_payload(started.transaction_id, LATER, 3000))


async def charge201(station, version):
    started = await said(station, version, "TransactionEvent", event_payload("Started", 0, AT, 1000, tag=BADGE_ANNA))
    assert started.id_token_info["status"] == "Accepted"
    await said(station, version, "TransactionEvent", event_payload("Ended", 1, LATER, 3000, reason="Local"))


@pytest.mark.parametrize(("version", "charge"), [("ocpp1.6", charge16), ("ocpp2.0.1", charge201)])
async def test_st01_a_charge_by_the_packages_client_is_one_session(site, speaking, version, charge):
    async with speaking(version) as station:
        for _ in range(2):
            await charge(station, version)
    kept = await rows("SELECT state, energy_wh FROM charging_session")
    assert kept == [{"state": "ended", "energy_wh": 2000}]


FREE = {
    "ocpp1.6": {"connectorId": 1, "errorCode": "NoError", "status": "Available"},
    "ocpp2.0.1": {"timestamp": "2026-11-24T10:00:00Z", "connectorStatus": "Available", "evseId": 1, "connectorId": 1},
}


@pytest.mark.parametrize(("version", "action"), [("ocpp1.6", "RemoteStartTransaction"), ("ocpp2.0.1", "RequestStartTransaction")])
async def test_a_residents_start_reaches_the_packages_client(site, speaking, version, action):
    result = importlib.import_module(f"{MODULES[version][0]}.call_result")
    asked = []

    @on(action)
    def starting(self, **payload):
        asked.append(payload)
        return getattr(result, action)(status="Accepted")

    async with speaking(version, handlers={"starting": starting}) as station:
        await said(station, version, "StatusNotification", FREE[version])
        house = site.house
        await requests.request_start(house.account_id, house.anna, house.login, house.codes["CP-1", 1], new_id(), SECRET, utc_now())

        async def answered():
            return await rows("SELECT 1 FROM station_command WHERE action = 'RemoteStart' AND state = 'answered'")

        await eventually(answered)
    assert len(asked) == 1
