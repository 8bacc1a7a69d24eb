"""What may be asked of a station, in no version's words: the node that holds its socket translates. Pure."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

V16, V201 = "ocpp1.6", "ocpp2.0.1"
BOTH = frozenset((V16, V201))


class Intent(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="kind", forbid_unknown_fields=True, omit_defaults=True):
    """The common form of all intents: `kind` names it in the log and in the rows."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A setting and its value. `name`: a 1.6 key, or COMPONENT.VARIABLE of 2.0.1 (README, messages)."""

    name: str
    value: str


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """From `start_s` seconds after the schedule's start: at most `limit_a` amperes on each phase."""

    start_s: int
    limit_a: Decimal
    phases: int | None = None


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A charging profile. Times aware. `transaction`: as the station names it, for purpose 'transaction' only."""

    id: int
    stack_level: int
    purpose: Literal["default", "transaction", "station"]
    periods: tuple[Period, ...]
    starts_at: datetime | None = None
    duration_s: int | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    transaction: str | None = None


class ListEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A badge on a station's local list; `status` None: take it off. The UID is added only on the wire."""

    badge_id: UUID
    status: Literal["Accepted", "Blocked"] | None


class Reset(Intent, frozen=True):
    """Restart: hard at once, soft when nobody charges. `connector`: one EVSE of a 2.0.1 station, the others go on."""

    hard: bool = False
    connector: int | None = None


class UnlockConnector(Intent, frozen=True):
    connector: int


class RemoteStart(Intent, frozen=True):
    """`profile`: for this transaction, which has no number yet."""

    connector: int
    tag: str
    profile: Profile | None = None


class RemoteStop(Intent, frozen=True):
    """`transaction`: the number we gave (1.6) or the station's own id (2.0.1), as text."""

    transaction: str


class ChangeAvailability(Intent, frozen=True):
    """`connector` None: the whole station."""

    operative: bool
    connector: int | None = None


class ReadConfiguration(Intent, frozen=True):
    """No names: everything the station tells (2.0.1: as reports that follow)."""

    names: tuple[str, ...] = ()


class WriteConfiguration(Intent, frozen=True):
    settings: tuple[Setting, ...]


class GetDiagnostics(Intent, frozen=True):
    """The station uploads its log to `link` (http or https)."""

    link: str
    security: bool = False
    since: datetime | None = None
    until: datetime | None = None


class UpdateFirmware(Intent, frozen=True):
    """The station fetches `link`. With certificate and signature: the signed form."""

    link: str
    retrieve_at: datetime
    install_at: datetime | None = None
    certificate: str | None = None
    signature: str | None = None


class PublishFirmware(Intent, frozen=True):
    """A local controller fetches `link` and offers it to the stations behind it. `checksum`: MD5 in hex, as OCPP wants it."""

    link: str
    checksum: str


class UnpublishFirmware(Intent, frozen=True):
    """A local controller offers it no longer."""

    checksum: str


Triggered = Literal[
    "BootNotification", "Heartbeat", "MeterValues", "StatusNotification", "FirmwareStatusNotification",
    "DiagnosticsStatusNotification", "SignCertificate", "TransactionEvent",
]  # fmt: skip


class Trigger(Intent, frozen=True):
    message: Triggered
    connector: int | None = None


class ClearCache(Intent, frozen=True):
    pass


class GetLocalListVersion(Intent, frozen=True):
    pass


class SendLocalList(Intent, frozen=True):
    """`full`: replaces the list; else changes it. `version`: what the list is called after it."""

    version: int
    full: bool
    entries: tuple[ListEntry, ...] = ()


class Reserve(Intent, frozen=True):
    """`connector` None: any of the station. `group`: what the badges of the holder have in common."""

    reservation_no: int
    tag: str
    until: datetime
    connector: int | None = None
    group: str | None = None


class CancelReservation(Intent, frozen=True):
    reservation_no: int


class SetProfile(Intent, frozen=True):
    """`connector` 0: the whole station."""

    connector: int
    profile: Profile


class ClearProfile(Intent, frozen=True):
    """Nothing given: all profiles."""

    profile_id: int | None = None
    connector: int | None = None
    purpose: Literal["default", "transaction", "station"] | None = None
    stack_level: int | None = None


class GetCompositeSchedule(Intent, frozen=True):
    connector: int
    duration_s: int


class GetProfiles(Intent, frozen=True):
    connector: int | None = None


class ReadReport(Intent, frozen=True):
    """Reports on some components, or on those with a problem; they follow as NotifyReport."""

    names: tuple[str, ...] = ()
    criteria: tuple[Literal["Active", "Available", "Enabled", "Problem"], ...] = ()


class Monitor(msgspec.Struct, frozen=True, kw_only=True):
    """Tell when a variable passes a bound or periodically; severity 0 (danger) to 9 (debug)."""

    name: str
    type: Literal["UpperThreshold", "LowerThreshold", "Delta", "Periodic", "PeriodicClockAligned"]
    value: Decimal
    severity: int
    id: int | None = None


class SetMonitors(Intent, frozen=True):
    monitors: tuple[Monitor, ...]


class ClearMonitors(Intent, frozen=True):
    ids: tuple[int, ...]


class SetMonitoringBase(Intent, frozen=True):
    base: Literal["All", "FactoryDefault", "HardWiredOnly"]


class SetMonitoringLevel(Intent, frozen=True):
    severity: int


class GetMonitoringReport(Intent, frozen=True):
    names: tuple[str, ...] = ()


class ShowMessage(Intent, frozen=True):
    """A text on the display. `language`: two letters."""

    id: int
    text: str
    language: str
    priority: Literal["AlwaysFront", "InFront", "NormalCycle"] = "NormalCycle"
    state: Literal["Charging", "Faulted", "Idle", "Unavailable"] | None = None
    until: datetime | None = None
    transaction: str | None = None


class GetMessages(Intent, frozen=True):
    pass


class ClearMessage(Intent, frozen=True):
    id: int


class ShowCost(Intent, frozen=True):
    """The cost of a running transaction so far, VAT included, in the account's currency."""

    transaction: str
    cost: Decimal


class CustomerInformation(Intent, frozen=True):
    """What a station keeps about a badge: report it, delete it, or both."""

    report: bool
    clear: bool
    tag: str | None = None
    identifier: str | None = None


class SetNetworkProfile(Intent, frozen=True):
    slot: int
    url: str
    security_profile: int
    interface: str = "Wired0"
    message_timeout_s: int = 30


class DataTransfer(Intent, frozen=True):
    vendor: str
    message: str | None = None
    data: str | None = None


CertificateUse = Literal["csms", "manufacturer", "v2g", "mo"]


class InstallCertificate(Intent, frozen=True):
    use: CertificateUse
    certificate: str


class DeleteCertificate(Intent, frozen=True):
    hash_algorithm: Literal["SHA256", "SHA384", "SHA512"]
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str


class GetInstalledCertificates(Intent, frozen=True):
    use: CertificateUse


class CertificateSigned(Intent, frozen=True):
    chain: str


class GetTransactionStatus(Intent, frozen=True):
    transaction: str | None = None


AnyIntent = (
    Reset | UnlockConnector | RemoteStart | RemoteStop | ChangeAvailability | ReadConfiguration | WriteConfiguration
    | GetDiagnostics | UpdateFirmware | PublishFirmware | UnpublishFirmware | Trigger | ClearCache | GetLocalListVersion
    | SendLocalList | Reserve
    | CancelReservation | SetProfile | ClearProfile | GetCompositeSchedule | GetProfiles | ReadReport | SetMonitors
    | ClearMonitors | SetMonitoringBase | SetMonitoringLevel | GetMonitoringReport | ShowMessage | GetMessages
    | ClearMessage | ShowCost | CustomerInformation | SetNetworkProfile | DataTransfer | InstallCertificate
    | DeleteCertificate | GetInstalledCertificates | CertificateSigned | GetTransactionStatus
)  # fmt: skip
KINDS: dict[str, type[Intent]] = {kind.__name__: kind for kind in Intent.__subclasses__()}
# What OCPP 1.6 has no message for; everything else exists in both.
ONLY_201 = frozenset((
    "GetProfiles", "ReadReport", "SetMonitors", "ClearMonitors", "SetMonitoringBase", "SetMonitoringLevel",
    "GetMonitoringReport", "ShowMessage", "GetMessages", "ClearMessage", "ShowCost", "CustomerInformation",
    "SetNetworkProfile", "GetTransactionStatus", "PublishFirmware", "UnpublishFirmware",
))  # fmt: skip
# Accepted only begins these: status notifications tell how they go on.
LONG = frozenset(("GetDiagnostics", "UpdateFirmware", "PublishFirmware"))


class SettingValue(msgspec.Struct, frozen=True, kw_only=True):
    """A setting as a station tells it. `value` None: unknown to it or never told."""

    name: str
    value: str | None
    readonly: bool | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a station answered. `status` and `reason` are its own words.

    `verdict`: accepted, scheduled (later, when nobody charges), reboot_required (after its next start) or rejected.
    `ongoing`, `more_comes`: of a transaction, whether it goes on and whether messages of it are still on their way.
    """

    verdict: str
    status: str
    reason: str = ""
    settings: tuple[SettingValue, ...] = ()
    list_version: int | None = None
    ongoing: bool | None = None
    more_comes: bool | None = None

    @property
    def accepted(self) -> bool:
        """Whether the station does what was asked, now or later."""
        return self.verdict != "rejected"


def versions_of(kind: str) -> frozenset[str]:
    """The OCPP versions that have a message for this kind."""
    return frozenset((V201,)) if kind in ONLY_201 else BOTH


def kind_of(intent: Intent) -> str:
    """The name of an intent in rows and logs."""
    return type(intent).__name__


def encode(intent: Intent) -> str:
    """An intent as the text of its row."""
    return msgspec.json.encode(intent).decode()


def decode(text: str | bytes) -> Any:
    """An intent from the text of its row or from a request. Raises msgspec.ValidationError, msgspec.DecodeError."""
    return msgspec.json.decode(text, type=AnyIntent)


SECRET_SETTINGS = frozenset(("AuthorizationKey", "SecurityCtrlr.BasicAuthPassword"))
HIDDEN = "…"


def shown(intent: Intent) -> Intent:
    """The intent as the log may show it: tags cut to their tail, passwords and one-time links hidden."""
    changes: dict[str, Any] = {}
    tag = getattr(intent, "tag", None)
    if isinstance(tag, str):
        changes["tag"] = HIDDEN + tag[-4:]
    if isinstance(intent, GetDiagnostics | UpdateFirmware | PublishFirmware):
        changes["link"] = HIDDEN
    if isinstance(intent, WriteConfiguration):
        changes["settings"] = tuple(
            msgspec.structs.replace(one, value=HIDDEN) if one.name in SECRET_SETTINGS else one for one in intent.settings
        )
    return msgspec.structs.replace(intent, **changes) if changes else intent
