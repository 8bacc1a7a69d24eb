"""Who takes part in a general cost, and with how much: by surface or thousandths as the site counts, or all alike. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from app.kernel.errors import Refused
from app.kernel.money import split

ExpenseKey = Literal["share", "equal"]
PLACES = 10_000  # shares have at most four places


class Taking(Protocol):
    """What is looked at of a billing point."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def share(self) -> Decimal | None: ...
    @property
    def activated(self) -> bool: ...
    @property
    def expense_statement(self) -> bool: ...


class ExpenseShare(msgspec.Struct, frozen=True, kw_only=True):
    """A billing point's part of a general cost; one that takes no part has nothing."""

    point_id: UUID
    name: str
    takes_part: bool
    share: Decimal | None
    amount_minor: int


def expense_shares(amount_minor: int, points: Sequence[Taking], key: ExpenseKey) -> list[ExpenseShare]:
    """A cost over the points that are integrated into the expense statement and activated; the parts sum to it exactly.

    Raises Refused nobody_takes_part, share_missing (with the names of the points that have none).
    """
    taking = [point for point in points if point.expense_statement and point.activated]
    if not taking:
        raise Refused("nobody_takes_part", 409, "No billing point is integrated into the expense statement. Tick it at those that are.")
    lacking = [point.name for point in taking if point.share is None]
    if key == "share" and lacking:
        raise Refused(
            "share_missing", 409, f"The surface or the thousandths are missing at: {', '.join(lacking)}.", names=", ".join(lacking)
        )
    weights = [1 if key == "equal" or point.share is None else int(point.share * PLACES) for point in taking]
    parts = dict(zip((point.id for point in taking), split(amount_minor, weights), strict=True))
    return [
        ExpenseShare(
            point_id=point.id, name=point.name, takes_part=point.id in parts, share=point.share, amount_minor=parts.get(point.id, 0)
        )
        for point in points
    ]
