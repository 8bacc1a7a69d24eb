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
from app.tariffs.model import Component, Dimension, Price, PriceLine, Tariff, Unit, UsePiece

UNITS: dict[Dimension, Unit] = {"kwh": "kWh", "minute": "min", "idle_minute": "min", "session": "session"}
ORDER: tuple[Dimension, ...] = ("session", "kwh", "minute", "idle_minute")


DEAREST = Decimal(1000)


def check_components(components: Sequence[Component]) -> None:
    """Raises Refused no_price where nothing is priced by the kWh, bad_price with the position of a price that cannot be."""
    if not any(part.dimension == "kwh" for part in components):
        raise Refused("no_price", 422, "Write a price for the kWh.", fields=["components"])
    for position, part in enumerate(components, start=1):
        places = part.unit_price.as_tuple().exponent
        odd = not part.unit_price.is_finite() or not 0 <= part.unit_price <= DEAREST or not isinstance(places, int) or places < -6
        hours = (part.from_time is None) != (part.to_time is None)
        days = part.weekdays is not None and not set(part.weekdays) <= set(range(1, 8))
        if odd or hours or days or (part.grace_minutes or 0) < 0 or (part.cap_minor or 0) < 0:
            raise Refused("bad_price", 422, f"Price {position} cannot be: zero or more, at most six places, both hours or none.",
                          position=position, fields=["components"])  # fmt: skip


def price(pieces: Sequence[UsePiece], tariff: Tariff) -> Price:
    """The price of a session that used these pieces, in order of time."""
    lines = [line for dimension in ORDER for line in _lines(dimension, pieces, tariff)]
    total = sum(line.amount_minor for line in lines)
    if tariff.vat_included:
        vat = vat_of_gross(total, tariff.vat_rate)
        net, gross = total - vat, total
    else:
        vat = vat_of_net(total, tariff.vat_rate)
        net, gross = total, total + vat
    return Price(
        currency=tariff.currency, vat_rate=tariff.vat_rate, net_minor=net, vat_minor=vat, gross_minor=gross,
        lines=tuple(lines),
    )  # fmt: skip


def component_at(tariff: Tariff, dimension: Dimension, at: datetime) -> Component | None:
    """The rate of a dimension in force at an instant: the first that matches."""
    local = at.astimezone(ZoneInfo(tariff.time_zone))
    for component in tariff.components:
        if component.dimension == dimension and _matches(component, local):
            return component
    return None


def _matches(component: Component, local: datetime) -> bool:
    if component.weekdays is not None and local.isoweekday() not in component.weekdays:
        return False
    if component.from_time is None or component.to_time is None:
        return True
    start, end, now = component.from_time, component.to_time, local.time()
    if end == time():
        return now >= start
    return start <= now < end if start < end else now >= start or now < end


def _lines(dimension: Dimension, pieces: Sequence[UsePiece], tariff: Tariff) -> list[PriceLine]:
    """One line per component used; energy is exact, time is counted in whole minutes of the whole session."""
    used: dict[int, int] = {}
    for piece in pieces[:1] if dimension == "session" else pieces:
        component = component_at(tariff, dimension, piece.start)
        if component is not None:
            index = tariff.components.index(component)
            used[index] = used.get(index, 0) + _amount(dimension, piece)
    return [
        line for index, amount in sorted(used.items()) if (line := _line(tariff.components[index], amount, tariff.currency)) is not None
    ]


def _amount(dimension: Dimension, piece: UsePiece) -> int:
    """Wh, seconds or one. A second is either one of charging or an idle one."""
    if dimension == "kwh":
        return piece.energy_wh
    if dimension == "session":
        return 1
    seconds = round((piece.end - piece.start).total_seconds())
    return piece.idle_s if dimension == "idle_minute" else seconds - piece.idle_s


def _line(component: Component, amount: int, currency: str) -> PriceLine | None:
    if component.dimension == "kwh":
        quantity = kwh(amount)
    elif component.dimension == "session":
        quantity = Decimal(amount)
    else:
        whole_minutes = (Decimal(amount) / 60).quantize(Decimal(1), rounding=ROUND_DOWN)
        quantity = max(Decimal(0), whole_minutes - (component.grace_minutes or 0))
    if quantity == 0:
        return None
    amount_minor = to_minor(quantity * component.unit_price, currency)
    if component.cap_minor is not None:
        amount_minor = min(amount_minor, component.cap_minor)
    return PriceLine(
        dimension=component.dimension,
        band=component.band,
        quantity=quantity,
        unit=UNITS[component.dimension],
        unit_price=component.unit_price,
        amount_minor=amount_minor,
    )


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
