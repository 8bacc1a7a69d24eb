"""What a billing point's quarter-hours cost. Pure.

Quarters are priced by the slot that they begin in, on the site's wall clock: a day has 92, 96 or 100. Arrays hold integer Wh.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

from app.kernel.calendar import QUARTER, local_midnight, month_end, month_of, next_month
from app.kernel.energy import kwh
from app.kernel.money import round_half_up, split, to_minor
from app.kernel.proration import days_of, overlap_days
from app.tariffs.model import Component, Origin, PriceLine, Tariff
from app.tariffs.rules import UNITS, in_season, lines_of

Wh = npt.NDArray[np.int64]
NONE = -1


class Slots(msgspec.Struct, frozen=True, kw_only=True):
    """The quarter-hours of local days `first` to `last`: minute of the local day, ISO weekday, day, each an array of n."""

    first: date
    last: date
    time_zone: str
    minute: npt.NDArray[np.int16]
    weekday: npt.NDArray[np.int8]
    day: npt.NDArray[np.int32]

    @property
    def count(self) -> int:
        return len(self.minute)


class Stay(msgspec.Struct, frozen=True):
    """The days of a party at a billing point; the gap between two residents is the owner's. `last` None: not ended."""

    first: date
    last: date | None


@lru_cache(maxsize=64)
def slots_of(first: date, last: date, time_zone: str) -> Slots:
    """The slots of a period, both days inclusive. The houses of a run share them: nobody may write into the arrays."""
    zone, at, end = ZoneInfo(time_zone), local_midnight(first, time_zone), local_midnight(last + timedelta(days=1), time_zone)
    local: list[datetime] = []
    while at < end:
        local.append(at.astimezone(zone))
        at += QUARTER
    minute = np.array([moment.hour * 60 + moment.minute for moment in local], dtype=np.int16)
    weekday = np.array([moment.isoweekday() for moment in local], dtype=np.int8)
    day = np.array([(moment.date() - first).days for moment in local], dtype=np.int32)
    for shared in (minute, weekday, day):
        shared.flags.writeable = False
    return Slots(first=first, last=last, time_zone=time_zone, minute=minute, weekday=weekday, day=day)


def quarter_count(day: date, time_zone: str) -> int:
    """The quarter-hours of a local day: 92, 96 or 100."""
    return round((local_midnight(day + timedelta(days=1), time_zone) - local_midnight(day, time_zone)) / QUARTER)


def rate_of_slots(tariff: Tariff, origin: Origin, slots: Slots) -> npt.NDArray[np.int16]:
    """For each slot the index of the component that prices a kWh of that origin; NONE where no component matches."""
    found = np.full(slots.count, NONE, dtype=np.int16)
    for index in reversed(range(len(tariff.components))):
        component = tariff.components[index]
        if component.dimension == "kwh" and component.origin in ("any", origin):
            found[_slots_of(component, tariff, slots)] = index
    return found


def _slots_of(component: Component, tariff: Tariff, slots: Slots) -> npt.NDArray[np.bool_]:
    days = [in_season(component, f"{slots.first + timedelta(days=n):%m-%d}") for n in range(days_of(slots.first, slots.last))]
    matched = np.array(days, dtype=np.bool_)[slots.day]
    if component.weekdays is not None:
        matched &= np.isin(slots.weekday, component.weekdays)
    if component.from_time is not None and component.to_time is not None:
        matched &= _in_hours(component.from_time, component.to_time, slots)
    elif component.band != "single" and tariff.high_hours:
        high = np.zeros(slots.count, dtype=np.bool_)
        for part in tariff.high_hours:
            high |= np.isin(slots.weekday, part.weekdays) & _in_hours(part.from_time, part.to_time, slots)
        matched &= high if component.band == "high" else ~high
    return matched


def _in_hours(start: time, end: time, slots: Slots) -> npt.NDArray[np.bool_]:
    first, last = start.hour * 60 + start.minute, end.hour * 60 + end.minute
    if last == 0:
        return slots.minute >= first
    if first < last:
        return (slots.minute >= first) & (slots.minute < last)
    return (slots.minute >= first) | (slots.minute < last)


def wh_by_component(use: Wh, rates: npt.NDArray[np.int16], components: int) -> Wh:
    """Wh of each component: `use` is (points, slots) or (slots,), the answer (points, components) or (components,).

    One pass over the energy: neighbouring slots of one rate are summed together.
    """
    starts = np.flatnonzero(np.concatenate(([True], rates[1:] != rates[:-1])))
    runs = np.add.reduceat(use, starts, axis=-1, dtype=np.int64)
    answer = np.zeros((*use.shape[:-1], components), dtype=np.int64)
    for index in range(components):
        answer[..., index] = runs[..., rates[starts] == index].sum(axis=-1)
    return answer


def wh_by_day(use: Wh, rates: npt.NDArray[np.int16], slots: Slots, components: int) -> Wh:
    """Wh of each day and component: `use` is (points, slots), the answer (points, days, components). One pass over the energy."""
    change = np.concatenate(([True], (rates[1:] != rates[:-1]) | (slots.day[1:] != slots.day[:-1])))
    starts = np.flatnonzero(change)
    runs = np.add.reduceat(use, starts, axis=1, dtype=np.int64)
    answer = np.zeros((len(use), days_of(slots.first, slots.last), components), dtype=np.int64)
    for run, start in enumerate(starts):
        if rates[start] != NONE:
            answer[:, slots.day[start], rates[start]] += runs[:, run]
    return answer


def peaks_by_day(use: Wh, slots: Slots) -> Wh:
    """The highest quarter-hour (Wh) of each day: (points, days)."""
    starts = np.flatnonzero(np.concatenate(([True], slots.day[1:] != slots.day[:-1])))
    return np.maximum.reduceat(use, starts, axis=1)


def peak_slots_by_day(use: Wh, slots: Slots) -> Wh:
    """The slot of each day's highest quarter-hour, of equal ones the first: (points, days)."""
    starts = [*np.flatnonzero(np.concatenate(([True], slots.day[1:] != slots.day[:-1]))), slots.count]
    return np.stack([use[:, start:end].argmax(axis=1) + start for start, end in pairwise(starts)], axis=1)


def energy_lines(tariff: Tariff, solar_by_component: Sequence[int], grid_by_component: Sequence[int]) -> list[PriceLine]:
    """Lines for the kWh: each component once, its solar and its grid Wh together, tiers apart."""
    used = [int(s) + int(g) for s, g in zip(solar_by_component, grid_by_component, strict=True)]
    return [
        line
        for component, amount in zip(tariff.components, used, strict=True)
        if component.dimension == "kwh"
        for line in lines_of(component, amount, tariff.currency)
    ]


def peak_kw(peak_wh: int) -> Decimal:
    """The power of a quarter-hour's Wh: times four, in kW."""
    return kwh(peak_wh * 4)


def months_of(first: date, last: date) -> list[tuple[date, date]]:
    """The (parts of) months of a period, ends inclusive."""
    parts, month = [], month_of(first)
    while month <= last:
        parts.append((max(first, month), min(last, month_end(month))))
        month = next_month(month)
    return parts


def power_lines(tariff: Tariff, peaks_wh: Sequence[int], first: date, last: date) -> list[PriceLine]:
    """The power fee: a line for the peak of each month, from the peaks of the days from first to last."""
    lines = []
    for component in tariff.components:
        if component.dimension == "kw":
            for start, end in months_of(first, last):
                highest = max(peaks_wh[(start - first).days : (end - first).days + 1])
                lines.append(_fixed(component, peak_kw(int(highest)), tariff.currency))
    return [line for line in lines if line.quantity]


def site_fee_by_peaks(fee_minor: int, peaks_wh: Sequence[int]) -> list[int]:
    """A site's power fee shared in proportion to the points' own peaks; the parts sum to it."""
    return split(fee_minor, peaks_wh)


def fixed_lines(tariff: Tariff, stays: Sequence[Stay], mine: int, first: date, last: date) -> list[PriceLine]:
    """Charges by day and by month of one of the parties of a point; a month's charge is shared by their days."""
    lines = []
    for component in tariff.components:
        if component.dimension == "day":
            lines.append(_fixed(component, Decimal(_stayed(stays[mine], first, last)), tariff.currency))
        elif component.dimension == "month":
            lines.append(month_line(component, stays, mine, (first, last), tariff.currency))
    return [line for line in lines if line.quantity]


def month_line(component: Component, stays: Sequence[Stay], mine: int, period: tuple[date, date], currency: str) -> PriceLine:
    """Months with four places; the amount is the sum of the party's shares of each month."""
    inside = tuple((max(period[0], stay.first), period[1] if stay.last is None else min(period[1], stay.last)) for stay in stays)
    quantity, amount_minor = _months(to_minor(component.unit_price, currency), inside, mine, *period)
    return msgspec.structs.replace(_fixed(component, quantity, currency), amount_minor=amount_minor)


@lru_cache(maxsize=4096)
def _months(price_minor: int, stays: tuple[tuple[date, date], ...], mine: int, begin: date, end: date) -> tuple[Decimal, int]:
    """(months, amount) of one of the parties; most points of a house have one party for the whole period and share the answer."""
    months, amount_minor = Decimal(0), 0
    for first, last in months_of(begin, end):
        whole = days_of(month_of(first), month_end(first))
        days = [overlap_days(first, last, *stay) for stay in stays]
        rest = whole - sum(days)  # days outside the period, or that nobody has: billed to nobody here
        amount_minor += split(price_minor, [*days, rest])[mine]
        months += Decimal(days[mine]) / whole
    return Decimal(round_half_up(months * 10_000)).scaleb(-4), amount_minor


def _stayed(stay: Stay, first: date, last: date) -> int:
    return overlap_days(first, last, stay.first, stay.last)


def _fixed(component: Component, quantity: Decimal, currency: str) -> PriceLine:
    return PriceLine(
        dimension=component.dimension, band=component.band, quantity=quantity, unit=UNITS[component.dimension],
        unit_price=component.unit_price, amount_minor=to_minor(quantity * component.unit_price, currency),
        origin=component.origin, vat_rate=component.vat_rate, label=component.label,
    )  # fmt: skip
