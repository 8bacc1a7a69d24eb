"""Sharing keys: how the energy offered in one interval falls to members. Pure and exact.

Amounts are integers or fractions of any unit; `in_wh` rounds a result to whole Wh without losing the sum. Members keep
their order. Not-terminating shares stay fractions until then.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

import msgspec

from app.kernel.money import split

Number = int | Fraction
Shares = list[Fraction]
NOTHING = Fraction(0)


class Shared(msgspec.Struct, frozen=True):
    """What members take of the offer, draw from the grid beside it, and what is left for the grid."""

    shared: tuple[Fraction, ...]
    grid_draw: tuple[Fraction, ...]
    grid_feed: Fraction


class Step(msgspec.Struct, frozen=True):
    """One of several weighted steps: a part of the offer by key, or in proportion to demand where there is none."""

    weight: Fraction
    key: tuple[Fraction, ...] | None = None


class Balance(msgspec.Struct, frozen=True):
    """A member of a symmetric community: bought and sold inside, drawn from and fed to the grid."""

    buy: tuple[Fraction, ...]
    sell: tuple[Fraction, ...]
    grid_draw: tuple[Fraction, ...]
    grid_feed: tuple[Fraction, ...]


class AustrianShare(msgspec.Struct, frozen=True):
    """By the Austrian register names: participating use, offered, covered, and each producer's surplus."""

    g01t: tuple[Fraction, ...]
    g02: tuple[Fraction, ...]
    g03: tuple[Fraction, ...]
    p01t: tuple[Fraction, ...]


def prorata(offer: Number, demand: Sequence[Number]) -> Shared:
    """In proportion to demand."""
    return _result(offer, demand, _prorata(Fraction(offer), _fractions(demand)))


def priority(offer: Number, demand: Sequence[Number], priorities: Sequence[int]) -> Shared:
    """The largest priority first, in proportion inside a class; the rest goes down."""
    rest, shares = Fraction(offer), [NOTHING] * len(demand)
    for level in sorted(set(priorities), reverse=True):
        wanted = [Fraction(d) if p == level else NOTHING for d, p in zip(demand, priorities, strict=True)]
        given = _prorata(rest, wanted)
        shares = _plus(shares, given)
        rest -= sum(given)
    return _result(offer, demand, shares)


def fixed(offer: Number, demand: Sequence[Number], key: Sequence[Fraction], *, rounds: bool = False) -> Shared:
    """Each its part of the offer, at most its demand. With `rounds` the rest is offered again to those with unmet demand."""
    rest, shares, wanted = Fraction(offer), [NOTHING] * len(demand), _fractions(demand)
    while rest > 0:
        open_key = [k if d > 0 else NOTHING for k, d in zip(key, wanted, strict=True)] if rounds else list(key)
        whole = sum(open_key) if rounds else Fraction(1)
        if whole == 0:
            break
        given = [min(d, k / whole * rest) for d, k in zip(wanted, open_key, strict=True)]
        shares, wanted, rest = _plus(shares, given), _minus(wanted, given), rest - sum(given)
        if not rounds:
            break
    return _result(offer, demand, shares)


def hybrid(offer: Number, demand: Sequence[Number], key: Sequence[Fraction]) -> Shared:
    """One fixed round, then the rest in proportion to what is still wanted."""
    first = fixed(offer, demand, key)
    return _result(offer, demand, _plus(list(first.shared), _prorata(first.grid_feed, list(first.grid_draw))))


def weighted(offer: Number, demand: Sequence[Number], steps: Sequence[Step], *, carry_surplus: bool) -> Shared:
    """Steps with a part of the offer each, on the demand still open; what a step leaves goes on only with carry_surplus.

    Raises ValueError where the weights do not sum to 1.
    """
    if sum(step.weight for step in steps) != 1:
        raise ValueError("the weights of the steps do not sum to 1")
    carried, shares, wanted = NOTHING, [NOTHING] * len(demand), _fractions(demand)
    for step in steps:
        part = step.weight * offer + carried
        given = _prorata(part, wanted) if step.key is None else [min(d, k * part) for d, k in zip(wanted, step.key, strict=True)]
        shares, wanted = _plus(shares, given), _minus(wanted, given)
        carried = part - sum(given) if carry_surplus else NOTHING
    return _result(offer, demand, shares)


def symmetric(balances: Sequence[Number]) -> Balance:
    """Net balances, draw positive: what the lesser side has is shared in proportion on both sides."""
    draws = [max(NOTHING, Fraction(b)) for b in balances]
    surpluses = [max(NOTHING, -Fraction(b)) for b in balances]
    exchanged = min(sum(draws, NOTHING), sum(surpluses, NOTHING))
    buy, sell = _prorata(exchanged, draws), _prorata(exchanged, surpluses)
    return Balance(tuple(buy), tuple(sell), tuple(_minus(draws, buy)), tuple(_minus(surpluses, sell)))


def austrian(
    production: Sequence[Number], consumption: Sequence[Number], participation: Sequence[Fraction], key: Sequence[Fraction] | None
) -> AustrianShare:
    """The static (with a key) or dynamic model; a participation factor lets only a part of a meter take part."""
    offer = sum(_fractions(production), NOTHING)
    taking_part = [Fraction(c) * f for c, f in zip(consumption, participation, strict=True)]
    whole = sum(taking_part, NOTHING)
    dynamic = [offer * c / whole if whole else NOTHING for c in taking_part]
    offered = dynamic if key is None else [k * offer for k in key]
    covered = [min(o, c) for o, c in zip(offered, taking_part, strict=True)]
    left = 1 - sum(covered, NOTHING) / offer if offer else NOTHING
    return AustrianShare(tuple(taking_part), tuple(offered), tuple(covered), tuple(Fraction(p) * left for p in production))


def in_wh(shares: Sequence[Fraction]) -> list[int]:
    """Whole Wh: rounded down or up so that they sum to the shares' sum rounded down; ties to the earlier member."""
    whole = int(sum(shares, NOTHING))
    floors = [int(share) for share in shares]
    order = sorted(range(len(shares)), key=lambda i: (floors[i] - shares[i], i))
    for i in order[: whole - sum(floors)]:
        floors[i] += 1
    return floors


def shared_wh(total_wh: int, weights: Sequence[int]) -> list[int]:
    """Whole Wh by weights, summing to the total: largest remainder."""
    return split(total_wh, weights)


def operators_first(ours: Sequence[int], operators: Sequence[int | None]) -> tuple[list[int], list[int]]:
    """The grid operator's figures where there are any, ours elsewhere; and how much theirs differ from ours."""
    used = [mine if theirs is None else theirs for mine, theirs in zip(ours, operators, strict=True)]
    return used, [now - mine for now, mine in zip(used, ours, strict=True)]


def _prorata(offer: Fraction, demand: Sequence[Fraction]) -> Shares:
    whole = sum(demand, NOTHING)
    shared = min(offer, whole)
    return [shared * d / whole if whole else NOTHING for d in demand]


def _result(offer: Number, demand: Sequence[Number], shares: Sequence[Fraction]) -> Shared:
    draw = _minus(_fractions(demand), shares)
    return Shared(tuple(shares), tuple(draw), Fraction(offer) - sum(shares, NOTHING))


def _fractions(values: Sequence[Number]) -> Shares:
    return [Fraction(value) for value in values]


def _each(one: Sequence[Fraction], other: Sequence[Fraction], does: Callable[[Fraction, Fraction], Fraction]) -> Shares:
    return [does(a, b) for a, b in zip(one, other, strict=True)]


def _plus(one: Sequence[Fraction], other: Sequence[Fraction]) -> Shares:
    return _each(one, other, lambda a, b: a + b)


def _minus(one: Sequence[Fraction], other: Sequence[Fraction]) -> Shares:
    return _each(one, other, lambda a, b: a - b)
