"""The messages of OCPP 1.6 that this system speaks, as strict Structs.

Source: Open Charge Alliance, OCPP 1.6 edition 2; a test holds them against the schemas of the `ocpp` package.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

S20 = Annotated[str, Meta(max_length=20)]
S25 = Annotated[str, Meta(max_length=25)]
S50 = Annotated[str, Meta(max_length=50)]
S255 = Annotated[str, Meta(max_length=255)]
Instant = str  # read with goodwill in translate: stations leave out the zone, and the schemas do not check it

ChargePointStatus = Literal[
    "Available", "Preparing", "Charging", "SuspendedEVSE", "SuspendedEV", "Finishing", "Reserved", "Unavailable",
    "Faulted",
]  # fmt: skip
ErrorCode = Literal[
    "ConnectorLockFailure", "EVCommunicationError", "GroundFailure", "HighTemperature", "InternalError",
    "LocalListConflict", "NoError", "OtherError", "OverCurrentFailure", "PowerMeterFailure", "PowerSwitchFailure",
    "ReaderFailure", "ResetFailure", "UnderVoltage", "OverVoltage", "WeakSignal",
]  # fmt: skip
Context = Literal[
    "Interruption.Begin", "Interruption.End", "Sample.Clock", "Sample.Periodic", "Transaction.Begin",
    "Transaction.End", "Trigger", "Other",
]  # fmt: skip
Measurand = Literal[
    "Energy.Active.Export.Register", "Energy.Active.Import.Register", "Energy.Reactive.Export.Register",
    "Energy.Reactive.Import.Register", "Energy.Active.Export.Interval", "Energy.Active.Import.Interval",
    "Energy.Reactive.Export.Interval", "Energy.Reactive.Import.Interval", "Power.Active.Export",
    "Power.Active.Import", "Power.Offered", "Power.Reactive.Export", "Power.Reactive.Import", "Power.Factor",
    "Current.Import", "Current.Export", "Current.Offered", "Voltage", "Frequency", "Temperature", "SoC", "RPM",
]  # fmt: skip
Phase = Literal["L1", "L2", "L3", "N", "L1-N", "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1"]
Location = Literal["Cable", "EV", "Inlet", "Outlet", "Body"]
Unit = Literal[
    "Wh", "kWh", "varh", "kvarh", "W", "kW", "VA", "kVA", "var", "kvar", "A", "V", "K", "Celcius", "Celsius",
    "Fahrenheit", "Percent",
]  # fmt: skip
MeterUnit = Literal[Unit, "Hertz"]  # the schema of MeterValues knows one unit more than that of StopTransaction
StopReason = Literal[
    "EmergencyStop", "EVDisconnected", "HardReset", "Local", "Other", "PowerLoss", "Reboot", "Remote", "SoftReset",
    "UnlockCommand", "DeAuthorized",
]  # fmt: skip


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """How every request of the standard is read: camel case, nothing beyond its fields."""


class BootNotification(Message, frozen=True, kw_only=True):
    """A station has started."""

    charge_point_vendor: S20
    charge_point_model: S20
    charge_point_serial_number: S25 | msgspec.UnsetType = msgspec.UNSET
    charge_box_serial_number: S25 | msgspec.UnsetType = msgspec.UNSET
    firmware_version: S50 | msgspec.UnsetType = msgspec.UNSET
    iccid: S20 | msgspec.UnsetType = msgspec.UNSET
    imsi: S20 | msgspec.UnsetType = msgspec.UNSET
    meter_type: S25 | msgspec.UnsetType = msgspec.UNSET
    meter_serial_number: S25 | msgspec.UnsetType = msgspec.UNSET


class Heartbeat(Message, frozen=True, kw_only=True):
    """A station lives and asks for the time."""


class StatusNotification(Message, frozen=True, kw_only=True):
    """The state of a connector; connector 0 is the station itself."""

    connector_id: int
    error_code: ErrorCode
    status: ChargePointStatus
    info: S50 | msgspec.UnsetType = msgspec.UNSET
    timestamp: Instant | msgspec.UnsetType = msgspec.UNSET
    vendor_id: S255 | msgspec.UnsetType = msgspec.UNSET
    vendor_error_code: S50 | msgspec.UnsetType = msgspec.UNSET


class Authorize(Message, frozen=True, kw_only=True):
    """May this badge charge?"""

    id_tag: S20


class StartTransaction(Message, frozen=True, kw_only=True):
    """Charging has begun. `meter_start` in Wh."""

    connector_id: int
    id_tag: S20
    meter_start: int
    timestamp: Instant
    reservation_id: int | msgspec.UnsetType = msgspec.UNSET


class StopSample(Message, frozen=True, kw_only=True):
    """One measured value inside a StopTransaction."""

    value: str
    context: Context | msgspec.UnsetType = msgspec.UNSET
    format: Literal["Raw", "SignedData"] | msgspec.UnsetType = msgspec.UNSET
    measurand: Measurand | msgspec.UnsetType = msgspec.UNSET
    phase: Phase | msgspec.UnsetType = msgspec.UNSET
    location: Location | msgspec.UnsetType = msgspec.UNSET
    unit: Unit | msgspec.UnsetType = msgspec.UNSET


class SampledValue(Message, frozen=True, kw_only=True):
    """One measured value."""

    value: str
    context: Context | msgspec.UnsetType = msgspec.UNSET
    format: Literal["Raw", "SignedData"] | msgspec.UnsetType = msgspec.UNSET
    measurand: Measurand | msgspec.UnsetType = msgspec.UNSET
    phase: Phase | msgspec.UnsetType = msgspec.UNSET
    location: Location | msgspec.UnsetType = msgspec.UNSET
    unit: MeterUnit | msgspec.UnsetType = msgspec.UNSET


class StopMeterValue(Message, frozen=True, kw_only=True):
    """The values of one moment inside a StopTransaction."""

    timestamp: Instant
    sampled_value: list[StopSample]


class MeterValue(Message, frozen=True, kw_only=True):
    """The values of one moment."""

    timestamp: Instant
    sampled_value: Annotated[list[SampledValue], Meta(min_length=1)]


class StopTransaction(Message, frozen=True, kw_only=True):
    """Charging has ended. `meter_stop` in Wh."""

    transaction_id: int
    meter_stop: int
    timestamp: Instant
    id_tag: S20 | msgspec.UnsetType = msgspec.UNSET
    reason: StopReason | msgspec.UnsetType = msgspec.UNSET
    transaction_data: list[StopMeterValue] | msgspec.UnsetType = msgspec.UNSET


class MeterValues(Message, frozen=True, kw_only=True):
    """What the meter of a connector shows, in a transaction or without."""

    connector_id: int
    meter_value: Annotated[list[MeterValue], Meta(min_length=1)]
    transaction_id: int | msgspec.UnsetType = msgspec.UNSET


class DataTransfer(Message, frozen=True, kw_only=True):
    """A maker's own message."""

    vendor_id: S255
    message_id: S50 | msgspec.UnsetType = msgspec.UNSET
    data: str | msgspec.UnsetType = msgspec.UNSET


class FirmwareStatusNotification(Message, frozen=True, kw_only=True):
    """How far an update of the firmware is."""

    status: Literal["Downloaded", "DownloadFailed", "Downloading", "Idle", "InstallationFailed", "Installing", "Installed"]


class DiagnosticsStatusNotification(Message, frozen=True, kw_only=True):
    """How far an upload of diagnostics is."""

    status: Literal["Idle", "Uploaded", "UploadFailed", "Uploading"]


# The same messages as untidy firmware sends them: what moves money is read as far as it makes sense.
class LooseStart(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A start whose form is wrong but whose meaning is clear."""

    connector_id: int
    id_tag: str
    meter_start: int | float | str
    timestamp: str


class LooseStop(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A stop whose form is wrong but whose meaning is clear."""

    transaction_id: int
    meter_stop: int | float | str
    timestamp: str
    id_tag: str | None = None
    reason: str | None = None


class LooseSample(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A measured value of any kind and spelling."""

    value: str | int | float
    context: str | None = None
    format: str | None = None
    measurand: str | None = None
    phase: str | None = None
    unit: str | None = None


class LooseMeterValue(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The values of one moment, of any kind and spelling."""

    timestamp: str
    sampled_value: list[LooseSample]


class LooseMeterValues(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Meter values whose form is wrong but whose meaning is clear."""

    connector_id: int
    meter_value: list[LooseMeterValue]
    transaction_id: int | None = None


# What a station answers to a command.
class Status(msgspec.Struct, frozen=True):
    """The answer to a remote start, remote stop or trigger."""

    status: str


REQUESTS: dict[str, type[Message]] = {
    kind.__name__: kind
    for kind in (
        BootNotification, Heartbeat, StatusNotification, Authorize, StartTransaction, StopTransaction, MeterValues,
        DataTransfer, FirmwareStatusNotification, DiagnosticsStatusNotification,
    )
}  # fmt: skip
