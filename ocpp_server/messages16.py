"""OCPP 1.6: every message as a strict Struct, decoded and validated in one step.

Written by `make messages` from the schemas of the `ocpp` package (Open Charge Alliance); do not edit.
A date-time is checked, but its zone may be missing: such a time is UTC. Beyond the schemas nothing is allowed.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ocpp_server.structs import Message, Open, whole_tenths


class AuthorizeRequest(Message, frozen=True, kw_only=True):
    id_tag: Annotated[str, Meta(max_length=20)]


Status = Literal[
    "Accepted",
    "Blocked",
    "Expired",
    "Invalid",
    "ConcurrentTx",
]


class IdTagInfo(Message, frozen=True, kw_only=True):
    expiry_date: datetime | UnsetType = UNSET
    parent_id_tag: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    status: Status


class AuthorizeResponse(Message, frozen=True, kw_only=True):
    id_tag_info: IdTagInfo


class BootNotificationRequest(Message, frozen=True, kw_only=True):
    charge_point_vendor: Annotated[str, Meta(max_length=20)]
    charge_point_model: Annotated[str, Meta(max_length=20)]
    charge_point_serial_number: Annotated[str, Meta(max_length=25)] | UnsetType = UNSET
    charge_box_serial_number: Annotated[str, Meta(max_length=25)] | UnsetType = UNSET
    firmware_version: Annotated[str, Meta(max_length=50)] | UnsetType = UNSET
    iccid: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    imsi: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    meter_type: Annotated[str, Meta(max_length=25)] | UnsetType = UNSET
    meter_serial_number: Annotated[str, Meta(max_length=25)] | UnsetType = UNSET


BootNotificationResponseStatus = Literal[
    "Accepted",
    "Pending",
    "Rejected",
]


class BootNotificationResponse(Message, frozen=True, kw_only=True):
    status: BootNotificationResponseStatus
    current_time: datetime
    interval: int


class CancelReservationRequest(Message, frozen=True, kw_only=True):
    reservation_id: int


CancelReservationResponseStatus = Literal[
    "Accepted",
    "Rejected",
]


class CancelReservationResponse(Message, frozen=True, kw_only=True):
    status: CancelReservationResponseStatus


class CertificateSignedRequest(Message, frozen=True, kw_only=True):
    certificate_chain: Annotated[str, Meta(max_length=10000)]


class CertificateSignedResponse(Message, frozen=True, kw_only=True):
    status: CancelReservationResponseStatus


Type = Literal[
    "Inoperative",
    "Operative",
]


class ChangeAvailabilityRequest(Message, frozen=True, kw_only=True):
    connector_id: int
    type: Type


ChangeAvailabilityResponseStatus = Literal[
    "Accepted",
    "Rejected",
    "Scheduled",
]


class ChangeAvailabilityResponse(Message, frozen=True, kw_only=True):
    status: ChangeAvailabilityResponseStatus


class ChangeConfigurationRequest(Message, frozen=True, kw_only=True):
    key: Annotated[str, Meta(max_length=50)]
    value: Annotated[str, Meta(max_length=500)]


ChangeConfigurationResponseStatus = Literal[
    "Accepted",
    "Rejected",
    "RebootRequired",
    "NotSupported",
]


class ChangeConfigurationResponse(Message, frozen=True, kw_only=True):
    status: ChangeConfigurationResponseStatus


class ClearCacheRequest(Message, frozen=True, kw_only=True):
    pass


class ClearCacheResponse(Message, frozen=True, kw_only=True):
    status: CancelReservationResponseStatus


ChargingProfilePurpose = Literal[
    "ChargePointMaxProfile",
    "TxDefaultProfile",
    "TxProfile",
]


class ClearChargingProfileRequest(Message, frozen=True, kw_only=True):
    id: int | UnsetType = UNSET
    connector_id: int | UnsetType = UNSET
    charging_profile_purpose: ChargingProfilePurpose | UnsetType = UNSET
    stack_level: int | UnsetType = UNSET


ClearChargingProfileResponseStatus = Literal[
    "Accepted",
    "Unknown",
]


class ClearChargingProfileResponse(Message, frozen=True, kw_only=True):
    status: ClearChargingProfileResponseStatus


class DataTransferRequest(Message, frozen=True, kw_only=True):
    vendor_id: Annotated[str, Meta(max_length=255)]
    message_id: Annotated[str, Meta(max_length=50)] | UnsetType = UNSET
    data: str | UnsetType = UNSET


DataTransferResponseStatus = Literal[
    "Accepted",
    "Rejected",
    "UnknownMessageId",
    "UnknownVendorId",
]


class DataTransferResponse(Message, frozen=True, kw_only=True):
    status: DataTransferResponseStatus
    data: str | UnsetType = UNSET


HashAlgorithmEnum = Literal[
    "SHA256",
    "SHA384",
    "SHA512",
]


class CertificateHashData(Message, frozen=True, kw_only=True):
    hash_algorithm: HashAlgorithmEnum
    issuer_name_hash: Annotated[str, Meta(max_length=128)]
    issuer_key_hash: Annotated[str, Meta(max_length=128)]
    serial_number: Annotated[str, Meta(max_length=40)]


class DeleteCertificateRequest(Message, frozen=True, kw_only=True):
    certificate_hash_data: CertificateHashData


DeleteCertificateStatusEnum = Literal[
    "Accepted",
    "Failed",
    "NotFound",
]


class DeleteCertificateResponse(Message, frozen=True, kw_only=True):
    status: DeleteCertificateStatusEnum


DiagnosticsStatusNotificationRequestStatus = Literal[
    "Idle",
    "Uploaded",
    "UploadFailed",
    "Uploading",
]


class DiagnosticsStatusNotificationRequest(Message, frozen=True, kw_only=True):
    status: DiagnosticsStatusNotificationRequestStatus


class DiagnosticsStatusNotificationResponse(Message, frozen=True, kw_only=True):
    pass


MessageTriggerEnum = Literal[
    "BootNotification",
    "LogStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "SignChargePointCertificate",
    "StatusNotification",
]


class ExtendedTriggerMessageRequest(Message, frozen=True, kw_only=True):
    requested_message: MessageTriggerEnum
    connector_id: int | UnsetType = UNSET


TriggerMessageStatusEnum = Literal[
    "Accepted",
    "Rejected",
    "NotImplemented",
]


class ExtendedTriggerMessageResponse(Message, frozen=True, kw_only=True):
    status: TriggerMessageStatusEnum


FirmwareStatusNotificationRequestStatus = Literal[
    "Downloaded",
    "DownloadFailed",
    "Downloading",
    "Idle",
    "InstallationFailed",
    "Installing",
    "Installed",
]


class FirmwareStatusNotificationRequest(Message, frozen=True, kw_only=True):
    status: FirmwareStatusNotificationRequestStatus


class FirmwareStatusNotificationResponse(Message, frozen=True, kw_only=True):
    pass


ChargingRateUnit = Literal[
    "A",
    "W",
]


class GetCompositeScheduleRequest(Message, frozen=True, kw_only=True):
    connector_id: int
    duration: int
    charging_rate_unit: ChargingRateUnit | UnsetType = UNSET


class ChargingSchedulePeriod(Message, frozen=True, kw_only=True):
    start_period: int
    limit: float
    number_phases: int | UnsetType = UNSET

    def __post_init__(self) -> None:
        whole_tenths(self.limit)


class ChargingSchedule(Message, frozen=True, kw_only=True):
    duration: int | UnsetType = UNSET
    start_schedule: datetime | UnsetType = UNSET
    charging_rate_unit: ChargingRateUnit
    charging_schedule_period: list[ChargingSchedulePeriod]
    min_charging_rate: float | UnsetType = UNSET

    def __post_init__(self) -> None:
        whole_tenths(self.min_charging_rate)


class GetCompositeScheduleResponse(Message, frozen=True, kw_only=True):
    status: CancelReservationResponseStatus
    connector_id: int | UnsetType = UNSET
    schedule_start: datetime | UnsetType = UNSET
    charging_schedule: ChargingSchedule | UnsetType = UNSET


class GetConfigurationRequest(Message, frozen=True, kw_only=True):
    key: list[Annotated[str, Meta(max_length=50)]] | UnsetType = UNSET


class ConfigurationKey(Message, frozen=True, kw_only=True):
    key: Annotated[str, Meta(max_length=50)]
    readonly: bool
    value: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET


class GetConfigurationResponse(Message, frozen=True, kw_only=True):
    configuration_key: list[ConfigurationKey] | UnsetType = UNSET
    unknown_key: list[Annotated[str, Meta(max_length=50)]] | UnsetType = UNSET


class GetDiagnosticsRequest(Message, frozen=True, kw_only=True):
    location: str
    retries: int | UnsetType = UNSET
    retry_interval: int | UnsetType = UNSET
    start_time: datetime | UnsetType = UNSET
    stop_time: datetime | UnsetType = UNSET


class GetDiagnosticsResponse(Message, frozen=True, kw_only=True):
    file_name: Annotated[str, Meta(max_length=255)] | UnsetType = UNSET


CertificateUseEnum = Literal[
    "CentralSystemRootCertificate",
    "ManufacturerRootCertificate",
]


class GetInstalledCertificateIdsRequest(Message, frozen=True, kw_only=True):
    certificate_type: CertificateUseEnum


GetInstalledCertificateStatusEnum = Literal[
    "Accepted",
    "NotFound",
]


class GetInstalledCertificateIdsResponse(Message, frozen=True, kw_only=True):
    certificate_hash_data: Annotated[list[CertificateHashData], Meta(min_length=1)] | UnsetType = UNSET
    status: GetInstalledCertificateStatusEnum


class GetLocalListVersionRequest(Message, frozen=True, kw_only=True):
    pass


class GetLocalListVersionResponse(Message, frozen=True, kw_only=True):
    list_version: int


class LogParameters(Message, frozen=True, kw_only=True):
    remote_location: Annotated[str, Meta(max_length=512)]
    oldest_timestamp: datetime | UnsetType = UNSET
    latest_timestamp: datetime | UnsetType = UNSET


LogEnum = Literal[
    "DiagnosticsLog",
    "SecurityLog",
]


class GetLogRequest(Message, frozen=True, kw_only=True):
    log: LogParameters
    log_type: LogEnum
    request_id: int
    retries: int | UnsetType = UNSET
    retry_interval: int | UnsetType = UNSET


LogStatusEnum = Literal[
    "Accepted",
    "Rejected",
    "AcceptedCanceled",
]


class GetLogResponse(Message, frozen=True, kw_only=True):
    status: LogStatusEnum
    filename: Annotated[str, Meta(max_length=255)] | UnsetType = UNSET


class HeartbeatRequest(Message, frozen=True, kw_only=True):
    pass


class HeartbeatResponse(Message, frozen=True, kw_only=True):
    current_time: datetime


class InstallCertificateRequest(Message, frozen=True, kw_only=True):
    certificate_type: CertificateUseEnum
    certificate: Annotated[str, Meta(max_length=5500)]


InstallCertificateStatusEnum = Literal[
    "Accepted",
    "Failed",
    "Rejected",
]


class InstallCertificateResponse(Message, frozen=True, kw_only=True):
    status: InstallCertificateStatusEnum


UploadLogStatusEnum = Literal[
    "BadMessage",
    "Idle",
    "NotSupportedOperation",
    "PermissionDenied",
    "Uploaded",
    "UploadFailure",
    "Uploading",
]


class LogStatusNotificationRequest(Message, frozen=True, kw_only=True):
    status: UploadLogStatusEnum
    request_id: int | UnsetType = UNSET


class LogStatusNotificationResponse(Message, frozen=True, kw_only=True):
    pass


Context = Literal[
    "Interruption.Begin",
    "Interruption.End",
    "Sample.Clock",
    "Sample.Periodic",
    "Transaction.Begin",
    "Transaction.End",
    "Trigger",
    "Other",
]


Format = Literal[
    "Raw",
    "SignedData",
]


Measurand = Literal[
    "Energy.Active.Export.Register",
    "Energy.Active.Import.Register",
    "Energy.Reactive.Export.Register",
    "Energy.Reactive.Import.Register",
    "Energy.Active.Export.Interval",
    "Energy.Active.Import.Interval",
    "Energy.Reactive.Export.Interval",
    "Energy.Reactive.Import.Interval",
    "Power.Active.Export",
    "Power.Active.Import",
    "Power.Offered",
    "Power.Reactive.Export",
    "Power.Reactive.Import",
    "Power.Factor",
    "Current.Import",
    "Current.Export",
    "Current.Offered",
    "Voltage",
    "Frequency",
    "Temperature",
    "SoC",
    "RPM",
]


Phase = Literal[
    "L1",
    "L2",
    "L3",
    "N",
    "L1-N",
    "L2-N",
    "L3-N",
    "L1-L2",
    "L2-L3",
    "L3-L1",
]


Location = Literal[
    "Cable",
    "EV",
    "Inlet",
    "Outlet",
    "Body",
]


Unit = Literal[
    "Wh",
    "kWh",
    "varh",
    "kvarh",
    "W",
    "kW",
    "VA",
    "kVA",
    "var",
    "kvar",
    "A",
    "V",
    "K",
    "Celcius",
    "Celsius",
    "Fahrenheit",
    "Percent",
    "Hertz",
]


class SampledValue(Message, frozen=True, kw_only=True):
    value: str
    context: Context | UnsetType = UNSET
    format: Format | UnsetType = UNSET
    measurand: Measurand | UnsetType = UNSET
    phase: Phase | UnsetType = UNSET
    location: Location | UnsetType = UNSET
    unit: Unit | UnsetType = UNSET


class MeterValue(Message, frozen=True, kw_only=True):
    timestamp: datetime
    sampled_value: Annotated[list[SampledValue], Meta(min_length=1)]


class MeterValuesRequest(Message, frozen=True, kw_only=True):
    connector_id: int
    transaction_id: int | UnsetType = UNSET
    meter_value: Annotated[list[MeterValue], Meta(min_length=1)]


class MeterValuesResponse(Message, frozen=True, kw_only=True):
    pass


ChargingProfileKind = Literal[
    "Absolute",
    "Recurring",
    "Relative",
]


RecurrencyKind = Literal[
    "Daily",
    "Weekly",
]


class ChargingProfile(Message, frozen=True, kw_only=True):
    charging_profile_id: int
    transaction_id: int | UnsetType = UNSET
    stack_level: int
    charging_profile_purpose: ChargingProfilePurpose
    charging_profile_kind: ChargingProfileKind
    recurrency_kind: RecurrencyKind | UnsetType = UNSET
    valid_from: datetime | UnsetType = UNSET
    valid_to: datetime | UnsetType = UNSET
    charging_schedule: ChargingSchedule


class RemoteStartTransactionRequest(Message, frozen=True, kw_only=True):
    connector_id: int | UnsetType = UNSET
    id_tag: Annotated[str, Meta(max_length=20)]
    charging_profile: ChargingProfile | UnsetType = UNSET


class RemoteStartTransactionResponse(Message, frozen=True, kw_only=True):
    status: CancelReservationResponseStatus


class RemoteStopTransactionRequest(Message, frozen=True, kw_only=True):
    transaction_id: int


class RemoteStopTransactionResponse(Message, frozen=True, kw_only=True):
    status: CancelReservationResponseStatus


class ReserveNowRequest(Message, frozen=True, kw_only=True):
    connector_id: int
    expiry_date: datetime
    id_tag: Annotated[str, Meta(max_length=20)]
    parent_id_tag: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    reservation_id: int


ReserveNowResponseStatus = Literal[
    "Accepted",
    "Faulted",
    "Occupied",
    "Rejected",
    "Unavailable",
]


class ReserveNowResponse(Message, frozen=True, kw_only=True):
    status: ReserveNowResponseStatus


ResetRequestType = Literal[
    "Hard",
    "Soft",
]


class ResetRequest(Message, frozen=True, kw_only=True):
    type: ResetRequestType


class ResetResponse(Message, frozen=True, kw_only=True):
    status: CancelReservationResponseStatus


class SecurityEventNotificationRequest(Message, frozen=True, kw_only=True):
    type: Annotated[str, Meta(max_length=50)]
    timestamp: datetime
    tech_info: Annotated[str, Meta(max_length=255)] | UnsetType = UNSET


class SecurityEventNotificationResponse(Message, frozen=True, kw_only=True):
    pass


class LocalAuthorizationList(Message, frozen=True, kw_only=True):
    id_tag: Annotated[str, Meta(max_length=20)]
    id_tag_info: IdTagInfo | UnsetType = UNSET


UpdateType = Literal[
    "Differential",
    "Full",
]


class SendLocalListRequest(Message, frozen=True, kw_only=True):
    list_version: int
    local_authorization_list: list[LocalAuthorizationList] | UnsetType = UNSET
    update_type: UpdateType


SendLocalListResponseStatus = Literal[
    "Accepted",
    "Failed",
    "NotSupported",
    "VersionMismatch",
]


class SendLocalListResponse(Message, frozen=True, kw_only=True):
    status: SendLocalListResponseStatus


class SetChargingProfileRequest(Message, frozen=True, kw_only=True):
    connector_id: int
    cs_charging_profiles: ChargingProfile


SetChargingProfileResponseStatus = Literal[
    "Accepted",
    "Rejected",
    "NotSupported",
]


class SetChargingProfileResponse(Message, frozen=True, kw_only=True):
    status: SetChargingProfileResponseStatus


class SignCertificateRequest(Message, frozen=True, kw_only=True):
    csr: Annotated[str, Meta(max_length=5500)]


class SignCertificateResponse(Message, frozen=True, kw_only=True):
    status: CancelReservationResponseStatus


FirmwareStatusEnum = Literal[
    "Downloaded",
    "DownloadFailed",
    "Downloading",
    "DownloadScheduled",
    "DownloadPaused",
    "Idle",
    "InstallationFailed",
    "Installing",
    "Installed",
    "InstallRebooting",
    "InstallScheduled",
    "InstallVerificationFailed",
    "InvalidSignature",
    "SignatureVerified",
]


class SignedFirmwareStatusNotificationRequest(Message, frozen=True, kw_only=True):
    status: FirmwareStatusEnum
    request_id: int | UnsetType = UNSET


class SignedFirmwareStatusNotificationResponse(Message, frozen=True, kw_only=True):
    pass


class Firmware(Message, frozen=True, kw_only=True):
    location: Annotated[str, Meta(max_length=512)]
    retrieve_date_time: datetime
    install_date_time: datetime | UnsetType = UNSET
    signing_certificate: Annotated[str, Meta(max_length=5500)]
    signature: Annotated[str, Meta(max_length=800)]


class SignedUpdateFirmwareRequest(Message, frozen=True, kw_only=True):
    retries: int | UnsetType = UNSET
    retry_interval: int | UnsetType = UNSET
    request_id: int
    firmware: Firmware


UpdateFirmwareStatusEnum = Literal[
    "Accepted",
    "Rejected",
    "AcceptedCanceled",
    "InvalidCertificate",
    "RevokedCertificate",
]


class SignedUpdateFirmwareResponse(Message, frozen=True, kw_only=True):
    status: UpdateFirmwareStatusEnum


class StartTransactionRequest(Message, frozen=True, kw_only=True):
    connector_id: int
    id_tag: Annotated[str, Meta(max_length=20)]
    meter_start: int
    reservation_id: int | UnsetType = UNSET
    timestamp: datetime


class StartTransactionResponse(Message, frozen=True, kw_only=True):
    id_tag_info: IdTagInfo
    transaction_id: int


ErrorCode = Literal[
    "ConnectorLockFailure",
    "EVCommunicationError",
    "GroundFailure",
    "HighTemperature",
    "InternalError",
    "LocalListConflict",
    "NoError",
    "OtherError",
    "OverCurrentFailure",
    "PowerMeterFailure",
    "PowerSwitchFailure",
    "ReaderFailure",
    "ResetFailure",
    "UnderVoltage",
    "OverVoltage",
    "WeakSignal",
]


StatusNotificationRequestStatus = Literal[
    "Available",
    "Preparing",
    "Charging",
    "SuspendedEVSE",
    "SuspendedEV",
    "Finishing",
    "Reserved",
    "Unavailable",
    "Faulted",
]


class StatusNotificationRequest(Message, frozen=True, kw_only=True):
    connector_id: int
    error_code: ErrorCode
    info: Annotated[str, Meta(max_length=50)] | UnsetType = UNSET
    status: StatusNotificationRequestStatus
    timestamp: datetime | UnsetType = UNSET
    vendor_id: Annotated[str, Meta(max_length=255)] | UnsetType = UNSET
    vendor_error_code: Annotated[str, Meta(max_length=50)] | UnsetType = UNSET


class StatusNotificationResponse(Message, frozen=True, kw_only=True):
    pass


Reason = Literal[
    "EmergencyStop",
    "EVDisconnected",
    "HardReset",
    "Local",
    "Other",
    "PowerLoss",
    "Reboot",
    "Remote",
    "SoftReset",
    "UnlockCommand",
    "DeAuthorized",
]


TransactionDataSampledValueUnit = Literal[
    "Wh",
    "kWh",
    "varh",
    "kvarh",
    "W",
    "kW",
    "VA",
    "kVA",
    "var",
    "kvar",
    "A",
    "V",
    "K",
    "Celcius",
    "Celsius",
    "Fahrenheit",
    "Percent",
]


class TransactionDataSampledValue(Message, frozen=True, kw_only=True):
    value: str
    context: Context | UnsetType = UNSET
    format: Format | UnsetType = UNSET
    measurand: Measurand | UnsetType = UNSET
    phase: Phase | UnsetType = UNSET
    location: Location | UnsetType = UNSET
    unit: TransactionDataSampledValueUnit | UnsetType = UNSET


class TransactionData(Message, frozen=True, kw_only=True):
    timestamp: datetime
    sampled_value: list[TransactionDataSampledValue]


class StopTransactionRequest(Message, frozen=True, kw_only=True):
    id_tag: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    meter_stop: int
    timestamp: datetime
    transaction_id: int
    reason: Reason | UnsetType = UNSET
    transaction_data: list[TransactionData] | UnsetType = UNSET


class StopTransactionResponse(Message, frozen=True, kw_only=True):
    id_tag_info: IdTagInfo | UnsetType = UNSET


RequestedMessage = Literal[
    "BootNotification",
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "StatusNotification",
]


class TriggerMessageRequest(Message, frozen=True, kw_only=True):
    requested_message: RequestedMessage
    connector_id: int | UnsetType = UNSET


class TriggerMessageResponse(Message, frozen=True, kw_only=True):
    status: TriggerMessageStatusEnum


class UnlockConnectorRequest(Message, frozen=True, kw_only=True):
    connector_id: int


UnlockConnectorResponseStatus = Literal[
    "Unlocked",
    "UnlockFailed",
    "NotSupported",
]


class UnlockConnectorResponse(Message, frozen=True, kw_only=True):
    status: UnlockConnectorResponseStatus


class UpdateFirmwareRequest(Message, frozen=True, kw_only=True):
    location: str
    retries: int | UnsetType = UNSET
    retrieve_date: datetime
    retry_interval: int | UnsetType = UNSET


class UpdateFirmwareResponse(Message, frozen=True, kw_only=True):
    pass


REQUESTS: dict[str, type[Message]] = {
    "Authorize": AuthorizeRequest,
    "BootNotification": BootNotificationRequest,
    "CancelReservation": CancelReservationRequest,
    "CertificateSigned": CertificateSignedRequest,
    "ChangeAvailability": ChangeAvailabilityRequest,
    "ChangeConfiguration": ChangeConfigurationRequest,
    "ClearCache": ClearCacheRequest,
    "ClearChargingProfile": ClearChargingProfileRequest,
    "DataTransfer": DataTransferRequest,
    "DeleteCertificate": DeleteCertificateRequest,
    "DiagnosticsStatusNotification": DiagnosticsStatusNotificationRequest,
    "ExtendedTriggerMessage": ExtendedTriggerMessageRequest,
    "FirmwareStatusNotification": FirmwareStatusNotificationRequest,
    "GetCompositeSchedule": GetCompositeScheduleRequest,
    "GetConfiguration": GetConfigurationRequest,
    "GetDiagnostics": GetDiagnosticsRequest,
    "GetInstalledCertificateIds": GetInstalledCertificateIdsRequest,
    "GetLocalListVersion": GetLocalListVersionRequest,
    "GetLog": GetLogRequest,
    "Heartbeat": HeartbeatRequest,
    "InstallCertificate": InstallCertificateRequest,
    "LogStatusNotification": LogStatusNotificationRequest,
    "MeterValues": MeterValuesRequest,
    "RemoteStartTransaction": RemoteStartTransactionRequest,
    "RemoteStopTransaction": RemoteStopTransactionRequest,
    "ReserveNow": ReserveNowRequest,
    "Reset": ResetRequest,
    "SecurityEventNotification": SecurityEventNotificationRequest,
    "SendLocalList": SendLocalListRequest,
    "SetChargingProfile": SetChargingProfileRequest,
    "SignCertificate": SignCertificateRequest,
    "SignedFirmwareStatusNotification": SignedFirmwareStatusNotificationRequest,
    "SignedUpdateFirmware": SignedUpdateFirmwareRequest,
    "StartTransaction": StartTransactionRequest,
    "StatusNotification": StatusNotificationRequest,
    "StopTransaction": StopTransactionRequest,
    "TriggerMessage": TriggerMessageRequest,
    "UnlockConnector": UnlockConnectorRequest,
    "UpdateFirmware": UpdateFirmwareRequest,
}


RESPONSES: dict[str, type[Message]] = {
    "Authorize": AuthorizeResponse,
    "BootNotification": BootNotificationResponse,
    "CancelReservation": CancelReservationResponse,
    "CertificateSigned": CertificateSignedResponse,
    "ChangeAvailability": ChangeAvailabilityResponse,
    "ChangeConfiguration": ChangeConfigurationResponse,
    "ClearCache": ClearCacheResponse,
    "ClearChargingProfile": ClearChargingProfileResponse,
    "DataTransfer": DataTransferResponse,
    "DeleteCertificate": DeleteCertificateResponse,
    "DiagnosticsStatusNotification": DiagnosticsStatusNotificationResponse,
    "ExtendedTriggerMessage": ExtendedTriggerMessageResponse,
    "FirmwareStatusNotification": FirmwareStatusNotificationResponse,
    "GetCompositeSchedule": GetCompositeScheduleResponse,
    "GetConfiguration": GetConfigurationResponse,
    "GetDiagnostics": GetDiagnosticsResponse,
    "GetInstalledCertificateIds": GetInstalledCertificateIdsResponse,
    "GetLocalListVersion": GetLocalListVersionResponse,
    "GetLog": GetLogResponse,
    "Heartbeat": HeartbeatResponse,
    "InstallCertificate": InstallCertificateResponse,
    "LogStatusNotification": LogStatusNotificationResponse,
    "MeterValues": MeterValuesResponse,
    "RemoteStartTransaction": RemoteStartTransactionResponse,
    "RemoteStopTransaction": RemoteStopTransactionResponse,
    "ReserveNow": ReserveNowResponse,
    "Reset": ResetResponse,
    "SecurityEventNotification": SecurityEventNotificationResponse,
    "SendLocalList": SendLocalListResponse,
    "SetChargingProfile": SetChargingProfileResponse,
    "SignCertificate": SignCertificateResponse,
    "SignedFirmwareStatusNotification": SignedFirmwareStatusNotificationResponse,
    "SignedUpdateFirmware": SignedUpdateFirmwareResponse,
    "StartTransaction": StartTransactionResponse,
    "StatusNotification": StatusNotificationResponse,
    "StopTransaction": StopTransactionResponse,
    "TriggerMessage": TriggerMessageResponse,
    "UnlockConnector": UnlockConnectorResponse,
    "UpdateFirmware": UpdateFirmwareResponse,
}
