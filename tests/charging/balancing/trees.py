"""Random sites for properties: a tree of circuits with unequal fuses, stations with rotated phases, cars of every kind."""

from typing import Any

from hypothesis import strategies as st

Row = dict[str, Any]
ROTATIONS = (("L1", "L2", "L3"), ("L1",), ("L2",), ("L3",), ("L1", "L2"), ("L2", "L3"))


def loads(circuits: list[Row], sessions: list[Row], amps: dict[str, float]) -> dict[tuple[str, str], float]:
    """The sum of the stations' currents per circuit and phase, reckoned from the leaves up."""
    parent = {one["id"]: one["parent"] for one in circuits}
    found = {(one["id"], phase): 0.0 for one in circuits for phase in ("L1", "L2", "L3")}
    for session in sessions:
        circuit = session["circuit"]
        while circuit is not None:
            for phase in session["phases"]:
                found[circuit, phase] += amps.get(session["station"], 0.0)
            circuit = parent[circuit]
    return found


def room(circuit: Row, phase: int) -> float:
    return max(0.0, circuit["limit"][phase] - circuit.get("margin_a", 0) - circuit["base"][phase] - circuit["reserve"][phase])


def _session(number: int, circuits: int) -> st.SearchStrategy[Row]:
    def build(circuit: int, phases: tuple[str, ...], max_a: int, kwh: int, stay: int, priority: int, **more: Any) -> Row:
        return {
            "session": f"s{number:02}", "station": f"S{number:02}", "circuit": f"c{circuit}", "phases": phases, "min_a": 6,
            "max_a": max_a, "priority": priority, "remaining_kwh": kwh / 10, "kw_per_a": 0.23 * len(phases), "arrival_min": 0,
            "departure_min": 600 + stay, **more,
        }  # fmt: skip

    return st.builds(
        build, st.integers(0, circuits - 1), st.sampled_from(ROTATIONS), st.sampled_from((6, 10, 13, 16, 20, 32)),
        st.integers(1, 700), st.integers(1, 900), st.sampled_from((1, 2)), step_a=st.sampled_from((0.0, 0.1, 1.0)),
        held=st.booleans(), planned_a=st.sampled_from((None, 0.0, 8.0, 16.0)), weight=st.sampled_from((1.0, 2.0)),
    )  # fmt: skip


@st.composite
def sites(draw: st.DrawFn, most: int = 14) -> tuple[list[Row], list[Row]]:
    """Circuits and sessions. Circuit c0 is the root; the parent of any other comes before it."""
    count = draw(st.integers(1, 5))
    circuits = []
    for number in range(count):
        three = st.tuples(*[st.integers(0, 90)] * 3)
        circuits.append({
            "id": f"c{number}", "parent": f"c{draw(st.integers(0, number - 1))}" if number else None,
            "limit": draw(three), "base": draw(st.tuples(*[st.integers(-20, 30)] * 3)),
            "reserve": draw(st.sampled_from(((0, 0, 0), (6, 0, 0), (6, 6, 6)))), "margin_a": draw(st.sampled_from((0, 1))),
            "unbalance_a": draw(st.sampled_from((None, 20.0))), "power_kw": draw(st.sampled_from((None, 4.2, 15.0))),
        })  # fmt: skip
    return circuits, [draw(_session(number, count)) for number in range(draw(st.integers(0, most)))]
