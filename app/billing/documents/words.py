"""Words, numbers and dates of documents in the reader's language."""

import json
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from babel.dates import format_date
from babel.numbers import format_decimal

from app.billing.documents.render import FOLDER
from app.kernel.energy import kwh
from app.kernel.money import to_major

LONGEST_WORD = 32
# Countries of a language, the one that stands for the others first.
SPOKEN = {"de": ("CH", "DE", "AT", "LI", "LU", "BE"), "fr": ("CH", "FR", "BE", "LU"), "it": ("CH", "IT"), "en": ("GB",), "nl": ("BE", "NL")}


@cache
def texts(locale: str) -> dict[str, str]:
    """The words of a language: de, fr, it, en or nl."""
    found: dict[str, str] = json.loads((FOLDER / "texts.json").read_text())[locale]
    return found


def region(locale: str, country: str) -> str:
    """The locale whose number and date forms are used: the creditor's country where it speaks the language."""
    return f"{locale}_{country}" if country in SPOKEN[locale] else f"{locale}_{SPOKEN[locale][0]}"


def money(amount_minor: int, currency: str, form: str) -> str:
    """1234.50 in the reader's form, without the currency."""
    return str(format_decimal(to_major(amount_minor, currency), format="#,##0.00", locale=form))


def energy(energy_wh: int, form: str, places: int = 3) -> str:
    """Wh as kWh with three places; fewer in sentences and under bars."""
    return str(format_decimal(kwh(energy_wh), format="#,##0" + ("." + "0" * places if places else ""), locale=form))


def number(value: Decimal, form: str, pattern: str) -> str:
    """A Decimal in the reader's form."""
    return str(format_decimal(value, format=pattern, locale=form))


def day(value: date, form: str) -> str:
    """A date in the reader's form."""
    return str(format_date(value, format="medium", locale=form))


def clock(at: datetime, time_zone: str) -> str:
    """Hours and minutes at the place."""
    return f"{at.astimezone(ZoneInfo(time_zone)):%H:%M}"


def shortened(text: str, most: int) -> str:
    """A text that fits its place: at most so many characters, words without end broken."""
    words = [word[i : i + LONGEST_WORD] for word in text.split() for i in range(0, len(word), LONGEST_WORD)]
    line = " ".join(words)
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def grouped(reference: str) -> str:
    """A reference as printed: QRR 2+5+5+5+5+5, SCOR in fours."""
    if reference.isdecimal():
        rest = reference[2:]
        return " ".join([reference[:2], *[rest[i : i + 5] for i in range(0, len(rest), 5)]])
    return " ".join(reference[i : i + 4] for i in range(0, len(reference), 4))
