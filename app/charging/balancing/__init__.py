"""Load balancing as pure functions: state in, currents out; no clock, no database, no socket."""

from app.charging.balancing.allocation import allocate
from app.charging.balancing.scheduler import Scheduler

__all__ = ["Scheduler", "allocate"]
