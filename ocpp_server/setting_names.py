"""Settings that both versions have, under their two names. Pure.

1.6: the key. 2.0.1: COMPONENT.VARIABLE; an instance follows after a slash, an EVSE after an at sign, such as
`OCPPCommCtrlr.MessageAttempts/TransactionEvent` or `EVSE@1.Power`. Source: OCPP 1.6 (9), OCPP 2.0.1 part 2 (2.1.1 ff.).
"""

from typing import Any

from ocpp_server.outgoing import CannotSay

PAIRS = (
    ("AllowOfflineTxForUnknownId", "AuthCtrlr.OfflineTxForUnknownIdEnabled"),
    ("AuthorizationCacheEnabled", "AuthCacheCtrlr.Enabled"),
    ("AuthorizationKey", "SecurityCtrlr.BasicAuthPassword"),
    ("AuthorizeRemoteTxRequests", "AuthCtrlr.AuthorizeRemoteStart"),
    ("CertificateSignedMaxChainSize", "SecurityCtrlr.MaxCertificateChainSize"),
    ("CertificateStoreMaxLength", "SecurityCtrlr.CertificateEntries"),
    ("ChargeProfileMaxStackLevel", "SmartChargingCtrlr.ProfileStackLevel"),
    ("ChargingScheduleAllowedChargingRateUnit", "SmartChargingCtrlr.RateUnit"),
    ("ChargingScheduleMaxPeriods", "SmartChargingCtrlr.PeriodsPerSchedule"),
    ("ClockAlignedDataInterval", "AlignedDataCtrlr.Interval"),
    ("ConnectionTimeOut", "TxCtrlr.EVConnectionTimeOut"),
    ("CpoName", "SecurityCtrlr.OrganizationName"),
    ("GetConfigurationMaxKeys", "DeviceDataCtrlr.ItemsPerMessage/GetVariables"),
    ("HeartbeatInterval", "OCPPCommCtrlr.HeartbeatInterval"),
    ("LocalAuthListEnabled", "LocalAuthListCtrlr.Enabled"),
    ("LocalAuthListMaxLength", "LocalAuthListCtrlr.Entries"),
    ("LocalAuthorizeOffline", "AuthCtrlr.LocalAuthorizeOffline"),
    ("LocalPreAuthorize", "AuthCtrlr.LocalPreAuthorize"),
    ("MaxChargingProfilesInstalled", "SmartChargingCtrlr.Entries"),
    ("MaxEnergyOnInvalidId", "TxCtrlr.MaxEnergyOnInvalidId"),
    ("MeterValueSampleInterval", "SampledDataCtrlr.TxUpdatedInterval"),
    ("MeterValuesAlignedData", "AlignedDataCtrlr.Measurands"),
    ("MeterValuesSampledData", "SampledDataCtrlr.TxUpdatedMeasurands"),
    ("ReserveConnectorZeroSupported", "ReservationCtrlr.NonEvseSpecific"),
    ("ResetRetries", "OCPPCommCtrlr.ResetRetries"),
    ("SecurityProfile", "SecurityCtrlr.SecurityProfile"),
    ("SendLocalListMaxLength", "LocalAuthListCtrlr.ItemsPerMessage"),
    ("StopTransactionOnEVSideDisconnect", "TxCtrlr.StopTxOnEVSideDisconnect"),
    ("StopTransactionOnInvalidId", "TxCtrlr.StopTxOnInvalidId"),
    ("StopTxnAlignedData", "AlignedDataCtrlr.TxEndedMeasurands"),
    ("StopTxnSampledData", "SampledDataCtrlr.TxEndedMeasurands"),
    ("TransactionMessageAttempts", "OCPPCommCtrlr.MessageAttempts/TransactionEvent"),
    ("TransactionMessageRetryInterval", "OCPPCommCtrlr.MessageAttemptInterval/TransactionEvent"),
    ("UnlockConnectorOnEVSideDisconnect", "OCPPCommCtrlr.UnlockOnEVSideDisconnect"),
    ("WebSocketPingInterval", "OCPPCommCtrlr.WebSocketPingInterval"),
)
TO_201 = dict(PAIRS)
TO_16 = {name: key for key, name in PAIRS}


def name16(name: str) -> str:
    """The 1.6 key of a setting; a maker's own key is passed on. Raises CannotSay."""
    key = TO_16.get(name, name)
    if key == name and "Ctrlr." in name:
        raise CannotSay(f"OCPP 1.6 has no key for {name}")
    return key


def variable201(name: str) -> dict[str, Any]:
    """Component and variable of a setting. Raises CannotSay."""
    component, dot, variable = TO_201.get(name, name).partition(".")
    if not dot or not component or not variable:
        raise CannotSay(f"OCPP 2.0.1 has no variable {name}: write COMPONENT.VARIABLE")
    return {"component": component201(component), "variable": _instance(variable)}


def component201(text: str) -> dict[str, Any]:
    """COMPONENT[@EVSE][/INSTANCE] as a component."""
    head, slash, instance = text.partition("/")
    name, at, evse = head.partition("@")
    found: dict[str, Any] = {"name": name}
    if at:
        if not evse.isdecimal():
            raise CannotSay(f"{text}: after the at sign stands the number of an EVSE")
        found["evse"] = {"id": int(evse)}
    return {**found, "instance": instance} if slash else found


def _instance(text: str) -> dict[str, Any]:
    name, slash, instance = text.partition("/")
    return {"name": name, "instance": instance} if slash else {"name": name}


def name_of(component: dict[str, Any], variable: dict[str, Any]) -> str:
    """The name of a component's variable as `variable201` reads it."""
    evse = component.get("evse")
    place = f"@{evse['id']}" if isinstance(evse, dict) and "id" in evse else ""
    head = f"{component.get('name', '')}{place}" + (f"/{component['instance']}" if component.get("instance") else "")
    return f"{head}.{variable.get('name', '')}" + (f"/{variable['instance']}" if variable.get("instance") else "")
