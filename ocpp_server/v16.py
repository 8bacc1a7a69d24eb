"""OCPP 1.6J handlers: translate, one command, reply. Nothing is answered before its commit."""

import random
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import msgspec

from app.charging import stations, transactions
from app.charging.model import Changed, Station
from ocpp_server import messages16 as m
from ocpp_server.translate import Unreadable, plain, start_report, station_time, stop_report, value_reports

HEARTBEAT_SECONDS = 300
Reply = tuple[dict[str, Any], list[Changed]]


class Call(msgspec.Struct, frozen=True):
    """A CALL frame: the station, its message and what was around it."""

    station: Station
    message: Any
    message_id: str
    body: str
    secret: bytes
    now: datetime


def time_text(at: datetime) -> str:
    """A time with milliseconds and Z, as stations read it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def boot_notification(call: Call) -> Reply:
    message = call.message
    serial = message.charge_point_serial_number or message.charge_box_serial_number
    await stations.boot(
        call.station, plain(message.charge_point_vendor), plain(message.charge_point_model),
        None if serial is None else plain(serial),
        None if message.firmware_version is None else plain(message.firmware_version),
        plain(call.body), call.message_id, call.now,
    )  # fmt: skip
    interval = HEARTBEAT_SECONDS + random.randint(-30, 30)  # noqa: S311 - spreads heartbeats, hides nothing
    return {"currentTime": time_text(call.now), "interval": interval, "status": "Accepted"}, []


async def heartbeat(call: Call) -> Reply:
    await stations.seen(call.station, call.now)
    return {"currentTime": time_text(call.now)}, []


async def status_notification(call: Call) -> Reply:
    message = call.message
    try:
        at = call.now if message.timestamp is None else station_time(message.timestamp)
    except Unreadable:
        at = call.now
    changed = await stations.status(
        call.station, message.connector_id, message.status, message.error_code,
        None if message.info is None else plain(message.info), at, plain(call.body), call.message_id, call.now,
    )  # fmt: skip
    return {}, changed


async def authorize(call: Call) -> Reply:
    status = await transactions.authorise(call.station, plain(call.message.id_tag), call.secret, call.now)
    return {"idTagInfo": {"status": status}}, []


async def start_transaction(call: Call) -> Reply:
    report = start_report(call.message, plain(call.body))
    answer, changed = await transactions.start_session(call.station, report, call.message_id, call.secret, call.now)
    return {"transactionId": answer.transaction_no, "idTagInfo": {"status": answer.tag_status}}, changed


async def meter_values(call: Call) -> Reply:
    message = call.message
    reports = value_reports(message.meter_value, plain(call.body), call.now)
    transaction_no = message.transaction_id
    if transaction_no is not None and abs(transaction_no) >= 2**31:
        transaction_no = None
    changed = await transactions.record_meter_values(
        call.station, min(message.connector_id, 99), transaction_no, reports, call.message_id, call.now
    )
    return {}, changed


async def stop_transaction(call: Call) -> Reply:
    report = stop_report(call.message, plain(call.body))
    changed = await transactions.end_session(call.station, report, call.message_id, call.secret, call.now)
    return ({"idTagInfo": {"status": "Accepted"}} if report.id_tag else {}), changed


async def data_transfer(call: Call) -> Reply:
    await stations.seen(call.station, call.now)
    return {"status": "UnknownVendorId"}, []


HANDLERS: dict[str, Callable[[Call], Awaitable[Reply]]] = {
    "BootNotification": boot_notification,
    "Heartbeat": heartbeat,
    "StatusNotification": status_notification,
    "Authorize": authorize,
    "StartTransaction": start_transaction,
    "MeterValues": meter_values,
    "StopTransaction": stop_transaction,
    "DataTransfer": data_transfer,
    "DiagnosticsStatusNotification": heartbeat,
    "FirmwareStatusNotification": heartbeat,
}
MOVES_MONEY = {"StartTransaction", "MeterValues", "StopTransaction"}


async def handle(action: str, payload: msgspec.Raw, station: Station, message_id: str, body: str, secret: bytes,
                 now: datetime) -> Reply:  # fmt: skip
    """Decode, do, and say what to answer. Raises msgspec.ValidationError, Unreadable, KeyError (unknown action)."""
    message = msgspec.json.decode(payload, type=m.CALLS[action])
    reply, changed = await HANDLERS[action](Call(station, message, message_id, body, secret, now))
    return (reply if action not in ("DiagnosticsStatusNotification", "FirmwareStatusNotification") else {}), changed


async def keep_unreadable(action: str, station: Station, body: str, reason: str, now: datetime) -> dict[str, Any] | None:
    """A message about money that cannot be read is kept for a person and acknowledged; None where a start needs an error.

    An error answer would make the station repeat it for ever.
    """
    await transactions.quarantine_message(station, action, reason, body, now)
    return {} if action != "StartTransaction" else None
