"""Licences: what may be asked, what an approval makes of it, when to remind. Pure."""

import calendar
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from app.kernel.errors import Refused

LEAST_DATAPOINTS = 20
YEAR_MONTHS = 12
LicenceKind = Literal["basic", "plus", "enterprise"]
RequestKind = Literal["new", "extension", "upgrade", "renewal"]
Sector = Literal["housing", "industry", "retail", "office", "public", "other"]
Reminder = Literal["month_before", "week_before", "on_the_day"]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Comment = Annotated[str, msgspec.Meta(max_length=2000)]
SPAIN = "ES"
VariableKind = Literal["sent_in", "virtual_device", "forecast", "carbon", "group", "derived", "calculated", "degree_days", "location"]
# Groups, derived and calculated parameters, degree days and location metadata are not counted.
BILLABLE: tuple[VariableKind, ...] = ("sent_in", "virtual_device", "forecast", "carbon")


class Variable(msgspec.Struct, frozen=True):
    """Something that a device tells; `resolution_s` apart, it is one and the same."""

    device: str
    name: str
    kind: VariableKind = "sent_in"
    resolution_s: int = 900


class NewAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form that asks for an account. RTC lines read meters by a modem's call every 24 h and exist in Spain only."""

    account_name: Name
    client_name: Name
    country: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")] = "CH"
    licence: LicenceKind
    datapoints: int
    months: Annotated[int, msgspec.Meta(ge=1, le=60)] = YEAR_MONTHS
    sector: Sector
    rtc_lines: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    email_domain: Annotated[str, msgspec.Meta(max_length=120)] | None = None
    comment: Comment = ""


class Licence(msgspec.Struct, frozen=True, kw_only=True):
    """What an account is under contract for; `in_use` counts monitored variables."""

    account_id: UUID
    account_name: str
    client_name: str
    kind: LicenceKind
    datapoints: int
    in_use: int
    sector: str
    rtc_lines: int
    email_domain: str | None
    starts_on: date
    expires_on: date


def datapoints_of(variables: Iterable[Variable]) -> int:
    """The datapoints of a licence: each billable variable of each device once, whatever its resolutions."""
    return len({(one.device, one.name) for one in variables if one.kind in BILLABLE})


def check_new(form: NewAccount) -> None:
    """Raises Refused too_few_datapoints, rtc_in_spain_only, bad_domain."""
    if form.datapoints < LEAST_DATAPOINTS:
        raise Refused("too_few_datapoints", 422, f"An account has at least {LEAST_DATAPOINTS} datapoints.", least=LEAST_DATAPOINTS,
                      fields=["datapoints"])  # fmt: skip
    if form.rtc_lines and form.country != SPAIN:
        raise Refused("rtc_in_spain_only", 422, "RTC lines are offered in Spain only. Leave them at 0.", fields=["rtc_lines"])
    domain = form.email_domain
    if domain and ("." not in domain or "@" in domain or " " in domain or domain != domain.strip(".")):
        raise Refused("bad_domain", 422, "Write the domain of your e-mail addresses, such as example.org.", fields=["email_domain"])


def after_extension(licence: Licence, added: int) -> int:
    """Datapoints after adding `added` (negative: removing). Raises Refused nothing_asked, below_use with the floor."""
    if added == 0:
        raise Refused("nothing_asked", 422, "Write how many datapoints to add, or a negative number to remove some.", fields=["datapoints"])
    floor = max(LEAST_DATAPOINTS, licence.in_use)
    if added < 0 and licence.datapoints + added < floor:
        removable = licence.datapoints - floor
        raise Refused("below_use", 422, f"At least {floor} must stay, {licence.in_use} are in use: you can remove {removable}.",
                      floor=floor, in_use=licence.in_use, removable=removable, fields=["datapoints"])  # fmt: skip
    return licence.datapoints + added


def later(day: date, months: int) -> date:
    """The same day some months on; the last day of the month where it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def renewed_until(expires_on: date, today: date, months: int = YEAR_MONTHS) -> date:
    """The new end: it follows the old one; where that has passed, it counts from today."""
    return later(max(expires_on, today), months)


def reminder_due(expires_on: date, today: date, given: Iterable[str]) -> Reminder | None:
    """The reminder to give today, each once for a date of expiry: one month and one week before, and on the day.

    After days without a run only the latest that has come due is given; after the day nothing more.
    """
    days: tuple[tuple[Reminder, date], ...] = (
        ("on_the_day", expires_on), ("week_before", expires_on - timedelta(days=7)), ("month_before", later(expires_on, -1)),
    )  # fmt: skip
    if today > expires_on:
        return None
    for kind, day in days:
        if today >= day:
            return None if kind in set(given) else kind
    return None
