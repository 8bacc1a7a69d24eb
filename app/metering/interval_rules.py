"""Quarter-hours as grid operators send them: amounts, times, and which of them cannot be. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from statistics import median
from zoneinfo import ZoneInfo

import msgspec

from app.kernel.errors import Refused
from app.metering.reading_rules import QUARTER_S

UNITS = {"wh": 1, "kwh": 1000, "mwh": 1_000_000}
AMOUNT = re.compile(r"\d{1,9}([.,]\d{1,9})?")
TIME = re.compile(r"(\d{1,2})[./](\d{1,2})[./](\d{4}) (\d{1,2}):(\d{2})(:00)?")
# A file names few points, and its times and many of its amounts again and again: each is read once (lru_cache).
ENOUGH = 24  # amounts on either side from which on their middles can be held against each other
THOUSAND = (400, 2500)  # kWh for Wh, with room for a change of habits

SENTENCES = {
    "unknown_meter": "This house has no such meter.",
    "not_from_grid": "This meter is not one that the grid operator's files feed.",
    "wrong_direction": "The file has consumption for a meter that counts production.",
    "no_energy_unit": "Write the unit of each amount: kWh or Wh.",
    "bad_energy": "This is no amount of energy. Write a number from 0 on, without separators of thousands.",
    "bad_time": "This is no time. Write it as 2026-10-25T02:15:00+02:00.",
    "hour_twice": "In autumn this hour comes twice. Write the time with its zone, such as +01:00.",
    "hour_skipped": "In spring this hour does not exist. Write the time with its zone, such as +02:00.",
    "not_a_quarter": "Only quarter-hours are taken: they begin at minute 0, 15, 30 or 45, and a position lies within its interval.",
    "in_future": "The reading is from the future. Check the clock.",
    "quarter_too_large": "This is more than the meter can measure in a quarter-hour. Are kWh and Wh mistaken for each other?",
    "kilo_slip_amount": "The amounts are a thousand times what is known of this meter, or a thousandth: kWh and Wh look mistaken.",
    "two_amounts": "The file has two amounts for this quarter-hour.",
}


class Quarter(msgspec.Struct, frozen=True, gc=False):
    """The energy (Wh) of a meter in the quarter-hour that begins at `at`; None: not said. `line`: where in the file."""

    line: int
    meter: str
    at: int
    imported: int | None
    exported: int | None = None
    estimated: bool = False


class BadLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that cannot be taken, and why; the code has a sentence in every language."""

    line: int
    code: str
    meter: str = ""
    value: str = ""


class IntervalFile(msgspec.Struct):
    """What a file says. `left_out`: series in it that are not active energy, such as shares of a community."""

    quarters: list[Quarter] = []
    bad: list[BadLine] = []
    left_out: int = 0
    directed: bool = False  # the file says of each point whether it consumes or produces


@lru_cache(maxsize=4096)
def point_of(text: str) -> str:
    """The number of a metering point or meter as it is kept: in capitals, without spaces."""
    return "".join(text.split()).upper()


@lru_cache(maxsize=65_536)
def amount_of(text: str, unit: str) -> int:
    """An amount in Wh, rounded to the nearest one. Raises Refused no_energy_unit, bad_energy."""
    factor = UNITS.get(unit.strip().casefold())
    if factor is None:
        raise _bad("no_energy_unit")
    if not AMOUNT.fullmatch(text):
        raise _bad("bad_energy")
    return int((Decimal(text.replace(",", ".")) * factor).to_integral_value(ROUND_HALF_EVEN))


@lru_cache(maxsize=65_536)
def time_of(text: str, zone: ZoneInfo | None) -> int:
    """The beginning of a quarter-hour in seconds. A time without its zone is the site's, where it means one time alone.

    Raises Refused bad_time, hour_twice, hour_skipped, not_a_quarter.
    """
    at = _written(text)
    if at.tzinfo is None:
        if zone is None:
            raise _bad("bad_time")
        first, second = (at.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
        if first != second:
            raise _bad("hour_twice" if first is not None and second is not None and first > second else "hour_skipped")
        at = at.replace(tzinfo=zone)
    moment = at.astimezone(UTC)
    if moment.microsecond or int(moment.timestamp()) % QUARTER_S:
        raise _bad("not_a_quarter")
    return int(moment.timestamp())


def _written(text: str) -> datetime:
    day_first = TIME.fullmatch(text)
    try:
        if day_first:
            day, month, year, hour, minute = (int(part) for part in day_first.groups()[:5])
            at = datetime(year, month, day, hour, minute)  # noqa: DTZ001 - the caller looks for its zone
        else:
            at = datetime.fromisoformat(text)
    except ValueError as error:
        raise _bad("bad_time") from error
    if not 2000 <= at.year <= 2100 or len(text) < len("1.1.2026 0:00"):  # a day alone is no time
        raise _bad("bad_time")
    return at


def _bad(code: str) -> Refused:
    return Refused(code, 422, SENTENCES[code])


def one_of_each(quarters: Sequence[Quarter]) -> tuple[dict[tuple[str, int], Quarter], list[BadLine]]:
    """Both directions of a quarter-hour in one; two different amounts for the same are refused, the same twice is not."""
    found: dict[tuple[str, int], Quarter] = {}
    bad: list[BadLine] = []
    for new in quarters:
        key = new.meter, new.at
        old = found.get(key)
        if old is None:
            found[key] = new
            continue
        if _differ(old.imported, new.imported) or _differ(old.exported, new.exported):
            bad.append(BadLine(line=new.line, code="two_amounts", meter=new.meter))
            continue
        found[key] = Quarter(old.line, old.meter, old.at, new.imported if old.imported is None else old.imported,
                             new.exported if old.exported is None else old.exported, old.estimated or new.estimated)  # fmt: skip
    return found, bad


def _differ(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one != other


def kilo_slip(known: Mapping[int, int], new: Mapping[int, int]) -> bool:
    """Whether amounts (by their times) and those known of the meter differ as kWh and Wh do.

    Where both have a time, its two amounts tell; else the middles of many amounts do.
    """
    pairs = [(amount, known[at]) for at, amount in new.items() if amount and known.get(at)]
    if pairs:
        return all(950 * small <= large <= 1050 * small for small, large in map(sorted, pairs))
    before, after = ([amount for amount in side.values() if amount] for side in (known, new))
    if min(len(before), len(after)) < ENOUGH:
        return False
    small, large = sorted((median(before), median(after)))
    return small >= 2 and THOUSAND[0] * small <= large <= THOUSAND[1] * small
