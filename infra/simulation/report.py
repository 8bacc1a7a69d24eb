"""What a run was worth, in figures, in words and as a picture. Pure."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from infra.simulation.place import TwinPlace
from infra.simulation.twin import Outcome, Sample

WIDTH, HEIGHT, LEFT, TOP, BETWEEN = 1100, 170, 60, 60, 46
COLOURS = {"house": "#8a94a6", "cars": "#0f8a5f", "limit": "#c0392b", "axis": "#5b6472"}


def figures(place: TwinPlace, outcome: Outcome, optimum_wh: float) -> dict[str, Any]:
    """The figures of a run. `jain`: of the shares that the cars got of what they wanted: 1 where all are equal."""
    shares = np.array([min(1.0, one.had_wh / one.visit.wh) for one in outcome.cars]) if outcome.cars else np.ones(1)
    return {
        "site": place.name, "stations": len(place.stations), "sessions": len(outcome.cars), "steps": outcome.steps,
        "kwh": round(outcome.delivered_wh / 1000, 1), "wanted_kwh": round(sum(one.visit.wh for one in outcome.cars) / 1000, 1),
        "optimum_kwh": round(optimum_wh / 1000, 1), "of_optimum": round(100 * outcome.delivered_wh / max(optimum_wh, 1e-9), 2),
        "overloads": outcome.overloads, "worst_a": round(outcome.worst_a, 2),
        "switches": round(sum(one.switches for one in outcome.cars) / max(1, len(outcome.cars)), 2),
        "full": round(100 * float(np.mean(shares >= 0.99)), 1), "least_share": round(100 * float(shares.min()), 1),
        "jain": round(float(shares.sum() ** 2 / (len(shares) * (shares**2).sum() or 1)), 3),
        "messages": outcome.messages, "links_cut": outcome.cut, "meter_steps_silent": outcome.silent,
    }  # fmt: skip


def words(found: dict[str, Any]) -> str:
    """The same for people."""
    return "\n".join([
        f"{found['site']}: {found['sessions']} charges at {found['stations']} stations",
        f"  {found['steps']} rounds, {found['messages']} messages",
        f"  energy       {found['kwh']} of {found['wanted_kwh']} kWh; foresight {found['optimum_kwh']} kWh: {found['of_optimum']} % of it",
        f"  overloads    {found['overloads']} (closest to a limit: {0.0 - found['worst_a']} A below)" if found["overloads"] == 0
        else f"  OVERLOADS    {found['overloads']} rounds, up to {found['worst_a']} A",
        f"  switches     {found['switches']} a charge",
        f"  fairness     {found['jain']} (Jain); full {found['full']} %, the least got {found['least_share']} % of what it wanted",
        f"  failures     {found['links_cut']} links cut, a meter silent in {found['meter_steps_silent']} rounds",
    ])  # fmt: skip


def picture(place: TwinPlace, samples: Sequence[Sample]) -> str:
    """An SVG: per circuit the fullest phase, house and cars stacked under the limit, over time."""
    thin = samples[:: max(1, len(samples) // WIDTH)]
    parts = [_panel(place, number, thin) for number in range(len(place.circuits))]
    height = TOP + len(parts) * (HEIGHT + BETWEEN)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + LEFT + 20} {height}" '
        f'font-family="system-ui, sans-serif" font-size="13"><rect width="100%" height="100%" fill="#ffffff"/>'
        f'<text x="{LEFT}" y="28" font-size="17" fill="#1c2330">{_safe(place.name)}</text>{_legend()}{"".join(parts)}</svg>'
    )


def _legend() -> str:
    names = (("house", "house"), ("cars", "cars"), ("limit", "limit"))
    return "".join(f'<rect x="{LEFT + 110 * n}" y="38" width="12" height="12" fill="{COLOURS[key]}"/>'
                   f'<text x="{LEFT + 110 * n + 18}" y="49" fill="{COLOURS["axis"]}">{name}</text>'
                   for n, (key, name) in enumerate(names))  # fmt: skip


def _panel(place: TwinPlace, number: int, samples: Sequence[Sample]) -> str:
    circuit, top = place.circuits[number], TOP + number * (HEIGHT + BETWEEN) + 24
    if not samples:
        return ""
    none = (0.0, 0.0, 0.0)
    loads = np.array([[one.base.get(circuit.name, none), one.cars[circuit.name]] for one in samples])
    phase = int((loads.sum(axis=1) - np.array(circuit.limit)).max(axis=0).argmax())
    base, cars = loads[:, 0, phase], loads[:, 1, phase]
    most = max(circuit.limit[phase], float((base + cars).max())) * 1.08
    least = min(0.0, float(base.min()))
    times = np.array([one.at_s for one in samples])
    span = max(float(times[-1] - times[0]), 1.0)

    def y(amps: float) -> float:
        return round(top + HEIGHT * (1 - (amps - least) / (most - least)), 1)

    xs = [round(LEFT + WIDTH * float(at - times[0]) / span, 1) for at in times]
    areas = "".join(_area(xs, [y(a) for a in low], [y(b) for b in high], COLOURS[key])
                    for key, low, high in (("house", np.zeros_like(base), base), ("cars", base, base + cars)))  # fmt: skip
    marks = "".join(f'<text x="{LEFT + WIDTH * n / 8}" y="{top + HEIGHT + 16}" fill="{COLOURS["axis"]}" text-anchor="middle">'
                    f"{_clock(float(times[0]) + span * n / 8)}</text>" for n in range(9))  # fmt: skip
    limit, zero = y(circuit.limit[phase]), y(0.0)
    return (
        f'<text x="{LEFT}" y="{top - 6}" fill="#1c2330">{_safe(circuit.name)}, L{phase + 1}</text>{areas}'
        f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{zero}" y2="{zero}" stroke="{COLOURS["axis"]}"/>'
        f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{limit}" y2="{limit}" stroke="{COLOURS["limit"]}" stroke-width="1.5"/>'
        f'<text x="{LEFT - 6}" y="{limit + 4}" text-anchor="end" fill="{COLOURS["limit"]}">{circuit.limit[phase]:g} A</text>{marks}'
    )


def _area(xs: Sequence[float], low: Sequence[float], high: Sequence[float], colour: str) -> str:
    there = [f"{x},{y}" for x, y in zip(xs, high, strict=True)] + [f"{x},{y}" for x, y in zip(reversed(xs), reversed(low), strict=True)]
    return f'<polygon points="{" ".join(there)}" fill="{colour}" fill-opacity="0.75"/>'


def _clock(at_s: float) -> str:
    return f"{int(at_s // 86_400) + 1}d {int(at_s % 86_400 // 3600):02}:{int(at_s % 3600 // 60):02}"


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
