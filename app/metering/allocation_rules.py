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
    rest = np.maximum(production, 0).astype(np.int64)
    if len(set(priorities)) == 1:
        return prorata(rest, use)
    shared = np.zeros(use.shape, dtype=np.int64)
    levels = np.asarray(priorities)
    for level in sorted(set(priorities), reverse=True):
        rows = np.flatnonzero(levels == level)
        given = prorata(rest, use[rows])
        shared[rows] = given
        rest = rest - given.sum(axis=0)
    return shared


def prorata(offer: Wh, use: Wh) -> Wh:
    """min(offer, sum of use) of every slot shared in proportion to use, in whole Wh."""
    whole = use.sum(axis=0, dtype=np.int64)
    parts = np.where(offer >= whole, use, 0)
    tight = np.flatnonzero((offer < whole) & (offer > 0))  # only there is anything to divide
    if len(tight):
        # A row a slot: what is compared lies side by side.
        parts[:, tight] = _divided(offer[tight, np.newaxis], np.ascontiguousarray(use[:, tight].T), whole[tight, np.newaxis]).T
    return parts


def _divided(offer: Wh, use: Wh, whole: Wh) -> Wh:
    """Offers below what is wanted, shared along the rows; all arrays have a row a slot."""
    product = use * offer
    parts = product // whole
    product -= parts * whole
    missing = offer - parts.sum(axis=1, keepdims=True)
    # The place makes every remainder different, the earlier of equal ones the larger.
    points = use.shape[1]
    product *= points
    product += np.arange(points - 1, -1, -1)
    # One is missing less than there are remainders above zero, so the column exists; none missing lies past the largest.
    ordered = np.sort(product, axis=1)
    limit = np.take_along_axis(ordered, np.minimum(points - missing, points - 1), axis=1)
    parts += (product >= limit) & (missing > 0)
    return parts


def net_of_children(readings: Wh, parents: Sequence[int | None]) -> tuple[Wh, int]:
    """What each meter measures beside the meters directly below it, and the Wh by which children exceed their parents.

    `parents` gives the row of the meter above, or None. A child's reading is inside its parent's: left in, it would be
    billed twice. Where children read more than their parent, the parent's rest is nothing and the excess is reported.
    """
    if not any(parent is not None for parent in parents):
        return readings.astype(np.int64, copy=False), 0
    net = readings.astype(np.int64)
    for row, parent in enumerate(parents):
        if parent is not None:
            net[parent] -= readings[row]
    excess = 0
    for parent in {parent for parent in parents if parent is not None}:
        excess -= int(np.minimum(net[parent], 0).sum())
        np.maximum(net[parent], 0, out=net[parent])
    return net, excess
