"""Commands in OCPP 2.0.1: sessions, charging, lists, settings. An EVSE is a place of ours, its connector number 1. Pure."""

from datetime import datetime
from typing import Any

from app.charging import intents as i
from ocpp_server.outgoing import CannotSay, Context, Payload, Say, Wire, limit_in, of_start, only_given, verdict
from ocpp_server.outgoing201_device import DEVICE_WORDS
from ocpp_server.setting_names import name_of, variable201
from ocpp_server.translate import iso

PURPOSES = {"default": "TxDefaultProfile", "transaction": "TxProfile", "station": "ChargingStationMaxProfile"}
TRIGGERS = {"DiagnosticsStatusNotification": "LogStatusNotification", "SignCertificate": "SignChargingStationCertificate"}
LONGEST_TAG = 36
LONGEST_TRANSACTION = 36


def _time(at: datetime | None) -> str | None:
    return None if at is None else iso(at)


def _token(tag: str, kind: str) -> Payload:
    if len(tag) > LONGEST_TAG:
        raise CannotSay(f"OCPP 2.0.1 carries tokens of at most {LONGEST_TAG} characters")
    return {"idToken": tag, "type": kind}


def _transaction(text: str) -> str:
    if not 0 < len(text) <= LONGEST_TRANSACTION:
        raise CannotSay(f"OCPP 2.0.1 carries transaction ids of 1 to {LONGEST_TRANSACTION} characters")
    return text


def _evse(connector: int | None) -> Payload | None:
    return None if not connector else {"id": connector, "connectorId": 1}


def reset(intent: i.Reset, _: Context) -> Wire:
    return "Reset", only_given(type="Immediate" if intent.hard else "OnIdle", evseId=intent.connector or None)


def unlock(intent: i.UnlockConnector, _: Context) -> Wire:
    return "UnlockConnector", {"evseId": intent.connector, "connectorId": 1}


def remote_start(intent: i.RemoteStart, context: Context) -> Wire:
    profile = None if intent.profile is None else _profile(of_start(intent.profile), context)
    return "RequestStartTransaction", only_given(
        evseId=intent.connector, idToken=_token(intent.tag, "Central"), remoteStartId=context.request_no, chargingProfile=profile
    )


def remote_stop(intent: i.RemoteStop, _: Context) -> Wire:
    return "RequestStopTransaction", {"transactionId": _transaction(intent.transaction)}


def availability(intent: i.ChangeAvailability, _: Context) -> Wire:
    state = "Operative" if intent.operative else "Inoperative"
    return "ChangeAvailability", only_given(evse=_evse(intent.connector), operationalStatus=state)


def read_configuration(intent: i.ReadConfiguration, context: Context) -> Wire:
    if not intent.names:
        return "GetBaseReport", {"requestId": context.request_no, "reportBase": "FullInventory"}
    return "GetVariables", {"getVariableData": [variable201(name) for name in intent.names]}


def write_configuration(intent: i.WriteConfiguration, _: Context) -> Wire:
    if not intent.settings:
        raise CannotSay("no setting is named")
    return "SetVariables", {
        "setVariableData": [{**variable201(one.name), "attributeValue": one.value} for one in intent.settings]
    }  # fmt: skip


def diagnostics(intent: i.GetDiagnostics, context: Context) -> Wire:
    log = only_given(remoteLocation=intent.link, oldestTimestamp=_time(intent.since), latestTimestamp=_time(intent.until))
    kind = "SecurityLog" if intent.security else "DiagnosticsLog"
    return "GetLog", {"logType": kind, "requestId": context.request_no, "log": log, "retries": 3, "retryInterval": 60}


def firmware(intent: i.UpdateFirmware, context: Context) -> Wire:
    image = only_given(
        location=intent.link, retrieveDateTime=iso(intent.retrieve_at), installDateTime=_time(intent.install_at),
        signingCertificate=intent.certificate, signature=intent.signature,
    )  # fmt: skip
    return "UpdateFirmware", {"requestId": context.request_no, "firmware": image, "retries": 3, "retryInterval": 60}


def trigger(intent: i.Trigger, _: Context) -> Wire:
    message = TRIGGERS.get(intent.message, intent.message)
    return "TriggerMessage", only_given(requestedMessage=message, evse=_evse(intent.connector))


def send_list(intent: i.SendLocalList, context: Context) -> Wire:
    entries = [
        only_given(idToken=_token(context.tags[entry.badge_id], "ISO14443"),
                   idTokenInfo=None if entry.status is None else {"status": entry.status})
        for entry in intent.entries
    ]  # fmt: skip
    # The schema wants at least one entry or none at all: an empty full list clears it.
    return "SendLocalList", only_given(
        versionNumber=intent.version, updateType="Full" if intent.full else "Differential", localAuthorizationList=entries or None
    )


def reserve(intent: i.Reserve, _: Context) -> Wire:
    return "ReserveNow", only_given(
        id=intent.reservation_no, expiryDateTime=iso(intent.until), idToken=_token(intent.tag, "Central"), evseId=intent.connector or None,
        groupIdToken=None if intent.group is None else _token(intent.group, "Central"),
    )  # fmt: skip


def set_profile(intent: i.SetProfile, context: Context) -> Wire:
    return "SetChargingProfile", {"evseId": intent.connector, "chargingProfile": _profile(intent.profile, context)}


def _profile(profile: i.Profile, context: Context) -> Payload:
    schedule = only_given(
        id=profile.id, duration=profile.duration_s, startSchedule=_time(profile.starts_at), chargingRateUnit=context.rate_unit,
        chargingSchedulePeriod=[
            only_given(startPeriod=one.start_s, numberPhases=one.phases,
                       limit=limit_in(context.rate_unit, one.limit_a, one.phases or context.phases))
            for one in profile.periods
        ],
    )  # fmt: skip
    return only_given(
        id=profile.id, stackLevel=profile.stack_level, chargingProfilePurpose=PURPOSES[profile.purpose],
        chargingProfileKind="Absolute" if profile.starts_at is not None else "Relative",
        transactionId=None if profile.transaction is None else _transaction(profile.transaction),
        validFrom=_time(profile.valid_from), validTo=_time(profile.valid_to), chargingSchedule=[schedule],
    )  # fmt: skip


def clear_profile(intent: i.ClearProfile, _: Context) -> Wire:
    criteria = only_given(
        evseId=intent.connector, stackLevel=intent.stack_level,
        chargingProfilePurpose=None if intent.purpose is None else PURPOSES[intent.purpose],
    )  # fmt: skip
    return "ClearChargingProfile", only_given(chargingProfileId=intent.profile_id, chargingProfileCriteria=criteria or None)


def composite(intent: i.GetCompositeSchedule, context: Context) -> Wire:
    return "GetCompositeSchedule", {"evseId": intent.connector, "duration": intent.duration_s, "chargingRateUnit": context.rate_unit}


def get_profiles(intent: i.GetProfiles, context: Context) -> Wire:
    wanted = {"chargingLimitSource": ["CSO", "EMS", "SO", "Other"]}
    return "GetChargingProfiles", only_given(requestId=context.request_no, evseId=intent.connector, chargingProfile=wanted)


def show_cost(intent: i.ShowCost, _: Context) -> Wire:
    return "CostUpdated", {"totalCost": intent.cost, "transactionId": _transaction(intent.transaction)}


def transaction_status(intent: i.GetTransactionStatus, _: Context) -> Wire:
    named = None if intent.transaction is None else _transaction(intent.transaction)
    return "GetTransactionStatus", only_given(transactionId=named)


WORDS: dict[type[i.Intent], Say] = {
    i.Reset: reset,
    i.UnlockConnector: unlock,
    i.RemoteStart: remote_start,
    i.RemoteStop: remote_stop,
    i.ChangeAvailability: availability,
    i.ReadConfiguration: read_configuration,
    i.WriteConfiguration: write_configuration,
    i.GetDiagnostics: diagnostics,
    i.UpdateFirmware: firmware,
    i.Trigger: trigger,
    i.ClearCache: lambda _, __: ("ClearCache", {}),
    i.GetLocalListVersion: lambda _, __: ("GetLocalListVersion", {}),
    i.SendLocalList: send_list,
    i.Reserve: reserve,
    i.CancelReservation: lambda intent, _: ("CancelReservation", {"reservationId": intent.reservation_no}),
    i.SetProfile: set_profile,
    i.ClearProfile: clear_profile,
    i.GetCompositeSchedule: composite,
    i.GetProfiles: get_profiles,
    i.ShowCost: show_cost,
    i.GetTransactionStatus: transaction_status,
    **DEVICE_WORDS,
}


def heard(intent: i.Intent, payload: Payload) -> i.Answer:
    """The station's answer to an intent."""
    if isinstance(intent, i.ReadConfiguration) and intent.names:
        return _settings(payload, "getVariableResult")
    if isinstance(intent, i.WriteConfiguration):
        return _settings(payload, "setVariableResult")
    if isinstance(intent, i.GetLocalListVersion):
        return i.Answer(verdict="accepted", status="Accepted", list_version=int(payload.get("versionNumber", 0)))
    if isinstance(intent, i.GetTransactionStatus):
        told = [payload.get(name) for name in ("ongoingIndicator", "messagesInQueue")]
        ongoing, more_comes = (one if isinstance(one, bool) else None for one in told)
        return i.Answer(verdict="accepted", status="Accepted", ongoing=ongoing, more_comes=more_comes)
    if isinstance(intent, i.SetMonitors | i.ClearMonitors):
        name = "setMonitoringResult" if isinstance(intent, i.SetMonitors) else "clearMonitoringResult"
        return _worst([str(one.get("status")) for one in _dicts(payload.get(name))])
    return verdict(payload)


def _settings(payload: Payload, field: str) -> i.Answer:
    results = _dicts(payload.get(field))
    found = tuple(
        i.SettingValue(name=name_of(one.get("component") or {}, one.get("variable") or {}), value=one.get("attributeValue"))
        for one in results
    )  # fmt: skip
    if field == "getVariableResult":
        # A variable that is unknown is an answer too; each tells its own status.
        return i.Answer(verdict="accepted", status="Accepted", settings=found)
    return _worst([str(one.get("attributeStatus")) for one in results])


def _worst(statuses: list[str]) -> i.Answer:
    """The verdict over several: rejected where one is."""
    answers = [verdict({"status": status}) for status in statuses or ["Rejected"]]
    order = ("rejected", "reboot_required", "scheduled", "accepted")
    return min(answers, key=lambda one: order.index(one.verdict))


def _dicts(found: Any) -> list[Payload]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
