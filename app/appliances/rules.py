"""When a relay is on. Pure: the surplus, the house's clock and what is on now go in; what shall be on comes out."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from app.appliances.model import Decision, Period, Relay, State

ALL = 3


def steps(relay: Relay) -> list[tuple[int, int]]:
    """What a relay can be switched to: how many phases, and what that draws (W).

    A heater of three phases heats with a third on each where it has its neutral. Without it a current needs a way back: two phases
    at least, which lie in series then and heat with half.
    """
    if relay.kind != "heater3":
        return [(1, relay.power_w)]
    if relay.neutral:
        return [(count, relay.power_w * count // ALL) for count in (1, 2, 3)]
    return [(2, relay.power_w // 2), (3, relay.power_w)]


def draw_w(relay: Relay, phases: int) -> int:
    """What a relay draws with so many phases on."""
    return next((watts for count, watts in steps(relay) if count == phases), 0)


def decide(
    relays: Sequence[Relay], states: Mapping[str, State], surplus_w: int | None, now: datetime
) -> dict[str, Decision]:  # fmt: skip
    """All relays of a house. `surplus_w`: what the house feeds in now, with what is on counted as it is; None: not known, so there is
    no sun. `now`: the house's own clock. The largest priority has the sun first."""
    on_now = sum(draw_w(one, states[one.id].phases) for one in relays if one.id in states)
    left = 0 if surplus_w is None else max(0, surplus_w + on_now)
    found = {}
    for relay in sorted(relays, key=lambda one: (-one.priority, one.id)):
        found[relay.id] = _decided(relay, states.get(relay.id, State()), left if surplus_w is not None else 0, now)
        left = max(0, left - draw_w(relay, found[relay.id].phases))
    return found


def _decided(relay: Relay, state: State, left_w: int, now: datetime) -> Decision:
    most = steps(relay)[-1][0]
    if relay.mode == "off":
        return Decision(phases=0, reason="always_off")
    if relay.mode == "on":
        return Decision(phases=most, reason="always_on")
    if relay.mode == "manual":
        return Decision(phases=most if relay.by_hand else 0, reason="by_hand")
    inside = any(holds(one, now) for one in relay.periods)
    if relay.mode in ("timer", "solar_timer") and inside:
        return Decision(phases=most, reason="period")
    sun = 0 if relay.mode == "timer" else max((count for count, watts in steps(relay) if watts <= left_w), default=0)
    if sun:
        return Decision(phases=sun, reason="sun")
    if state.phases and state.on_since is not None and now - state.on_since < timedelta(minutes=relay.min_on_min):
        return Decision(phases=steps(relay)[0][0] if relay.kind == "heater3" else state.phases, reason="least_time")
    return Decision(phases=0, reason="outside_period" if relay.mode == "timer" else "too_little_sun")


def holds(period: Period, now: datetime) -> bool:
    """Whether a moment lies in a period; what goes over midnight belongs to the day on which it began."""
    at, day = now.time().replace(tzinfo=None), now.isoweekday()
    if period.from_time < period.to_time:
        return day in period.days and period.from_time <= at < period.to_time
    before = (day - 2) % 7 + 1
    return (day in period.days and at >= period.from_time) or (before in period.days and at < period.to_time)
