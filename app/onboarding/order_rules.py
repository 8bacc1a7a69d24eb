"""Orders of hardware: what a list of meters asks for, by when an order is answered and delivered, and when one is late. Pure."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal, Protocol

import msgspec

from app.kernel.calendar import local_date
from app.kernel.errors import Refused

CONFIRM_WITHIN = timedelta(hours=48)
DELIVER_WITHIN = timedelta(days=15)
State = Literal["ordered", "confirmed", "delivered", "cancelled"]
Late = Literal["", "confirmation", "delivery"]


class OrderLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many of an article."""

    article: str
    quantity: int


class Planned(Protocol):
    """What is looked at of a meter that is entered."""

    @property
    def medium(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def installed_on(self) -> date | None: ...


def proposed(meters: Sequence[Planned]) -> list[OrderLine]:
    """One line a model (or a kind, where no model is entered) of the physical meters that are entered and not installed yet."""
    wanted = Counter(meter.model.strip() or f"meter:{meter.medium}" for meter in meters
                     if meter.source == "physical" and meter.installed_on is None)  # fmt: skip
    return [OrderLine(article, quantity) for article, quantity in sorted(wanted.items())]


def check_lines(lines: Sequence[OrderLine]) -> list[OrderLine]:
    """The lines as they are kept: trimmed, each article once. Raises Refused nothing_ordered, bad_quantity."""
    kept = [OrderLine(" ".join(line.article.split()), line.quantity) for line in lines if line.article.strip()]
    if not kept:
        raise Refused("nothing_ordered", 422, "Write at least one article with its quantity.", fields=["lines"])
    if len(kept) > 100 or any(not 1 <= line.quantity <= 999 or len(line.article) > 120 for line in kept):
        raise Refused("bad_quantity", 422, "Order 1 to 999 of an article, and at most 100 articles.", fields=["lines"])
    if len({line.article.casefold() for line in kept}) < len(kept):
        raise Refused("bad_quantity", 422, "An article stands there twice. Put its quantities together.", fields=["lines"])
    return kept


def deadlines(ordered_at: datetime, zone: str) -> tuple[datetime, date]:
    """(by when it is confirmed, the last day of its delivery)."""
    return ordered_at + CONFIRM_WITHIN, local_date(ordered_at, zone) + DELIVER_WITHIN


def state_of(confirmed_at: datetime | None, delivered_on: date | None, cancelled_at: datetime | None) -> State:
    """Where an order stands."""
    if cancelled_at is not None:
        return "cancelled"
    if delivered_on is not None:
        return "delivered"
    return "ordered" if confirmed_at is None else "confirmed"


def late(state: State, confirm_by: datetime, deliver_by: date, now: datetime) -> Late:
    """What should have happened by now."""
    if state == "ordered" and now > confirm_by:
        return "confirmation"
    return "delivery" if state in ("ordered", "confirmed") and now.date() > deliver_by else ""
