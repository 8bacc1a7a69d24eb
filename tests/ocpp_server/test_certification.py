"""Commands of the Open Charge Alliance's certification for central systems, case by case, as an operator gives them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.charging.intents import V16, V201
from tests.ocpp_server.staff import connected, staffed

OK = {"status": "Accepted"}
HEARTBEAT = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
RETRIES = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "ResetRetries"}}


def settings(*names: str) -> list[dict[str, str]]:
    return [{"name": name, "value": "60"} for name in names]


def told(*statuses: str, where: Any = HEARTBEAT) -> list[dict[str, Any]]:
    return [{"attributeStatus": status, **where} for status in statuses]


# Case, command, action and a part of its payload, the station's answer, what the operator is shown.
Case = tuple[str, dict[str, Any], str, dict[str, Any], Any, str]
RESET: dict[str, list[Case]] = {
    V16: [
        ("TC_013_CSMS", {"kind": "Reset", "hard": True}, "Reset", {"type": "Hard"}, OK, "accepted"),
        ("TC_014_CSMS", {"kind": "Reset"}, "Reset", {"type": "Soft"}, OK, "accepted"),
        ("TC_061_CSMS", {"kind": "ClearCache"}, "ClearCache", {}, OK, "accepted"),
    ],
    V201: [
        ("TC_B_20_CSMS", {"kind": "Reset"}, "Reset", {"type": "OnIdle"}, OK, "accepted"),
        ("TC_B_21_CSMS", {"kind": "Reset"}, "Reset", {"type": "OnIdle"}, {"status": "Scheduled"}, "scheduled"),
        ("TC_B_22_CSMS", {"kind": "Reset", "hard": True}, "Reset", {"type": "Immediate"}, OK, "accepted"),
        ("TC_B_25_CSMS", {"kind": "Reset", "connector": 1}, "Reset", {"type": "OnIdle", "evseId": 1}, OK, "accepted"),
        ("TC_B_26_CSMS", {"kind": "Reset", "connector": 1}, "Reset", {"type": "OnIdle", "evseId": 1}, {"status": "Scheduled"}, "scheduled"),
        ("TC_B_27_CSMS", {"kind": "Reset", "hard": True, "connector": 1}, "Reset", {"type": "Immediate", "evseId": 1}, OK, "accepted"),
        ("TC_C_37_CSMS", {"kind": "ClearCache"}, "ClearCache", {}, OK, "accepted"),
        ("TC_C_38_CSMS", {"kind": "ClearCache"}, "ClearCache", {}, {"status": "Rejected"}, "rejected"),
    ],
}
UNLOCK = {"kind": "UnlockConnector", "connector": 1}
PLACES: dict[str, list[Case]] = {
    V16: [
        ("TC_017_1_CSMS", UNLOCK, "UnlockConnector", {"connectorId": 1}, {"status": "Unlocked"}, "accepted"),
        ("TC_030_CSMS", UNLOCK, "UnlockConnector", {"connectorId": 1}, {"status": "UnlockFailed"}, "rejected"),
        ("TC_031_CSMS", UNLOCK, "UnlockConnector", {"connectorId": 1}, {"status": "NotSupported"}, "rejected"),
    ],
    V201: [
        ("TC_F_06_CSMS", UNLOCK, "UnlockConnector", {"evseId": 1, "connectorId": 1}, {"status": "Unlocked"}, "accepted"),
        ("TC_G_03_CSMS", {"kind": "ChangeAvailability", "operative": False, "connector": 1}, "ChangeAvailability",
         {"evse": {"id": 1, "connectorId": 1}, "operationalStatus": "Inoperative"}, OK, "accepted"),
        ("TC_G_04_CSMS", {"kind": "ChangeAvailability", "operative": True, "connector": 1}, "ChangeAvailability",
         {"evse": {"id": 1, "connectorId": 1}, "operationalStatus": "Operative"}, OK, "accepted"),
        ("TC_G_05_CSMS", {"kind": "ChangeAvailability", "operative": False}, "ChangeAvailability", {"operationalStatus": "Inoperative"}, OK,
         "accepted"),
        ("TC_G_06_CSMS", {"kind": "ChangeAvailability", "operative": True}, "ChangeAvailability", {"operationalStatus": "Operative"}, OK,
         "accepted"),
        ("TC_G_14_CSMS", {"kind": "ChangeAvailability", "operative": False}, "ChangeAvailability", {"operationalStatus": "Inoperative"},
         {"status": "Scheduled"}, "scheduled"),
    ],
}  # fmt: skip
READ = {"kind": "ReadConfiguration", "names": ["HeartbeatInterval"]}
WRITE = {"kind": "WriteConfiguration", "settings": settings("HeartbeatInterval")}
SETTINGS: dict[str, list[Case]] = {
    V16: [
        ("TC_019_1_CSMS", {"kind": "ReadConfiguration"}, "GetConfiguration", {}, {"configurationKey": []}, "accepted"),
        ("TC_019_2_CSMS", READ, "GetConfiguration", {"key": ["HeartbeatInterval"]},
         {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}]}, "accepted"),
        ("TC_021_CSMS", WRITE, "ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"}, OK, "accepted"),
        ("TC_040_1_CSMS", WRITE, "ChangeConfiguration", {"key": "HeartbeatInterval"}, {"status": "NotSupported"}, "rejected"),
        ("TC_040_2_CSMS", WRITE, "ChangeConfiguration", {"key": "HeartbeatInterval"}, {"status": "Rejected"}, "rejected"),
    ],
    V201: [
        ("TC_B_06_CSMS", READ, "GetVariables", {"getVariableData": [HEARTBEAT]},
         {"getVariableResult": [{"attributeStatus": "Accepted", "attributeValue": "300", **HEARTBEAT}]}, "accepted"),
        ("TC_B_07_CSMS", {"kind": "ReadConfiguration", "names": ["HeartbeatInterval", "ResetRetries"]}, "GetVariables",
         {"getVariableData": [HEARTBEAT, RETRIES]}, {"getVariableResult": told("Accepted") + told("UnknownVariable", where=RETRIES)},
         "accepted"),
        ("TC_B_09_CSMS", WRITE, "SetVariables", {"setVariableData": [{**HEARTBEAT, "attributeValue": "60"}]},
         {"setVariableResult": told("Accepted")}, "accepted"),
        ("TC_B_10_CSMS", {"kind": "WriteConfiguration", "settings": settings("HeartbeatInterval", "ResetRetries")}, "SetVariables",
         {"setVariableData": [{**HEARTBEAT, "attributeValue": "60"}, {**RETRIES, "attributeValue": "60"}]},
         {"setVariableResult": told("Accepted") + told("Rejected", where=RETRIES)}, "rejected"),
        ("TC_B_13_CSMS", {"kind": "ReadConfiguration"}, "GetBaseReport", {"reportBase": "FullInventory"}, OK, "accepted"),
        ("TC_B_18_CSMS", {"kind": "ReadReport", "names": ["OCPPCommCtrlr.HeartbeatInterval"], "criteria": ["Problem"]}, "GetReport",
         {"componentVariable": [HEARTBEAT], "componentCriteria": ["Problem"]}, OK, "accepted"),
    ],
}  # fmt: skip


def trigger(message: str, connector: int | None = None) -> dict[str, Any]:
    return {"kind": "Trigger", "message": message} | ({"connector": connector} if connector else {})


EVSE = {"evse": {"id": 1, "connectorId": 1}}
TRIGGERS: dict[str, list[Case]] = {
    V16: [
        ("TC_054_CSMS", trigger("MeterValues", 1), "TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 1}, OK, "accepted"),
        ("TC_055_CSMS", trigger("MeterValues", 1), "TriggerMessage", {"requestedMessage": "MeterValues"}, {"status": "Rejected"}, "rejected"),
    ],
    V201: [
        ("TC_F_11_CSMS", trigger("MeterValues", 1), "TriggerMessage", {"requestedMessage": "MeterValues", **EVSE}, OK, "accepted"),
        ("TC_F_12_CSMS", trigger("MeterValues"), "TriggerMessage", {"requestedMessage": "MeterValues"}, OK, "accepted"),
        ("TC_F_13_CSMS", trigger("TransactionEvent", 1), "TriggerMessage", {"requestedMessage": "TransactionEvent", **EVSE}, OK, "accepted"),
        ("TC_F_14_CSMS", trigger("TransactionEvent"), "TriggerMessage", {"requestedMessage": "TransactionEvent"}, OK, "accepted"),
        ("TC_F_15_CSMS", trigger("DiagnosticsStatusNotification"), "TriggerMessage", {"requestedMessage": "LogStatusNotification"}, OK,
         "accepted"),
        ("TC_F_18_CSMS", trigger("FirmwareStatusNotification"), "TriggerMessage", {"requestedMessage": "FirmwareStatusNotification"}, OK,
         "accepted"),
        ("TC_F_20_CSMS", trigger("Heartbeat"), "TriggerMessage", {"requestedMessage": "Heartbeat"}, OK, "accepted"),
        ("TC_F_23_CSMS", trigger("StatusNotification", 1), "TriggerMessage", {"requestedMessage": "StatusNotification", **EVSE}, OK,
         "accepted"),
        ("TC_F_27_CSMS", trigger("StatusNotification", 1), "TriggerMessage", {}, {"status": "NotImplemented"}, "rejected"),
    ],
}  # fmt: skip
SCHEDULE = {"kind": "GetCompositeSchedule", "connector": 1, "duration_s": 300}
PROFILE = {"kind": "SetProfile", "connector": 1, "profile": {
    "id": 9, "stack_level": 0, "purpose": "transaction", "transaction": "17", "periods": [{"start_s": 0, "limit_a": "8"}]}}  # fmt: skip
LOG: dict[str, list[Case]] = {
    V16: [
        ("TC_057_CSMS", PROFILE, "SetChargingProfile", {"connectorId": 1}, OK, "accepted"),
        ("TC_066_CSMS", SCHEDULE, "GetCompositeSchedule", {"connectorId": 1, "duration": 300}, OK, "accepted"),
        ("TC_079_CSMS", {"kind": "GetDiagnostics", "security": True}, "GetLog", {"logType": "SecurityLog"}, OK, "accepted"),
    ],
    V201: [
        ("TC_K_43_CSMS", SCHEDULE, "GetCompositeSchedule", {"evseId": 1, "duration": 300}, OK, "accepted"),
        ("TC_N_34_CSMS", {"kind": "GetDiagnostics"}, "GetLog", {"logType": "DiagnosticsLog"}, {"status": "Rejected"}, "rejected"),
        ("TC_N_35_CSMS", {"kind": "GetDiagnostics", "security": True}, "GetLog", {"logType": "SecurityLog"}, OK, "accepted"),
        ("TC_N_36_CSMS", {"kind": "GetDiagnostics"}, "GetLog", {"logType": "DiagnosticsLog"}, {"status": "AcceptedCanceled"}, "accepted"),
        ("TC_N_27_CSMS", {"kind": "CustomerInformation", "report": True, "clear": False, "identifier": "c"}, "CustomerInformation",
         {"report": True, "clear": False, "customerIdentifier": "c"}, OK, "accepted"),
        ("TC_N_32_CSMS", {"kind": "CustomerInformation", "report": False, "clear": True, "identifier": "c"}, "CustomerInformation",
         {"report": False, "clear": True}, OK, "accepted"),
    ],
}  # fmt: skip
GROUPS = [(version, cases[version]) for cases in (RESET, PLACES, SETTINGS, TRIGGERS, LOG) for version in (V16, V201)]


@pytest.mark.parametrize(("version", "cases"), GROUPS, ids=["-".join(one[0] for one in cases) for _, cases in GROUPS])
async def test_the_case_of_the_certification(site, settings_for, tmp_path, version, cases):
    async with staffed(site, settings_for(), tmp_path) as staff:
        station = await connected(site, version)
        for case, command, action, part, answer, outcome in cases:
            station.answers[action] = answer
            asked = await staff.ask(command, ticket=case)
            assert asked.status_code == 202, (case, asked.text)
            sent = await station.next_call()
            assert sent[2] == action, case
            assert part.items() <= sent[3].items(), case
            entry = await staff.ended(command["kind"])
            assert (entry["ticket"], entry["outcome"]) == (case, outcome)


@pytest.mark.parametrize("version", [V16, V201])
async def test_tc_064_csms_tc_p_02_csms_a_makers_own_message_is_answered(site, version):
    station = await site.connected("CP-1", version)
    assert await station.said("DataTransfer", {"vendorId": "org.example", "data": "x"}) == {"status": "UnknownVendorId"}


@pytest.mark.parametrize("version", [V16, V201])
async def test_tc_024_csms_tc_g_20_csms_a_lock_failure_is_seen(site, settings_for, tmp_path, version):
    async with staffed(site, settings_for(), tmp_path) as staff:
        station = await connected(site, version)
        if version == V16:
            await station.said("StatusNotification", {"connectorId": 1, "status": "Faulted", "errorCode": "ConnectorLockFailure"})
            assert (await staff.detail())["connectors"][0]["error_code"] == "ConnectorLockFailure"
        else:
            event = {
                "eventId": 1, "timestamp": datetime.now(UTC).isoformat(), "trigger": "Alerting", "actualValue": "true",
                "eventNotificationType": "HardWiredNotification", "component": {"name": "ConnectorPlugRetentionLock"},
                "variable": {"name": "Problem"},
            }  # fmt: skip
            await station.said("NotifyEvent", {"generatedAt": event["timestamp"], "seqNo": 0, "eventData": [event]})
            assert (await staff.detail())["notices"][0]["component"] == "ConnectorPlugRetentionLock"
