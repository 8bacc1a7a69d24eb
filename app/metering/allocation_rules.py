"""Solar energy to billing points, quarter-hour by quarter-hour, over whole arrays. Pure; the exact rule is in key_rules.

Arrays are (points, slots) of integer Wh. A quarter-hour's solar energy is the lesser of production and use; the parts of
the points sum to it: largest remainder, ties to the earlier point.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Wh = npt.NDArray[np.int64]


def allocate(production: Wh, use: Wh, priorities: Sequence[int]) -> Wh:
    """The solar Wh of each point: the largest priority first, in proportion to use inside a class."""
    shared = np.zeros(use.shape, dtype=np.int64)
    rest = np.maximum(production, 0).astype(np.int64)
    levels = np.asarray(priorities)
    for level in sorted(set(priorities), reverse=True):
        rows = np.flatnonzero(levels == level)
        given = prorata(rest, use if len(rows) == len(use) else use[rows])
        shared[rows] = given
        rest = rest - given.sum(axis=0)
    return shared


def prorata(offer: Wh, use: Wh) -> Wh:
    """min(offer, sum of use) of every slot shared in proportion to use, in whole Wh."""
    whole = use.sum(axis=0, dtype=np.int64)
    shared = np.minimum(offer, whole)
    product = use * shared
    divisor = np.maximum(whole, 1)
    parts = product // divisor
    missing = shared - parts.sum(axis=0)
    short = np.flatnonzero(missing)
    if len(short):
        remainders = product[:, short] - parts[:, short] * divisor[short]
        parts[:, short] += _largest(remainders, missing[short])
    return parts


def _largest(remainders: Wh, count: Wh) -> npt.NDArray[np.bool_]:
    """In every column the `count` largest values, of equal ones the first."""
    ordered = np.sort(remainders, axis=0)
    limit = ordered[len(ordered) - count, np.arange(remainders.shape[1])]
    above, equal = remainders > limit, remainders == limit
    return above | (equal & (np.cumsum(equal, axis=0) <= count - above.sum(axis=0)))


def net_of_children(readings: Wh, parents: Sequence[int | None]) -> tuple[Wh, int]:
    """What each meter measures beside the meters directly below it, and the Wh by which children exceed their parents.

    `parents` gives the row of the meter above, or None. A child's reading is inside its parent's: left in, it would be
    billed twice. Where children read more than their parent, the parent's rest is nothing and the excess is reported.
    """
    net = readings.astype(np.int64)
    for row, parent in enumerate(parents):
        if parent is not None:
            net[parent] -= readings[row]
    excess = -int(net[net < 0].sum())
    return np.maximum(net, 0), excess
