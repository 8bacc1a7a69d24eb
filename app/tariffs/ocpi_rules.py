"""What a session costs by an OCPI 2.2.1 tariff. Pure; exact fractions, nothing is rounded here.

A session is cut wherever a restriction may begin or end to hold; each piece finds its component of each kind; step sizes
are applied once for energy and once for time and parking together, on the last of them.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from fractions import Fraction
from itertools import pairwise

import msgspec

from app.tariffs.ocpi_model import Element, OcpiCost, OcpiLine, OcpiPeriod, OcpiTariff, PriceComponent, Restrictions

DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
TYPES = {"charging": ("FLAT", "ENERGY", "TIME"), "parking": ("FLAT", "PARKING_TIME"), "reservation": ("FLAT", "TIME")}
HOUR = 3600


class _Piece(msgspec.Struct, frozen=True):
    """A piece in which no restriction changes; seconds and Wh before it since the session began."""

    period: OcpiPeriod
    start: datetime
    end: datetime
    wh: Fraction
    seconds_before: int
    wh_before: Fraction

    @property
    def seconds(self) -> int:
        return round((self.end - self.start).total_seconds())


def ocpi_cost(periods: Sequence[OcpiPeriod], tariff: OcpiTariff) -> OcpiCost:
    """The cost of a session, least and most price applied."""
    reserved = [period for period in periods if period.kind == "reservation"]
    used = [period for period in periods if period.kind != "reservation"]
    lines = [*_lines(reserved, tariff, "RESERVATION"), *_lines(used, tariff, "TIME")]
    excl = sum((line.excl_vat for line in lines), Fraction(0))
    incl = sum((line.excl_vat * (1 + Fraction(line.vat or 0) / 100) for line in lines), Fraction(0))
    if tariff.min_price is not None:
        excl = max(excl, Fraction(tariff.min_price.excl_vat))
        incl = max(incl, Fraction(tariff.min_price.incl_vat or tariff.min_price.excl_vat))
    if tariff.max_price is not None:
        excl = min(excl, Fraction(tariff.max_price.excl_vat))
        incl = min(incl, Fraction(tariff.max_price.incl_vat or tariff.max_price.excl_vat))
    return OcpiCost(tuple(lines), excl, incl)


def _lines(periods: Sequence[OcpiPeriod], tariff: OcpiTariff, time_name: str) -> list[OcpiLine]:
    """Flat, then energy, then times, in the order of their first use."""
    flat: list[OcpiLine] = []
    wh: dict[PriceComponent, Fraction] = {}
    seconds: dict[PriceComponent, Fraction] = {}
    for piece in _pieces(periods, tariff):
        for kind in TYPES[piece.period.kind]:
            component = _component(tariff, kind, piece)
            if component is None:
                continue
            if kind == "FLAT":
                flat = flat or [OcpiLine(type="FLAT", quantity=Fraction(1), price=component.price, vat=component.vat)]
            elif kind == "ENERGY":
                wh[component] = wh.pop(component, Fraction(0)) + piece.wh
            else:
                seconds[component] = seconds.pop(component, Fraction(0)) + piece.seconds
    _step(wh, list(wh))
    if seconds:
        _step(seconds, [component for component in seconds if component.type == list(seconds)[-1].type])
    names = {"TIME": time_name}
    amounts = [*((c, Fraction(n, 1000)) for c, n in wh.items()), *((c, Fraction(n, HOUR)) for c, n in seconds.items())]
    return flat + [
        OcpiLine(type=names.get(component.type, component.type), quantity=quantity, price=component.price, vat=component.vat)
        for component, quantity in amounts
        if quantity
    ]


def _step(amounts: dict[PriceComponent, Fraction], kind: list[PriceComponent]) -> None:
    """Fill up the last component so that its kind's total is a whole number of its steps."""
    if not kind:
        return
    last = kind[-1]
    missing = -sum((amounts[component] for component in kind), Fraction(0)) % last.step_size
    amounts[last] += missing


def _component(tariff: OcpiTariff, kind: str, piece: _Piece) -> PriceComponent | None:
    """The first that holds. A reservation has elements of its own; an expired one looks among those for it first."""
    wanted: list[str | None] = [None]
    if piece.period.kind == "reservation":
        wanted = ["RESERVATION_EXPIRES", "RESERVATION"] if piece.period.reservation == "RESERVATION_EXPIRES" else ["RESERVATION"]
    for reservation in wanted:
        for element in tariff.elements:
            if element.restrictions.reservation == reservation and _holds(element.restrictions, piece):
                for component in element.price_components:
                    if component.type == kind:
                        return component
    return None


def _holds(rule: Restrictions, piece: _Piece) -> bool:
    hours = Fraction(piece.seconds, HOUR)
    power_kw = piece.wh / 1000 / hours if hours else Fraction(0)
    current = None if piece.period.current_a is None else Fraction(piece.period.current_a)
    return (
        _in_hours(rule.start_time, rule.end_time, piece.start.time())
        and (rule.start_date is None or piece.start.date() >= rule.start_date)
        and (rule.end_date is None or piece.start.date() < rule.end_date)
        and (not rule.day_of_week or DAYS[piece.start.weekday()] in rule.day_of_week)
        and _between(rule.min_kwh, rule.max_kwh, piece.wh_before / 1000)
        and _between(rule.min_duration, rule.max_duration, Fraction(piece.seconds_before))
        and _between(rule.min_power, rule.max_power, power_kw)
        and _between(rule.min_current, rule.max_current, current)
    )


def _between(least: object, most: object, value: Fraction | None) -> bool:
    if least is None and most is None:
        return True
    if value is None:
        return False
    return (least is None or value >= Fraction(str(least))) and (most is None or value < Fraction(str(most)))


def _in_hours(start: str | None, end: str | None, now: time) -> bool:
    first, last = time.fromisoformat(start or "00:00"), time.fromisoformat(end or "00:00")
    if last == time():
        return now >= first
    return first <= now < last if first < last else now >= first or now < last


def _pieces(periods: Sequence[OcpiPeriod], tariff: OcpiTariff) -> Iterator[_Piece]:
    seconds, wh = 0, Fraction(0)
    for period in periods:
        whole = round((period.end - period.start).total_seconds())
        for start, end in pairwise(_cuts(period, tariff.elements, seconds, wh)):
            length = round((end - start).total_seconds())
            part = period.wh * length / whole if whole else period.wh
            yield _Piece(period, start, end, part, seconds, wh)
            seconds, wh = seconds + length, wh + part


def _cuts(period: OcpiPeriod, elements: Sequence[Element], seconds: int, wh: Fraction) -> list[datetime]:
    """The instants of a period at which some restriction may change, its ends included."""
    cuts = set()
    whole = round((period.end - period.start).total_seconds())
    for rule in (element.restrictions for element in elements):
        day = datetime.combine(period.start.date(), time(), period.start.tzinfo)
        while day <= period.end:
            clocks = [time.fromisoformat(text) for text in (rule.start_time, rule.end_time) if text is not None]
            cuts |= {day, *(datetime.combine(day.date(), at, day.tzinfo) for at in clocks)}
            day += timedelta(days=1)
        cuts |= {period.start + timedelta(seconds=at - seconds) for at in (rule.min_duration, rule.max_duration) if at is not None}
        for limit in (rule.min_kwh, rule.max_kwh):
            if limit is not None and period.wh:
                cuts.add(period.start + timedelta(seconds=round((Fraction(limit) * 1000 - wh) / period.wh * whole)))
    return [period.start, *sorted(cut for cut in cuts if period.start < cut < period.end), period.end]
