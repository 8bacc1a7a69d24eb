"""OCPP 1.6J handlers: translate, one command, reply. Nothing is answered before its commit."""

from typing import Any

from app.charging import authorisation, review, stations, transactions
from ocpp_server import both, follow
from ocpp_server import messages16 as m
from ocpp_server import translate as t
from ocpp_server.call import Call, Handler, Reply
from ocpp_server.security_messages import HANDLERS_16


async def boot_notification(call: Call) -> Reply:
    """The station has started."""
    message = t.strict(call.payload, m.BootNotificationRequest)
    serial = message.charge_point_serial_number or message.charge_box_serial_number
    await stations.boot(
        call.station, t.clean(message.charge_point_vendor), t.clean(message.charge_point_model), t.optional(serial),
        t.optional(message.firmware_version), t.text_of(call.payload), call.message_id, call.now,
    )  # fmt: skip
    return await both.boot_answer(call), []


async def status_notification(call: Call) -> Reply:
    """The state of a connector; a time that cannot be read is taken for now."""
    message = t.strict_but_for_time(call.payload, m.StatusNotificationRequest, call.now)
    changed = await stations.status(
        call.station, message.connector_id, message.status, message.error_code, t.optional(message.info),
        t.moment(message.timestamp, call.now), t.text_of(call.payload), call.message_id, call.now,
    )  # fmt: skip
    return {}, changed


async def authorize(call: Call) -> Reply:
    """May this badge charge?"""
    message = t.strict(call.payload, m.AuthorizeRequest)
    holder = await authorisation.token_holder(call.station, t.clean(message.id_tag), call.secret, call.now)
    return {"idTagInfo": id_tag_info(holder.status, holder.group)}, []


def id_tag_info(status: str, group: str | None) -> dict[str, str]:
    """What a station is told of a badge. By the parent id it lets a resident's other badge stop the charge, nobody else's."""
    return {"status": status} if group is None else {"status": status, "parentIdTag": group}


async def start_transaction(call: Call) -> Reply:
    """Charging has begun."""
    report = t.start_report(call.payload)
    answer, changed = await transactions.start_session(call.station, report, call.message_id, call.secret, call.now)
    return {"transactionId": answer.transaction_no, "idTagInfo": id_tag_info(answer.tag_status, answer.group)}, changed


async def meter_values(call: Call) -> Reply:
    """What the meter shows."""
    connector_no, transaction_no, values = t.meter_values(call.payload)
    changed = await transactions.record_meter_values(call.station, connector_no, transaction_no, values, call.now)
    return {}, changed


async def stop_transaction(call: Call) -> Reply:
    """Charging has ended. Meter values inside are kept too; they never change the bill."""
    report, values = t.stop_report(call.payload), t.stop_values(call.payload)
    changed = await transactions.end_session(call.station, report, call.message_id, values, call.now)
    return ({"idTagInfo": {"status": "Accepted"}} if report.id_tag else {}), changed


HANDLERS: dict[str, Handler] = {
    **both.handlers(m.REQUESTS),
    "BootNotification": boot_notification,
    "StatusNotification": status_notification,
    "Authorize": authorize,
    "StartTransaction": start_transaction,
    "MeterValues": meter_values,
    "StopTransaction": stop_transaction,
    **follow.HANDLERS_16,
    **HANDLERS_16,
}
# The answer to a message about money that makes no sense: it is kept for a person, and the station need not repeat it.
ANSWERS: dict[str, dict[str, Any]] = {
    "StartTransaction": {"transactionId": 0, "idTagInfo": {"status": "Invalid"}},
    "MeterValues": {},
    "StopTransaction": {},
}
ACKNOWLEDGED = frozenset(ANSWERS)


async def keep_unreadable(action: str, call: Call, reason: str) -> dict[str, Any]:
    """Keep a message about money that cannot be read, and acknowledge it: an error would be repeated for ever."""
    await review.quarantine_message(call.station, action, reason, t.text_of(call.payload), call.now)
    return ANSWERS[action]
