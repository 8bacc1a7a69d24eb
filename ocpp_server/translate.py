"""OCPP 1.6 payloads to our Structs and back. Pure: no clock, no database, nothing that waits."""

from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from app.charging.model import StartReport, StopReport, ValueReport
from app.metering.model import SignedText
from app.metering.rules import LARGEST_WH, Sample, exact, read
from ocpp_server import untidy as u

Kind = TypeVar("Kind")
LARGEST_INT = 2**31 - 1
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
NUL_SIGN = "\N{SYMBOL FOR NULL}"  # PostgreSQL's text cannot hold NUL itself


class Violation(ValueError):
    """A payload that breaks the standard; `code` is OCPP's word for how."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Unreadable(ValueError):
    """A message about money that makes no sense even when read with goodwill: it goes to review as received."""


def strict(payload: bytes, kind: type[Kind]) -> Kind:
    """A payload by the letter of the standard. Raises Violation."""
    try:
        return msgspec.json.decode(payload, type=kind)
    except msgspec.ValidationError as error:
        raise Violation(_code(str(error)), str(error)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Violation("FormationViolation", str(error)) from None


def strict_but_for_time(payload: bytes, kind: type[Kind], now: datetime) -> Kind:
    """The same, but a `timestamp` that is no time is taken for now: the rest of the message counts. Raises Violation."""
    try:
        return strict(payload, kind)
    except Violation as wrong:
        if not str(wrong).endswith("`$.timestamp`"):
            raise
    fields = msgspec.json.decode(payload, type=dict[str, msgspec.Raw])
    fields["timestamp"] = msgspec.Raw(msgspec.json.encode(iso(now)))
    return strict(msgspec.json.encode(fields), kind)


def _code(text: str) -> str:
    if "missing required field" in text:
        return "OccurenceConstraintViolation"  # spelt so in OCPP 1.6
    if "unknown field" in text or text.startswith("Expected `object`"):
        return "FormationViolation"
    if "Invalid enum value" in text or "of length" in text or "Invalid RFC3339" in text or "timezone" in text:
        return "PropertyConstraintViolation"
    return "TypeConstraintViolation"


def start_report(payload: bytes) -> StartReport:
    """A start, strictly or with goodwill. Raises Unreadable."""
    loose = goodwill(payload, u.LooseStart)
    meter_start_wh = _register(loose.meter_start)
    if not 0 <= loose.connector_id <= 99:
        raise Unreadable("no such connector")
    return StartReport(
        connector_no=loose.connector_id, id_tag=clean(loose.id_tag), meter_start_wh=meter_start_wh,
        started_at=instant(loose.timestamp), started_raw=clean(loose.timestamp)[:100], body=text_of(payload),
    )  # fmt: skip


def stop_report(payload: bytes) -> StopReport:
    """A stop, strictly or with goodwill. A transaction id that no start was ever given becomes 0. Raises Unreadable."""
    loose = goodwill(payload, u.LooseStop)
    known = 0 < loose.transaction_id <= LARGEST_INT
    return StopReport(
        transaction_no=loose.transaction_id if known else 0,
        id_tag=None if loose.id_tag is None else clean(loose.id_tag), meter_stop_wh=_register(loose.meter_stop),
        stopped_at=instant(loose.timestamp), reason=None if loose.reason is None else clean(loose.reason)[:50],
        body=text_of(payload),
    )  # fmt: skip


class StopSamples(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The meter values that a stop may carry."""

    transaction_data: list[u.LooseMeterValue] = []


def stop_values(payload: bytes) -> list[ValueReport]:
    """The meter values inside a stop; none where they cannot be read (the stop itself counts)."""
    try:
        return _values(goodwill(payload, StopSamples).transaction_data)
    except Unreadable:
        return []


def meter_values(payload: bytes) -> tuple[int, int | None, list[ValueReport]]:
    """Connector, transaction (None: outside any) and values. Raises Unreadable."""
    loose = goodwill(payload, u.LooseMeterValues)
    if not 0 <= loose.connector_id <= 99:
        raise Unreadable("no such connector")
    number = loose.transaction_id
    inside = number if number is not None and 0 < number <= LARGEST_INT else None
    return loose.connector_id, inside, _values(loose.meter_value)


def _values(moments: list[u.LooseMeterValue]) -> list[ValueReport]:
    found = []
    for moment in moments:
        samples = [Sample(str(s.value), s.measurand or "", s.unit or "", s.phase or "", s.format or "Raw") for s in moment.sampled_value]
        context = next((s.context for s in moment.sampled_value if s.context), None)
        raw = msgspec.json.encode(moment).decode()
        signed = tuple(SignedText(clean(str(s.value))) for s in moment.sampled_value if s.format == "SignedData")
        found.append(
            ValueReport(
                taken_at=instant(moment.timestamp), reading=read(samples),
                context=None if context is None else clean(context)[:50], raw=raw, signed=signed,
            )
        )  # fmt: skip
    return found


def goodwill(payload: bytes, kind: type[Kind]) -> Kind:
    """A payload as far as it makes sense. Raises Unreadable."""
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise Unreadable(str(error)[:200]) from None


def _register(value: int | float | str) -> int:
    amount = exact(str(value), "Wh")
    if amount is None or abs(amount) > LARGEST_WH:
        raise Unreadable("a register that is no number")
    return amount


def instant(text: str) -> datetime:
    """A station's time as aware UTC; without a zone it is taken for UTC, as the standard wants. Raises Unreadable."""
    try:
        at = datetime.fromisoformat(text.strip())
        at = (at.replace(tzinfo=UTC) if at.tzinfo is None else at).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unreadable("a time that cannot be read") from None
    if not EARLIEST <= at <= LATEST:
        raise Unreadable("a time outside the calendar")
    return at


def clean(text: str) -> str:
    """Text that PostgreSQL can hold."""
    return text.replace("\x00", NUL_SIGN).encode("utf-8", "replace").decode()


def text_of(payload: bytes) -> str:
    """A payload as text that PostgreSQL can hold."""
    return clean(payload.decode("utf-8", "replace"))


def optional(text: str | msgspec.UnsetType) -> str | None:
    """A field that may be missing."""
    return clean(text) if isinstance(text, str) else None


def moment(at: datetime | msgspec.UnsetType, otherwise: datetime) -> datetime:
    """A decoded time as aware UTC, or another where it is missing or outside the calendar."""
    if not isinstance(at, datetime):
        return otherwise
    try:
        at = (at.replace(tzinfo=UTC) if at.tzinfo is None else at).astimezone(UTC)
    except OverflowError:
        return otherwise
    return at if EARLIEST <= at <= LATEST else otherwise


def iso(at: datetime) -> str:
    """A time as stations read it: UTC, milliseconds, Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
