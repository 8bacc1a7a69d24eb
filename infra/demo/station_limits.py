"""The limits that a server has set on a demo station (SetChargingProfile of 1.6 and 2.0.1), and which one counts now. Pure."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

VOLTS = 230
LEAST_MA = 6_000  # below 6 A a car takes nothing (IEC 61851-1)
STATION_MA = 16_000
PURPOSES = {
    "ChargePointMaxProfile": "station", "ChargingStationMaxProfile": "station", "TxDefaultProfile": "default", "TxProfile": "transaction",
}  # fmt: skip
REPEATS = {"Daily": timedelta(days=1), "Weekly": timedelta(days=7)}


class Limit(msgspec.Struct, frozen=True, order=True):
    """What the station may give: milliamperes on each phase, and on how many."""

    each_ma: int = STATION_MA
    phases: int = 3

    @property
    def power_w(self) -> int:
        """The same in W; a car takes nothing below 6 A."""
        return 0 if self.each_ma < LEAST_MA else self.each_ma * VOLTS * self.phases // 1000


class Period(msgspec.Struct, frozen=True):
    """From `start_s` seconds after the schedule's start."""

    start_s: int
    limit: Limit


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A charging profile. `starts_at` None: from the transaction's start."""

    id: int
    stack_level: int
    purpose: str
    periods: tuple[Period, ...]
    transaction: str | None = None
    starts_at: datetime | None = None
    every_s: int | None = None
    duration_s: int | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None


def profile_of(said: dict[str, Any]) -> Profile:
    """A profile as the `ocpp` package hands it over, in either version. Raises ValueError, KeyError where it makes no sense."""
    schedule = said["charging_schedule"]
    schedule = schedule[0] if isinstance(schedule, list) else schedule
    kind, repeats = said["charging_profile_kind"], said.get("recurrency_kind")
    begins = schedule.get("start_schedule")
    if kind != "Relative" and begins is None:
        raise ValueError("an absolute or recurring schedule needs its start")
    transaction = said.get("transaction_id")
    return Profile(
        id=said["charging_profile_id"] if "charging_profile_id" in said else said["id"], stack_level=said["stack_level"],
        purpose=PURPOSES[said["charging_profile_purpose"]], transaction=None if transaction is None else str(transaction),
        periods=tuple(_period(one, schedule["charging_rate_unit"]) for one in schedule["charging_schedule_period"]),
        starts_at=None if kind == "Relative" else _moment(begins), duration_s=schedule.get("duration"),
        every_s=int(REPEATS[repeats or "Daily"].total_seconds()) if kind == "Recurring" else None,
        valid_from=_moment(said.get("valid_from")), valid_to=_moment(said.get("valid_to")),
    )  # fmt: skip


def _period(said: dict[str, Any], unit: str) -> Period:
    phases, limit = said.get("number_phases") or 3, Decimal(str(said["limit"]))
    if not 0 <= limit <= 1_000_000 or phases not in (1, 2, 3):
        raise ValueError("no such limit")
    each = limit * 1000 if unit == "A" else limit * 1000 / (VOLTS * phases)
    return Period(said["start_period"], Limit(min(STATION_MA, int(each)), phases))


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without its zone")
    return at


def added(profiles: list[Profile], new: Profile) -> list[Profile]:
    """The profiles with a new one: it takes the place of the same id, and of the same purpose and level."""
    same = (new.purpose, new.stack_level)
    return [*[one for one in profiles if one.id != new.id and (one.purpose, one.stack_level) != same], new]


def limit_now(profiles: list[Profile], began: datetime | None, now: datetime) -> Limit:
    """Of each purpose the highest level counts, a transaction's own before the default; the station's maximum caps them."""
    found = {}
    for purpose in ("station", "default", "transaction"):
        for one in sorted((p for p in profiles if p.purpose == purpose), key=lambda p: p.stack_level):
            limit = _limit_of(one, began, now)
            if limit is not None:
                found[purpose] = limit
    own = found.get("transaction", found.get("default", Limit()))
    cap = found.get("station", Limit())
    return Limit(min(own.each_ma, cap.each_ma), min(own.phases, cap.phases))


def _limit_of(profile: Profile, began: datetime | None, now: datetime) -> Limit | None:
    if (profile.valid_from and now < profile.valid_from) or (profile.valid_to and now >= profile.valid_to):
        return None
    start = profile.starts_at or began or now
    passed_s = int((now - start).total_seconds())
    if profile.every_s is not None:
        passed_s %= profile.every_s
    if passed_s < 0 or (profile.duration_s is not None and passed_s >= profile.duration_s):
        return None
    return next((one.limit for one in reversed(profile.periods) if one.start_s <= passed_s), None)
