"""A simulated car and the profiles in its station: what may flow at a moment, and what the car takes of it. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from infra.simulation.place import LEAST_A, VOLTS, Visit

TAPER_FROM = 0.9  # of what it wants: from there on it takes less and less
TAPER_TO = 0.25
FULL_WH = 1.0


class SimCar(msgspec.Struct):
    """A car while it is plugged in."""

    visit: Visit
    phases: int
    had_wh: float = 0.0
    drawn_a: float = 0.0
    switches: int = 0

    @property
    def full(self) -> bool:
        return self.had_wh >= self.visit.wh - FULL_WH

    def takes_a(self, limit_a: float) -> float:
        """Amperes a phase that flow where `limit_a` may: nothing below 6 A, less when it is nearly full."""
        if limit_a < LEAST_A or self.full:
            return 0.0
        done = self.had_wh / self.visit.wh
        share = 1.0 if done <= TAPER_FROM else 1.0 - (1.0 - TAPER_TO) * (done - TAPER_FROM) / (1.0 - TAPER_FROM)
        return min(limit_a, max(LEAST_A, self.visit.max_a * share))

    def charge(self, amps: float, seconds: float) -> float:
        """Let energy flow; returns the Wh that did."""
        self.switches += (amps > 0) != (self.drawn_a > 0)
        self.drawn_a = amps
        wh = min(amps * VOLTS * self.phases * seconds / 3600, self.visit.wh - self.had_wh)
        self.had_wh += wh
        return wh


class Profiles:
    """The charging profiles that a station has taken, in either version's words."""

    def __init__(self, most_a: float, phases: int) -> None:
        self._most_a, self._phases = most_a, phases
        self._kept: dict[tuple[str, int], dict[str, Any]] = {}

    def set(self, profile: Mapping[str, Any], unit: str) -> bool:
        """Take one: it takes the place of the same id, and of the same purpose and level. One in the wrong unit is refused,
        and so is one for a transaction: many chargers know the default only."""
        schedule = _schedule(profile)
        if schedule["chargingRateUnit"] != unit or profile["chargingProfilePurpose"] != "TxDefaultProfile":
            return False
        number = _number(profile)
        self._kept = {key: one for key, one in self._kept.items() if _number(one) != number}
        self._kept[profile["chargingProfilePurpose"], profile["stackLevel"]] = dict(profile)
        return True

    def clear(self, number: int | None) -> bool:
        """Take one away (None: all). Whether there was any."""
        before = len(self._kept)
        self._kept = {key: one for key, one in self._kept.items() if number is not None and _number(one) != number}
        return len(self._kept) < before

    def limit_a(self, now: datetime) -> float:
        """Amperes a phase that the station lets flow at a moment: the highest level that holds."""
        limits = [(key[1], amps) for key, one in self._kept.items() if (amps := self._limit_of(one, now)) is not None]
        amps = max(limits)[1] if limits else self._most_a
        return min(self._most_a, amps)

    def _limit_of(self, profile: Mapping[str, Any], now: datetime) -> float | None:
        schedule = _schedule(profile)
        until, begins = _moment(profile.get("validTo")), _moment(schedule.get("startSchedule"))
        passed = 0.0 if begins is None else (now - begins).total_seconds()
        if (until is not None and now >= until) or passed < 0:
            return None
        if schedule.get("duration") is not None and passed >= schedule["duration"]:
            return None
        amount = float(next(one["limit"] for one in reversed(schedule["chargingSchedulePeriod"]) if one["startPeriod"] <= passed))
        return amount if schedule["chargingRateUnit"] == "A" else amount / (VOLTS * self._phases)


def _schedule(profile: Mapping[str, Any]) -> Mapping[str, Any]:
    found = profile["chargingSchedule"]
    schedule: Mapping[str, Any] = found[0] if isinstance(found, list) else found
    return schedule


def _number(profile: Mapping[str, Any]) -> int:
    return int(profile.get("chargingProfileId", profile.get("id", 0)))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
