"""How often stations are asked to speak."""

from random import SystemRandom

HEARTBEAT_SECONDS = 300
JITTER_SECONDS = 30
chance = SystemRandom()


def heartbeat_seconds() -> int:
    """An interval, spread so that stations which came back together do not speak together for ever."""
    return HEARTBEAT_SECONDS + chance.randint(-JITTER_SECONDS, JITTER_SECONDS)
