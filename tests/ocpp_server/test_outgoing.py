"""Every command in both versions' words: each fits the schema of the `ocpp` package, or is refused with its reason."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from ocpp.messages import Call, CallResult, validate_payload

from app.charging import intents as i
from app.charging.rules import rate_unit
from app.charging.station_commands import Facts
from app.kernel.identifiers import new_id
from ocpp_server.commands_in import SPEECH, translated, understood
from ocpp_server.outgoing import CannotSay, limit_in
from ocpp_server.setting_names import PAIRS, name16, name_of, variable201

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
BADGE, GONE = new_id(), new_id()
TAGS = {BADGE: "04A1B2C3D4E5F6", GONE: "04B0B0B0B0B0B0"}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
PERIODS = (i.Period(start_s=0, limit_a=Decimal("10.55"), phases=3), i.Period(start_s=900, limit_a=Decimal(6)))


def profile(**more):
    return i.Profile(id=3, stack_level=1, purpose="default", periods=PERIODS, **more)


SAID = [
    i.Reset(), i.Reset(hard=True), i.UnlockConnector(connector=1), i.RemoteStart(connector=1, tag="HS23456789ABCDEFGHJK"),
    i.RemoteStart(connector=2, tag="HS", profile=i.Profile(id=3, stack_level=1, purpose="transaction", periods=PERIODS)), i.RemoteStop(transaction="17"),
    i.ChangeAvailability(operative=True), i.ChangeAvailability(operative=False, connector=2),
    i.ReadConfiguration(), i.ReadConfiguration(names=("HeartbeatInterval", "MessageTimeout.Vendor")),
    i.WriteConfiguration(settings=(i.Setting(name="HeartbeatInterval", value="300"),)),
    i.GetDiagnostics(link="http://127.0.0.1/f/x", since=NOW, until=LATER), i.GetDiagnostics(link="http://127.0.0.1/f/x", security=True),
    i.UpdateFirmware(link="http://127.0.0.1/f/x", retrieve_at=NOW),
    i.PublishFirmware(link="http://127.0.0.1/f/x", checksum="c" * 32), i.UnpublishFirmware(checksum="c" * 32),
    i.UpdateFirmware(link="http://127.0.0.1/f/x", retrieve_at=NOW, install_at=LATER, certificate=PEM, signature="c2ln"),
    *(i.Trigger(message=message, connector=connector)
      for message in ("BootNotification", "Heartbeat", "MeterValues", "StatusNotification", "FirmwareStatusNotification",
                      "DiagnosticsStatusNotification", "SignCertificate", "TransactionEvent") for connector in (None, 1)),
    i.ClearCache(), i.GetLocalListVersion(), i.SendLocalList(version=1, full=True),
    i.SendLocalList(version=2, full=False, entries=(i.ListEntry(badge_id=BADGE, status="Accepted"),
                                                    i.ListEntry(badge_id=GONE, status=None))),
    i.Reserve(reservation_no=4, tag="HS1", until=LATER), i.Reserve(reservation_no=4, tag="HS1", until=LATER, connector=1),
    i.CancelReservation(reservation_no=4), i.SetProfile(connector=0, profile=profile(starts_at=NOW, duration_s=600)),
    i.SetProfile(connector=1, profile=i.Profile(id=1, stack_level=0, purpose="transaction", periods=PERIODS, transaction="17",
                                                valid_from=NOW, valid_to=LATER)),
    i.ClearProfile(), i.ClearProfile(profile_id=3), i.ClearProfile(connector=1, purpose="default", stack_level=2),
    i.GetCompositeSchedule(connector=1, duration_s=3600), i.GetProfiles(), i.GetProfiles(connector=1),
    i.ReadReport(names=("LocalAuthListCtrlr", "EVSE@1.Power")), i.ReadReport(criteria=("Problem",)),
    i.SetMonitors(monitors=(i.Monitor(name="EVSE@1.Power", type="UpperThreshold", value=Decimal("11000.5"), severity=5),)),
    i.ClearMonitors(ids=(1, 2)), i.SetMonitoringBase(base="All"), i.SetMonitoringLevel(severity=4),
    i.GetMonitoringReport(), i.GetMonitoringReport(names=("EVSE@1.Power",)),
    i.ShowMessage(id=1, text="Guten Tag", language="de"),
    i.ShowMessage(id=1, text="x" * 600, language="de", state="Idle", until=LATER, transaction="abc"),
    i.GetMessages(), i.ClearMessage(id=1), i.ShowCost(transaction="abc", cost=Decimal("3.05")),
    i.CustomerInformation(report=True, clear=False, tag="04A1"), i.CustomerInformation(report=False, clear=True, identifier="c"),
    i.SetNetworkProfile(slot=1, url="wss://h/ocpp", security_profile=2), i.DataTransfer(vendor="org.example"),
    i.DataTransfer(vendor="org.example", message="m", data="d"), i.InstallCertificate(use="csms", certificate=PEM),
    i.InstallCertificate(use="v2g", certificate=PEM),
    i.DeleteCertificate(hash_algorithm="SHA256", issuer_name_hash="a" * 64, issuer_key_hash="b" * 64, serial_number="01"),
    i.GetInstalledCertificates(use="manufacturer"), i.CertificateSigned(chain=PEM), i.GetTransactionStatus(),
    i.GetTransactionStatus(transaction="abc"),
]  # fmt: skip
# What one version cannot say although it knows the kind.
CANNOT = {
    i.V16: {"TransactionEvent", "v2g"},
    i.V201: set(),
}


def valid(version, action, payload):
    short = version.removeprefix("ocpp")
    asyncio.run(validate_payload(Call("1", action, payload), short))


@pytest.mark.parametrize("version", [i.V16, i.V201])
@pytest.mark.parametrize("intent", SAID, ids=[f"{number}-{type(one).__name__}" for number, one in enumerate(SAID)])
@pytest.mark.parametrize("unit", ["A", "W"])
def test_a_command_fits_the_schema_of_its_version_or_is_refused(version, intent, unit):
    facts = Facts(tags=TAGS, rate_unit=unit)
    intent = i.decode(i.encode(intent))  # as it comes from its row
    special = {getattr(intent, "message", None), getattr(intent, "use", None)} & CANNOT[version]
    if version not in i.versions_of(i.kind_of(intent)) or special:
        with pytest.raises(CannotSay, match=r"OCPP 1\.6|ocpp1\.6"):
            translated(version, intent, 7, facts)
        return
    if version == i.V16 and getattr(intent, "names", ()):
        intent = i.ReadConfiguration(names=("HeartbeatInterval", "OCPPCommCtrlr.ResetRetries"))
    action, payload, sent = translated(version, intent, 7, facts)
    valid(version, action, json.loads(json.dumps(payload, default=float)))
    assert sent.action == action
    assert "04A1B2C3D4E5F6" not in sent.payload and "http://" not in sent.payload.replace("wss://", "")


def test_every_kind_is_tried_and_every_word_known():
    assert {i.kind_of(one) for one in SAID} == set(i.KINDS)
    for version, (words, _) in SPEECH.items():
        assert {kind.__name__ for kind in words} == {name for name in i.KINDS if version in i.versions_of(name)}


ANSWERS = [
    (i.V16, i.Reset(), "Reset", {"status": "Accepted"}, "accepted"),
    (i.V201, i.Reset(), "Reset", {"status": "Scheduled"}, "scheduled"),
    (i.V16, i.UnlockConnector(connector=1), "UnlockConnector", {"status": "Unlocked"}, "accepted"),
    (i.V16, i.UnlockConnector(connector=1), "UnlockConnector", {"status": "UnlockFailed"}, "rejected"),
    (i.V201, i.UnlockConnector(connector=1), "UnlockConnector", {"status": "OngoingAuthorizedTransaction"}, "rejected"),
    (i.V16, i.ChangeAvailability(operative=False), "ChangeAvailability", {"status": "Scheduled"}, "scheduled"),
    (i.V16, i.WriteConfiguration(settings=()), "ChangeConfiguration", {"status": "RebootRequired"}, "reboot_required"),
    (i.V16, i.UpdateFirmware(link="x", retrieve_at=NOW), "UpdateFirmware", {}, "accepted"),
    (i.V16, i.GetDiagnostics(link="x"), "GetDiagnostics", {"fileName": "log.zip"}, "accepted"),
    (i.V16, i.GetDiagnostics(link="x"), "GetDiagnostics", {}, "rejected"),
    (i.V16, i.GetDiagnostics(link="x", security=True), "GetLog", {"status": "AcceptedCanceled"}, "accepted"),
    (i.V16, i.Trigger(message="Heartbeat"), "TriggerMessage", {"status": "NotImplemented"}, "rejected"),
    (i.V16, i.SendLocalList(version=1, full=True), "SendLocalList", {"status": "VersionMismatch"}, "rejected"),
    (i.V201, i.ShowCost(transaction="a", cost=Decimal(1)), "CostUpdated", {}, "accepted"),
    (i.V16, i.DataTransfer(vendor="x"), "DataTransfer", {"status": "UnknownVendorId"}, "rejected"),
    (i.V201, i.UnpublishFirmware(checksum="c"), "UnpublishFirmware", {"status": "Unpublished"}, "accepted"),
    (i.V201, i.UnpublishFirmware(checksum="c"), "UnpublishFirmware", {"status": "DownloadOngoing"}, "rejected"),
    (i.V201, i.GetMessages(), "GetDisplayMessages", {"status": "Unknown"}, "rejected"),
]  # fmt: skip


@pytest.mark.parametrize(("version", "intent", "action", "payload", "verdict"), ANSWERS)
def test_an_answer_is_understood(version, intent, action, payload, verdict):
    asyncio.run(validate_payload(CallResult("1", payload, action=action), version.removeprefix("ocpp")))
    assert understood(version, intent, json.dumps(payload)).verdict == verdict


def test_the_stations_own_words_are_kept():
    said = {"status": "Rejected", "statusInfo": {"reasonCode": "NoCable", "additionalInfo": "the flap is closed"}}
    answer = understood(i.V201, i.UnlockConnector(connector=1), json.dumps(said))
    assert (answer.verdict, answer.status, answer.reason) == ("rejected", "Rejected", "NoCable the flap is closed")


@pytest.mark.parametrize("text", ["[]", "null", "7", '{"configurationKey":7}', '{"configurationKey":[7],"unknownKey":7}', "{", '"x"'])
def test_a_misshapen_answer_breaks_nothing(text):
    for intent in (i.ReadConfiguration(), i.Reset(), i.GetLocalListVersion()):
        assert understood(i.V16, intent, text).verdict in ("rejected", "accepted")
    assert understood(i.V201, i.GetLocalListVersion(), '{"versionNumber":"x"}').verdict == "rejected"


def test_settings_are_read_on_both_versions():
    said = {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}], "unknownKey": ["Odd"]}
    found = understood(i.V16, i.ReadConfiguration(names=("HeartbeatInterval", "Odd")), json.dumps(said)).settings
    assert [(one.name, one.value, one.readonly) for one in found] == [("HeartbeatInterval", "300", False), ("Odd", None, None)]
    result = {"attributeStatus": "Accepted", "attributeValue": "300", **variable201("HeartbeatInterval")}
    odd = {"attributeStatus": "UnknownVariable", **variable201("EVSE@2/left.Power/L1")}
    answer = understood(i.V201, i.ReadConfiguration(names=("x",)), json.dumps({"getVariableResult": [result, odd]}))
    assert [(one.name, one.value) for one in answer.settings] == [
        ("OCPPCommCtrlr.HeartbeatInterval", "300"),
        ("EVSE@2/left.Power/L1", None),
    ]


def test_several_variables_are_refused_where_one_is():
    intent = i.WriteConfiguration(settings=(i.Setting(name="HeartbeatInterval", value="1"), i.Setting(name="ResetRetries", value="1")))
    with pytest.raises(CannotSay, match="one setting at a time"):
        translated(i.V16, intent, 1, Facts())
    results = [{"attributeStatus": status, **variable201("ResetRetries")} for status in ("Accepted", "RebootRequired", "Rejected")]
    for count, verdict in ((1, "accepted"), (2, "reboot_required"), (3, "rejected")):
        said = json.dumps({"setVariableResult": results[:count]})
        assert understood(i.V201, intent, said).verdict == verdict


@pytest.mark.parametrize(("key", "variable"), PAIRS)
def test_a_setting_has_a_name_in_each_version(key, variable):
    assert name16(variable) == key == name16(key)
    parts = variable201(key)
    assert name_of(parts["component"], parts["variable"]) == variable


@pytest.mark.parametrize("version", [i.V16, i.V201])
@pytest.mark.parametrize("odd", [profile(), i.Profile(id=3, stack_level=1, purpose="transaction", periods=PERIODS, transaction="17")])
def test_a_remote_start_carries_no_profile_but_its_own_transactions(version, odd):
    with pytest.raises(CannotSay, match="its own transaction"):
        translated(version, i.RemoteStart(connector=1, tag="HS", profile=odd), 1, Facts())


def test_one_evse_is_reset_alone_where_the_version_can():
    assert translated(i.V201, i.Reset(connector=2), 1, Facts())[1] == {"type": "OnIdle", "evseId": 2}
    with pytest.raises(CannotSay, match="whole stations"):
        translated(i.V16, i.Reset(connector=2), 1, Facts())


def test_what_has_no_name_is_refused():
    for name in ("Nonsense", ".x", "x.", "EVSE@one.Power"):
        with pytest.raises(CannotSay):
            variable201(name)
    with pytest.raises(CannotSay):
        name16("DisplayMessageCtrlr.Enabled")


def test_st60_a_limit_is_told_in_the_unit_that_the_station_takes():
    assert [rate_unit(text) for text in ("Current", "Power", "Current,Power", "A", "W", "A,W", None, "")] == list("AWAAWAAA")
    assert limit_in("A", Decimal("10.59"), 3) == Decimal("10.5")
    assert limit_in("W", Decimal(16), 3) == Decimal("11040.0")
    assert limit_in("W", Decimal(16), 1) == Decimal("3680.0")
    for version in (i.V16, i.V201):
        _, payload, _ = translated(version, i.SetProfile(connector=1, profile=profile()), 1, Facts(rate_unit="W", phases=1))
        schedule = payload.get("csChargingProfiles", {}).get("chargingSchedule") or payload["chargingProfile"]["chargingSchedule"][0]
        assert schedule["chargingRateUnit"] == "W"
        # Three phases as the period says, one as the station has.
        assert [one["limit"] for one in schedule["chargingSchedulePeriod"]] == [Decimal("7279.5"), Decimal("1380.0")]


def test_secrets_stay_out_of_the_log():
    key = i.WriteConfiguration(settings=(i.Setting(name="AuthorizationKey", value="0123456789abcdef"),))
    for version in (i.V16, i.V201):
        _, payload, sent = translated(version, key, 1, Facts())
        assert "0123456789abcdef" in json.dumps(payload) and "0123456789abcdef" not in sent.payload
    assert "0123456789abcdef" not in i.encode(i.shown(key))
