"""Price a session: every quarter-hour finds its rate, each (rate, band) becomes one line, each line is rounded once."""

from collections.abc import Sequence
from datetime import datetime, time
from decimal import ROUND_DOWN, Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from app.kernel.calendar import quarters_between
from app.kernel.energy import kwh
from app.kernel.errors import Refused
from app.kernel.money import split, to_minor, vat_of_gross, vat_of_net
from app.tariffs.model import (
    Component,
    Dimension,
    HighHours,
    Origin,
    Price,
    PriceLine,
    Rate,
    Solution,
    Tariff,
    Tier,
    Unit,
    UsePiece,
    VatGroup,
)

UNITS: dict[Dimension, Unit] = {
    "kwh": "kWh", "minute": "min", "idle_minute": "min", "session": "session", "day": "day", "month": "month", "kw": "kW",
}  # fmt: skip
ORDER: tuple[Dimension, ...] = ("session", "kwh", "minute", "idle_minute")  # what a session is priced by
DIMENSIONS: dict[Solution, tuple[Dimension, ...]] = {"charging": ORDER, "electricity": ("kwh", "day", "month", "kw")}

DEAREST = Decimal(1000)


def check_components(components: Sequence[Component], solution: Solution = "charging") -> None:
    """Raises Refused no_price where nothing is priced by the kWh, bad_price with the position of a price that cannot be."""
    if not any(part.dimension == "kwh" for part in components):
        raise Refused("no_price", 422, "Write a price for the kWh.", fields=["components"])
    for position, part in enumerate(components, start=1):
        if not _can_be(part, solution):
            raise Refused("bad_price", 422, f"Price {position} cannot be: zero or more, at most six places, both hours or none.",
                          position=position, fields=["components"])  # fmt: skip


def check_rate(rate: Rate) -> None:
    """Raises Refused bad_price with position 0 where the high hours or the figures of the guard cannot be, and
    prices_without_vat where residents would see less at the place than their bill asks for."""
    figures = [value for value in (rate.standard_price, rate.solar_cost, rate.grid_cost) if value is not None]
    days = all(part.weekdays and set(part.weekdays) <= set(range(1, 8)) for part in rate.high_hours)
    named = rate.solution != "charging" or not rate.rate
    if not (days and named and len(rate.rate) <= 60 and all(_is_price(value) for value in figures)):
        raise Refused("bad_price", 422, "The high hours or the prices to compare with cannot be.", position=0, fields=["high_hours"])
    if rate.solution == "charging" and not rate.vat_included:
        text = "Residents see and pay charging prices with VAT. Enter them with VAT."
        raise Refused("prices_without_vat", 422, text, fields=["vat_included"])


def _can_be(part: Component, solution: Solution) -> bool:
    hours = (part.from_time is None) == (part.to_time is None)
    season = (part.season_from is None) == (part.season_to is None)
    days = part.weekdays is None or set(part.weekdays) <= set(range(1, 8))
    vat = part.vat_rate is None or (part.vat_rate.is_finite() and 0 <= part.vat_rate <= 1)
    energy = part.dimension == "kwh" or (part.origin == "any" and part.band == "single" and not part.tiers)
    numbers = (part.grace_minutes or 0) >= 0 and (part.cap_minor or 0) >= 0
    prices = all(_is_price(price) for price in (part.unit_price, *(tier.unit_price for tier in part.tiers)))
    return (
        hours
        and season
        and days
        and vat
        and energy
        and numbers
        and prices
        and _rising(part.tiers)
        and part.dimension in DIMENSIONS[solution]
    )


def _is_price(value: Decimal) -> bool:
    places = value.as_tuple().exponent
    return value.is_finite() and 0 <= value <= DEAREST and isinstance(places, int) and places >= -6


def _rising(tiers: Sequence[Tier]) -> bool:
    """Tiers end one after the other, and the last one never."""
    ends = [tier.up_to_wh for tier in tiers]
    before = [end for end in ends[:-1] if end is not None]
    return not ends or (ends[-1] is None and len(before) == len(ends) - 1 and before == sorted({0, *before})[1:])


def price(pieces: Sequence[UsePiece], tariff: Tariff) -> Price:
    """The price of a session that used these pieces, in order of time."""
    lines = [line for dimension in ORDER for line in _lines(dimension, pieces, tariff)]
    groups = vat_groups(lines, tariff.vat_rate, vat_included=tariff.vat_included)
    return Price(
        currency=tariff.currency, vat_rate=tariff.vat_rate, net_minor=sum(one.net_minor for one in groups),
        vat_minor=sum(one.vat_minor for one in groups), gross_minor=sum(one.gross_minor for one in groups), lines=tuple(lines),
    )  # fmt: skip


def vat_groups(lines: Sequence[PriceLine], rate: Decimal, *, vat_included: bool) -> list[VatGroup]:
    """Lines by their rates (`rate` where a line has none), the highest first. VAT is rounded once, on a rate's total."""
    totals: dict[Decimal, int] = {}
    for line in lines:
        key = (rate if line.vat_rate is None else line.vat_rate).normalize()
        totals[key] = totals.get(key, 0) + line.amount_minor
    groups = []
    for key in sorted(totals, reverse=True):
        vat = vat_of_gross(totals[key], key) if vat_included else vat_of_net(totals[key], key)
        net = totals[key] - vat if vat_included else totals[key]
        groups.append(VatGroup(rate=key, net_minor=net, vat_minor=vat, gross_minor=net + vat))
    return groups


def component_at(tariff: Tariff, dimension: Dimension, at: datetime, origin: Origin = "any") -> Component | None:
    """The rate of a dimension in force at an instant, for energy of an origin: the first that matches."""
    local = at.astimezone(ZoneInfo(tariff.time_zone))
    for component in tariff.components:
        if component.dimension == dimension and component.origin in ("any", origin) and _matches(component, local, tariff.high_hours):
            return component
    return None


def _matches(component: Component, local: datetime, high_hours: Sequence[HighHours]) -> bool:
    if not in_season(component, f"{local:%m-%d}"):
        return False
    if component.weekdays is not None and local.isoweekday() not in component.weekdays:
        return False
    if component.from_time is not None and component.to_time is not None:
        return in_hours(component.from_time, component.to_time, local.time())
    if component.band == "single" or not high_hours:
        return True
    high = any(local.isoweekday() in part.weekdays and in_hours(part.from_time, part.to_time, local.time()) for part in high_hours)
    return high == (component.band == "high")


def in_hours(start: time, end: time, now: time) -> bool:
    """Whether a wall clock lies in [start, end): an end of 00:00 is the end of the day, an earlier end wraps midnight."""
    if end == time():
        return now >= start
    return start <= now < end if start < end else now >= start or now < end


def in_season(component: Component, month_day: str) -> bool:
    """Whether a day 'MM-DD' lies in the component's season, both ends inclusive."""
    first, last = component.season_from, component.season_to
    if first is None or last is None:
        return True
    return first <= month_day <= last if first <= last else month_day >= first or month_day <= last


def _lines(dimension: Dimension, pieces: Sequence[UsePiece], tariff: Tariff) -> list[PriceLine]:
    """One line per component used; energy is exact, time is counted in whole minutes of the whole session."""
    used: dict[int, int] = {}
    for piece in pieces[:1] if dimension == "session" else pieces:
        for origin, amount in _amounts(dimension, piece):
            component = component_at(tariff, dimension, piece.start, origin)
            if component is not None:
                index = tariff.components.index(component)
                used[index] = used.get(index, 0) + amount
    return [line for index, amount in sorted(used.items()) for line in lines_of(tariff.components[index], amount, tariff.currency)]


def _amounts(dimension: Dimension, piece: UsePiece) -> list[tuple[Origin, int]]:
    """What a piece used, by origin. Energy without any solar is the grid's."""
    if dimension != "kwh":
        return [("any", _amount(dimension, piece))]
    parts: list[tuple[Origin, int]] = [("solar", piece.solar_wh)] if piece.solar_wh else []
    return [*parts, ("grid", piece.energy_wh - piece.solar_wh)]


def _amount(dimension: Dimension, piece: UsePiece) -> int:
    """Wh, seconds or one. A second is either one of charging or an idle one."""
    if dimension == "kwh":
        return piece.energy_wh
    if dimension == "session":
        return 1
    seconds = round((piece.end - piece.start).total_seconds())
    return piece.idle_s if dimension == "idle_minute" else seconds - piece.idle_s


def lines_of(component: Component, amount: int, currency: str) -> list[PriceLine]:
    """The lines of a component's use (Wh, seconds or pieces): one, or one a tier; none where nothing was used."""
    if component.tiers:
        return [_line(component, kwh(wh), price, currency) for wh, price in _tiers(component, amount) if wh]
    if component.dimension == "kwh":
        quantity = kwh(amount)
    elif component.dimension in ("minute", "idle_minute"):
        whole_minutes = (Decimal(amount) / 60).quantize(Decimal(1), rounding=ROUND_DOWN)
        quantity = max(Decimal(0), whole_minutes - (component.grace_minutes or 0))
    else:
        quantity = Decimal(amount)
    return [_line(component, quantity, component.unit_price, currency)] if quantity else []


def _tiers(component: Component, amount_wh: int) -> list[tuple[int, Decimal]]:
    """(Wh, price) a tier: graduated, or the whole volume at the price of the tier that it reaches."""
    parts: list[tuple[int, Decimal]] = []
    before = 0
    for tier in component.tiers:
        end = amount_wh if tier.up_to_wh is None else min(amount_wh, tier.up_to_wh)
        parts.append((max(0, end - before), tier.unit_price))
        before = max(before, end)
        if before == amount_wh:
            break
    return [(amount_wh, parts[-1][1])] if component.whole_volume else parts


def _line(component: Component, quantity: Decimal, unit_price: Decimal, currency: str) -> PriceLine:
    amount_minor = to_minor(quantity * unit_price, currency)
    if component.cap_minor is not None:
        amount_minor = min(amount_minor, component.cap_minor)
    return PriceLine(
        dimension=component.dimension, band=component.band, quantity=quantity, unit=UNITS[component.dimension],
        unit_price=unit_price, amount_minor=amount_minor, origin=component.origin, vat_rate=component.vat_rate,
        label=component.label,
    )  # fmt: skip


def use_pieces(
    start: datetime, end: datetime, energy_wh: int, values: Sequence[tuple[datetime, int]], idle_since: datetime | None
) -> list[UsePiece]:
    """Cut a session at quarter-hours and give each piece its energy.

    `values` are (time, register reading relative to the start in Wh) between start and end, rising. Between two
    readings energy is spread evenly over time. The pieces sum exactly to `energy_wh`, the billed energy.
    """
    pieces = list(quarters_between(start, end))
    if not pieces:
        return [UsePiece(start, end, energy_wh)]
    points = _curve(start, end, energy_wh, values)
    marks = [_reading_at(points, piece_end) for _, piece_end in pieces]
    weights = [max(0, now - before) for before, now in zip([0, *marks[:-1]], marks, strict=True)]
    shares = split(energy_wh, weights if sum(weights) else [1] * len(pieces))
    return [
        UsePiece(piece_start, piece_end, share, _idle_seconds(piece_start, piece_end, idle_since))
        for (piece_start, piece_end), share in zip(pieces, shares, strict=True)
    ]


def _curve(start: datetime, end: datetime, energy_wh: int, values: Sequence[tuple[datetime, int]]) -> list[tuple[datetime, int]]:
    """Readings from 0 to energy_wh that never fall; a value out of range or order is left out."""
    curve = [(start, 0)]
    for at, reading in sorted(values):
        if start < at < end and curve[-1][1] <= reading <= energy_wh and at > curve[-1][0]:
            curve.append((at, reading))
    return [*curve, (end, energy_wh)]


def _reading_at(points: list[tuple[datetime, int]], at: datetime) -> int:
    """The reading at an instant, in thousandths of a Wh, on straight lines between the points."""
    for (t0, r0), (t1, r1) in pairwise(points):
        if at <= t1:
            whole = round((t1 - t0).total_seconds() * 1000)
            part = round((at - t0).total_seconds() * 1000)
            return 1000 * r0 + (1000 * (r1 - r0) * part // whole if whole else 0)
    return 1000 * points[-1][1]


def _idle_seconds(start: datetime, end: datetime, idle_since: datetime | None) -> int:
    if idle_since is None or idle_since >= end:
        return 0
    return round((end - max(start, idle_since)).total_seconds())
