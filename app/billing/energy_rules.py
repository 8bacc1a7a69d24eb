"""The electricity of a house for a period, from quarter-hours to the lines of each party's bill. Pure.

A period is cut where prices or the VAT rate change; a party (resident, or the owner of a vacancy) pays its own days. Lines
are rounded once each, VAT once a group.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import msgspec
import numpy as np

from app.kernel.calendar import QUARTER, local_midnight
from app.kernel.energy import kwh
from app.kernel.money import vat_of_gross, vat_of_net
from app.kernel.proration import days_of
from app.kernel.regime import standard_vat, vat_changes
from app.tariffs import energy_rules as rates
from app.tariffs.energy_rules import Slots, Stay, Wh
from app.tariffs.model import Origin, PriceLine, Tariff, VatGroup

DAY = timedelta(days=1)
CORRECTION = "correction:"  # a line's label, with the period that is corrected


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """Days with one tariff and one VAT rate, ends inclusive."""

    first: date
    last: date
    tariff: Tariff
    vat_rate: Decimal


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """A segment's use: Wh by (point, day, component) of solar and of grid, and each day's peak and its slot by (point, day)."""

    segment: Segment
    solar: Wh
    grid: Wh
    peaks: Wh
    peak_slots: Wh
    unpriced_wh: Wh


class PartyBill(msgspec.Struct, frozen=True, kw_only=True):
    """What one party owes for its days at one point."""

    first: date
    last: date
    lines: tuple[PriceLine, ...]
    vat: tuple[VatGroup, ...]
    solar_wh: int
    grid_wh: int
    peak_wh: int
    peak_at: datetime | None = None

    @property
    def gross_minor(self) -> int:
        return sum(group.gross_minor for group in self.vat)


def with_owners_vat(tariff: Tariff, vat_liable: bool) -> Tariff:
    """Solar that is billed in somebody else's favour than the site's creditor, its owner's, bears VAT only where the owner is liable."""
    if vat_liable:
        return tariff
    parts = tuple(
        msgspec.structs.replace(part, vat_rate=Decimal(0)) if part.origin == "solar" and part.creditor_id is not None else part
        for part in tariff.components
    )
    return msgspec.structs.replace(tariff, components=parts)


def segments(tariffs: Sequence[Tariff], country: str, first: date, last: date) -> list[Segment]:
    """The parts of a period with one tariff and one VAT rate, in order; days before the first tariff are left out.

    A tariff that was entered at the standard rate follows it when the law changes; another rate stays.
    """
    ordered = sorted(tariffs, key=lambda tariff: tariff.valid_from)
    cuts = {first, *(tariff.valid_from for tariff in ordered), *vat_changes(country)}
    starts = sorted(cut for cut in cuts if first <= cut <= last)
    found = []
    for start, end in zip(starts, [*(cut - DAY for cut in starts[1:]), last], strict=True):
        valid = [tariff for tariff in ordered if tariff.valid_from <= start]
        if valid:
            found.append(Segment(first=start, last=end, tariff=valid[-1], vat_rate=_vat(valid[-1], country, start)))
    return found


def _vat(tariff: Tariff, country: str, day: date) -> Decimal:
    follows = tariff.vat_rate == standard_vat(country, tariff.valid_from)
    return standard_vat(country, day) if follows else tariff.vat_rate


def sums_of(segment: Segment, solar: Wh, grid: Wh, slots: Slots, use: Wh | None = None) -> Sums:
    """A segment's sums from the arrays (points, slots) of the whole period; `use`, where it is at hand, is the sum of both."""
    inside = _days(segment.first, segment.last, slots)
    part = rates.slots_of(segment.first, segment.last, slots.time_zone)
    count = len(segment.tariff.components)
    origins: tuple[tuple[Origin, Wh], ...] = (("solar", solar), ("grid", grid))
    priced: dict[Origin, Wh] = {
        origin: rates.wh_by_day(use[:, inside], rates.rate_of_slots(segment.tariff, origin, part), part, count) for origin, use in origins
    }
    both = solar[:, inside] + grid[:, inside] if use is None else use[:, inside]
    unpriced = both.sum(axis=1) - priced["solar"].sum(axis=(1, 2)) - priced["grid"].sum(axis=(1, 2))
    return Sums(segment=segment, solar=priced["solar"], grid=priced["grid"], peaks=rates.peaks_by_day(both, part),
                peak_slots=rates.peak_slots_by_day(both, part), unpriced_wh=unpriced)  # fmt: skip


def _days(first: date, last: date, slots: Slots) -> slice:
    """Where the days from first to last lie among the slots."""
    return slice(*(int(np.searchsorted(slots.day, (day - slots.first).days)) for day in (first, last + DAY)))


def party_bill(parts: Sequence[Sums], point: int, stays: Sequence[Stay], mine: int, first: date, last: date) -> PartyBill:
    """The bill of one of a point's parties for its days in a period; `stays` are all parties of the point."""
    stay = stays[mine]
    start, end = max(first, stay.first), last if stay.last is None else min(last, stay.last)
    lines: list[PriceLine] = []
    groups: dict[tuple[Decimal, bool], int] = {}
    solar = grid = peak = 0
    peak_at: datetime | None = None
    for part in parts:
        its_first, its_last = max(start, part.segment.first), min(end, part.segment.last)
        if its_last < its_first:
            continue
        days = slice((its_first - part.segment.first).days, (its_last - part.segment.first).days + 1)
        its_solar, its_grid = (use[point, days].sum(axis=0).tolist() for use in (part.solar, part.grid))
        peaks = part.peaks[point, days].tolist()
        for line in _lines(part.segment.tariff, its_solar, its_grid, peaks, stays, mine, (its_first, its_last)):
            rate = part.segment.vat_rate if line.vat_rate is None else line.vat_rate
            lines.append(msgspec.structs.replace(line, vat_rate=rate))
            key = (rate, part.segment.tariff.vat_included)
            groups[key] = groups.get(key, 0) + line.amount_minor
        solar, grid, highest = solar + sum(its_solar), grid + sum(its_grid), max(peaks)
        if highest > peak:
            peak, day = highest, days.start + peaks.index(highest)
            peak_at = local_midnight(part.segment.first, part.segment.tariff.time_zone) + QUARTER * int(part.peak_slots[point, day])
    vat = tuple(_group(rate, included, total) for (rate, included), total in sorted(groups.items()))
    return PartyBill(first=start, last=end, lines=tuple(lines), vat=vat, solar_wh=solar, grid_wh=grid, peak_wh=peak,
                     peak_at=peak_at)  # fmt: skip


def _lines(
    tariff: Tariff,
    solar: Sequence[int],
    grid: Sequence[int],
    peaks: Sequence[int],
    stays: Sequence[Stay],
    mine: int,
    span: tuple[date, date],
) -> list[PriceLine]:
    return [
        *rates.energy_lines(tariff, solar, grid), *rates.power_lines(tariff, peaks, *span), *rates.fixed_lines(tariff, stays, mine, *span)
    ]  # fmt: skip


def _group(rate: Decimal, included: bool, total_minor: int) -> VatGroup:
    vat = vat_of_gross(total_minor, rate) if included else vat_of_net(total_minor, rate)
    net = total_minor - vat if included else total_minor
    return VatGroup(rate=rate, net_minor=net, vat_minor=vat, gross_minor=net + vat)


def correction_lines(old: PartyBill, new: PartyBill) -> list[PriceLine]:
    """What a bill that was issued would have been otherwise, a line for each VAT rate; none where nothing changes."""
    nets = {group.rate: group.net_minor for group in new.vat}
    for group in old.vat:
        nets[group.rate] = nets.get(group.rate, 0) - group.net_minor
    used = new.solar_wh + new.grid_wh - old.solar_wh - old.grid_wh
    lines = []
    for rate, net in sorted(nets.items()):
        if net:
            lines.append(PriceLine(dimension="kwh", band="single", quantity=kwh(used), unit="kWh", unit_price=Decimal(0), amount_minor=net,
                                   vat_rate=rate, label=f"{CORRECTION}{old.first:%Y-%m-%d}/{old.last:%Y-%m-%d}"))  # fmt: skip
            used = 0
    return lines


def with_lines(bill: PartyBill, lines: Sequence[PriceLine]) -> PartyBill:
    """A bill with further lines without VAT; VAT is rounded again on each rate's total."""
    nets = {group.rate: group.net_minor for group in bill.vat}
    for line in lines:
        if line.vat_rate is None:
            raise ValueError("a further line names its VAT rate")
        nets[line.vat_rate] = nets.get(line.vat_rate, 0) + line.amount_minor
    vat = tuple(_group(rate, False, net) for rate, net in sorted(nets.items()))
    return msgspec.structs.replace(bill, lines=(*bill.lines, *lines), vat=vat)


class Warned(msgspec.Struct, frozen=True, kw_only=True):
    """Something to look at before a bill goes out."""

    code: str
    params: dict[str, int]


JUMP = 2  # more than twice, or less than half of the year before, by the day


def warnings(bill: PartyBill, missing: int, unpriced_wh: int, last_year_wh: int | None, last_year_days: int) -> list[Warned]:
    """Missing quarter-hours, energy without a price, no use at all, a jump against the same days a year ago."""
    found = []
    used, days = bill.solar_wh + bill.grid_wh, days_of(bill.first, bill.last)
    if missing:
        found.append(Warned(code="missing_readings", params={"quarters": missing}))
    if unpriced_wh:
        found.append(Warned(code="no_price", params={"wh": unpriced_wh}))
    if used == 0:
        found.append(Warned(code="no_use", params={"days": days}))
    if last_year_wh and last_year_days and used:
        now, then = used * last_year_days, last_year_wh * days
        if now > JUMP * then or now * JUMP < then:
            found.append(Warned(code="jump", params={"wh": used, "last_year_wh": last_year_wh * days // last_year_days}))
    return found
