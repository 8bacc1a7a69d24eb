"""The routine messages of OCPP 1.6, read in one step from a frame to the rows that a batch stores. Pure.

Only what is perfectly in order is read here; whatever is odd gives None and goes the long way, which knows about goodwill,
review and errors.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from app.charging.batch import BootRow, StatusRow, ValueRow
from app.charging.model import Station
from app.charging.plain_events import SaidUpdate
from app.charging.plain_sessions import SaidStart, SaidStop
from app.charging.rules import IDLE_BY_STATUS, odd_clock
from app.metering.rules import quick_read
from ocpp_server import messages16 as m
from ocpp_server import translate as t
from ocpp_server.pace import heartbeat_seconds
from ocpp_server.structs import Message

EMPTY = b"{}"
EARLIEST_S, LATEST_S = t.EARLIEST.timestamp(), t.LATEST.timestamp()


class Read(msgspec.Struct):
    """A message as read: the payload of its answer, and its rows. No rows: answered from memory."""

    payload: str
    status: StatusRow | None = None
    values: list[ValueRow] | None = None
    boot: BootRow | None = None
    start: SaidStart | None = None
    stop: SaidStop | None = None
    update: SaidUpdate | None = None


class MeterValues(Message, frozen=True, kw_only=True):
    """MeterValues whose moments stay as they came until each is read."""

    connector_id: Annotated[int, msgspec.Meta(ge=0, le=99)]
    meter_value: Annotated[list[msgspec.Raw], msgspec.Meta(min_length=1)]
    transaction_id: int | msgspec.UnsetType = msgspec.UNSET


STATUS, BOOT = msgspec.json.Decoder(m.StatusNotificationRequest), msgspec.json.Decoder(m.BootNotificationRequest)
VALUES, MOMENT = msgspec.json.Decoder(MeterValues), msgspec.json.Decoder(m.MeterValue)
Reader = Callable[[Station, str, msgspec.Raw, datetime], Read | None]


def heartbeat(_: Station, __: str, payload: msgspec.Raw, now: datetime) -> Read | None:
    """The time, from memory."""
    return Read(f'{{"currentTime":"{t.iso(now)}"}}') if bytes(payload) == EMPTY else None


def status_notification(station: Station, message_id: str, payload: msgspec.Raw, now: datetime) -> Read:
    """The state of a connector; a time that cannot be read is taken for now."""
    said = STATUS.decode(payload)
    number = said.connector_id if 0 <= said.connector_id < 100 else -1
    at = min(t.moment(said.timestamp, now), now).timestamp()
    return Read("{}", status=(
        station.account_id, station.id, now.timestamp(), message_id, str(payload, "utf-8"), number, said.status,
        said.error_code, said.info or None, at, IDLE_BY_STATUS.get(said.status),
    ))  # fmt: skip


def meter_values(station: Station, _: str, payload: msgspec.Raw, now: datetime) -> Read | None:
    """What the meter shows, in order of time."""
    said = VALUES.decode(payload)
    number = said.transaction_id or 0
    received = now.timestamp()
    rows: list[ValueRow] = []
    for raw in said.meter_value:
        moment = MOMENT.decode(raw)
        reading, taken = quick_read(moment.sampled_value), moment.timestamp
        taken_s = (taken.replace(tzinfo=UTC) if taken.tzinfo is None else taken).timestamp()
        if reading is None or not EARLIEST_S <= taken_s <= LATEST_S:
            return None
        context = next((one.context for one in moment.sampled_value if one.context), None)
        rows.append((
            station.account_id, station.id, said.connector_id, number if 0 < number <= t.LARGEST_INT else 0,
            taken_s, received, *reading, context, str(raw, "utf-8"),
        ))  # fmt: skip
    if len(rows) > 1:
        rows.sort(key=lambda row: row[4])
        if len({row[4] for row in rows}) < len(rows):
            return None
    return Read("{}", values=rows)


def boot_notification(station: Station, message_id: str, payload: msgspec.Raw, now: datetime) -> Read | None:
    """The station has started, and nothing has to be set up first."""
    if station.awaits_setup:
        return None
    said = BOOT.decode(payload)
    serial = said.charge_point_serial_number or said.charge_box_serial_number or None
    return Read(
        f'{{"currentTime":"{t.iso(now)}","interval":{heartbeat_seconds()},"status":"Accepted"}}',
        boot=(
            station.account_id, station.id, now.timestamp(), message_id, str(payload, "utf-8"), said.charge_point_vendor,
            said.charge_point_model, serial, said.firmware_version or None,
        ),
    )  # fmt: skip


def start_transaction(station: Station, message_id: str, payload: msgspec.Raw, now: datetime) -> Read | None:
    """Charging has begun; the answer is known when it is stored."""
    report = t.start_report(bytes(payload))
    if odd_clock(report.started_at, now, station.commissioned_at):
        return None
    return Read("", start=SaidStart(station, report, message_id, now))


def stop_transaction(station: Station, message_id: str, payload: msgspec.Raw, now: datetime) -> Read | None:
    """Charging has ended, with no meter values inside."""
    text = bytes(payload)
    report = t.stop_report(text)
    if b"transactionData" in text or report.transaction_no == 0 or odd_clock(report.stopped_at, now, station.commissioned_at):
        return None
    return Read("", stop=SaidStop(station, report, message_id, now))


READERS: dict[str, Reader] = {
    "Heartbeat": heartbeat,
    "StatusNotification": status_notification,
    "MeterValues": meter_values,
    "BootNotification": boot_notification,
    "StartTransaction": start_transaction,
    "StopTransaction": stop_transaction,
}
