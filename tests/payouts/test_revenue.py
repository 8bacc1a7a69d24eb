"""What an owner gets of a month's revenue."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.billing.model import Charge
from app.payouts.rules import Revenue, revenue


def charge(number: int, class_: str, net_minor: int) -> Charge:
    return Charge(
        id=UUID(int=number), session_id=UUID(int=number), site_id=UUID(int=1), station_id=UUID(int=2), person_id=UUID(int=3), class_=class_,
        period=date(2026, 10, 1), occurred_at=datetime(2026, 10, 3, tzinfo=UTC), energy_wh=1000, currency="CHF", vat_rate=Decimal("0.081"),
        net_minor=net_minor, vat_minor=0, gross_minor=net_minor, lines=(), invoice_id=None,
    )  # fmt: skip


def month(external: list[int], internal: list[int]) -> Revenue:
    charges = [charge(n, "external", net) for n, net in enumerate(external)]
    charges += [charge(len(external) + n, "internal", net) for n, net in enumerate(internal)]
    return revenue(charges, None, "", 1000, 900)


@pytest.mark.row("B25")
def test_external_revenue_is_reimbursed_at_nine_tenths_and_internal_whole() -> None:
    found = month([20_000], [30_000])
    assert (found.reimbursed_minor, found.withheld_minor) == (48_000, 2_000)
    assert (month([20_000], []).reimbursed_minor, month([], [30_000]).reimbursed_minor) == (18_000, 30_000)


@pytest.mark.row("B26")
@given(st.lists(st.integers(0, 100_000), max_size=20), st.lists(st.integers(0, 100_000), max_size=20))
def test_a_class_is_rounded_once_on_the_months_total_half_up_and_the_rest_is_withheld(external: list[int], internal: list[int]) -> None:
    found = month(external, internal)
    assert found.reimbursed_minor == (sum(external) * 9 + 5) // 10 + sum(internal)
    assert found.withheld_minor == sum(external) + sum(internal) - found.reimbursed_minor
    assert month([5] * 10, []).reimbursed_minor == 45  # each alone would be rounded up to 5
