"""The operator's fees that residents pay, as lines of their bills of electricity. Pure.

A fee by the month is shared by the days of a point's parties, as a subscription is; the site's own is shared equally by its points.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec

from app.billing.energy_rules import PartyBill, with_lines
from app.kernel.money import round_half_up, split, to_major, to_minor
from app.tariffs.energy_rules import Stay, month_line
from app.tariffs.model import Component, PriceLine

BY_MONTH = ("month", "billing_point", "station")
BY_BILL = ("bill", "monthly_bill")


class Fee(msgspec.Struct, frozen=True, kw_only=True):
    """A fee agreed for a site: currency units without VAT, or per cent."""

    id: UUID
    label: str
    amount: Decimal
    unit: str
    first: date
    last: date | None


class Fees(msgspec.Struct, frozen=True, kw_only=True):
    """The fees of a site and by what they are counted; `monthly`: the house is billed each month."""

    fees: tuple[Fee, ...] = ()
    points: tuple[UUID, ...] = ()
    stations: Mapping[UUID, int] = {}
    monthly: bool = False


def monthly_minor(fee: Fee, fees: Fees, point_id: UUID, currency: str) -> int | None:
    """What a fee comes to for a point in a whole month; None where it does not go by the month."""
    if fee.unit not in BY_MONTH:
        return None
    if fee.unit == "month":
        return split(to_minor(fee.amount, currency), [1] * len(fees.points))[fees.points.index(point_id)]
    return to_minor(fee.amount, currency) * (fees.stations.get(point_id, 0) if fee.unit == "station" else 1)


def with_fees(
    bill: PartyBill, fees: Fees, point_id: UUID, stays: Sequence[Stay], mine: int, rate: Decimal, currency: str
) -> PartyBill:  # fmt: skip
    """A party's bill with what it owes of the fees."""
    turnover = sum(group.net_minor for group in bill.vat)
    lines = [line for fee in fees.fees for line in _by_month(bill, fee, fees, point_id, stays, mine, currency)]
    for fee in fees.fees:
        if fee.unit == "percent_of_turnover" and turnover > 0 and _holds(fee, bill.last):
            lines.append(_once(fee, round_half_up(turnover * fee.amount / 100), currency))
    for fee in fees.fees:
        if fee.unit in BY_BILL and (bill.lines or lines) and _holds(fee, bill.last) and (fees.monthly or fee.unit == "bill"):
            lines.append(_once(fee, to_minor(fee.amount, currency), currency))
    found = [msgspec.structs.replace(line, dimension="fee", vat_rate=rate) for line in lines if line.amount_minor]
    return with_lines(bill, found) if found else bill


def _holds(fee: Fee, day: date) -> bool:
    return fee.first <= day and (fee.last is None or day <= fee.last)


def _by_month(
    bill: PartyBill, fee: Fee, fees: Fees, point_id: UUID, stays: Sequence[Stay], mine: int, currency: str
) -> list[PriceLine]:  # fmt: skip
    first, last = max(bill.first, fee.first), bill.last if fee.last is None else min(bill.last, fee.last)
    minor = monthly_minor(fee, fees, point_id, currency)
    if not minor or last < first:
        return []
    priced = Component(dimension="month", unit_price=to_major(minor, currency), label=fee.label)
    return [month_line(priced, stays, mine, (first, last), currency)]


def _once(fee: Fee, minor: int, currency: str) -> PriceLine:
    return PriceLine(dimension="fee", band="single", quantity=Decimal(1), unit="bill", unit_price=to_major(minor, currency),
                     amount_minor=minor, label=fee.label)  # fmt: skip
