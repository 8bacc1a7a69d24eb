"""The routine messages of OCPP 2.0.1, read from a frame to the rows that a batch stores. Pure.

Only what nothing is odd about is read here; all else gives None and goes the long way. The start and the end of a transaction are
answered with its prices, a boot asks for transactions, and a status counts among its EVSE's connectors: those go the long way always.
"""

from datetime import datetime

import msgspec

from app.charging.model import Station, ValueReport
from app.charging.plain_events import SaidUpdate
from ocpp_server import lane16
from ocpp_server import translate201 as t201
from ocpp_server.lane16 import Read, Reader


def transaction_event(station: Station, _: str, payload: msgspec.Raw, now: datetime) -> Read | None:
    """A transaction goes on: no tag, and what the meter shows at one moment, or nothing of it."""
    report = t201.event_report(bytes(payload))
    if report.kind != "Updated" or report.id_token is not None or len(report.values) > 1 or any(_odd(one) for one in report.values):
        return None
    return Read("", update=SaidUpdate(station, report, now))


def meter_values(station: Station, _: str, payload: msgspec.Raw, now: datetime) -> Read | None:
    """What a meter shows outside a transaction, in order of time."""
    evse, values = t201.meter_values(bytes(payload))
    values = sorted(values, key=lambda one: one.taken_at)
    if not values or any(_odd(one) for one in values) or len({one.taken_at for one in values}) < len(values):
        return None
    return Read("{}", values=[
        (station.account_id, station.id, evse, 0, one.taken_at.timestamp(), now.timestamp(), one.reading.energy_wh,
         one.reading.power_w, one.context, one.raw)
        for one in values
    ])  # fmt: skip


def _odd(value: ValueReport) -> bool:
    return bool(value.signed or value.reading.flags)


READERS: dict[str, Reader] = {"Heartbeat": lane16.heartbeat, "TransactionEvent": transaction_event, "MeterValues": meter_values}
