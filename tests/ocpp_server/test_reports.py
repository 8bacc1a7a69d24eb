"""What stations tell of themselves is kept: device model, monitors, limits, firmware, logs, security events."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.ocpp_server.conftest import rows
from tests.ocpp_server.raw_station import iso

NOW = datetime.now(UTC).replace(microsecond=0)
V201 = "ocpp2.0.1"
RATE = {"component": {"name": "SmartChargingCtrlr"}, "variable": {"name": "RateUnit"}}
POWER = {"component": {"name": "EVSE", "evse": {"id": 1}, "instance": "left"}, "variable": {"name": "Power", "instance": "L1"}}


@pytest.fixture
async def station(site):
    return await site.connected("CP-1", V201)


def report(seq=0, at=NOW, **data):
    return {"requestId": 1, "generatedAt": iso(at), "seqNo": seq, "tbc": False, "reportData": [data]}


async def states(kind):
    return await rows("SELECT key, status, gone_at IS NULL AS there FROM station_state WHERE kind = $1 ORDER BY key", kind)


async def test_the_device_model_is_kept_by_component_variable_and_attribute(station):
    attributes = [{"value": "A,W", "mutability": "ReadOnly"}, {"type": "MaxSet", "value": "x"}]
    traits = {"dataType": "MemberList", "supportsMonitoring": False, "valuesList": "A,W"}
    for _ in range(2):
        assert await station.said("NotifyReport", report(variableAttribute=attributes, variableCharacteristics=traits, **RATE)) == {}
    await station.said("NotifyReport", report(1, variableAttribute=[{"value": "11000"}], **POWER))
    found = await rows("SELECT component, component_instance, evse_id, variable, variable_instance, attribute, value, characteristics"
                       " FROM device_variable ORDER BY component, attribute")  # fmt: skip
    assert [tuple(row.values())[:7] for row in found] == [
        ("EVSE", "left", 1, "Power", "L1", "Actual", "11000"),
        ("SmartChargingCtrlr", "", 0, "RateUnit", "", "Actual", "A,W"),
        ("SmartChargingCtrlr", "", 0, "RateUnit", "", "MaxSet", "x"),
    ]
    assert "MemberList" in found[1]["characteristics"]
    settings = await rows("SELECT name, value, readonly FROM station_setting ORDER BY name")
    assert [tuple(one.values()) for one in settings] == [
        ("EVSE@1/left.Power/L1", "11000", False),
        ("SmartChargingCtrlr.RateUnit", "A,W", True),
    ]


async def test_an_older_report_changes_nothing(station):
    await station.said("NotifyReport", report(variableAttribute=[{"value": "new"}], **RATE))
    await station.said("NotifyReport", report(at=NOW - timedelta(hours=1), variableAttribute=[{"value": "old"}], **RATE))
    assert [one["value"] for one in await rows("SELECT value FROM device_variable")] == ["new"]
    assert [one["value"] for one in await rows("SELECT value FROM station_setting")] == ["new"]


async def test_each_event_of_a_monitor_is_kept_once(station):
    event = {
        "eventId": 7, "timestamp": iso(NOW), "trigger": "Alerting", "actualValue": "95", "eventNotificationType": "HardWiredMonitor",
        "component": {"name": "Cabinet"}, "variable": {"name": "Temperature"},
    }  # fmt: skip
    for _ in range(2):
        await station.said("NotifyEvent", {"generatedAt": iso(NOW), "seqNo": 0, "eventData": [event, {**event, "eventId": 8}]})
    found = await rows("SELECT event_no, component, variable, value FROM station_event ORDER BY event_no")
    assert [tuple(one.values()) for one in found] == [(7, "Cabinet", "Temperature", "95"), (8, "Cabinet", "Temperature", "95")]


async def test_a_limit_from_outside_holds_until_it_is_cleared(station):
    limit = {"chargingLimit": {"chargingLimitSource": "EMS"}, "evseId": 1}
    await station.said("NotifyChargingLimit", limit)
    assert await states("charging_limit") == [{"key": "1/EMS", "status": "EMS", "there": True}]
    await station.said("ClearedChargingLimit", {"chargingLimitSource": "EMS", "evseId": 1})
    assert [one["there"] for one in await states("charging_limit")] == [False]
    await station.said("NotifyChargingLimit", limit)
    assert [one["there"] for one in await states("charging_limit")] == [True]


@pytest.mark.parametrize(
    ("version", "action", "payload", "kind"),
    [
        ("ocpp1.6", "FirmwareStatusNotification", {"status": "Downloading"}, "firmware"),
        ("ocpp1.6", "SignedFirmwareStatusNotification", {"status": "Downloading", "requestId": 5}, "firmware"),
        ("ocpp1.6", "DiagnosticsStatusNotification", {"status": "Uploading"}, "log"),
        ("ocpp1.6", "LogStatusNotification", {"status": "Uploading", "requestId": 5}, "log"),
        (V201, "FirmwareStatusNotification", {"status": "Downloading", "requestId": 5}, "firmware"),
        (V201, "LogStatusNotification", {"status": "Uploading", "requestId": 5}, "log"),
        (V201, "PublishFirmwareStatusNotification", {"status": "Downloading", "requestId": 5}, "published_firmware"),
    ],
)
async def test_the_progress_of_an_update_or_upload_is_kept(site, version, action, payload, kind):
    station = await site.connected("CP-2", version)
    assert await station.said(action, payload) == {}
    assert [(one["key"], one["status"]) for one in await states(kind)] == [(str(payload.get("requestId", "")), payload["status"])]
    assert await rows("SELECT action FROM station_message WHERE action = $1", action) == [{"action": action}]


@pytest.mark.parametrize("version", ["ocpp1.6", V201])
async def test_a_security_event_of_a_station_is_kept_once_even_by_a_bad_clock(site, version):
    station = await site.connected("CP-2", version)
    event = {"type": "TamperDetectionActivated", "timestamp": iso(NOW - timedelta(days=1)), "techInfo": "lid\x00"}
    for _ in range(2):
        assert await station.said("SecurityEventNotification", event) == {}
    await station.said("SecurityEventNotification", {**event, "timestamp": "unknown", "techInfo": "later"})
    found = await rows("SELECT kind, identity, station_time AS at, detail FROM security_event ORDER BY station_time")
    assert [(one["kind"], one["identity"]) for one in found] == [("station:TamperDetectionActivated", "CP-2")] * 2
    assert found[0]["at"] == NOW - timedelta(days=1)


async def test_what_has_no_service_here_is_answered_so(station):
    needs = {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "AC_three_phase"}}
    assert await station.said("NotifyEVChargingNeeds", needs) == {"status": "Rejected"}
    assert await station.said("DataTransfer", {"vendorId": "Somebody", "data": {"a": [1]}}) == {"status": "UnknownVendorId"}
    exi = {"iso15118SchemaVersion": "urn:iso:15118:2:2013:MsgDef", "action": "Install", "exiRequest": "aGk="}
    assert await station.said("Get15118EVCertificate", exi) == {"status": "Failed", "exiResponse": ""}
    assert (await station.call("Reset", {"type": "Immediate"}))[:3:2] == [4, "NotSupported"]


async def test_numbers_beyond_the_database_are_answered_and_hurt_nobody(station):
    huge = {"component": {"name": "C", "evse": {"id": 2**70}}, "variable": {"name": "V"}, "variableAttribute": [{"value": "1"}]}
    assert await station.said("NotifyReport", report(**huge)) == {}
    assert (await station.call("LogStatusNotification", {"status": "Uploaded", "requestId": 2**70}))[0] == 3
    assert (await station.call("StatusNotification", {**station.status("Available"), "evseId": 2**70}))[0] == 3
    assert (await station.said("Heartbeat", {}))["currentTime"]
