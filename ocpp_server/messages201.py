"""OCPP 2.0.1: every message as a strict Struct, decoded and validated in one step.

Written by `make messages` from the schemas of the `ocpp` package (Open Charge Alliance); do not edit.
A date-time is checked, but its zone may be missing: such a time is UTC. Beyond the schemas nothing is allowed.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ocpp_server.structs import Message, Open, whole_tenths


class CustomData(Open, frozen=True, kw_only=True):
    vendor_id: Annotated[str, Meta(max_length=255)]


class AdditionalInfo(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    additional_id_token: Annotated[str, Meta(max_length=36)]
    type: Annotated[str, Meta(max_length=50)]


IdTokenEnum = Literal[
    "Central",
    "eMAID",
    "ISO14443",
    "ISO15693",
    "KeyCode",
    "Local",
    "MacAddress",
    "NoAuthorization",
]


class IdToken(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    additional_info: Annotated[list[AdditionalInfo], Meta(min_length=1)] | UnsetType = UNSET
    id_token: Annotated[str, Meta(max_length=36)]
    type: IdTokenEnum


HashAlgorithmEnum = Literal[
    "SHA256",
    "SHA384",
    "SHA512",
]


class OCSPRequestData(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    hash_algorithm: HashAlgorithmEnum
    issuer_name_hash: Annotated[str, Meta(max_length=128)]
    issuer_key_hash: Annotated[str, Meta(max_length=128)]
    serial_number: Annotated[str, Meta(max_length=40)]
    responder_url: Annotated[str, Meta(max_length=512)] = msgspec.field(name="responderURL")


class AuthorizeRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    id_token: IdToken
    certificate: Annotated[str, Meta(max_length=5500)] | UnsetType = UNSET
    iso15118_certificate_hash_data: Annotated[list[OCSPRequestData], Meta(min_length=1, max_length=4)] | UnsetType = UNSET


AuthorizationStatusEnum = Literal[
    "Accepted",
    "Blocked",
    "ConcurrentTx",
    "Expired",
    "Invalid",
    "NoCredit",
    "NotAllowedTypeEVSE",
    "NotAtThisLocation",
    "NotAtThisTime",
    "Unknown",
]


MessageFormatEnum = Literal[
    "ASCII",
    "HTML",
    "URI",
    "UTF8",
]


class MessageContent(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    format: MessageFormatEnum
    language: Annotated[str, Meta(max_length=8)] | UnsetType = UNSET
    content: Annotated[str, Meta(max_length=512)]


class IdTokenInfo(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: AuthorizationStatusEnum
    cache_expiry_date_time: datetime | UnsetType = UNSET
    charging_priority: int | UnsetType = UNSET
    language1: Annotated[str, Meta(max_length=8)] | UnsetType = UNSET
    evse_id: Annotated[list[int], Meta(min_length=1)] | UnsetType = UNSET
    group_id_token: IdToken | UnsetType = UNSET
    language2: Annotated[str, Meta(max_length=8)] | UnsetType = UNSET
    personal_message: MessageContent | UnsetType = UNSET


AuthorizeCertificateStatusEnum = Literal[
    "Accepted",
    "SignatureError",
    "CertificateExpired",
    "CertificateRevoked",
    "NoCertificateAvailable",
    "CertChainError",
    "ContractCancelled",
]


class AuthorizeResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    id_token_info: IdTokenInfo
    certificate_status: AuthorizeCertificateStatusEnum | UnsetType = UNSET


class Modem(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    iccid: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    imsi: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET


class ChargingStation(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    serial_number: Annotated[str, Meta(max_length=25)] | UnsetType = UNSET
    model: Annotated[str, Meta(max_length=20)]
    modem: Modem | UnsetType = UNSET
    vendor_name: Annotated[str, Meta(max_length=50)]
    firmware_version: Annotated[str, Meta(max_length=50)] | UnsetType = UNSET


BootReasonEnum = Literal[
    "ApplicationReset",
    "FirmwareUpdate",
    "LocalReset",
    "PowerUp",
    "RemoteReset",
    "ScheduledReset",
    "Triggered",
    "Unknown",
    "Watchdog",
]


class BootNotificationRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    charging_station: ChargingStation
    reason: BootReasonEnum


RegistrationStatusEnum = Literal[
    "Accepted",
    "Pending",
    "Rejected",
]


class StatusInfo(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    reason_code: Annotated[str, Meta(max_length=20)]
    additional_info: Annotated[str, Meta(max_length=512)] | UnsetType = UNSET


class BootNotificationResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    current_time: datetime
    interval: int
    status: RegistrationStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


class CancelReservationRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    reservation_id: int


CancelReservationStatusEnum = Literal[
    "Accepted",
    "Rejected",
]


class CancelReservationResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: CancelReservationStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


CertificateSigningUseEnum = Literal[
    "ChargingStationCertificate",
    "V2GCertificate",
]


class CertificateSignedRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    certificate_chain: Annotated[str, Meta(max_length=10000)]
    certificate_type: CertificateSigningUseEnum | UnsetType = UNSET


class CertificateSignedResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: CancelReservationStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


class EVSE(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    id: int
    connector_id: int | UnsetType = UNSET


OperationalStatusEnum = Literal[
    "Inoperative",
    "Operative",
]


class ChangeAvailabilityRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    evse: EVSE | UnsetType = UNSET
    operational_status: OperationalStatusEnum


ChangeAvailabilityStatusEnum = Literal[
    "Accepted",
    "Rejected",
    "Scheduled",
]


class ChangeAvailabilityResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: ChangeAvailabilityStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


class ClearCacheRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET


class ClearCacheResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: CancelReservationStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


ChargingProfilePurposeEnum = Literal[
    "ChargingStationExternalConstraints",
    "ChargingStationMaxProfile",
    "TxDefaultProfile",
    "TxProfile",
]


class ClearChargingProfile(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    evse_id: int | UnsetType = UNSET
    charging_profile_purpose: ChargingProfilePurposeEnum | UnsetType = UNSET
    stack_level: int | UnsetType = UNSET


class ClearChargingProfileRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    charging_profile_id: int | UnsetType = UNSET
    charging_profile_criteria: ClearChargingProfile | UnsetType = UNSET


ClearChargingProfileStatusEnum = Literal[
    "Accepted",
    "Unknown",
]


class ClearChargingProfileResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: ClearChargingProfileStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


class ClearDisplayMessageRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    id: int


class ClearDisplayMessageResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: ClearChargingProfileStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


class ClearVariableMonitoringRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    id: Annotated[list[int], Meta(min_length=1)]


ClearMonitoringStatusEnum = Literal[
    "Accepted",
    "Rejected",
    "NotFound",
]


class ClearMonitoringResult(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: ClearMonitoringStatusEnum
    id: int
    status_info: StatusInfo | UnsetType = UNSET


class ClearVariableMonitoringResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    clear_monitoring_result: Annotated[list[ClearMonitoringResult], Meta(min_length=1)]


ChargingLimitSourceEnum = Literal[
    "EMS",
    "Other",
    "SO",
    "CSO",
]


class ClearedChargingLimitRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    charging_limit_source: ChargingLimitSourceEnum
    evse_id: int | UnsetType = UNSET


class ClearedChargingLimitResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET


class CostUpdatedRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    total_cost: float
    transaction_id: Annotated[str, Meta(max_length=36)]


class CostUpdatedResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET


class CertificateHashData(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    hash_algorithm: HashAlgorithmEnum
    issuer_name_hash: Annotated[str, Meta(max_length=128)]
    issuer_key_hash: Annotated[str, Meta(max_length=128)]
    serial_number: Annotated[str, Meta(max_length=40)]


class CustomerInformationRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    customer_certificate: CertificateHashData | UnsetType = UNSET
    id_token: IdToken | UnsetType = UNSET
    request_id: int
    report: bool
    clear: bool
    customer_identifier: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET


CustomerInformationStatusEnum = Literal[
    "Accepted",
    "Rejected",
    "Invalid",
]


class CustomerInformationResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: CustomerInformationStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


class DataTransferRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    message_id: Annotated[str, Meta(max_length=50)] | UnsetType = UNSET
    data: Any | UnsetType = UNSET
    vendor_id: Annotated[str, Meta(max_length=255)]


DataTransferStatusEnum = Literal[
    "Accepted",
    "Rejected",
    "UnknownMessageId",
    "UnknownVendorId",
]


class DataTransferResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: DataTransferStatusEnum
    status_info: StatusInfo | UnsetType = UNSET
    data: Any | UnsetType = UNSET


class DeleteCertificateRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    certificate_hash_data: CertificateHashData


DeleteCertificateStatusEnum = Literal[
    "Accepted",
    "Failed",
    "NotFound",
]


class DeleteCertificateResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: DeleteCertificateStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


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


class FirmwareStatusNotificationRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: FirmwareStatusEnum
    request_id: int | UnsetType = UNSET


class FirmwareStatusNotificationResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET


CertificateActionEnum = Literal[
    "Install",
    "Update",
]


class Get15118EVCertificateRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    iso15118_schema_version: Annotated[str, Meta(max_length=50)]
    action: CertificateActionEnum
    exi_request: Annotated[str, Meta(max_length=5600)]


Iso15118EVCertificateStatusEnum = Literal[
    "Accepted",
    "Failed",
]


class Get15118EVCertificateResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: Iso15118EVCertificateStatusEnum
    status_info: StatusInfo | UnsetType = UNSET
    exi_response: Annotated[str, Meta(max_length=7500)]


ReportBaseEnum = Literal[
    "ConfigurationInventory",
    "FullInventory",
    "SummaryInventory",
]


class GetBaseReportRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    request_id: int
    report_base: ReportBaseEnum


GenericDeviceModelStatusEnum = Literal[
    "Accepted",
    "Rejected",
    "NotSupported",
    "EmptyResultSet",
]


class GetBaseReportResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: GenericDeviceModelStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


class GetCertificateStatusRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    ocsp_request_data: OCSPRequestData


class GetCertificateStatusResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: Iso15118EVCertificateStatusEnum
    status_info: StatusInfo | UnsetType = UNSET
    ocsp_result: Annotated[str, Meta(max_length=5500)] | UnsetType = UNSET


class ChargingProfileCriterion(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    charging_profile_purpose: ChargingProfilePurposeEnum | UnsetType = UNSET
    stack_level: int | UnsetType = UNSET
    charging_profile_id: Annotated[list[int], Meta(min_length=1)] | UnsetType = UNSET
    charging_limit_source: Annotated[list[ChargingLimitSourceEnum], Meta(min_length=1, max_length=4)] | UnsetType = UNSET


class GetChargingProfilesRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    request_id: int
    evse_id: int | UnsetType = UNSET
    charging_profile: ChargingProfileCriterion


GetChargingProfileStatusEnum = Literal[
    "Accepted",
    "NoProfiles",
]


class GetChargingProfilesResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: GetChargingProfileStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


ChargingRateUnitEnum = Literal[
    "W",
    "A",
]


class GetCompositeScheduleRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    duration: int
    charging_rate_unit: ChargingRateUnitEnum | UnsetType = UNSET
    evse_id: int


class ChargingSchedulePeriod(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    start_period: int
    limit: float
    number_phases: int | UnsetType = UNSET
    phase_to_use: int | UnsetType = UNSET


class CompositeSchedule(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    charging_schedule_period: Annotated[list[ChargingSchedulePeriod], Meta(min_length=1)]
    evse_id: int
    duration: int
    schedule_start: datetime
    charging_rate_unit: ChargingRateUnitEnum


class GetCompositeScheduleResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: CancelReservationStatusEnum
    status_info: StatusInfo | UnsetType = UNSET
    schedule: CompositeSchedule | UnsetType = UNSET


MessagePriorityEnum = Literal[
    "AlwaysFront",
    "InFront",
    "NormalCycle",
]


MessageStateEnum = Literal[
    "Charging",
    "Faulted",
    "Idle",
    "Unavailable",
]


class GetDisplayMessagesRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    id: Annotated[list[int], Meta(min_length=1)] | UnsetType = UNSET
    request_id: int
    priority: MessagePriorityEnum | UnsetType = UNSET
    state: MessageStateEnum | UnsetType = UNSET


class GetDisplayMessagesResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: ClearChargingProfileStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


GetCertificateIdUseEnum = Literal[
    "V2GRootCertificate",
    "MORootCertificate",
    "CSMSRootCertificate",
    "V2GCertificateChain",
    "ManufacturerRootCertificate",
]


class GetInstalledCertificateIdsRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    certificate_type: Annotated[list[GetCertificateIdUseEnum], Meta(min_length=1)] | UnsetType = UNSET


GetInstalledCertificateStatusEnum = Literal[
    "Accepted",
    "NotFound",
]


class CertificateHashDataChain(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    certificate_hash_data: CertificateHashData
    certificate_type: GetCertificateIdUseEnum
    child_certificate_hash_data: Annotated[list[CertificateHashData], Meta(min_length=1, max_length=4)] | UnsetType = UNSET


class GetInstalledCertificateIdsResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: GetInstalledCertificateStatusEnum
    status_info: StatusInfo | UnsetType = UNSET
    certificate_hash_data_chain: Annotated[list[CertificateHashDataChain], Meta(min_length=1)] | UnsetType = UNSET


class GetLocalListVersionRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET


class GetLocalListVersionResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    version_number: int


class LogParameters(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    remote_location: Annotated[str, Meta(max_length=512)]
    oldest_timestamp: datetime | UnsetType = UNSET
    latest_timestamp: datetime | UnsetType = UNSET


LogEnum = Literal[
    "DiagnosticsLog",
    "SecurityLog",
]


class GetLogRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
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
    custom_data: CustomData | UnsetType = UNSET
    status: LogStatusEnum
    status_info: StatusInfo | UnsetType = UNSET
    filename: Annotated[str, Meta(max_length=255)] | UnsetType = UNSET


class Component(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    evse: EVSE | UnsetType = UNSET
    name: Annotated[str, Meta(max_length=50)]
    instance: Annotated[str, Meta(max_length=50)] | UnsetType = UNSET


class Variable(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    name: Annotated[str, Meta(max_length=50)]
    instance: Annotated[str, Meta(max_length=50)] | UnsetType = UNSET


class ComponentVariable(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    component: Component
    variable: Variable | UnsetType = UNSET


MonitoringCriterionEnum = Literal[
    "ThresholdMonitoring",
    "DeltaMonitoring",
    "PeriodicMonitoring",
]


class GetMonitoringReportRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    component_variable: Annotated[list[ComponentVariable], Meta(min_length=1)] | UnsetType = UNSET
    request_id: int
    monitoring_criteria: Annotated[list[MonitoringCriterionEnum], Meta(min_length=1, max_length=3)] | UnsetType = UNSET


class GetMonitoringReportResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: GenericDeviceModelStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


ComponentCriterionEnum = Literal[
    "Active",
    "Available",
    "Enabled",
    "Problem",
]


class GetReportRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    component_variable: Annotated[list[ComponentVariable], Meta(min_length=1)] | UnsetType = UNSET
    request_id: int
    component_criteria: Annotated[list[ComponentCriterionEnum], Meta(min_length=1, max_length=4)] | UnsetType = UNSET


class GetReportResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: GenericDeviceModelStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


class GetTransactionStatusRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    transaction_id: Annotated[str, Meta(max_length=36)] | UnsetType = UNSET


class GetTransactionStatusResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    ongoing_indicator: bool | UnsetType = UNSET
    messages_in_queue: bool


AttributeEnum = Literal[
    "Actual",
    "Target",
    "MinSet",
    "MaxSet",
]


class GetVariableData(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    attribute_type: AttributeEnum | UnsetType = UNSET
    component: Component
    variable: Variable


class GetVariablesRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    get_variable_data: Annotated[list[GetVariableData], Meta(min_length=1)]


GetVariableStatusEnum = Literal[
    "Accepted",
    "Rejected",
    "UnknownComponent",
    "UnknownVariable",
    "NotSupportedAttributeType",
]


class GetVariableResult(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    attribute_status_info: StatusInfo | UnsetType = UNSET
    attribute_status: GetVariableStatusEnum
    attribute_type: AttributeEnum | UnsetType = UNSET
    attribute_value: Annotated[str, Meta(max_length=2500)] | UnsetType = UNSET
    component: Component
    variable: Variable


class GetVariablesResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    get_variable_result: Annotated[list[GetVariableResult], Meta(min_length=1)]


class HeartbeatRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET


class HeartbeatResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    current_time: datetime


InstallCertificateUseEnum = Literal[
    "V2GRootCertificate",
    "MORootCertificate",
    "CSMSRootCertificate",
    "ManufacturerRootCertificate",
]


class InstallCertificateRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    certificate_type: InstallCertificateUseEnum
    certificate: Annotated[str, Meta(max_length=5500)]


InstallCertificateStatusEnum = Literal[
    "Accepted",
    "Rejected",
    "Failed",
]


class InstallCertificateResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: InstallCertificateStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


UploadLogStatusEnum = Literal[
    "BadMessage",
    "Idle",
    "NotSupportedOperation",
    "PermissionDenied",
    "Uploaded",
    "UploadFailure",
    "Uploading",
    "AcceptedCanceled",
]


class LogStatusNotificationRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: UploadLogStatusEnum
    request_id: int | UnsetType = UNSET


class LogStatusNotificationResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET


ReadingContextEnum = Literal[
    "Interruption.Begin",
    "Interruption.End",
    "Other",
    "Sample.Clock",
    "Sample.Periodic",
    "Transaction.Begin",
    "Transaction.End",
    "Trigger",
]


MeasurandEnum = Literal[
    "Current.Export",
    "Current.Import",
    "Current.Offered",
    "Energy.Active.Export.Register",
    "Energy.Active.Import.Register",
    "Energy.Reactive.Export.Register",
    "Energy.Reactive.Import.Register",
    "Energy.Active.Export.Interval",
    "Energy.Active.Import.Interval",
    "Energy.Active.Net",
    "Energy.Reactive.Export.Interval",
    "Energy.Reactive.Import.Interval",
    "Energy.Reactive.Net",
    "Energy.Apparent.Net",
    "Energy.Apparent.Import",
    "Energy.Apparent.Export",
    "Frequency",
    "Power.Active.Export",
    "Power.Active.Import",
    "Power.Factor",
    "Power.Offered",
    "Power.Reactive.Export",
    "Power.Reactive.Import",
    "SoC",
    "Voltage",
]


PhaseEnum = Literal[
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


LocationEnum = Literal[
    "Body",
    "Cable",
    "EV",
    "Inlet",
    "Outlet",
]


class SignedMeterValue(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    signed_meter_data: Annotated[str, Meta(max_length=2500)]
    signing_method: Annotated[str, Meta(max_length=50)]
    encoding_method: Annotated[str, Meta(max_length=50)]
    public_key: Annotated[str, Meta(max_length=2500)]


class UnitOfMeasure(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    unit: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    multiplier: int | UnsetType = UNSET


class SampledValue(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    value: float
    context: ReadingContextEnum | UnsetType = UNSET
    measurand: MeasurandEnum | UnsetType = UNSET
    phase: PhaseEnum | UnsetType = UNSET
    location: LocationEnum | UnsetType = UNSET
    signed_meter_value: SignedMeterValue | UnsetType = UNSET
    unit_of_measure: UnitOfMeasure | UnsetType = UNSET


class MeterValue(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    sampled_value: Annotated[list[SampledValue], Meta(min_length=1)]
    timestamp: datetime


class MeterValuesRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    evse_id: int
    meter_value: Annotated[list[MeterValue], Meta(min_length=1)]


class MeterValuesResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET


class RelativeTimeInterval(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    start: int
    duration: int | UnsetType = UNSET


CostKindEnum = Literal[
    "CarbonDioxideEmission",
    "RelativePricePercentage",
    "RenewableGenerationPercentage",
]


class Cost(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    cost_kind: CostKindEnum
    amount: int
    amount_multiplier: int | UnsetType = UNSET


class ConsumptionCost(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    start_value: float
    cost: Annotated[list[Cost], Meta(min_length=1, max_length=3)]


class SalesTariffEntry(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    relative_time_interval: RelativeTimeInterval
    e_price_level: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    consumption_cost: Annotated[list[ConsumptionCost], Meta(min_length=1, max_length=3)] | UnsetType = UNSET


class SalesTariff(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    id: int
    sales_tariff_description: Annotated[str, Meta(max_length=32)] | UnsetType = UNSET
    num_e_price_levels: int | UnsetType = UNSET
    sales_tariff_entry: Annotated[list[SalesTariffEntry], Meta(min_length=1, max_length=1024)]


class ChargingSchedule(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    id: int
    start_schedule: datetime | UnsetType = UNSET
    duration: int | UnsetType = UNSET
    charging_rate_unit: ChargingRateUnitEnum
    charging_schedule_period: Annotated[list[ChargingSchedulePeriod], Meta(min_length=1, max_length=1024)]
    min_charging_rate: float | UnsetType = UNSET
    sales_tariff: SalesTariff | UnsetType = UNSET


class ChargingLimit(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    charging_limit_source: ChargingLimitSourceEnum
    is_grid_critical: bool | UnsetType = UNSET


class NotifyChargingLimitRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    charging_schedule: Annotated[list[ChargingSchedule], Meta(min_length=1)] | UnsetType = UNSET
    evse_id: int | UnsetType = UNSET
    charging_limit: ChargingLimit


class NotifyChargingLimitResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET


class NotifyCustomerInformationRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    data: Annotated[str, Meta(max_length=512)]
    tbc: bool | UnsetType = UNSET
    seq_no: int
    generated_at: datetime
    request_id: int


class NotifyCustomerInformationResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET


class MessageInfo(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    display: Component | UnsetType = UNSET
    id: int
    priority: MessagePriorityEnum
    state: MessageStateEnum | UnsetType = UNSET
    start_date_time: datetime | UnsetType = UNSET
    end_date_time: datetime | UnsetType = UNSET
    transaction_id: Annotated[str, Meta(max_length=36)] | UnsetType = UNSET
    message: MessageContent


class NotifyDisplayMessagesRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    message_info: Annotated[list[MessageInfo], Meta(min_length=1)] | UnsetType = UNSET
    request_id: int
    tbc: bool | UnsetType = UNSET


class NotifyDisplayMessagesResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET


class ACChargingParameters(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    energy_amount: int
    ev_min_current: int
    ev_max_current: int
    ev_max_voltage: int


class DCChargingParameters(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    ev_max_current: int
    ev_max_voltage: int
    energy_amount: int | UnsetType = UNSET
    ev_max_power: int | UnsetType = UNSET
    state_of_charge: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET
    ev_energy_capacity: int | UnsetType = UNSET
    full_so_c: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET
    bulk_so_c: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET


EnergyTransferModeEnum = Literal[
    "DC",
    "AC_single_phase",
    "AC_two_phase",
    "AC_three_phase",
]


class ChargingNeeds(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    ac_charging_parameters: ACChargingParameters | UnsetType = UNSET
    dc_charging_parameters: DCChargingParameters | UnsetType = UNSET
    requested_energy_transfer: EnergyTransferModeEnum
    departure_time: datetime | UnsetType = UNSET


class NotifyEVChargingNeedsRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    max_schedule_tuples: int | UnsetType = UNSET
    charging_needs: ChargingNeeds
    evse_id: int


NotifyEVChargingNeedsStatusEnum = Literal[
    "Accepted",
    "Rejected",
    "Processing",
]


class NotifyEVChargingNeedsResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: NotifyEVChargingNeedsStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


class NotifyEVChargingScheduleRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    time_base: datetime
    charging_schedule: ChargingSchedule
    evse_id: int


class NotifyEVChargingScheduleResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: CancelReservationStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


EventTriggerEnum = Literal[
    "Alerting",
    "Delta",
    "Periodic",
]


EventNotificationEnum = Literal[
    "HardWiredNotification",
    "HardWiredMonitor",
    "PreconfiguredMonitor",
    "CustomMonitor",
]


class EventData(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    event_id: int
    timestamp: datetime
    trigger: EventTriggerEnum
    cause: int | UnsetType = UNSET
    actual_value: Annotated[str, Meta(max_length=2500)]
    tech_code: Annotated[str, Meta(max_length=50)] | UnsetType = UNSET
    tech_info: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    cleared: bool | UnsetType = UNSET
    transaction_id: Annotated[str, Meta(max_length=36)] | UnsetType = UNSET
    component: Component
    variable_monitoring_id: int | UnsetType = UNSET
    event_notification_type: EventNotificationEnum
    variable: Variable


class NotifyEventRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    generated_at: datetime
    tbc: bool | UnsetType = UNSET
    seq_no: int
    event_data: Annotated[list[EventData], Meta(min_length=1)]


class NotifyEventResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET


MonitorEnum = Literal[
    "UpperThreshold",
    "LowerThreshold",
    "Delta",
    "Periodic",
    "PeriodicClockAligned",
]


class VariableMonitoring(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    id: int
    transaction: bool
    value: float
    type: MonitorEnum
    severity: int


class MonitoringData(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    component: Component
    variable: Variable
    variable_monitoring: Annotated[list[VariableMonitoring], Meta(min_length=1)]


class NotifyMonitoringReportRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    monitor: Annotated[list[MonitoringData], Meta(min_length=1)] | UnsetType = UNSET
    request_id: int
    tbc: bool | UnsetType = UNSET
    seq_no: int
    generated_at: datetime


class NotifyMonitoringReportResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET


MutabilityEnum = Literal[
    "ReadOnly",
    "WriteOnly",
    "ReadWrite",
]


class VariableAttribute(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    type: AttributeEnum | UnsetType = UNSET
    value: Annotated[str, Meta(max_length=2500)] | UnsetType = UNSET
    mutability: MutabilityEnum | UnsetType = UNSET
    persistent: bool | UnsetType = UNSET
    constant: bool | UnsetType = UNSET


DataEnum = Literal[
    "string",
    "decimal",
    "integer",
    "dateTime",
    "boolean",
    "OptionList",
    "SequenceList",
    "MemberList",
]


class VariableCharacteristics(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    unit: Annotated[str, Meta(max_length=16)] | UnsetType = UNSET
    data_type: DataEnum
    min_limit: float | UnsetType = UNSET
    max_limit: float | UnsetType = UNSET
    values_list: Annotated[str, Meta(max_length=1000)] | UnsetType = UNSET
    supports_monitoring: bool


class ReportData(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    component: Component
    variable: Variable
    variable_attribute: Annotated[list[VariableAttribute], Meta(min_length=1, max_length=4)]
    variable_characteristics: VariableCharacteristics | UnsetType = UNSET


class NotifyReportRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    request_id: int
    generated_at: datetime
    report_data: Annotated[list[ReportData], Meta(min_length=1)] | UnsetType = UNSET
    tbc: bool | UnsetType = UNSET
    seq_no: int


class NotifyReportResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET


class PublishFirmwareRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    location: Annotated[str, Meta(max_length=512)]
    retries: int | UnsetType = UNSET
    checksum: Annotated[str, Meta(max_length=32)]
    request_id: int
    retry_interval: int | UnsetType = UNSET


class PublishFirmwareResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: CancelReservationStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


PublishFirmwareStatusEnum = Literal[
    "Idle",
    "DownloadScheduled",
    "Downloading",
    "Downloaded",
    "Published",
    "DownloadFailed",
    "DownloadPaused",
    "InvalidChecksum",
    "ChecksumVerified",
    "PublishFailed",
]


class PublishFirmwareStatusNotificationRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: PublishFirmwareStatusEnum
    location: Annotated[list[Annotated[str, Meta(max_length=512)]], Meta(min_length=1)] | UnsetType = UNSET
    request_id: int | UnsetType = UNSET


class PublishFirmwareStatusNotificationResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET


ChargingProfileKindEnum = Literal[
    "Absolute",
    "Recurring",
    "Relative",
]


RecurrencyKindEnum = Literal[
    "Daily",
    "Weekly",
]


class ChargingProfile(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    id: int
    stack_level: int
    charging_profile_purpose: ChargingProfilePurposeEnum
    charging_profile_kind: ChargingProfileKindEnum
    recurrency_kind: RecurrencyKindEnum | UnsetType = UNSET
    valid_from: datetime | UnsetType = UNSET
    valid_to: datetime | UnsetType = UNSET
    charging_schedule: Annotated[list[ChargingSchedule], Meta(min_length=1, max_length=3)]
    transaction_id: Annotated[str, Meta(max_length=36)] | UnsetType = UNSET


class ReportChargingProfilesRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    request_id: int
    charging_limit_source: ChargingLimitSourceEnum
    charging_profile: Annotated[list[ChargingProfile], Meta(min_length=1)]
    tbc: bool | UnsetType = UNSET
    evse_id: int


class ReportChargingProfilesResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET


class RequestStartTransactionRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    evse_id: int | UnsetType = UNSET
    group_id_token: IdToken | UnsetType = UNSET
    id_token: IdToken
    remote_start_id: int
    charging_profile: ChargingProfile | UnsetType = UNSET


class RequestStartTransactionResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: CancelReservationStatusEnum
    status_info: StatusInfo | UnsetType = UNSET
    transaction_id: Annotated[str, Meta(max_length=36)] | UnsetType = UNSET


class RequestStopTransactionRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    transaction_id: Annotated[str, Meta(max_length=36)]


class RequestStopTransactionResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: CancelReservationStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


ReservationUpdateStatusEnum = Literal[
    "Expired",
    "Removed",
]


class ReservationStatusUpdateRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    reservation_id: int
    reservation_update_status: ReservationUpdateStatusEnum


class ReservationStatusUpdateResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET


ConnectorEnum = Literal[
    "cCCS1",
    "cCCS2",
    "cG105",
    "cTesla",
    "cType1",
    "cType2",
    "s309-1P-16A",
    "s309-1P-32A",
    "s309-3P-16A",
    "s309-3P-32A",
    "sBS1361",
    "sCEE-7-7",
    "sType2",
    "sType3",
    "Other1PhMax16A",
    "Other1PhOver16A",
    "Other3Ph",
    "Pan",
    "wInductive",
    "wResonant",
    "Undetermined",
    "Unknown",
]


class ReserveNowRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    id: int
    expiry_date_time: datetime
    connector_type: ConnectorEnum | UnsetType = UNSET
    id_token: IdToken
    evse_id: int | UnsetType = UNSET
    group_id_token: IdToken | UnsetType = UNSET


ReserveNowStatusEnum = Literal[
    "Accepted",
    "Faulted",
    "Occupied",
    "Rejected",
    "Unavailable",
]


class ReserveNowResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: ReserveNowStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


ResetEnum = Literal[
    "Immediate",
    "OnIdle",
]


class ResetRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    type: ResetEnum
    evse_id: int | UnsetType = UNSET


class ResetResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: ChangeAvailabilityStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


class SecurityEventNotificationRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    type: Annotated[str, Meta(max_length=50)]
    timestamp: datetime
    tech_info: Annotated[str, Meta(max_length=255)] | UnsetType = UNSET


class SecurityEventNotificationResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET


class AuthorizationData(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    id_token: IdToken
    id_token_info: IdTokenInfo | UnsetType = UNSET


UpdateEnum = Literal[
    "Differential",
    "Full",
]


class SendLocalListRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    local_authorization_list: Annotated[list[AuthorizationData], Meta(min_length=1)] | UnsetType = UNSET
    version_number: int
    update_type: UpdateEnum


SendLocalListStatusEnum = Literal[
    "Accepted",
    "Failed",
    "VersionMismatch",
]


class SendLocalListResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: SendLocalListStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


class SetChargingProfileRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    evse_id: int
    charging_profile: ChargingProfile


class SetChargingProfileResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: CancelReservationStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


class SetDisplayMessageRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    message: MessageInfo


DisplayMessageStatusEnum = Literal[
    "Accepted",
    "NotSupportedMessageFormat",
    "Rejected",
    "NotSupportedPriority",
    "NotSupportedState",
    "UnknownTransaction",
]


class SetDisplayMessageResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: DisplayMessageStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


MonitoringBaseEnum = Literal[
    "All",
    "FactoryDefault",
    "HardWiredOnly",
]


class SetMonitoringBaseRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    monitoring_base: MonitoringBaseEnum


class SetMonitoringBaseResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: GenericDeviceModelStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


class SetMonitoringLevelRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    severity: int


class SetMonitoringLevelResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: CancelReservationStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


APNAuthenticationEnum = Literal[
    "CHAP",
    "NONE",
    "PAP",
    "AUTO",
]


class APN(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    apn: Annotated[str, Meta(max_length=512)]
    apn_user_name: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    apn_password: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    sim_pin: int | UnsetType = UNSET
    preferred_network: Annotated[str, Meta(max_length=6)] | UnsetType = UNSET
    use_only_preferred_network: bool | UnsetType = UNSET
    apn_authentication: APNAuthenticationEnum


OCPPVersionEnum = Literal[
    "OCPP12",
    "OCPP15",
    "OCPP16",
    "OCPP20",
]


OCPPTransportEnum = Literal[
    "JSON",
    "SOAP",
]


OCPPInterfaceEnum = Literal[
    "Wired0",
    "Wired1",
    "Wired2",
    "Wired3",
    "Wireless0",
    "Wireless1",
    "Wireless2",
    "Wireless3",
]


VPNEnum = Literal[
    "IKEv2",
    "IPSec",
    "L2TP",
    "PPTP",
]


class VPN(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    server: Annotated[str, Meta(max_length=512)]
    user: Annotated[str, Meta(max_length=20)]
    group: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    password: Annotated[str, Meta(max_length=20)]
    key: Annotated[str, Meta(max_length=255)]
    type: VPNEnum


class NetworkConnectionProfile(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    apn: APN | UnsetType = UNSET
    ocpp_version: OCPPVersionEnum
    ocpp_transport: OCPPTransportEnum
    ocpp_csms_url: Annotated[str, Meta(max_length=512)]
    message_timeout: int
    security_profile: int
    ocpp_interface: OCPPInterfaceEnum
    vpn: VPN | UnsetType = UNSET


class SetNetworkProfileRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    configuration_slot: int
    connection_data: NetworkConnectionProfile


class SetNetworkProfileResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: InstallCertificateStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


class SetMonitoringData(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    id: int | UnsetType = UNSET
    transaction: bool | UnsetType = UNSET
    value: float
    type: MonitorEnum
    severity: int
    component: Component
    variable: Variable


class SetVariableMonitoringRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    set_monitoring_data: Annotated[list[SetMonitoringData], Meta(min_length=1)]


SetMonitoringStatusEnum = Literal[
    "Accepted",
    "UnknownComponent",
    "UnknownVariable",
    "UnsupportedMonitorType",
    "Rejected",
    "Duplicate",
]


class SetMonitoringResult(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    id: int | UnsetType = UNSET
    status_info: StatusInfo | UnsetType = UNSET
    status: SetMonitoringStatusEnum
    type: MonitorEnum
    component: Component
    variable: Variable
    severity: int


class SetVariableMonitoringResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    set_monitoring_result: Annotated[list[SetMonitoringResult], Meta(min_length=1)]


class SetVariableData(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    attribute_type: AttributeEnum | UnsetType = UNSET
    attribute_value: Annotated[str, Meta(max_length=1000)]
    component: Component
    variable: Variable


class SetVariablesRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    set_variable_data: Annotated[list[SetVariableData], Meta(min_length=1)]


SetVariableStatusEnum = Literal[
    "Accepted",
    "Rejected",
    "UnknownComponent",
    "UnknownVariable",
    "NotSupportedAttributeType",
    "RebootRequired",
]


class SetVariableResult(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    attribute_type: AttributeEnum | UnsetType = UNSET
    attribute_status: SetVariableStatusEnum
    attribute_status_info: StatusInfo | UnsetType = UNSET
    component: Component
    variable: Variable


class SetVariablesResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    set_variable_result: Annotated[list[SetVariableResult], Meta(min_length=1)]


class SignCertificateRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    csr: Annotated[str, Meta(max_length=5500)]
    certificate_type: CertificateSigningUseEnum | UnsetType = UNSET


class SignCertificateResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: CancelReservationStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


ConnectorStatusEnum = Literal[
    "Available",
    "Occupied",
    "Reserved",
    "Unavailable",
    "Faulted",
]


class StatusNotificationRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    timestamp: datetime
    connector_status: ConnectorStatusEnum
    evse_id: int
    connector_id: int


class StatusNotificationResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET


TransactionEventEnum = Literal[
    "Ended",
    "Started",
    "Updated",
]


TriggerReasonEnum = Literal[
    "Authorized",
    "CablePluggedIn",
    "ChargingRateChanged",
    "ChargingStateChanged",
    "Deauthorized",
    "EnergyLimitReached",
    "EVCommunicationLost",
    "EVConnectTimeout",
    "MeterValueClock",
    "MeterValuePeriodic",
    "TimeLimitReached",
    "Trigger",
    "UnlockCommand",
    "StopAuthorized",
    "EVDeparted",
    "EVDetected",
    "RemoteStop",
    "RemoteStart",
    "AbnormalCondition",
    "SignedDataReceived",
    "ResetCommand",
]


ChargingStateEnum = Literal[
    "Charging",
    "EVConnected",
    "SuspendedEV",
    "SuspendedEVSE",
    "Idle",
]


ReasonEnum = Literal[
    "DeAuthorized",
    "EmergencyStop",
    "EnergyLimitReached",
    "EVDisconnected",
    "GroundFault",
    "ImmediateReset",
    "Local",
    "LocalOutOfCredit",
    "MasterPass",
    "Other",
    "OvercurrentFault",
    "PowerLoss",
    "PowerQuality",
    "Reboot",
    "Remote",
    "SOCLimitReached",
    "StoppedByEV",
    "TimeLimitReached",
    "Timeout",
]


class Transaction(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    transaction_id: Annotated[str, Meta(max_length=36)]
    charging_state: ChargingStateEnum | UnsetType = UNSET
    time_spent_charging: int | UnsetType = UNSET
    stopped_reason: ReasonEnum | UnsetType = UNSET
    remote_start_id: int | UnsetType = UNSET


class TransactionEventRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    event_type: TransactionEventEnum
    meter_value: Annotated[list[MeterValue], Meta(min_length=1)] | UnsetType = UNSET
    timestamp: datetime
    trigger_reason: TriggerReasonEnum
    seq_no: int
    offline: bool | UnsetType = UNSET
    number_of_phases_used: int | UnsetType = UNSET
    cable_max_current: int | UnsetType = UNSET
    reservation_id: int | UnsetType = UNSET
    transaction_info: Transaction
    evse: EVSE | UnsetType = UNSET
    id_token: IdToken | UnsetType = UNSET


class TransactionEventResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    total_cost: float | UnsetType = UNSET
    charging_priority: int | UnsetType = UNSET
    id_token_info: IdTokenInfo | UnsetType = UNSET
    updated_personal_message: MessageContent | UnsetType = UNSET


MessageTriggerEnum = Literal[
    "BootNotification",
    "LogStatusNotification",
    "FirmwareStatusNotification",
    "Heartbeat",
    "MeterValues",
    "SignChargingStationCertificate",
    "SignV2GCertificate",
    "StatusNotification",
    "TransactionEvent",
    "SignCombinedCertificate",
    "PublishFirmwareStatusNotification",
]


class TriggerMessageRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    evse: EVSE | UnsetType = UNSET
    requested_message: MessageTriggerEnum


TriggerMessageStatusEnum = Literal[
    "Accepted",
    "Rejected",
    "NotImplemented",
]


class TriggerMessageResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: TriggerMessageStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


class UnlockConnectorRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    evse_id: int
    connector_id: int


UnlockStatusEnum = Literal[
    "Unlocked",
    "UnlockFailed",
    "OngoingAuthorizedTransaction",
    "UnknownConnector",
]


class UnlockConnectorResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: UnlockStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


class UnpublishFirmwareRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    checksum: Annotated[str, Meta(max_length=32)]


UnpublishFirmwareStatusEnum = Literal[
    "DownloadOngoing",
    "NoFirmware",
    "Unpublished",
]


class UnpublishFirmwareResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: UnpublishFirmwareStatusEnum


class Firmware(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    location: Annotated[str, Meta(max_length=512)]
    retrieve_date_time: datetime
    install_date_time: datetime | UnsetType = UNSET
    signing_certificate: Annotated[str, Meta(max_length=5500)] | UnsetType = UNSET
    signature: Annotated[str, Meta(max_length=800)] | UnsetType = UNSET


class UpdateFirmwareRequest(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
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


class UpdateFirmwareResponse(Message, frozen=True, kw_only=True):
    custom_data: CustomData | UnsetType = UNSET
    status: UpdateFirmwareStatusEnum
    status_info: StatusInfo | UnsetType = UNSET


REQUESTS: dict[str, type[Message]] = {
    "Authorize": AuthorizeRequest,
    "BootNotification": BootNotificationRequest,
    "CancelReservation": CancelReservationRequest,
    "CertificateSigned": CertificateSignedRequest,
    "ChangeAvailability": ChangeAvailabilityRequest,
    "ClearCache": ClearCacheRequest,
    "ClearChargingProfile": ClearChargingProfileRequest,
    "ClearDisplayMessage": ClearDisplayMessageRequest,
    "ClearVariableMonitoring": ClearVariableMonitoringRequest,
    "ClearedChargingLimit": ClearedChargingLimitRequest,
    "CostUpdated": CostUpdatedRequest,
    "CustomerInformation": CustomerInformationRequest,
    "DataTransfer": DataTransferRequest,
    "DeleteCertificate": DeleteCertificateRequest,
    "FirmwareStatusNotification": FirmwareStatusNotificationRequest,
    "Get15118EVCertificate": Get15118EVCertificateRequest,
    "GetBaseReport": GetBaseReportRequest,
    "GetCertificateStatus": GetCertificateStatusRequest,
    "GetChargingProfiles": GetChargingProfilesRequest,
    "GetCompositeSchedule": GetCompositeScheduleRequest,
    "GetDisplayMessages": GetDisplayMessagesRequest,
    "GetInstalledCertificateIds": GetInstalledCertificateIdsRequest,
    "GetLocalListVersion": GetLocalListVersionRequest,
    "GetLog": GetLogRequest,
    "GetMonitoringReport": GetMonitoringReportRequest,
    "GetReport": GetReportRequest,
    "GetTransactionStatus": GetTransactionStatusRequest,
    "GetVariables": GetVariablesRequest,
    "Heartbeat": HeartbeatRequest,
    "InstallCertificate": InstallCertificateRequest,
    "LogStatusNotification": LogStatusNotificationRequest,
    "MeterValues": MeterValuesRequest,
    "NotifyChargingLimit": NotifyChargingLimitRequest,
    "NotifyCustomerInformation": NotifyCustomerInformationRequest,
    "NotifyDisplayMessages": NotifyDisplayMessagesRequest,
    "NotifyEVChargingNeeds": NotifyEVChargingNeedsRequest,
    "NotifyEVChargingSchedule": NotifyEVChargingScheduleRequest,
    "NotifyEvent": NotifyEventRequest,
    "NotifyMonitoringReport": NotifyMonitoringReportRequest,
    "NotifyReport": NotifyReportRequest,
    "PublishFirmware": PublishFirmwareRequest,
    "PublishFirmwareStatusNotification": PublishFirmwareStatusNotificationRequest,
    "ReportChargingProfiles": ReportChargingProfilesRequest,
    "RequestStartTransaction": RequestStartTransactionRequest,
    "RequestStopTransaction": RequestStopTransactionRequest,
    "ReservationStatusUpdate": ReservationStatusUpdateRequest,
    "ReserveNow": ReserveNowRequest,
    "Reset": ResetRequest,
    "SecurityEventNotification": SecurityEventNotificationRequest,
    "SendLocalList": SendLocalListRequest,
    "SetChargingProfile": SetChargingProfileRequest,
    "SetDisplayMessage": SetDisplayMessageRequest,
    "SetMonitoringBase": SetMonitoringBaseRequest,
    "SetMonitoringLevel": SetMonitoringLevelRequest,
    "SetNetworkProfile": SetNetworkProfileRequest,
    "SetVariableMonitoring": SetVariableMonitoringRequest,
    "SetVariables": SetVariablesRequest,
    "SignCertificate": SignCertificateRequest,
    "StatusNotification": StatusNotificationRequest,
    "TransactionEvent": TransactionEventRequest,
    "TriggerMessage": TriggerMessageRequest,
    "UnlockConnector": UnlockConnectorRequest,
    "UnpublishFirmware": UnpublishFirmwareRequest,
    "UpdateFirmware": UpdateFirmwareRequest,
}


RESPONSES: dict[str, type[Message]] = {
    "Authorize": AuthorizeResponse,
    "BootNotification": BootNotificationResponse,
    "CancelReservation": CancelReservationResponse,
    "CertificateSigned": CertificateSignedResponse,
    "ChangeAvailability": ChangeAvailabilityResponse,
    "ClearCache": ClearCacheResponse,
    "ClearChargingProfile": ClearChargingProfileResponse,
    "ClearDisplayMessage": ClearDisplayMessageResponse,
    "ClearVariableMonitoring": ClearVariableMonitoringResponse,
    "ClearedChargingLimit": ClearedChargingLimitResponse,
    "CostUpdated": CostUpdatedResponse,
    "CustomerInformation": CustomerInformationResponse,
    "DataTransfer": DataTransferResponse,
    "DeleteCertificate": DeleteCertificateResponse,
    "FirmwareStatusNotification": FirmwareStatusNotificationResponse,
    "Get15118EVCertificate": Get15118EVCertificateResponse,
    "GetBaseReport": GetBaseReportResponse,
    "GetCertificateStatus": GetCertificateStatusResponse,
    "GetChargingProfiles": GetChargingProfilesResponse,
    "GetCompositeSchedule": GetCompositeScheduleResponse,
    "GetDisplayMessages": GetDisplayMessagesResponse,
    "GetInstalledCertificateIds": GetInstalledCertificateIdsResponse,
    "GetLocalListVersion": GetLocalListVersionResponse,
    "GetLog": GetLogResponse,
    "GetMonitoringReport": GetMonitoringReportResponse,
    "GetReport": GetReportResponse,
    "GetTransactionStatus": GetTransactionStatusResponse,
    "GetVariables": GetVariablesResponse,
    "Heartbeat": HeartbeatResponse,
    "InstallCertificate": InstallCertificateResponse,
    "LogStatusNotification": LogStatusNotificationResponse,
    "MeterValues": MeterValuesResponse,
    "NotifyChargingLimit": NotifyChargingLimitResponse,
    "NotifyCustomerInformation": NotifyCustomerInformationResponse,
    "NotifyDisplayMessages": NotifyDisplayMessagesResponse,
    "NotifyEVChargingNeeds": NotifyEVChargingNeedsResponse,
    "NotifyEVChargingSchedule": NotifyEVChargingScheduleResponse,
    "NotifyEvent": NotifyEventResponse,
    "NotifyMonitoringReport": NotifyMonitoringReportResponse,
    "NotifyReport": NotifyReportResponse,
    "PublishFirmware": PublishFirmwareResponse,
    "PublishFirmwareStatusNotification": PublishFirmwareStatusNotificationResponse,
    "ReportChargingProfiles": ReportChargingProfilesResponse,
    "RequestStartTransaction": RequestStartTransactionResponse,
    "RequestStopTransaction": RequestStopTransactionResponse,
    "ReservationStatusUpdate": ReservationStatusUpdateResponse,
    "ReserveNow": ReserveNowResponse,
    "Reset": ResetResponse,
    "SecurityEventNotification": SecurityEventNotificationResponse,
    "SendLocalList": SendLocalListResponse,
    "SetChargingProfile": SetChargingProfileResponse,
    "SetDisplayMessage": SetDisplayMessageResponse,
    "SetMonitoringBase": SetMonitoringBaseResponse,
    "SetMonitoringLevel": SetMonitoringLevelResponse,
    "SetNetworkProfile": SetNetworkProfileResponse,
    "SetVariableMonitoring": SetVariableMonitoringResponse,
    "SetVariables": SetVariablesResponse,
    "SignCertificate": SignCertificateResponse,
    "StatusNotification": StatusNotificationResponse,
    "TransactionEvent": TransactionEventResponse,
    "TriggerMessage": TriggerMessageResponse,
    "UnlockConnector": UnlockConnectorResponse,
    "UnpublishFirmware": UnpublishFirmwareResponse,
    "UpdateFirmware": UpdateFirmwareResponse,
}
