"""Registers: exact decimals from untidy text; what is not finite or not a number is dropped and flagged."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Protocol

import msgspec

LARGEST_W = 10**9
LARGEST_WH = 10**15  # a register beyond this is nonsense, and so is anything that PostgreSQL could not hold
UNIT_SCALE = {"": 0, "wh": 0, "kwh": 3, "w": 0, "kw": 3}  # in any case: some firmware writes KWH
UNIT_FACTOR = {"": 1, "Wh": 1, "kWh": 1000, "W": 1, "kW": 1000}  # as nearly all write them
REGISTER = "Energy.Active.Import.Register"
POWER = "Power.Active.Import"


class Sample(msgspec.Struct, frozen=True):
    """One sampled value as a station sent it. An empty measurand means the import register, an empty unit Wh."""

    value: str
    measurand: str = ""
    unit: str = ""
    phase: str = ""
    format: str = "Raw"


class Reading(msgspec.Struct, frozen=True):
    """What the samples of one moment come to."""

    energy_wh: int | None
    power_w: int | None
    flags: tuple[str, ...]


def exact(value: str, unit: str) -> int | None:
    """A value such as '1,5' in kWh as integer base units (1500), rounded half up; None when it is no finite number."""
    if value.isdecimal() and value.isascii() and len(value) <= 12 and unit in UNIT_FACTOR:
        return int(value) * UNIT_FACTOR[unit]
    try:
        number = Decimal(value.strip().replace(",", "."))
    except InvalidOperation:
        return None
    if not number.is_finite() or unit.casefold() not in UNIT_SCALE or abs(number.adjusted()) > 18:
        return None
    scaled = number.scaleb(UNIT_SCALE[unit.casefold()])
    if abs(scaled) > LARGEST_WH:
        return None
    return int(scaled.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def read(samples: Iterable[Sample]) -> Reading:
    """Register and power of one moment. Values of single phases are summed only where no total is given."""
    totals: dict[str, int] = {}
    phases: dict[str, int] = {}
    flags: list[str] = []
    for sample in samples:
        measurand = sample.measurand or REGISTER
        if measurand not in (REGISTER, POWER) or sample.format == "SignedData":
            continue  # signed values are kept and verified apart
        amount = exact(sample.value, sample.unit)
        if amount is None or (measurand == POWER and abs(amount) > LARGEST_W):
            flags.append(f"unreadable {measurand}")
        elif sample.phase:
            phases[measurand] = phases.get(measurand, 0) + amount
        else:
            totals[measurand] = amount
    best = {**phases, **totals}
    power_w = best.get(POWER)
    return Reading(best.get(REGISTER), power_w if power_w is None else min(power_w, LARGEST_W), tuple(flags))


class SampleLike(Protocol):
    """A sampled value by the letter of the standard; what the station left out is false."""

    @property
    def value(self) -> str: ...
    @property
    def measurand(self) -> object: ...
    @property
    def unit(self) -> object: ...
    @property
    def phase(self) -> object: ...
    @property
    def format(self) -> object: ...


def quick_read(samples: Iterable[SampleLike]) -> tuple[int | None, int | None] | None:
    """Register and power of the common case, the same as `read`; None where anything is uncommon."""
    energy_wh = power_w = None
    for sample in samples:
        measurand = sample.measurand or REGISTER
        if sample.format == "SignedData":
            return None
        if measurand not in (REGISTER, POWER):
            continue
        if sample.phase:
            return None
        amount = exact(sample.value, str(sample.unit or ""))
        if amount is None:
            return None
        if measurand == REGISTER:
            energy_wh = amount
        elif abs(amount) > LARGEST_W:
            return None
        else:
            power_w = amount
    return energy_wh, power_w


def implausible(energy_wh: int, duration_s: int, max_power_w: int) -> str | None:
    """Why an amount of energy must not be charged by itself, or None: falling, or beyond rated power x time x 1.1 + 1 kWh."""
    if energy_wh < 0:
        return "register_fell"
    if energy_wh * 36_000 > max_power_w * max(duration_s, 0) * 11 + 1000 * 36_000:
        return "more_than_possible"
    return None


SIGNED_SLACK_WH = 10  # registers in whole Wh beside signed ones with their own places


def signatures_disagree(signed_wh: int | None, energy_wh: int) -> bool:
    """Whether the signed registers say something else than the plain ones."""
    return signed_wh is not None and abs(signed_wh - energy_wh) > SIGNED_SLACK_WH
