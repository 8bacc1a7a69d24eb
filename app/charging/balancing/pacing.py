"""From what a car may have to what it is told: down at once, up slowly, nothing for a trifle. Pure; seconds and amperes."""

import msgspec

RISE_AFTER_S = 30.0  # headroom must have held that long before a current rises
RISE_A = 4.0  # and then by at most this a tick
DEADBAND_A = 1.0
DWELL_S = 3600.0
SOLAR_DWELL_S = 900.0


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """What a session was told, and since when. `rising_since`: since when more would have been possible."""

    told_a: float = 0.0
    on_since: float | None = None
    rising_since: float | None = None
    started: bool = False


def paced(pace: Pace, target_a: float, min_a: float, now_s: float, may_rise: bool = True) -> Pace:
    """The next step towards a target. `may_rise` False: the meter is silent, so nothing grows."""
    if target_a < pace.told_a:
        return _at(pace, target_a, now_s, None)
    if not may_rise or target_a == pace.told_a or (target_a - pace.told_a < DEADBAND_A and pace.told_a > 0):
        return msgspec.structs.replace(pace, rising_since=None)
    if not pace.started:
        # A car that has just come gets its minimum at once: nobody has to wait for a headroom that was there before.
        return _at(pace, min(target_a, max(min_a, pace.told_a)), now_s, now_s)
    since = now_s if pace.rising_since is None else pace.rising_since
    if now_s - since < RISE_AFTER_S:
        return msgspec.structs.replace(pace, rising_since=since)
    return _at(pace, min(target_a, max(min_a, pace.told_a + RISE_A)), now_s, since)


def _at(pace: Pace, amps: float, now_s: float, rising_since: float | None) -> Pace:
    on_since = None if amps <= 0 else (now_s if pace.on_since is None or pace.told_a <= 0 else pace.on_since)
    return Pace(told_a=amps, on_since=on_since, rising_since=rising_since, started=True)


def held(pace: Pace, now_s: float, dwell_s: float = DWELL_S) -> bool:
    """Whether a car is inside its dwell time: it keeps its place before others that could wait less."""
    return pace.on_since is not None and now_s - pace.on_since < dwell_s
