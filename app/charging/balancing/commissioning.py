"""Which phases a station hangs on, learnt by switching it: what the meter shows with it off, and with it on. Pure; amperes."""

from collections.abc import Sequence

import msgspec

from app.charging.balancing.model import PHASES

TEST_A = 10.0  # no more is needed to be seen, and the others lose little
STEADY_S = 10.0  # from the charger's answer until the meter's word counts: a car needs a moment to follow
STEP_S = 240.0  # a station that has not done as it was told by then is left
SETTLE_S = 25.0  # in which what else flows must have kept still; else it is measured again
MOST_TRIES = 3
SEEN, UNSEEN = 0.6, 0.3  # shares of the current: from the first on a phase carries it, below the second it does not


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A place as it stands: what its charger has accepted and since when, and the meter's last word of its phases."""

    there: bool
    told_a: float | None
    told_s: float | None
    measured_a: tuple[float, float, float] | None
    measured_s: float | None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Where the switching of one place is. `began_s`: when it came first to its turn; `since_s`: when the stage began."""

    stage: str = "waiting"
    since_s: float = 0.0
    began_s: float = 0.0
    tries: int = 0
    wired: tuple[str, ...] = PHASES
    before_a: tuple[float, float, float] | None = None
    after_a: tuple[float, float, float] | None = None
    found: tuple[str, ...] | None = None
    verdict: str | None = None


def next_step(step: Step, told: Told, now_s: float) -> Step:
    """What comes of a step by what is known now; the same where it has to wait."""
    if step.stage == "waiting":
        step = msgspec.structs.replace(step, stage="off", since_s=now_s, began_s=now_s)
    if not told.there:
        return _done(step, "no_car")
    if now_s - step.began_s > STEP_S * MOST_TRIES or (now_s - step.since_s > STEP_S):
        return _done(step, "no_meter" if told.measured_s is None or now_s - told.measured_s > STEP_S else "no_answer")
    seen = _seen(step, told)
    if seen is None:
        return step
    if step.stage == "off":
        return msgspec.structs.replace(step, stage="on", since_s=now_s, before_a=seen)
    return _judged(msgspec.structs.replace(step, after_a=seen), told.told_a or 0.0, now_s)


def _seen(step: Step, told: Told) -> tuple[float, float, float] | None:
    """The meter's word, where the charger had done as it was told for long enough before it."""
    if told.told_a is None or told.told_s is None or told.measured_s is None:
        return None
    if (told.told_a > 0) != (step.stage == "on"):
        return None
    return told.measured_a if told.measured_s >= max(told.told_s, step.since_s) + STEADY_S else None


def _judged(step: Step, amps: float, now_s: float) -> Step:
    found = carried(step.before_a or (0.0, 0.0, 0.0), step.after_a or (0.0, 0.0, 0.0), amps)
    if found is None:
        if step.tries + 1 >= MOST_TRIES:
            return _done(msgspec.structs.replace(step, tries=step.tries + 1), "unclear")
        return msgspec.structs.replace(step, stage="off", since_s=now_s, tries=step.tries + 1)
    step = msgspec.structs.replace(step, found=found)
    if not found:
        return _done(step, "no_current")
    learnt = wiring_of(step.wired, found)
    if learnt is None:
        return _done(step, "unclear")
    return _done(step, "as_wired" if learnt == step.wired else "learnt")


def _done(step: Step, verdict: str) -> Step:
    return msgspec.structs.replace(step, stage="done", verdict=verdict)


def carried(before: Sequence[float], after: Sequence[float], amps: float) -> tuple[str, ...] | None:
    """The phases that carry a current which was switched on; None where what else flows has changed too much to tell."""
    rise = [new - old for new, old in zip(after, before, strict=True)]
    if any(UNSEEN * amps <= abs(one) < SEEN * amps or one <= -UNSEEN * amps or one > 2 * amps for one in rise):
        return None
    return tuple(phase for phase, one in zip(PHASES, rise, strict=True) if one >= SEEN * amps)


def wiring_of(wired: tuple[str, ...], found: tuple[str, ...]) -> tuple[str, ...] | None:
    """The phases in the order of the terminals, by what was found; None where it does not tell.

    A car of one phase draws on the station's first terminal, so it shows how a station of three is turned; all three at once
    show that all are there, and leave the order as it stands.
    """
    if len(found) == 1:
        if len(wired) == 1:
            return found
        if len(wired) == 3:
            turn = (PHASES.index(found[0]) - PHASES.index(wired[0])) % 3
            return tuple(PHASES[(PHASES.index(one) + turn) % 3] for one in wired)
        return None if found[0] not in wired else wired
    if set(found) == set(wired):
        return wired
    return found if len(found) == 3 else None
