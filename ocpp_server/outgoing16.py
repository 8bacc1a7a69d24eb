"""Commands in OCPP 1.6J with its security extension. Pure."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from app.charging import intents as i
from ocpp_server.outgoing import CannotSay, Context, Payload, Say, Wire, limit_in, of_start, only_given, verdict
from ocpp_server.setting_names import name16
from ocpp_server.translate import iso

PURPOSES = {"default": "TxDefaultProfile", "transaction": "TxProfile", "station": "ChargePointMaxProfile"}
CERTIFICATES = {"csms": "CentralSystemRootCertificate", "manufacturer": "ManufacturerRootCertificate"}
EXTENDED = {"SignCertificate": "SignChargePointCertificate"}
LONGEST_TAG = 20
RETRIES = {"retries": 3, "retryInterval": 60}


def _time(at: datetime | None) -> str | None:
    return None if at is None else iso(at)


def reset(intent: i.Reset, _: Context) -> Wire:
    if intent.connector:
        raise CannotSay("OCPP 1.6 resets whole stations only")
    return "Reset", {"type": "Hard" if intent.hard else "Soft"}


def unlock(intent: i.UnlockConnector, _: Context) -> Wire:
    return "UnlockConnector", {"connectorId": intent.connector}


def remote_start(intent: i.RemoteStart, context: Context) -> Wire:
    profile = None if intent.profile is None else _profile(of_start(intent.profile), context)
    return "RemoteStartTransaction", only_given(connectorId=intent.connector, idTag=_tag(intent.tag), chargingProfile=profile)


def remote_stop(intent: i.RemoteStop, _: Context) -> Wire:
    return "RemoteStopTransaction", {"transactionId": _number(intent.transaction)}


def availability(intent: i.ChangeAvailability, _: Context) -> Wire:
    return "ChangeAvailability", {"connectorId": intent.connector or 0, "type": "Operative" if intent.operative else "Inoperative"}


def read_configuration(intent: i.ReadConfiguration, _: Context) -> Wire:
    return "GetConfiguration", {"key": [name16(name) for name in intent.names]} if intent.names else {}


def write_configuration(intent: i.WriteConfiguration, _: Context) -> Wire:
    if len(intent.settings) != 1:
        raise CannotSay("OCPP 1.6 changes one setting at a time")
    (setting,) = intent.settings
    return "ChangeConfiguration", {"key": name16(setting.name), "value": setting.value}


def diagnostics(intent: i.GetDiagnostics, context: Context) -> Wire:
    if not intent.security:
        times = only_given(startTime=_time(intent.since), stopTime=_time(intent.until))
        return "GetDiagnostics", {"location": intent.link, **RETRIES, **times}
    log = only_given(remoteLocation=intent.link, oldestTimestamp=_time(intent.since), latestTimestamp=_time(intent.until))
    return "GetLog", {"logType": "SecurityLog", "requestId": context.request_no, "log": log, **RETRIES}


def firmware(intent: i.UpdateFirmware, context: Context) -> Wire:
    if intent.certificate is None or intent.signature is None:
        return "UpdateFirmware", {"location": intent.link, "retrieveDate": iso(intent.retrieve_at), **RETRIES}
    image = only_given(
        location=intent.link, retrieveDateTime=iso(intent.retrieve_at), installDateTime=_time(intent.install_at),
        signingCertificate=intent.certificate, signature=intent.signature,
    )  # fmt: skip
    return "SignedUpdateFirmware", {"requestId": context.request_no, "firmware": image, **RETRIES}


def trigger(intent: i.Trigger, _: Context) -> Wire:
    if intent.message == "TransactionEvent":
        raise CannotSay("OCPP 1.6 has no TransactionEvent; ask for MeterValues")
    if intent.message in EXTENDED:
        return "ExtendedTriggerMessage", {"requestedMessage": EXTENDED[intent.message]}
    return "TriggerMessage", only_given(requestedMessage=intent.message, connectorId=intent.connector)


def send_list(intent: i.SendLocalList, context: Context) -> Wire:
    entries = [_entry(entry, context) for entry in intent.entries]
    body = {"listVersion": intent.version, "updateType": "Full" if intent.full else "Differential"}
    return "SendLocalList", {**body, "localAuthorizationList": entries}


def _entry(entry: i.ListEntry, context: Context) -> Payload:
    info = None if entry.status is None else {"status": entry.status}
    return only_given(idTag=_tag(context.tags[entry.badge_id]), idTagInfo=info)


def reserve(intent: i.Reserve, _: Context) -> Wire:
    return "ReserveNow", only_given(
        connectorId=intent.connector or 0, expiryDate=iso(intent.until), idTag=_tag(intent.tag), parentIdTag=intent.group,
        reservationId=intent.reservation_no,
    )  # fmt: skip


def set_profile(intent: i.SetProfile, context: Context) -> Wire:
    return "SetChargingProfile", {"connectorId": intent.connector, "csChargingProfiles": _profile(intent.profile, context)}


def _profile(profile: i.Profile, context: Context) -> Payload:
    schedule = only_given(
        duration=profile.duration_s, startSchedule=_time(profile.starts_at), chargingRateUnit=context.rate_unit,
        chargingSchedulePeriod=[_period(period, context) for period in profile.periods],
    )  # fmt: skip
    return only_given(
        chargingProfileId=profile.id, stackLevel=profile.stack_level, chargingProfilePurpose=PURPOSES[profile.purpose],
        transactionId=None if profile.transaction is None else _number(profile.transaction),
        chargingProfileKind="Absolute" if profile.starts_at is not None else "Relative",
        validFrom=_time(profile.valid_from), validTo=_time(profile.valid_to), chargingSchedule=schedule,
    )  # fmt: skip


def _period(period: i.Period, context: Context) -> Payload:
    limit: Decimal = limit_in(context.rate_unit, period.limit_a, period.phases or context.phases)
    return only_given(startPeriod=period.start_s, limit=limit, numberPhases=period.phases)


def clear_profile(intent: i.ClearProfile, _: Context) -> Wire:
    return "ClearChargingProfile", only_given(
        id=intent.profile_id, connectorId=intent.connector, stackLevel=intent.stack_level,
        chargingProfilePurpose=None if intent.purpose is None else PURPOSES[intent.purpose],
    )  # fmt: skip


def composite(intent: i.GetCompositeSchedule, context: Context) -> Wire:
    return "GetCompositeSchedule", {
        "connectorId": intent.connector, "duration": intent.duration_s, "chargingRateUnit": context.rate_unit,
    }  # fmt: skip


def _use(use: str) -> str:
    if use not in CERTIFICATES:
        raise CannotSay("OCPP 1.6 knows certificates of the central system and of the maker only")
    return CERTIFICATES[use]


def delete_certificate(intent: i.DeleteCertificate, _: Context) -> Wire:
    return "DeleteCertificate", {"certificateHashData": {
        "hashAlgorithm": intent.hash_algorithm, "issuerNameHash": intent.issuer_name_hash,
        "issuerKeyHash": intent.issuer_key_hash, "serialNumber": intent.serial_number,
    }}  # fmt: skip


def _tag(tag: str) -> str:
    if len(tag) > LONGEST_TAG:
        raise CannotSay(f"OCPP 1.6 carries tags of at most {LONGEST_TAG} characters")
    return tag


def _number(transaction: str) -> int:
    if not transaction.isdecimal():
        raise CannotSay("OCPP 1.6 numbers its transactions; this one has another name")
    return int(transaction)


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
    i.DataTransfer: lambda one, _: ("DataTransfer", only_given(vendorId=one.vendor, messageId=one.message, data=one.data)),
    i.InstallCertificate: lambda one, _: (
        "InstallCertificate", {"certificateType": _use(one.use), "certificate": one.certificate}),
    i.DeleteCertificate: delete_certificate,
    i.GetInstalledCertificates: lambda one, _: ("GetInstalledCertificateIds", {"certificateType": _use(one.use)}),
    i.CertificateSigned: lambda one, _: ("CertificateSigned", {"certificateChain": one.chain}),
}  # fmt: skip


def heard(intent: i.Intent, payload: Payload) -> i.Answer:
    """The station's answer to an intent."""
    if isinstance(intent, i.ReadConfiguration):
        return _configuration(payload)
    if isinstance(intent, i.GetLocalListVersion):
        return i.Answer(verdict="accepted", status="Accepted", list_version=int(payload.get("listVersion", -1)))
    if isinstance(intent, i.GetDiagnostics) and not intent.security and not payload.get("fileName"):
        # An answer without a file name says that there is nothing to upload (1.6, 5.7).
        return i.Answer(verdict="rejected", status="NoFile", reason="the station has no diagnostics to send")
    return verdict(payload)


def _configuration(payload: Payload) -> i.Answer:
    known: list[Any] = payload.get("configurationKey") or []
    unknown: list[Any] = payload.get("unknownKey") or []
    found = [
        i.SettingValue(name=str(one.get("key")), value=one.get("value"), readonly=bool(one.get("readonly")))
        for one in known if isinstance(one, dict)
    ]  # fmt: skip
    found += [i.SettingValue(name=str(name), value=None) for name in unknown]
    return i.Answer(verdict="accepted", status="Accepted", settings=tuple(found))
