"""Readings of registers: which are taken, and what they come to in quarter-hours. Pure; times are seconds since 1970."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

Times = npt.NDArray[np.int64]
Marks = npt.NDArray[np.uint8]
MISSING = -1
MEASURED, ESTIMATED, ABSENT = 0, 1, 2
QUARTER_S = 900
STEADY_S = 2 * QUARTER_S  # up to here two indexes count as measuring what lies between them
M_BUS_STEADY_S = 25 * 3600  # heat and water are read once a day, and a day has up to 25 hours
GRACE_S = 300  # a meter's clock may be ahead by this much


class Index(msgspec.Struct, frozen=True, gc=False):
    """Registers at a time, in Wh or litres. `exported` is None for meters that count one way."""

    at: int
    imported: int
    exported: int | None = None


class Verdict(msgspec.Struct, frozen=True):
    """What becomes of a reading: '' taken, 'known' there already, else why it was refused."""

    index: Index
    code: str = ""


def judge(known: Sequence[Index], incoming: Iterable[Index], most_per_hour: int) -> list[Verdict]:
    """Verdicts on readings of one meter, in order of time. `known` is in order of time and begins before and ends after them.

    A register never falls, and never rises faster than `most_per_hour`; of two values for one time the first one stays.
    """
    kept, times, found = list(known), [one.at for one in known], []
    for new in sorted(incoming, key=lambda one: (one.at, one.imported)):
        place = len(times) if not times or times[-1] < new.at else bisect_left(times, new.at)
        if place < len(kept) and kept[place].at == new.at:
            found.append(Verdict(new, "known" if kept[place] == new else "other_value"))
            continue
        code = _refusal(kept[place - 1] if place else None, kept[place] if place < len(kept) else None, new, most_per_hour)
        if not code:
            kept.insert(place, new)
            times.insert(place, new.at)
        found.append(Verdict(new, code))
    return found


def all_follow(last: Index | None, readings: Sequence[Index], most_per_hour: int) -> bool:
    """Whether each reading comes after the one before it and rises as it may: then `judge` takes all of them.

    What gateways send is nearly always so, and this is told in a fraction of the time. `last`: the newest that is known.
    """
    at, imported, exported = (-1, 0, 0) if last is None else (last.at, last.imported, last.exported)
    begun = last is not None
    for one in readings:
        if one.at <= at:
            return False
        if begun:
            rise = one.imported - imported
            if rise < 0:
                return False
            if one.exported is not None:
                if exported is not None and one.exported < exported:
                    return False
                rise = max(rise, one.exported - (exported or 0))
            if rise * 3600 > most_per_hour * (one.at - at) * 11 // 10 + 3600 * 1000:
                return False
        at, imported, exported, begun = one.at, one.imported, one.exported, True
    return True


def _refusal(before: Index | None, after: Index | None, new: Index, most_per_hour: int) -> str:
    if before is not None and (new.imported < before.imported or _less(new.exported, before.exported)):
        return "kilo_slip" if _kilo_slip(before.imported, new.imported) else "index_fell"
    if after is not None and (new.imported > after.imported or _less(after.exported, new.exported)):
        return "kilo_slip" if before is not None and _kilo_slip(new.imported, before.imported) else "above_next_index"
    if before is not None:
        rise = max(new.imported - before.imported, (new.exported or 0) - (before.exported or 0))
        if rise * 3600 > most_per_hour * (new.at - before.at) * 11 // 10 + 3600 * 1000:
            return "kilo_slip" if _kilo_slip(new.imported, before.imported) else "more_than_possible"
    return ""


def _less(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one < other


def _kilo_slip(large: int, small: int) -> bool:
    """Whether two registers differ as kWh and Wh do."""
    return small > 0 and 950 * small <= large <= 1050 * small


def quarters_of_indexes(
    times: Times, indexes: Times, edges: Times, longest_gap_s: int | None = None, steady_s: int = STEADY_S
) -> tuple[Times, Marks]:
    """(amounts, marks) of the quarter-hours between `edges`; what lies before the first or after the last index is missing.

    Between two indexes the register is taken to rise evenly, in whole units, so that amounts sum to the difference exactly.
    A quarter-hour in a gap longer than `steady_s` is marked as estimated; one in a gap longer than `longest_gap_s` is missing.
    """
    count = len(edges) - 1
    if len(times) < 2:
        return np.full(count, MISSING, dtype=np.int64), np.full(count, ABSENT, dtype=np.uint8)
    after = np.clip(np.searchsorted(times, edges, side="left"), 1, len(times) - 1)
    before = after - 1
    span, rise = times[after] - times[before], indexes[after] - indexes[before]
    at_edge = indexes[before] + rise * (edges - times[before]) // span
    amounts = np.diff(at_edge)
    # A quarter-hour may lie across several gaps: the longest one that it touches decides.
    first = np.clip(np.searchsorted(times, edges[:-1], side="right"), 1, len(times) - 1)
    last = np.maximum(after[1:], first)
    gaps = np.diff(times)
    longest = np.array([gaps[low - 1 : high].max() for low, high in zip(first, last, strict=True)], dtype=np.int64)
    marks = np.where(longest > steady_s, ESTIMATED, MEASURED).astype(np.uint8)
    absent = (edges[:-1] < times[0]) | (edges[1:] > times[-1])
    if longest_gap_s is not None:
        absent |= longest > longest_gap_s
    marks[absent] = ABSENT
    return np.where(absent, MISSING, amounts), marks


def swapped(one: Index) -> Index:
    """The registers of a meter that is wired backwards."""
    return Index(one.at, one.exported or 0, one.imported)


def combined(own: Times, terms: Iterable[tuple[int, Times]]) -> Times:
    """A series with others added to it or taken off, where all are there; never below nothing."""
    whole, absent = own.astype(np.int64), own == MISSING
    for sign, part in terms:
        absent = absent | (part == MISSING)
        whole = whole + sign * np.where(part == MISSING, 0, part)
    return np.where(absent, MISSING, np.maximum(whole, 0))


def use_before_pv(imported: Times, exported: Times, produced: Times) -> Times:
    """What a household used whose PV is wired behind its meter: imported - exported + produced."""
    return combined(imported, [(-1, exported), (1, produced)])
