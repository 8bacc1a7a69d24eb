"""An independent reckoning of electricity bills in plain integers and loops, quarter-hour by quarter-hour.

It shares nothing with the application but the meaning of the rules: money in hundred-millionths of the currency unit, energy
in Wh, rates in thousandths of per cent. Written from the rules, not from the code.
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

MICRO = 1_000_000  # prices are given in millionths of a currency unit


def half_up(numerator: int, denominator: int) -> int:
    """numerator / denominator to the nearest integer, halves away from zero."""
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))


def quarters(first: date, last: date, zone: str) -> list[datetime]:
    """Local starts of the quarter-hours of some days."""
    tz = ZoneInfo(zone)
    at = datetime(first.year, first.month, first.day, tzinfo=tz).astimezone(UTC)
    after = last + timedelta(days=1)
    end = datetime(after.year, after.month, after.day, tzinfo=tz).astimezone(UTC)
    found = []
    while at < end:
        found.append(at.astimezone(tz))
        at += timedelta(minutes=15)
    return found


def share(offer: int, demand: list[int], priorities: list[int]) -> list[int]:
    """Solar Wh of one quarter-hour: the largest priority first, in proportion, largest remainder, ties to the earlier."""
    given = [0] * len(demand)
    for level in sorted(set(priorities), reverse=True):
        rows = [i for i in range(len(demand)) if priorities[i] == level]
        whole = sum(demand[i] for i in rows)
        part = min(offer, whole)
        if part == 0:
            continue
        rest = part
        remainders = []
        for i in rows:
            given[i] = demand[i] * part // whole
            rest -= given[i]
            remainders.append((-(demand[i] * part % whole), i))
        for _, i in sorted(remainders)[:rest]:
            given[i] += 1
        offer -= part
    return given


def split_days(amount: int, days: list[int]) -> list[int]:
    """An amount by days, largest remainder, ties to the earlier."""
    whole = sum(days)
    parts = [amount * day // whole for day in days]
    order = sorted(range(len(days)), key=lambda i: (-(amount * days[i] % whole), i))
    for i in order[: amount - sum(parts)]:
        parts[i] += 1
    return parts


def month_days(day: date) -> int:
    """The days of a day's month."""
    return ((day.replace(day=1) + timedelta(days=32)).replace(day=1) - day.replace(day=1)).days


def is_high(local: datetime) -> bool:
    """Monday to Friday 7 to 20, Saturday 7 to 13."""
    return (local.isoweekday() <= 5 and 7 <= local.hour < 20) or (local.isoweekday() == 6 and 7 <= local.hour < 13)


class Terms:
    """Prices from a day on in millionths: (solar, grid high, grid low), a month's charge, a kW's; VAT in thousandths."""

    def __init__(
        self, since: date, solar: int, high: int, low: int, month: int, kw: int, tiers: list[tuple[int | None, int]] | None = None
    ):
        self.since, self.solar, self.high, self.low, self.month, self.kw, self.tiers = since, solar, high, low, month, kw, tiers


def amount_minor(quantity_milli: int, price_micro: int) -> int:
    """Thousandths of a unit times millionths, in hundredths of a currency unit."""
    return half_up(quantity_milli * price_micro, 10_000_000)


def bill(
    local: list[datetime], solar: list[int], grid: list[int], terms: list[Terms], vat_from: list[tuple[date, int]],
    stays: list[tuple[date, date]], mine: int, first: date, last: date,
) -> tuple[int, int, list[int], int]:  # fmt: skip
    """(net, VAT, line amounts, Wh) of one party: prices without VAT, cut where prices or the VAT rate change."""
    start, end = max(first, stays[mine][0]), min(last, stays[mine][1])
    cuts = sorted(
        {first, *(t.since for t in terms), *(day for day, _ in vat_from)} & {first + timedelta(n) for n in range((last - first).days + 1)}
    )
    groups: dict[int, int] = {}
    lines: list[int] = []
    used = 0
    for n, cut in enumerate(cuts):
        a, b = max(start, cut), min(end, cuts[n + 1] - timedelta(1) if n + 1 < len(cuts) else last)
        if b < a:
            continue
        now = [t for t in terms if t.since <= cut][-1]
        rate = [r for day, r in vat_from if day <= cut][-1]
        amounts = part_lines(local, solar, grid, now, a, b)
        used += sum(solar[i] + grid[i] for i, at in enumerate(local) if a <= at.date() <= b)
        day = a
        month_minor = 0
        while day <= b:  # month by month
            end_of_month = min(b, day.replace(day=month_days(day)))
            inside = [max(0, (min(end_of_month, stop) - max(day, begin)).days + 1) for begin, stop in stays]
            rest = month_days(day) - sum(inside)
            month_minor += split_days(half_up(now.month, 10_000), [*inside, rest])[mine]
            day = end_of_month + timedelta(1)
        amounts.append(month_minor)
        lines += [amount for amount in amounts if amount]
        groups[rate] = groups.get(rate, 0) + sum(amounts)
    vat = sum(half_up(net * rate, 1000) for rate, net in groups.items())
    return sum(groups.values()), vat, lines, used


def part_lines(local: list[datetime], solar: list[int], grid: list[int], now: Terms, a: date, b: date) -> list[int]:
    """Energy and power of some days at one set of prices."""
    sun = high = low = 0
    peaks: dict[int, int] = {}
    for i, at in enumerate(local):
        if not a <= at.date() <= b:
            continue
        sun += solar[i]
        if is_high(at):
            high += grid[i]
        else:
            low += grid[i]
        peaks[at.month] = max(peaks.get(at.month, 0), solar[i] + grid[i])
    if now.tiers is None:
        energy = [amount_minor(sun, now.solar), amount_minor(high, now.high), amount_minor(low, now.low)]
    else:
        energy = [amount_minor(sun, now.solar)]
        before = 0
        for up_to, price in now.tiers:
            top = high + low if up_to is None else min(high + low, up_to)
            energy.append(amount_minor(max(0, top - before), price))
            before = max(before, top)
    return [*energy, *(amount_minor(wh * 4, now.kw) for _, wh in sorted(peaks.items()))] if now.kw else energy
