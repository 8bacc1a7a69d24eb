"""Meter checks 1 to 6 on live values. Pure. Power in W per phase, voltage in mV; negative power leaves towards the grid."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from app.metering.model import MeterKind

ANSWERS_WITHIN = timedelta(minutes=10)
READ_WITHIN = timedelta(hours=25)  # heat and water meters are read once a day at least
LEAST_MV, MOST_MV = 230_000, 240_000
CLEAR_W = 50  # less than this of a balance says nothing about its direction
State = Literal["passed", "failed", "open"]


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """What a meter said last."""

    taken_at: datetime
    power_w: list[int]
    voltage_mv: list[int] | None = None
    import_wh: int | None = None
    export_wh: int | None = None


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A meter and what is known of it. `below`: it hangs behind another meter of use, which sees its energy too."""

    id: UUID
    kind: MeterKind
    electric: bool = True
    phases: int = 3
    below: bool = False
    live: Live | None = None
    heard_at: datetime | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A check of a meter. `code`: why it did not pass. open: it cannot be told now, for instance without sun."""

    check: int
    state: State
    code: str = ""
    params: dict[str, str | int] = {}


def passed(outcomes: Sequence[Outcome]) -> bool:
    """Whether a meter may be handed over."""
    return bool(outcomes) and all(one.state == "passed" for one in outcomes)


def check_all(meters: Sequence[Measured], now: datetime) -> dict[UUID, list[Outcome]]:
    """The checks that each meter of a house has to pass."""
    return {meter.id: _of(meter, meters, now) for meter in meters}


def _of(meter: Measured, meters: Sequence[Measured], now: datetime) -> list[Outcome]:
    answers = _answers(meter, now)
    if not meter.electric or meter.live is None or answers.state != "passed":
        return [answers]
    live = meter.live
    found = [answers, _voltage(meter, live)]
    if meter.kind == "use":
        found += [_positive(live), _nothing_out(live)]
    elif meter.kind == "production":
        found.append(_negative(live))
    elif meter.kind == "entry":
        found.append(_balanced(live, meters))
    return found


def _failed(check: int, code: str, **params: str | int) -> Outcome:
    return Outcome(check=check, state="failed", code=code, params=params)


def _answers(meter: Measured, now: datetime) -> Outcome:
    """1: every meter answers. An electricity meter with live values, a heat or water meter with readings."""
    told = None if meter.live is None else meter.live.taken_at
    heard = told if meter.electric else meter.heard_at
    if heard is None:
        return _failed(1, "never_answered")
    if heard < now - (ANSWERS_WITHIN if meter.electric else READ_WITHIN):
        return _failed(1, "silent_since", at=heard.isoformat())
    return Outcome(check=1, state="passed")


def _voltage(meter: Measured, live: Live) -> Outcome:
    """2: each phase 230 to 240 V."""
    volts = live.voltage_mv or []
    if len(volts) < meter.phases:
        return _failed(2, "phase_missing", found=len(volts), wanted=meter.phases)
    for number, millivolts in enumerate(volts, start=1):
        if not LEAST_MV <= millivolts <= MOST_MV:
            return _failed(2, "voltage", phase=f"L{number}", volts=f"{millivolts / 1000:.1f}")
    return Outcome(check=2, state="passed")


def _positive(live: Live) -> Outcome:
    """3: a consumption meter shows positive power on every phase."""
    for number, watts in enumerate(live.power_w, start=1):
        if watts <= 0:
            return _failed(3, "no_load" if watts == 0 else "backwards", phase=f"L{number}", watts=watts)
    return Outcome(check=3, state="passed")


def _nothing_out(live: Live) -> Outcome:
    """4: a consumption meter has no exported energy."""
    if live.export_wh:
        return _failed(4, "exported", wh=live.export_wh)
    return Outcome(check=4, state="passed")


def _negative(live: Live) -> Outcome:
    """5: a production meter shows negative power on its phases. Without sun it cannot be told."""
    for number, watts in enumerate(live.power_w, start=1):
        if watts > 0:
            return _failed(5, "production_positive", phase=f"L{number}", watts=watts)
    if any(watts == 0 for watts in live.power_w):
        return Outcome(check=5, state="open", code="no_sun")
    return Outcome(check=5, state="passed")


def _balanced(live: Live, meters: Sequence[Measured]) -> Outcome:
    """6: the entry meter is negative when feeding in and positive when drawing; without PV always positive."""
    power = sum(live.power_w)
    makers = [one for one in meters if one.kind == "production"]
    if not makers and not any(one.kind == "battery" for one in meters):
        return Outcome(check=6, state="passed") if power > 0 else _failed(6, "entry_negative", watts=power)
    behind = [one.live for one in meters if one.electric and one.kind != "entry" and not one.below]
    if any(one is None for one in behind):
        return Outcome(check=6, state="open", code="balance_unknown")
    balance = sum(sum(one.power_w) for one in behind if one is not None)
    if abs(balance) < CLEAR_W or power == 0:
        return Outcome(check=6, state="open", code="balance_unknown")
    if (balance > 0) != (power > 0):
        return _failed(6, "entry_reversed", watts=power, balance=balance)
    return Outcome(check=6, state="passed")
