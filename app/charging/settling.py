"""What a person's decision makes of a doubtful session, and what speaks for which amount of energy. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from app.metering.rules import exact, implausible

CLOCK_REASONS = frozenset({"clock_ahead", "clock_behind", "before_commissioning", "stopped_before_start"})
OVER = frozenset({"held", "ended", "discarded"})


class Doubtful(msgspec.Struct, frozen=True, kw_only=True):
    """A session as it is decided about. Times as the station reported them and as they were received; registers in Wh."""

    id: UUID
    station_id: UUID
    connector_no: int
    state: str
    class_: str
    person_id: UUID | None
    billing_point_id: UUID | None
    held_reason: str | None
    started_at: datetime
    start_received_at: datetime
    stopped_at: datetime | None
    stop_received_at: datetime | None
    meter_start_wh: int
    meter_stop_wh: int | None
    energy_wh: int | None
    last_meter_wh: int | None
    last_value_at: datetime | None
    settled_wh: int | None
    settled_from: datetime | None
    settled_to: datetime | None
    settled_reason: str | None = None


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """What is charged from now on: energy (Wh) between two instants, to whom, or nothing at all (`discarded`).

    As a decision's outcome, None leaves the station's own figure in force.
    """

    state: str
    energy_wh: int | None
    begun: datetime | None
    over: datetime | None
    person_id: UUID | None
    billing_point_id: UUID | None


class CannotSettle(ValueError):
    """A decision that makes no sense for this session; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def present(session: Doubtful) -> Settlement:
    """What holds now."""
    energy_wh = session.settled_wh if session.settled_wh is not None else session.energy_wh
    return Settlement(
        state=session.state, energy_wh=energy_wh, begun=session.settled_from or session.started_at,
        over=session.settled_to or session.stopped_at, person_id=session.person_id,
        billing_point_id=session.billing_point_id,
    )  # fmt: skip


def _kept(session: Doubtful) -> Settlement:
    """What has been settled so far, and nothing else."""
    return Settlement(
        state=session.state, energy_wh=session.settled_wh, begun=session.settled_from, over=session.settled_to,
        person_id=session.person_id, billing_point_id=session.billing_point_id,
    )  # fmt: skip


def settled(session: Doubtful, made: Settlement) -> Doubtful:
    """The session after a decision."""
    return msgspec.structs.replace(
        session, state=made.state, settled_wh=made.energy_wh, settled_from=made.begun, settled_to=made.over,
        person_id=made.person_id, billing_point_id=made.billing_point_id,
    )  # fmt: skip


def times_to_believe(session: Doubtful) -> tuple[datetime, datetime]:
    """Start and end: the station's own, or those of receipt where its clock cannot be believed."""
    begun, over = session.started_at, session.stopped_at or session.last_value_at or session.started_at
    if session.held_reason in CLOCK_REASONS or over < begun:
        begun, over = session.start_received_at, session.stop_received_at or session.start_received_at
    return begun, max(begun, over)


def measured_wh(session: Doubtful) -> int | None:
    """Stop minus start as reported; negative where the register fell."""
    return None if session.meter_stop_wh is None else session.meter_stop_wh - session.meter_start_wh


def released(session: Doubtful) -> Settlement:
    """Charge as measured. Raises CannotSettle not_held, nothing_measured."""
    if session.state != "held":
        raise CannotSettle("not_held")
    energy_wh = measured_wh(session)
    if energy_wh is None or energy_wh < 0:
        raise CannotSettle("nothing_measured")
    begun, over = times_to_believe(session)
    return msgspec.structs.replace(_kept(session), state="ended", energy_wh=energy_wh, begun=begun, over=over)


def corrected(session: Doubtful, energy_wh: int, begun: datetime | None, over: datetime | None) -> Settlement:
    """Charge this energy instead. Raises CannotSettle still_running, impossible_times."""
    _must_be_over(session)
    believed = times_to_believe(session)
    first, last = begun or session.settled_from or believed[0], over or session.settled_to or believed[1]
    if last < first:
        raise CannotSettle("impossible_times")
    return msgspec.structs.replace(_kept(session), state="ended", energy_wh=energy_wh, begun=first, over=last)


def assigned(session: Doubtful, person_id: UUID, billing_point_id: UUID) -> Settlement:
    """Charge it to this resident; a discarded one is charged again. Raises CannotSettle external."""
    if session.class_ == "external":
        raise CannotSettle("external")
    charged_again = session.state == "discarded" and present(session).energy_wh is not None
    state = "ended" if charged_again else session.state
    return msgspec.structs.replace(_kept(session), state=state, person_id=person_id, billing_point_id=billing_point_id)


def discarded(session: Doubtful) -> Settlement:
    """Charge it to nobody. Raises CannotSettle still_running."""
    _must_be_over(session)
    return msgspec.structs.replace(_kept(session), state="discarded")


def _must_be_over(session: Doubtful) -> None:
    if session.state not in OVER:
        raise CannotSettle("still_running")


class Suggestion(msgspec.Struct, frozen=True):
    """An amount that something speaks for, and what: registers, last_value, later_stop, unit_mistake, signed."""

    energy_wh: int
    why: str


def suggestions(session: Doubtful, max_power_w: int, later_stops_wh: Sequence[int], signed_wh: int | None = None) -> list[Suggestion]:
    """Amounts worth a look, the best supported first; none of them is ever taken by itself."""
    begun, over = times_to_believe(session)
    seconds = int((over - begun).total_seconds())
    found: list[Suggestion] = []
    if signed_wh is not None:
        found.append(Suggestion(signed_wh, "signed"))
    registers = measured_wh(session)
    if registers is not None:
        found.append(Suggestion(registers, "registers"))
        if registers > 0 and registers % 1000 == 0 and implausible(registers, seconds, max_power_w):
            found.append(Suggestion(registers // 1000, "unit_mistake"))
    found += [Suggestion(register - session.meter_start_wh, "later_stop") for register in later_stops_wh]
    if session.last_meter_wh is not None:
        found.append(Suggestion(session.last_meter_wh - session.meter_start_wh, "last_value"))
    possible = [one for one in found if implausible(one.energy_wh, seconds, max_power_w) is None]
    return [one for i, one in enumerate(possible) if one.energy_wh not in {other.energy_wh for other in possible[:i]}]


def most_possible_wh(session: Doubtful, max_power_w: int) -> int:
    """Rated power x time x 1.1 + 1 kWh (ST-13), rounded down to whole Wh."""
    begun, over = times_to_believe(session)
    return max_power_w * int((over - begun).total_seconds()) * 11 // 36_000 + 1000


class SaidStop(msgspec.Struct, frozen=True):
    """What a quarantined message says of an end: register (Wh) and time."""

    meter_stop_wh: int
    at: datetime
    reason: str | None


def said_stop(body: str) -> SaidStop | None:
    """Read a kept StopTransaction (1.6) or ended TransactionEvent (2.0.1); None where it names no register and time."""
    try:
        message: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    if not isinstance(message, dict):
        return None
    at, register = _instant(message.get("timestamp")), _register(message)
    if at is None or register is None:
        return None
    reason = message.get("reason")
    return SaidStop(register, at, reason[:50] if isinstance(reason, str) else None)


def _instant(text: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
        return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def _register(message: dict[str, Any]) -> int | None:
    if "meterStop" in message:
        return exact(str(message["meterStop"]), "Wh")
    found: list[int] = []
    for moment in _dicts(message.get("meterValue")):
        for sample in _dicts(moment.get("sampledValue")):
            given = sample.get("unitOfMeasure")
            unit: dict[str, Any] = given if isinstance(given, dict) else {}
            if sample.get("measurand", "Energy.Active.Import.Register") != "Energy.Active.Import.Register" or unit.get("multiplier"):
                continue
            amount = exact(str(sample.get("value")), str(unit.get("unit", "Wh")))
            found += [] if amount is None or sample.get("phase") else [amount]
    return max(found, default=None)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
