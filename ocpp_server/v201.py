"""OCPP 2.0.1 handlers: translate, one command, reply. Nothing is answered before its commit."""

from typing import Any

from app.charging import review, stations
from ocpp_server import messages201 as m
from ocpp_server import translate as t
from ocpp_server.call import Call, Handler, Reply
from ocpp_server.pace import heartbeat_seconds


async def boot_notification(call: Call) -> Reply:
    """The station has started."""
    message = t.strict(call.payload, m.BootNotificationRequest)
    about = message.charging_station
    await stations.boot(
        call.station, t.clean(about.vendor_name), t.clean(about.model), t.optional(about.serial_number),
        t.optional(about.firmware_version), t.text_of(call.payload), call.message_id, call.now,
    )  # fmt: skip
    return {"currentTime": t.iso(call.now), "interval": heartbeat_seconds(), "status": "Accepted"}, []


async def heartbeat(call: Call) -> Reply:
    """The station lives."""
    t.strict(call.payload, m.HeartbeatRequest)
    await stations.seen(call.station, call.now)
    return {"currentTime": t.iso(call.now)}, []


HANDLERS: dict[str, Handler] = {
    "BootNotification": boot_notification,
    "Heartbeat": heartbeat,
}
# The answer to a message about money that makes no sense: it is kept for a person, and the station need not repeat it.
ANSWERS: dict[str, dict[str, Any]] = {"TransactionEvent": {}, "MeterValues": {}}
ACKNOWLEDGED = frozenset(ANSWERS)


async def keep_unreadable(action: str, call: Call, reason: str) -> dict[str, Any]:
    """Keep a message about money that cannot be read, and acknowledge it: an error would be repeated for ever."""
    await review.quarantine_message(call.station, action, reason, t.text_of(call.payload), call.now)
    return ANSWERS[action]
