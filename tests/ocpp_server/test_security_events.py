"""What stations report about their security, on both versions; critical events stay open until somebody has looked."""

import pytest

from app.charging.security_events import events, mark_seen
from app.database.transaction import in_account
from app.kernel.clock import utc_now
from app.kernel.errors import Refused
from app.kernel.identifiers import new_id
from tests.ocpp_server.conftest import rows

AT = "2026-11-24T09:58:00.000Z"


async def test_tc_077_csms_tc_078_csms_a_security_event_is_kept_once(site, protocols):
    station = await site.station().open(protocols=protocols)
    for info in ("cover opened", "cover opened", "cover opened again"):
        assert (
            await station.said("SecurityEventNotification", {"type": "TamperDetectionActivated", "timestamp": AT, "techInfo": info}) == {}
        )
    await station.said("SecurityEventNotification", {"type": "ResetOrReboot", "timestamp": AT})
    async with in_account(site.house.account_id):
        found = await events()
        (first, second) = await events(only_open=True)
    assert [(one.kind, one.open, one.source) for one in found] == [
        ("station:TamperDetectionActivated", True, "station"), ("station:TamperDetectionActivated", True, "station"), ("station:ResetOrReboot", False, "station"),
    ]  # fmt: skip
    assert {first.detail, second.detail} == {"cover opened", "cover opened again"}
    assert first.station_time is not None and first.station_name == "Place 1"


async def test_an_event_is_open_until_somebody_has_looked(site, protocols):
    station = await site.station().open(protocols=protocols)
    await station.said("SecurityEventNotification", {"type": "SecurityLogWasCleared", "timestamp": AT})
    (row,) = await rows("SELECT id FROM security_event")
    for login in (site.house.login, new_id()):
        await mark_seen(site.house.account_id, login, row["id"], utc_now())
    assert [one["seen_by"] for one in await rows("SELECT seen_by FROM security_event")] == [site.house.login]
    async with in_account(site.house.account_id):
        assert await events(only_open=True) == []
    with pytest.raises(Refused):
        await mark_seen(new_id(), site.house.login, row["id"], utc_now())


async def test_a_misshapen_security_event_is_told_and_the_socket_stays(site, protocols):
    station = await site.station().open(protocols=protocols)
    answer = await station.call("SecurityEventNotification", {"type": "x" * 51, "timestamp": AT})
    assert answer[0] == 4
    assert (await station.said("Heartbeat", {}))["currentTime"]


async def test_st08_a_stop_for_another_stations_transaction_is_an_event_to_look_at(site):
    first, second = await site.connected("CP-1"), await site.connected("CP-2")
    number = await first.start(utc_now())
    await second.said("StopTransaction", {"transactionId": number, "timestamp": AT, "meterStop": 2000})
    async with in_account(site.house.account_id):
        (event,) = await events(only_open=True)
    assert event.kind == "foreign_stop" and event.station_id == site.house.stations["CP-2"]


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("GetCertificateStatus", {"ocspRequestData": {"hashAlgorithm": "SHA256", "issuerNameHash": "a", "issuerKeyHash": "b",
                                                      "serialNumber": "1", "responderURL": "http://ocsp.example"}}),
        ("Get15118EVCertificate", {"iso15118SchemaVersion": "urn:x", "action": "Install", "exiRequest": "AA=="}),
        ("SignCertificate", {"csr": "x", "certificateType": "V2GCertificate"}),
    ],
)  # fmt: skip
async def test_what_concerns_cars_certificates_is_declined_clearly(site, action, payload):
    station = await site.station().open(protocols=("ocpp2.0.1",))
    assert (await station.said(action, payload))["status"] in ("Failed", "Rejected")
    assert await rows("SELECT 1 FROM security_event WHERE kind = 'certificate_refused'") == []
