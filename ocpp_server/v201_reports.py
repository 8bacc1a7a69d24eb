"""OCPP 2.0.1 handlers of what a station tells of itself: device model, monitors, limits, firmware, logs, security."""

from collections.abc import Mapping
from typing import Any

from app.charging import device_model, reservations, station_states
from ocpp_server import messages201 as m
from ocpp_server import reports201 as r
from ocpp_server import translate as t
from ocpp_server.call import Call, Handler, Reply

# What is answered where the standard wants more than {}.
ANSWERS: Mapping[str, dict[str, Any]] = {
    "NotifyEVChargingNeeds": {"status": "Rejected"},  # no schedules by ISO 15118 are made here
    "NotifyEVChargingSchedule": {"status": "Accepted"},  # it was understood; that is all this says
}


def told(action: str) -> Handler:
    """The handler of a message that tells the last of something."""

    async def handler(call: Call) -> Reply:
        states = r.STATES[action](t.strict(call.payload, m.REQUESTS[action]))
        changed = await station_states.tell(call.station, action, call.message_id, t.text_of(call.payload), states, call.now)
        return dict(ANSWERS.get(action, {})), changed

    return handler


async def notify_report(call: Call) -> Reply:
    """A part of the device model."""
    message = t.strict(call.payload, m.NotifyReportRequest)
    at = t.moment(message.generated_at, call.now)
    body = t.text_of(call.payload)
    return {}, await device_model.record_report(call.station, call.message_id, body, r.attributes(message), at, call.now)


async def notify_event(call: Call) -> Reply:
    """What monitors and components noticed."""
    message = t.strict(call.payload, m.NotifyEventRequest)
    return {}, await station_states.notice(call.station, call.message_id, t.text_of(call.payload), r.notices(message), call.now)


async def cleared_charging_limit(call: Call) -> Reply:
    """A limit from outside holds no more."""
    message = t.strict(call.payload, m.ClearedChargingLimitRequest)
    keys = [r.limit_key(message.evse_id, message.charging_limit_source)]
    body = t.text_of(call.payload)
    return {}, await station_states.withdraw(
        call.station, "ClearedChargingLimit", call.message_id, body, "charging_limit", keys, call.now
    )  # fmt: skip


async def reservation_status_update(call: Call) -> Reply:
    """A reservation is over."""
    reply, changed = await told("ReservationStatusUpdate")(call)
    message = t.strict(call.payload, m.ReservationStatusUpdateRequest)
    statuses = {message.reservation_id: message.reservation_update_status}
    return reply, changed + await reservations.told(call.station, statuses, call.now)


HANDLERS: dict[str, Handler] = {
    **{action: told(action) for action in r.STATES},
    "NotifyReport": notify_report,
    "ReservationStatusUpdate": reservation_status_update,
    "NotifyEvent": notify_event,
    "ClearedChargingLimit": cleared_charging_limit,
}
