"""What fails in a twin, at random but the same for the same seed: links of stations, meters. Pure."""

import random
from collections.abc import Sequence

import msgspec

MINUTE = 60.0


class Faults(msgspec.Struct, kw_only=True):
    """How often each station's link and each meter fails a day, and for how long (minutes, from and to)."""

    seed: int = 1
    link_a_day: float = 0.0
    link_min: tuple[float, float] = (0.5, 45.0)
    meter_a_day: float = 0.0
    meter_min: tuple[float, float] = (0.5, 30.0)


class Outages:
    """The spells in which each thing is away."""

    def __init__(self, faults: Faults, links: Sequence[str], meters: Sequence[str], seconds: float) -> None:
        pick = random.Random(faults.seed)  # noqa: S311 - a simulation
        self.links = {name: _spells(pick, faults.link_a_day, faults.link_min, seconds) for name in links}
        self.meters = {name: _spells(pick, faults.meter_a_day, faults.meter_min, seconds) for name in meters}

    def link_away(self, name: str, at_s: float) -> bool:
        """Whether a station has no link at a moment."""
        return any(begins <= at_s < ends for begins, ends in self.links[name])

    def meter_away(self, name: str, at_s: float) -> bool:
        """Whether a meter says nothing at a moment."""
        return any(begins <= at_s < ends for begins, ends in self.meters[name])

    @property
    def count(self) -> tuple[int, int]:
        """How many times a link and a meter fail."""
        return sum(map(len, self.links.values())), sum(map(len, self.meters.values()))


def _spells(pick: random.Random, a_day: float, minutes: tuple[float, float], seconds: float) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    at = 0.0
    while a_day > 0 and (at := at + pick.expovariate(a_day / 86_400)) < seconds:
        found.append((at, at + MINUTE * pick.uniform(*minutes)))
        at = found[-1][1]
    return found
