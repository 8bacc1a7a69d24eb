"""OCPP 2.0.1 handlers: translate, one command, reply. Nothing is answered before its commit."""

import json
from typing import Any

import structlog

from app.charging import authorisation, review, stations, transactions
from app.charging.model import EventReport
from app.charging.shown_prices import final_cost, price_message
from app.charging.station_states import connector_status
from app.charging.transaction_events import record_event
from app.charging.transaction_status import ask_for_open_transactions
from ocpp_server import both, follow, v201_reports
from ocpp_server import messages201 as m
from ocpp_server import translate as t
from ocpp_server import translate201 as t201
from ocpp_server.call import Call, Handler, Reply
from ocpp_server.security_messages import HANDLERS_201

log = structlog.get_logger()


async def boot_notification(call: Call) -> Reply:
    """The station has started."""
    message = t.strict(call.payload, m.BootNotificationRequest)
    about = message.charging_station
    await stations.boot(
        call.station, t.clean(about.vendor_name), t.clean(about.model), t.optional(about.serial_number),
        t.optional(about.firmware_version), t.text_of(call.payload), call.message_id, call.now,
    )  # fmt: skip
    await ask_for_open_transactions(call.station, call.secret, call.now)
    return await both.boot_answer(call), []


async def status_notification(call: Call) -> Reply:
    """The state of a connector. A place here is an EVSE: of its connectors the busiest counts."""
    message = t.strict_but_for_time(call.payload, m.StatusNotificationRequest, call.now)
    at = t.moment(message.timestamp, call.now)
    changed = await connector_status(
        call.station, message.evse_id, message.connector_id, message.connector_status, at, t.text_of(call.payload),
        call.message_id, call.now,
    )  # fmt: skip
    return {}, changed


async def authorize(call: Call) -> Reply:
    """May this badge charge?"""
    message = t.strict(call.payload, m.AuthorizeRequest)
    holder = await authorisation.token_holder(call.station, t.clean(message.id_token.id_token), call.secret, call.now)
    info = id_token_info(holder.status, holder.group)
    if holder.status == "Accepted":
        prices = await price_message(call.station)
        info |= {} if prices is None else {"personalMessage": prices}
    return {"idTokenInfo": info}, []


def id_token_info(status: str, group: str | None) -> dict[str, Any]:
    """What a station is told of a token. By the group it lets a resident's other badge stop the charge, nobody else's."""
    return {"status": status} if group is None else {"status": status, "groupIdToken": {"idToken": group, "type": "Central"}}


async def transaction_event(call: Call) -> Reply:
    """A transaction begins, goes on or ends."""
    report = t201.event_report(call.payload)
    answer, changed = await record_event(call.station, report, call.secret, call.now)
    shown = await final_price(call, report) if report.kind == "Ended" else answer.display_text
    reply: dict[str, Any] = {} if shown is None else json.loads(shown)
    if report.kind == "Started" and answer.tag_status == "Accepted":
        prices = await price_message(call.station)
        reply |= {} if prices is None else {"updatedPersonalMessage": prices}
    if answer.tag_status is not None:
        reply["idTokenInfo"] = id_token_info(answer.tag_status, answer.group)
    return reply, changed


async def final_price(call: Call, report: EventReport) -> str | None:
    """What an ended charge costs, as OCPP's field. Of one that comes from a queue nobody waits for the price."""
    if report.offline:
        return None
    try:
        cost = await final_cost(call.station.account_id, call.station.id, report.transaction)
    except Exception:  # the end is stored: whatever is wrong with a price, the station must not repeat the message for ever
        log.exception("no price for an ended charge", station=call.station.identity, transaction=report.transaction)
        return None
    return None if cost is None else f'{{"totalCost":{cost:.2f}}}'


async def meter_values(call: Call) -> Reply:
    """What a meter shows outside a transaction."""
    evse, values = t201.meter_values(call.payload)
    return {}, await transactions.record_meter_values(call.station, evse, None, values, call.now)


HANDLERS: dict[str, Handler] = {
    **both.handlers(m.REQUESTS),
    **v201_reports.HANDLERS,
    "BootNotification": boot_notification,
    "StatusNotification": status_notification,
    "Authorize": authorize,
    "TransactionEvent": transaction_event,
    "MeterValues": meter_values,
    **follow.HANDLERS_201,
    # Contract certificates of cars (ISO 15118): none is issued here, and nobody is asked whether one is revoked.
    "Get15118EVCertificate": both.answered(m.Get15118EVCertificateRequest, {"status": "Failed", "exiResponse": ""}),
    "GetCertificateStatus": both.answered(m.GetCertificateStatusRequest, {"status": "Failed"}),
    **HANDLERS_201,
}
# The answer to a message about money that makes no sense: it is kept for a person, and the station need not repeat it.
ANSWERS: dict[str, dict[str, Any]] = {"TransactionEvent": {}, "MeterValues": {}}
ACKNOWLEDGED = frozenset(ANSWERS)


async def keep_unreadable(action: str, call: Call, reason: str) -> dict[str, Any]:
    """Keep a message about money that cannot be read, and acknowledge it: an error would be repeated for ever."""
    await review.quarantine_message(call.station, action, reason, t.text_of(call.payload), call.now)
    return ANSWERS[action]
