"""OCPP 2.0.1 payloads to our Structs. Pure: no clock, no database, nothing that waits."""

from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from app.charging.model import EventReport, ValueReport
from app.charging.transactions import without_tag
from app.metering.model import SignedText
from app.metering.rules import Sample, read
from ocpp_server import untidy201 as u
from ocpp_server.translate import LARGEST_INT, Unreadable, clean, goodwill, instant, text_of

KINDS = ("Started", "Updated", "Ended")
LONGEST_REF = 255  # the standard has 36; more is odd, and no reason to lose an event
MOST_TENS = 9  # powers of ten that a unit is scaled by


def event_report(payload: bytes) -> EventReport:
    """A TransactionEvent, strictly or with goodwill. Raises Unreadable."""
    loose = goodwill(payload, u.LooseEvent)
    name = clean(loose.transaction_info.transaction_id)
    if loose.event_type not in KINDS or not 0 <= loose.seq_no <= LARGEST_INT or not 0 < len(name) <= LONGEST_REF:
        raise Unreadable("no such event, number or transaction")
    token = None if loose.id_token is None else clean(loose.id_token.id_token)
    return EventReport(
        transaction=name, seq_no=loose.seq_no, kind=loose.event_type, at=instant(loose.timestamp),
        at_raw=clean(loose.timestamp)[:100], offline=bool(loose.offline), evse=_evse(loose.evse), id_token=token,
        charging_state=_short(loose.transaction_info.charging_state), stopped_reason=_short(loose.transaction_info.stopped_reason),
        values=values(loose.meter_value or []), body=without_tag(text_of(payload), token), content=_content(payload),
    )  # fmt: skip


def meter_values(payload: bytes) -> tuple[int, list[ValueReport]]:
    """EVSE and values of a MeterValues. Raises Unreadable."""
    loose = goodwill(payload, u.LooseMeterValues)
    if not 0 <= loose.evse_id <= 99:
        raise Unreadable("no such EVSE")
    return loose.evse_id, values(loose.meter_value)


def values(moments: list[msgspec.Raw]) -> list[ValueReport]:
    """What meters show, each moment verbatim beside what was read from it. Raises Unreadable."""
    found = []
    for raw in moments:
        moment = goodwill(bytes(raw), u.LooseMoment)
        samples = [_sample(one) for one in moment.sampled_value]
        context = next((one.context for one in moment.sampled_value if one.context), None)
        signed = [one.signed_meter_value for one in moment.sampled_value if one.signed_meter_value is not None]
        found.append(ValueReport(
            taken_at=instant(moment.timestamp), reading=read(samples), context=_short(context), raw=text_of(bytes(raw)),
            signed=tuple(SignedText(clean(one.signed_meter_data), one.public_key and clean(one.public_key)) for one in signed),
        ))  # fmt: skip
    return found


def _sample(one: u.LooseSample) -> Sample:
    unit = one.unit_of_measure or u.LooseUnit()
    text = text_of(bytes(one.value)).strip('"')
    return Sample(_scaled(text, unit.multiplier or 0), one.measurand or "", unit.unit or "", one.phase or "")


def _scaled(text: str, tens: int) -> str:
    """A value times ten to the power; what is no number, or beyond reason, is left for the reader to flag."""
    if tens == 0:
        return text
    try:
        return str(Decimal(text).scaleb(tens)) if abs(tens) <= MOST_TENS else "NaN"
    except InvalidOperation:
        return text


def _evse(evse: u.LooseEvse | None) -> int | None:
    if evse is None or evse.id == 0:
        return None
    if not 0 < evse.id <= 99:
        raise Unreadable("no such EVSE")
    return evse.id


def _short(text: str | None) -> str | None:
    return None if text is None else clean(text)[:50]


def _content(payload: bytes) -> str:
    """What makes two events the same: all but the spelling, and the flag that some stations set only on the retry."""
    fields: dict[str, Any] = msgspec.json.decode(payload, type=dict[str, Any])
    fields.pop("offline", None)
    return msgspec.json.encode(fields, order="sorted").decode()
