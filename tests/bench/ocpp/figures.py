"""What many runs come to: the figures of `make bench-ocpp`."""

import statistics
from typing import Any

AIMED_AT = (200, 1000)  # where the ratios and the database's cost are promised
Runs = dict[str, list[dict[str, float]]]


def report(runs: dict[int, Runs], idle: dict[int, float], back: dict[str, float]) -> dict[str, Any]:
    """Medians by number of stations and kind. What is one figure is the worst where it is promised."""
    stations = {str(count): of_count(kinds) for count, kinds in runs.items()}
    promised = [stations[str(count)] for count in runs if count in AIMED_AT] or list(stations.values())
    result: dict[str, Any] = {"name": "bench-ocpp", "stations": stations}
    for name, worst in (("ratio_stock", min), ("ratio_echo", min), ("database_us_per_message", max)):
        result[name] = worst((one[name] for one in promised if name in one), default=None)
    own_errors = sum(run["callerrors"] for kinds in runs.values() for run in kinds.get("own", []))
    result["idle_kib"] = round(idle[max(idle)], 1) if idle else None
    result["idle_kib_at"] = {str(count): round(kib, 1) for count, kib in idle.items()}
    result["reboot_s"] = round(back["seconds"], 1) if back else None
    result["callerrors"] = int(own_errors + back.get("callerrors", 0))
    return result


def of_count(kinds: Runs) -> dict[str, Any]:
    """The figures at one number of stations: this server's own, then each baseline's."""
    found = {kind: middle(runs) for kind, runs in kinds.items()}
    figures: dict[str, Any] = dict(found.get("own", {}))
    if "own" in found:
        figures["database_us_per_message"] = figures.pop("database_us")
    for kind in found.keys() - {"own"}:
        figures[kind] = found[kind]
        if "own" in found:
            each = [own["msg_cpu_s"] / other["msg_cpu_s"] for own, other in zip(kinds["own"], kinds[kind], strict=True)]
            figures[f"ratio_{kind}"] = round(statistics.median(each), 2)
    return figures


def middle(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(statistics.median(run[name] for run in runs), 2) for name in runs[0]}
