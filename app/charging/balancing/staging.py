"""Decrease before increase: nothing rises on room that another has not proven to have left. Pure."""

from collections.abc import Sequence

from app.charging.balancing.model import Car, Circuit
from app.charging.balancing.network import TOLERANCE_A, rows_of


def staged(cars: Sequence[Car], circuits: Sequence[Circuit], told: Sequence[float], counted: Sequence[float],
           accepted: Sequence[float] | None = None) -> list[float]:  # fmt: skip
    """What may be told now, per car. `told`: where it shall go; `counted`: what it may be drawing until its meter shows less;
    `accepted`: what its charger has agreed to (None: what it counts at).

    A car that goes down is told at once, and still counts in full; one that goes up gets what is left beside all of these. Where
    more counts than a row carries, nobody in it goes above what was agreed to, whatever it still counts at.
    """
    rows = rows_of(cars, circuits)
    now = [min(goal, at) for goal, at in zip(told, counted, strict=True)]
    for index, at in enumerate(counted):
        rows.take(index, at)
    short = {row for row, room in enumerate(rows.room) if room < -TOLERANCE_A}
    rows.room = [max(0.0, room) for room in rows.room]
    rising = [index for index in range(len(cars)) if told[index] > counted[index] + 1e-9]
    amps, upto = list(counted), [max(goal, at) for goal, at in zip(told, counted, strict=True)]
    # Who is off gets its whole minimum or nothing; one after the other, as it was admitted.
    for index in rising:
        least = min(cars[index].min_a, told[index])
        if counted[index] < least:
            if rows.fits(index, least - counted[index]):
                rows.take(index, least - counted[index])
                amps[index] = least
            else:
                upto[index] = amps[index]
    rows.fill(amps, upto, [1.0] * len(cars))
    for index in rising:
        step = cars[index].step_a
        now[index] = amps[index] if step <= 0 else int(amps[index] / step + 1e-6) * step
        if now[index] < cars[index].min_a:
            now[index] = min(told[index], counted[index]) if counted[index] >= cars[index].min_a else 0.0
    if accepted is not None and short:
        for index, column in enumerate(rows.columns):
            if now[index] > accepted[index] and any(row in short for row, _ in column):
                now[index] = accepted[index]
    return now
