"""What a demo station tells of a transaction, in the words of OCPP 1.6 and of 2.0.1. Pure."""

from decimal import Decimal
from typing import Any

from infra.demo.station_meter import Told

CONTEXTS = {"started": "Transaction.Begin", "values": "Sample.Periodic", "ended": "Transaction.End"}
EVENTS = {"started": "Started", "values": "Updated", "ended": "Ended"}
WHY_ENDED = {
    "Local": "StopAuthorized", "Remote": "RemoteStop", "EVDisconnected": "EVDeparted", "DeAuthorized": "Deauthorized",
}  # fmt: skip
VOLTS = 230


def message16(told: Told) -> tuple[str, dict[str, Any]]:
    """Action and payload. The `ocpp` package's own spelling."""
    # A start that was never answered has no number: the server keeps what follows it for review.
    number = -1 if told.number is None else told.number
    if told.kind == "started":
        return "StartTransaction", {
            "connector_id": 1, "id_tag": told.id_tag, "meter_start": told.register_wh, "timestamp": told.at,
        }  # fmt: skip
    if told.kind == "ended":
        return "StopTransaction", {
            "meter_stop": told.register_wh, "timestamp": told.at, "reason": told.reason, "id_tag": told.id_tag,
            "transaction_id": number,
        }  # fmt: skip
    samples = [
        {"measurand": what, "value": value, "unit": unit, "context": CONTEXTS[told.kind], **({"phase": phase} if phase else {})}
        for what, value, unit, phase in _samples(told)
    ]
    value = {"timestamp": told.at, "sampled_value": samples}
    return "MeterValues", {"connector_id": 1, "meter_value": [value], "transaction_id": number}


def event201(told: Told) -> dict[str, Any]:
    """A TransactionEvent."""
    samples = [
        {"measurand": what, "value": Decimal(value) if "." in value else int(value), "unit_of_measure": {"unit": unit},
         "context": CONTEXTS[told.kind], **({"phase": phase} if phase else {})}
        for what, value, unit, phase in _samples(told)
    ]  # fmt: skip
    about: dict[str, Any] = {"transaction_id": told.local_id}
    if told.kind == "ended":
        about["stopped_reason"] = told.reason or "Other"
    elif told.state != "Idle":
        about["charging_state"] = told.state
    event: dict[str, Any] = {
        "event_type": EVENTS[told.kind], "timestamp": told.at, "trigger_reason": _why(told), "seq_no": told.seq_no,
        "transaction_info": about, "evse": {"id": 1, "connector_id": 1}, "offline": told.offline,
        "meter_value": [{"timestamp": told.at, "sampled_value": samples}],
    }  # fmt: skip
    if told.kind == "started":
        event["id_token"] = {"id_token": told.id_tag, "type": "Central" if told.remote else "ISO14443"}
        if told.request_no is not None:
            about["remote_start_id"] = told.request_no
    return event


def _why(told: Told) -> str:
    if told.kind == "ended":
        return WHY_ENDED.get(told.reason or "", "AbnormalCondition")
    if told.kind == "started":
        return "RemoteStart" if told.remote else "Authorized"
    return "MeterValuePeriodic"


def _samples(told: Told) -> list[tuple[str, str, str, str]]:
    """(measurand, value, unit, phase)"""
    each_ma = told.power_w * 1000 // (VOLTS * told.phases)
    found = [
        ("Energy.Active.Import.Register", str(told.register_wh), "Wh", ""),
        ("Power.Active.Import", str(told.power_w), "W", ""),
        ("Current.Offered", _amperes(told.offered_ma), "A", ""),
        *[("Current.Import", _amperes(each_ma), "A", f"L{phase}") for phase in range(1, told.phases + 1)],
    ]
    if told.soc_percent is not None:
        found.append(("SoC", str(told.soc_percent), "Percent", ""))
    return found


def _amperes(milliamperes: int) -> str:
    return f"{milliamperes // 1000}.{milliamperes % 1000:03d}"
