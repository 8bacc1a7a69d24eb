"""What a charger is told so that a place keeps to a current, and what its meter proves of it. Pure.

The limit is a default profile for transactions (ST-61): it needs no running transaction and is the one that chargers take.
It lasts minutes and is renewed; under it lies a low one that lasts (ST-64), so a charger that hears nothing falls back to it.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

from app.charging.intents import ClearProfile, Intent, Period, Profile, ReadConfiguration, SetProfile

LEAST_A = Decimal(6)  # IEC 61851 has no smaller current: below it there is only none (ST-63)
LEASE = timedelta(minutes=10)
RENEW = timedelta(minutes=5)  # before the end; the timetable looks every minute
SETTLE = timedelta(seconds=30)  # from Accepted until the car must have followed
WAKE_AFTER = timedelta(minutes=1)
MOST_WAKES = 2
SLACK_A = Decimal("0.5")
VOLTS = 230
FAILSAFE_LEVEL, LIMIT_LEVEL = 0, 1
UNITS = ("ChargingScheduleAllowedChargingRateUnit", "SmartChargingCtrlr.RateUnit")


def possible(limit_a: Decimal) -> Decimal:
    """The nearest current that a charger can give: whole tenths, never more than was granted, nothing below 6 A."""
    return Decimal(0) if limit_a < LEAST_A else limit_a.quantize(Decimal("0.1"), rounding=ROUND_DOWN)


def profile_ids(connector: int) -> tuple[int, int]:
    """Our numbers for the lasting and the short profile of a connector."""
    return connector * 10 + 1, connector * 10 + 2


def failsafe(connector: int, limit_a: Decimal) -> SetProfile:
    """The low limit that lasts."""
    profile = Profile(id=profile_ids(connector)[0], stack_level=FAILSAFE_LEVEL, purpose="default",
                      periods=(Period(start_s=0, limit_a=limit_a),))  # fmt: skip
    return SetProfile(connector=connector, profile=profile)


def limit(connector: int, limit_a: Decimal, now: datetime) -> SetProfile:
    """The limit of the moment, above it."""
    profile = Profile(
        id=profile_ids(connector)[1], stack_level=LIMIT_LEVEL, purpose="default", periods=(Period(start_s=0, limit_a=limit_a),),
        starts_at=now, duration_s=int(LEASE.total_seconds()), valid_to=now + LEASE,
    )  # fmt: skip
    return SetProfile(connector=connector, profile=profile)


def next_step(row: Mapping[str, Any], units_known: bool, version: str | None, now: datetime) -> Intent | None:
    """What to tell the charger next, or None where all is told."""
    connector = row["connector_no"]
    if row["wanted_a"] is None:
        return ClearProfile(profile_id=profile_ids(connector)[1 if row["told_a"] is not None else 0])
    if not units_known and not row["units_asked"]:
        return ReadConfiguration(names=(UNITS[1 if version == "ocpp2.0.1" else 0],))
    if not row["failsafe_set"]:
        return failsafe(connector, row["failsafe_a"])
    wanted = Decimal(0) if row["pulse"] else row["wanted_a"]
    if row["told_a"] != wanted or row["lease_until"] is None or row["lease_until"] - now < RENEW:
        return limit(connector, wanted, now)
    return None


def bound_of(profile: Profile, began: datetime | None, now: datetime) -> Decimal | None:
    """The current a phase that a profile allows at a moment, None while it says nothing. Without a start of its own it counts
    from the charge's beginning."""
    if (profile.valid_from is not None and now < profile.valid_from) or (profile.valid_to is not None and now >= profile.valid_to):
        return None
    passed_s = (now - (profile.starts_at or began or now)).total_seconds()
    if passed_s < 0 or (profile.duration_s is not None and passed_s >= profile.duration_s):
        return None
    return next((one.limit_a for one in reversed(profile.periods) if one.start_s <= passed_s), None)


def measured_a(raw: str) -> Decimal | None:
    """The largest current of a phase that a moment's values tell, or None."""
    found: list[Decimal] = []
    for sample in json.loads(raw, parse_float=Decimal).get("sampledValue", []):
        if sample.get("measurand") == "Current.Import":
            try:
                found.append(Decimal(str(sample.get("value")).replace(",", ".")))
            except ArithmeticError:
                continue
    return max((one for one in found if one.is_finite()), default=None)


def obeyed(limit_a: Decimal, current_a: Decimal | None, power_w: int | None, phases: int) -> bool | None:
    """Whether a meter proves that a limit is kept; None: it proves nothing. Power alone leaves open on how many phases."""
    if current_a is not None:
        return current_a <= limit_a + SLACK_A
    if power_w is None:
        return None
    if power_w <= (limit_a + SLACK_A) * VOLTS:
        return True
    return False if power_w > (limit_a + SLACK_A) * VOLTS * phases else None


def counted(before: Decimal, told: Decimal, free: bool = False) -> Decimal:
    """What a place counts at once the charger has accepted a limit: until its meter proves it, the larger one (ST-62). A place
    without a charge that has accepted none has none: nothing flows there, and a car that comes begins from it."""
    return told if free and told == 0 else max(before, told)
