"""Commands in OCPP 2.0.1 about the device itself: reports, monitors, display, network, certificates. Pure."""

from app.charging import intents as i
from ocpp_server.outgoing import CannotSay, Context, Payload, Say, Wire, only_given
from ocpp_server.setting_names import component201, variable201
from ocpp_server.translate import iso

CERTIFICATES = {"csms": "CSMSRootCertificate", "manufacturer": "ManufacturerRootCertificate", "v2g": "V2GRootCertificate",
                "mo": "MORootCertificate"}  # fmt: skip


def _places(names: tuple[str, ...]) -> list[Payload] | None:
    """Components with or without a variable."""
    return [variable201(name) if "." in name else {"component": component201(name)} for name in names] or None


def read_report(intent: i.ReadReport, context: Context) -> Wire:
    return "GetReport", only_given(
        requestId=context.request_no, componentVariable=_places(intent.names), componentCriteria=list(intent.criteria) or None
    )


def set_monitors(intent: i.SetMonitors, _: Context) -> Wire:
    if not intent.monitors:
        raise CannotSay("no monitor is named")
    return "SetVariableMonitoring", {"setMonitoringData": [
        only_given(id=one.id, value=one.value, type=one.type, severity=one.severity, **variable201(one.name))
        for one in intent.monitors
    ]}  # fmt: skip


def clear_monitors(intent: i.ClearMonitors, _: Context) -> Wire:
    if not intent.ids:
        raise CannotSay("no monitor is named")
    return "ClearVariableMonitoring", {"id": list(intent.ids)}


def monitoring_report(intent: i.GetMonitoringReport, context: Context) -> Wire:
    return "GetMonitoringReport", only_given(requestId=context.request_no, componentVariable=_places(intent.names))


def show_message(intent: i.ShowMessage, _: Context) -> Wire:
    text = {"format": "UTF8", "language": intent.language, "content": intent.text[:512]}
    return "SetDisplayMessage", {"message": only_given(
        id=intent.id, priority=intent.priority, state=intent.state, message=text, transactionId=intent.transaction,
        endDateTime=None if intent.until is None else iso(intent.until),
    )}  # fmt: skip


def customer(intent: i.CustomerInformation, context: Context) -> Wire:
    token = None if intent.tag is None else {"idToken": intent.tag, "type": "ISO14443"}
    return "CustomerInformation", only_given(
        requestId=context.request_no, report=intent.report, clear=intent.clear, idToken=token, customerIdentifier=intent.identifier
    )


def publish(intent: i.PublishFirmware, context: Context) -> Wire:
    return "PublishFirmware", {
        "location": intent.link, "checksum": intent.checksum, "requestId": context.request_no, "retries": 3, "retryInterval": 60,
    }  # fmt: skip


def network(intent: i.SetNetworkProfile, _: Context) -> Wire:
    return "SetNetworkProfile", {"configurationSlot": intent.slot, "connectionData": {
        "ocppVersion": "OCPP20", "ocppTransport": "JSON", "ocppCsmsUrl": intent.url, "messageTimeout": intent.message_timeout_s,
        "securityProfile": intent.security_profile, "ocppInterface": intent.interface,
    }}  # fmt: skip


def delete_certificate(intent: i.DeleteCertificate, _: Context) -> Wire:
    return "DeleteCertificate", {"certificateHashData": {
        "hashAlgorithm": intent.hash_algorithm, "issuerNameHash": intent.issuer_name_hash,
        "issuerKeyHash": intent.issuer_key_hash, "serialNumber": intent.serial_number,
    }}  # fmt: skip


DEVICE_WORDS: dict[type[i.Intent], Say] = {
    i.ReadReport: read_report,
    i.SetMonitors: set_monitors,
    i.ClearMonitors: clear_monitors,
    i.SetMonitoringBase: lambda one, _: ("SetMonitoringBase", {"monitoringBase": one.base}),
    i.SetMonitoringLevel: lambda one, _: ("SetMonitoringLevel", {"severity": one.severity}),
    i.GetMonitoringReport: monitoring_report,
    i.ShowMessage: show_message,
    i.GetMessages: lambda _, context: ("GetDisplayMessages", {"requestId": context.request_no}),
    i.ClearMessage: lambda one, _: ("ClearDisplayMessage", {"id": one.id}),
    i.CustomerInformation: customer,
    i.PublishFirmware: publish,
    i.UnpublishFirmware: lambda one, _: ("UnpublishFirmware", {"checksum": one.checksum}),
    i.SetNetworkProfile: network,
    i.DataTransfer: lambda one, _: ("DataTransfer", only_given(vendorId=one.vendor, messageId=one.message, data=one.data)),
    i.InstallCertificate: lambda one, _: (
        "InstallCertificate", {"certificateType": CERTIFICATES[one.use], "certificate": one.certificate}),
    i.DeleteCertificate: delete_certificate,
    i.GetInstalledCertificates: lambda one, _: ("GetInstalledCertificateIds", {"certificateType": [CERTIFICATES[one.use]]}),
    i.CertificateSigned: lambda one, _: (
        "CertificateSigned", {"certificateChain": one.chain, "certificateType": "ChargingStationCertificate"}),
}  # fmt: skip
