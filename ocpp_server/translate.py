"""OCPP 1.6J payloads to our Structs. Pure."""

from datetime import UTC, datetime, timedelta

from app.charging.model import StartReport, StopReport
from app.charging.transactions import ValueReport
from app.metering.rules import LARGEST_WH, Sample, read
from ocpp_server.messages16 import MeterValue, StartTransaction, StopTransaction

OLDEST = datetime(1971, 1, 1, tzinfo=UTC)
LATEST = timedelta(days=366)


class Unreadable(ValueError):
    """A payload of the right shape whose content cannot be used; the text says why."""


def station_time(text: str) -> datetime:
    """A station's time as aware UTC; without a zone it is taken as UTC. Raises Unreadable."""
    try:
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise Unreadable(f"'{text[:40]}' is not a time") from None
    try:
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise Unreadable(f"'{text[:40]}' is out of range") from None


def register(value: int) -> int:
    """A register in Wh. Raises Unreadable beyond what any meter can count."""
    if abs(value) > LARGEST_WH:
        raise Unreadable("the register is out of range")
    return value


def start_report(message: StartTransaction, body: str) -> StartReport:
    """A start. Raises Unreadable."""
    return StartReport(
        connector_no=message.connector_id,
        id_tag=plain(message.id_tag),
        meter_start_wh=register(message.meter_start),
        started_at=station_time(message.timestamp),
        started_raw=message.timestamp,
        body=body,
    )


def stop_report(message: StopTransaction, body: str) -> StopReport:
    """A stop. Raises Unreadable."""
    return StopReport(
        transaction_no=message.transaction_id if abs(message.transaction_id) < 2**31 else 0,
        id_tag=None if message.id_tag is None else plain(message.id_tag),
        meter_stop_wh=register(message.meter_stop),
        stopped_at=station_time(message.timestamp),
        reason=message.reason,
        body=body,
    )


def value_reports(values: list[MeterValue], body: str, now: datetime) -> list[ValueReport]:
    """Meter values; a moment without a readable time is kept under the time of receipt and flagged."""
    return [_value_report(value, body, now) for value in values]


def _value_report(value: MeterValue, body: str, now: datetime) -> ValueReport:
    samples = [Sample(s.value, s.measurand or "", s.unit or "", s.phase or "", s.format or "Raw") for s in value.sampled_value]
    reading = read(samples)
    contexts = [sample.context for sample in value.sampled_value if sample.context]
    try:
        at = station_time(value.timestamp)
    except Unreadable:
        at = now
    if not OLDEST <= at <= now + LATEST:
        at = now
    return ValueReport(taken_at=at, reading=reading, context=contexts[0] if contexts else None, raw=body)


def plain(text: str) -> str:
    """A text that PostgreSQL can hold: no NUL, no lone surrogate."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
