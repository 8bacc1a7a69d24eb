"""What stations of OCPP 2.0.1 tell of themselves, in our Structs. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from app.charging.device_model import Attribute
from app.charging.station_states import Notice, State
from ocpp_server import messages201 as m
from ocpp_server.setting_names import name_of
from ocpp_server.translate import LARGEST_INT, clean, moment, optional

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def text_of(part: msgspec.Struct) -> str:
    """A part of a message as JSON again."""
    return clean(msgspec.json.encode(part).decode())


def attributes(message: m.NotifyReportRequest) -> list[Attribute]:
    """The attributes in a report."""
    found = []
    for data in message.report_data or []:
        evse = data.component.evse or None
        names = {"component": _named(data.component), "variable": _named(data.variable)}
        traits = None if not data.variable_characteristics else text_of(data.variable_characteristics)
        for one in data.variable_attribute:
            found.append(Attribute(
                component=clean(data.component.name), component_instance=optional(data.component.instance) or "",
                evse_id=_small(evse.id if evse else 0), connector_id=_small(evse.connector_id or 0 if evse else 0),
                variable=clean(data.variable.name), variable_instance=optional(data.variable.instance) or "",
                attribute=one.type or "Actual", value=optional(one.value), mutability=one.mutability or None,
                persistent=_known(one.persistent), constant=_known(one.constant), characteristics=traits,
                setting=clean(name_of(names["component"], names["variable"])),
            ))  # fmt: skip
    return found


def _named(part: m.Component | m.Variable) -> dict[str, Any]:
    """A component or variable as the settings' names are made of."""
    return dict(msgspec.to_builtins(part))


def _small(number: int | msgspec.UnsetType) -> int:
    return number if isinstance(number, int) and 0 <= number <= LARGEST_INT else -1


def _known(value: bool | msgspec.UnsetType) -> bool | None:
    return value if isinstance(value, bool) else None


def notices(message: m.NotifyEventRequest) -> list[Notice]:
    """What monitors and components noticed."""
    return [
        Notice(
            event_no=one.event_id if abs(one.event_id) <= LARGEST_INT else -1, at=moment(one.timestamp, LONG_AGO),
            component=clean(one.component.name), variable=clean(one.variable.name), trigger=one.trigger,
            value=clean(one.actual_value), body=text_of(one),
        )
        for one in message.event_data
    ]  # fmt: skip


def monitors(message: m.NotifyMonitoringReportRequest) -> list[State]:
    """The monitors that are set, each by its id."""
    at = moment(message.generated_at, LONG_AGO)
    return [
        State(
            kind="monitor", key=str(one.id), status=one.type, body=text_of(msgspec.structs.replace(data, variable_monitoring=[one])), at=at
        )
        for data in message.monitor or []
        for one in data.variable_monitoring
    ]


def _alone(data: m.MonitoringData, one: m.VariableMonitoring) -> str:
    return text_of(msgspec.structs.replace(data, variable_monitoring=[one]))


def profiles(message: m.ReportChargingProfilesRequest) -> list[State]:
    """The charging profiles that are installed, each by EVSE and id."""
    source = message.charging_limit_source
    return [State(kind="charging_profile", key=f"{message.evse_id}/{one.id}", status=source, body=text_of(one))
            for one in message.charging_profile]  # fmt: skip


def limit_key(evse_id: int | msgspec.UnsetType, source: str) -> str:
    """A limit from outside by EVSE (0: the whole station) and source."""
    return f"{evse_id or 0}/{source}"


def limit(message: m.NotifyChargingLimitRequest) -> list[State]:
    """A limit that something else than this system has set."""
    source = message.charging_limit.charging_limit_source
    return [State(kind="charging_limit", key=limit_key(message.evse_id, source), status=source, body=text_of(message))]


def displayed(message: m.NotifyDisplayMessagesRequest) -> list[State]:
    """The texts on the display, each by its id."""
    return [State(kind="display_message", key=str(one.id), status=one.priority, body=text_of(one)) for one in message.message_info or []]


def customer(message: m.NotifyCustomerInformationRequest) -> list[State]:
    """A part of what the station keeps about a customer, by request and number."""
    key = f"{message.request_id}/{message.seq_no}"
    status = "more" if message.tbc else "last"
    return [State(kind="customer_information", key=key, status=status, body=clean(message.data))]


STATES: dict[str, Callable[[Any], list[State]]] = {
    "NotifyMonitoringReport": monitors,
    "ReportChargingProfiles": profiles,
    "NotifyChargingLimit": limit,
    "NotifyEVChargingNeeds": lambda message: [State(kind="ev_needs", key=str(message.evse_id), body=text_of(message))],
    "NotifyEVChargingSchedule": lambda message: [State(kind="ev_schedule", key=str(message.evse_id), body=text_of(message))],
    "NotifyCustomerInformation": customer,
    "NotifyDisplayMessages": displayed,
    "ReservationStatusUpdate": lambda message: [
        State(kind="reservation", key=str(message.reservation_id), status=message.reservation_update_status, body=text_of(message))
    ],
}
