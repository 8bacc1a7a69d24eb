"""What is wrong with the meters and the feeder of a distribution zone. Pure.

One feeder is one zone, behind a breaker of 63 A at most, with a meter of its own at the level of the other consumers' meters.
Meters form a tree: each names the one that it hangs behind.
"""

from collections.abc import Mapping, Sequence

import msgspec

from app.charging.balancing.checks import USUAL_LIMIT_A, CircuitFinding


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """A meter of the site. `behind`: the meter above it. `common`: it measures the common areas. `consumer`: a flat or the like."""

    id: str
    behind: str | None = None
    common: bool = False
    consumer: bool = False


class Zone(msgspec.Struct, frozen=True, kw_only=True):
    """A circuit with what feeds and measures it. `dlm`: the meters that see other loads, and their amperage in A where it is known."""

    id: str
    limit_a: float
    breaker: str
    stations: int
    consumption: str | None
    dlm: Mapping[str, float | None]


def check_zones(zones: Sequence[Zone], meters: Sequence[Meter]) -> list[CircuitFinding]:
    """Everything that is wrong; what would let cars draw more than the house knows is grave."""
    known = {meter.id: meter for meter in meters}
    found: list[CircuitFinding] = []
    for zone in zones:
        found += _feeder(zone, zones)
        if zone.consumption is not None:
            found += _consumption(zone, zones, known)
        elif zone.stations:
            found.append(CircuitFinding(code="zone_without_meter", subject=zone.id, grave=False))
        for meter, rated_a in zone.dlm.items():
            if sees_only_zone(meter, zone.consumption, known):
                found.append(CircuitFinding(code="dlm_sees_only_zone", subject=zone.id, grave=True))
            if rated_a is None:
                found.append(CircuitFinding(code="dlm_amperage_missing", subject=zone.id, grave=True))
            elif rated_a < zone.limit_a:
                found.append(CircuitFinding(code="dlm_amperage_below_limit", subject=zone.id, grave=True, needed_a=zone.limit_a,
                                            limit_a=rated_a))  # fmt: skip
    return found


def _feeder(zone: Zone, zones: Sequence[Zone]) -> list[CircuitFinding]:
    """Of a zone that feeds stations: its breaker, its size, and that nothing else hangs on it."""
    if not zone.stations:
        return []
    found = []
    if zone.limit_a > USUAL_LIMIT_A:
        found.append(CircuitFinding(code="feeder_over_63", subject=zone.id, grave=False, needed_a=zone.limit_a, limit_a=USUAL_LIMIT_A))
    if not zone.breaker:
        found.append(CircuitFinding(code="zone_without_breaker", subject=zone.id, grave=False))
    elif any(other.breaker == zone.breaker and other.id != zone.id for other in zones):
        found.append(CircuitFinding(code="breaker_of_two_zones", subject=zone.id, grave=True))
    return found


def _consumption(zone: Zone, zones: Sequence[Zone], known: Mapping[str, Meter]) -> list[CircuitFinding]:
    found = []
    mine = zone.consumption or ""
    if any(other.consumption == mine and other.id != zone.id for other in zones):
        found.append(CircuitFinding(code="meter_of_two_zones", subject=zone.id, grave=True))
    inner = {other.consumption for other in zones if other.id != zone.id}
    if any(meter.behind == mine and meter.id not in inner for meter in known.values()):
        found.append(CircuitFinding(code="meter_not_closest", subject=zone.id, grave=False))
    above = line_above(mine, known)
    if any(known[one].common for one in above):
        found.append(CircuitFinding(code="meter_behind_common_area", subject=zone.id, grave=True))
    elif not above:
        if any(meter.behind is not None for meter in known.values()):
            found.append(CircuitFinding(code="meter_not_behind_entry", subject=zone.id, grave=True))
    elif not any(one in inner for one in above):
        levels = {meter.behind for meter in known.values() if meter.consumer and meter.id != mine}
        if levels and known[_top(mine, known)].behind not in levels:
            found.append(CircuitFinding(code="meter_at_other_level", subject=zone.id, grave=False))
    return found


def sees_only_zone(meter: str, consumption: str | None, known: Mapping[str, Meter]) -> bool:
    """Whether a meter sees the zone and nothing else: it is the zone's own, hangs behind it, or only that hangs behind it."""
    if consumption is None:
        return False
    if meter == consumption or consumption in line_above(meter, known):
        return True
    behind = [one.id for one in known.values() if one.behind == meter]
    own = meter in known and known[meter].consumer  # what it measures beside those behind it
    return not own and len(behind) == 1 and sees_only_zone(behind[0], consumption, known)


def _top(meter: str, known: Mapping[str, Meter]) -> str:
    """The uppermost of the meters in a row that see the same."""
    for above in line_above(meter, known):
        if not sees_only_zone(above, meter, known):
            break
        meter = above
    return meter


def line_above(meter: str, known: Mapping[str, Meter]) -> list[str]:
    """The meters that one hangs behind, the nearest first."""
    found: list[str] = []
    above = known[meter].behind if meter in known else None
    while above is not None and above in known and above not in found:
        found.append(above)
        above = known[above].behind
    return found
