"""OCPP 1.6J messages that stations send, as Structs: unknown fields, lengths and times are checked while decoding.

Source: Open Charge Alliance, OCPP 1.6 edition 2; held against the schemas of the `ocpp` package by a test.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Text20 = Annotated[str, Meta(max_length=20)]
Text25 = Annotated[str, Meta(max_length=25)]
Text50 = Annotated[str, Meta(max_length=50)]
Text255 = Annotated[str, Meta(max_length=255)]
# PostgreSQL's int and OCPP's Integer are 32 bits wide.
Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
ConnectorNo = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """What all payloads share: camelCase names, nothing unknown."""


class BootNotification(Message):
    charge_point_vendor: Text20
    charge_point_model: Text20
    charge_point_serial_number: Text25 | None = None
    charge_box_serial_number: Text25 | None = None
    firmware_version: Text50 | None = None
    iccid: Text20 | None = None
    imsi: Text20 | None = None
    meter_type: Text25 | None = None
    meter_serial_number: Text25 | None = None


class Heartbeat(Message):
    pass


class StatusNotification(Message):
    connector_id: ConnectorNo
    error_code: Literal[
        "ConnectorLockFailure", "EVCommunicationError", "GroundFailure", "HighTemperature", "InternalError",
        "LocalListConflict", "NoError", "OtherError", "OverCurrentFailure", "PowerMeterFailure", "PowerSwitchFailure",
        "ReaderFailure", "ResetFailure", "UnderVoltage", "OverVoltage", "WeakSignal",
    ]  # fmt: skip
    status: Literal[
        "Available", "Preparing", "Charging", "SuspendedEVSE", "SuspendedEV", "Finishing", "Reserved", "Unavailable",
        "Faulted",
    ]  # fmt: skip
    info: Text50 | None = None
    timestamp: str | None = None
    vendor_id: Text255 | None = None
    vendor_error_code: Text50 | None = None


class Authorize(Message):
    id_tag: Text20


class StartTransaction(Message):
    connector_id: ConnectorNo
    id_tag: Text20
    meter_start: int
    timestamp: str
    reservation_id: int | None = None


class SampledValue(Message):
    value: str
    context: Literal["Interruption.Begin", "Interruption.End", "Sample.Clock", "Sample.Periodic", "Transaction.Begin",
                     "Transaction.End", "Trigger", "Other"] | None = None  # fmt: skip
    format: Literal["Raw", "SignedData"] | None = None
    measurand: str | None = None
    phase: str | None = None
    location: str | None = None
    unit: str | None = None


class MeterValue(Message):
    timestamp: str
    sampled_value: list[SampledValue]


class MeterValues(Message):
    connector_id: ConnectorNo
    meter_value: list[MeterValue]
    transaction_id: int | None = None


class StopTransaction(Message):
    meter_stop: int
    timestamp: str
    transaction_id: int
    id_tag: Text20 | None = None
    reason: Literal["EmergencyStop", "EVDisconnected", "HardReset", "Local", "Other", "PowerLoss", "Reboot", "Remote",
                    "SoftReset", "UnlockCommand", "DeAuthorized"] | None = None  # fmt: skip
    transaction_data: list[MeterValue] | None = None


class DataTransfer(Message):
    vendor_id: Text255
    message_id: Text50 | None = None
    data: str | None = None


class DiagnosticsStatusNotification(Message):
    status: Literal["Idle", "Uploaded", "UploadFailed", "Uploading"]


class FirmwareStatusNotification(Message):
    status: Literal["Downloaded", "DownloadFailed", "Downloading", "Idle", "InstallationFailed", "Installing",
                    "Installed"]  # fmt: skip


CALLS: dict[str, type[Message]] = {
    kind.__name__: kind
    for kind in (
        BootNotification, Heartbeat, StatusNotification, Authorize, StartTransaction, MeterValues, StopTransaction,
        DataTransfer, DiagnosticsStatusNotification, FirmwareStatusNotification,
    )
}  # fmt: skip
