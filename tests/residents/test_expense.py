"""General costs are shared by the billing points that are integrated into the expense statement."""

from decimal import Decimal
from uuid import UUID, uuid4

import msgspec
import pytest

from app.database.transaction import in_account
from app.kernel.errors import Refused
from app.residents import administration, points
from app.residents.expense_rules import expense_shares
from tests.residents.test_moves import NOW, Place, place

__all__ = ["place"]


class Point(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID = msgspec.field(default_factory=uuid4)
    name: str = "Flat"
    share: Decimal | None = None
    activated: bool = True
    expense_statement: bool = True


def test_a_cost_is_shared_to_the_cent_by_surface_or_alike_and_points_that_take_no_part_have_nothing():
    house = [Point(name="A", share=Decimal("84.5")), Point(name="B", share=Decimal("42.25")), Point(name="C", expense_statement=False),
             Point(name="D", share=Decimal(10), activated=False)]  # fmt: skip
    for amount in (1, 100, 100_001, 99_999_999):
        by_share = [part.amount_minor for part in expense_shares(amount, house, "share")]
        alike = [part.amount_minor for part in expense_shares(amount, house, "equal")]
        assert sum(by_share) == sum(alike) == amount and by_share[2:] == alike[2:] == [0, 0]
        assert abs(by_share[0] - 2 * by_share[1]) <= 2 and abs(alike[0] - alike[1]) <= 1
    assert [part.takes_part for part in expense_shares(1, house, "equal")] == [True, True, False, False]


def test_a_share_that_is_missing_is_named_and_without_anybody_nothing_is_shared():
    with pytest.raises(Refused) as refused:
        expense_shares(100, [Point(name="A", share=Decimal(1)), Point(name="B"), Point(name="C", expense_statement=False)], "share")
    assert (refused.value.code, refused.value.params["names"]) == ("share_missing", "B")
    with pytest.raises(Refused) as refused:
        expense_shares(100, [Point(expense_statement=False)], "equal")
    assert refused.value.code == "nobody_takes_part"


@pytest.mark.row("O32")
async def test_the_flag_of_a_billing_point_decides_whether_it_takes_part_in_the_allocation_of_general_expenses(place: Place):
    async with in_account(place.house.account_id):
        before = await administration.points(place.house.site_id, NOW.date())
    for point in before:
        change = points.PointChange(version=point.version, share=Decimal(50))
        await points.change_point(place.actor, point.id, change, NOW)

    async def shared() -> dict[str, int]:
        async with in_account(place.house.account_id):
            found = await administration.points(place.house.site_id, NOW.date())
        return {part.name: part.amount_minor for part in expense_shares(12_000, found, "share") if part.takes_part}

    everybody = await shared()
    assert len(everybody) == len(before) and sum(everybody.values()) == 12_000
    off = before[0]
    await points.change_point(place.actor, off.id, points.PointChange(version=off.version + 1, expense_statement=False), NOW)
    others = await shared()
    assert off.name not in others and sum(others.values()) == 12_000 and min(others.values()) > min(everybody.values())
    await points.change_point(place.actor, off.id, points.PointChange(version=off.version + 2, expense_statement=True), NOW)
    assert await shared() == everybody
