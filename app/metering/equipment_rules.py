"""Meters as a house has them: which reckoned ones make sense, and what they come to. Pure."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from app.metering.allocation_rules import Wh

Key = TypeVar("Key")


def in_order(terms: Mapping[Key, Sequence[Key]]) -> list[Key] | None:
    """Reckoned meters, each after those that it is reckoned from; None where one would be a part of itself."""
    order: list[Key] = []
    state: dict[Key, bool] = {}  # False: being looked at

    def visit(meter: Key) -> bool:
        if meter in state:
            return state[meter]
        state[meter] = False
        if not all(visit(part) for part in terms.get(meter, ())):
            return False
        state[meter] = True
        if meter in terms:
            order.append(meter)
        return True

    return order if all(visit(meter) for meter in terms) else None


def reckon(wh: Wh, terms: Mapping[int, Sequence[tuple[int, int]]], missing: int) -> None:
    """Fill the rows of reckoned meters: their parts added and subtracted, never below zero; missing where a part is."""
    for row in in_order({row: [part for part, _ in parts] for row, parts in terms.items()}) or ():
        parts = terms[row]
        total = sum(wh[part] * sign for part, sign in parts)
        gap = sum((wh[part] == missing).astype(int) for part, _ in parts)
        wh[row] = total
        wh[row][wh[row] < 0] = 0
        wh[row][gap > 0] = missing
