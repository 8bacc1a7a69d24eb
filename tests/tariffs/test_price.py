"""Prices: exact, summing, rounded once a line."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.kernel.money import split, to_minor, vat_of_gross
from app.tariffs.model import Component, Tariff, UsePiece
from app.tariffs.rules import price, use_pieces

START = datetime(2026, 11, 2, 18, 7, tzinfo=UTC)  # 19:07 in Zurich, a Monday


def tariff(*components: Component, vat_included: bool = True) -> Tariff:
    return Tariff(id=UUID(int=1), site_id=UUID(int=2), name="t", currency="CHF", vat_rate=Decimal("0.081"),
                  vat_included=vat_included, valid_from=date(2026, 1, 1), time_zone="Europe/Zurich",
                  components=components)  # fmt: skip


HIGH = Component(dimension="kwh", band="high", unit_price=Decimal("0.35"), from_time=time(7), to_time=time(20))
LOW = Component(dimension="kwh", band="low", unit_price=Decimal("0.25"), from_time=time(20), to_time=time(7))


def test_each_quarter_hour_pays_the_band_of_its_local_time():
    pieces = use_pieces(START, START + timedelta(hours=2), 8000, [(START + timedelta(minutes=53), 4000)], None)
    lines = price(pieces, tariff(HIGH, LOW)).lines
    assert [(line.band, line.quantity, line.amount_minor) for line in lines] == [
        ("high", Decimal("4.000"), 140),
        ("low", Decimal("4.000"), 100),
    ]


def test_vat_is_taken_out_of_prices_that_include_it():
    result = price([UsePiece(START, START + timedelta(hours=1), 10_000)], tariff(HIGH, LOW))
    assert (result.gross_minor, result.vat_minor, result.net_minor) == (350, 26, 324)


def test_idle_minutes_are_free_within_the_grace_and_capped_after_it():
    idle = Component(dimension="idle_minute", unit_price=Decimal("0.10"), grace_minutes=30, cap_minor=500)

    def cost(minutes: int) -> int:
        pieces = use_pieces(START, START + timedelta(minutes=minutes), 1000, [], START)
        return price(pieces, tariff(idle)).gross_minor

    assert (cost(30), cost(31), cost(45), cost(600)) == (0, 10, 150, 500)


def test_a_start_fee_is_charged_once():
    fee = Component(dimension="session", unit_price=Decimal("0.50"))
    pieces = use_pieces(START, START + timedelta(hours=3), 5000, [], None)
    assert price(pieces, tariff(fee)).gross_minor == 50


@given(
    st.integers(0, 100_000),
    st.integers(1, 3000),
    st.lists(st.tuples(st.integers(0, 200_000), st.integers(-10, 120_000)), max_size=12),
)
def test_the_pieces_of_a_session_sum_to_the_billed_energy_whatever_the_meter_said(energy_wh, minutes, values):
    readings = [(START + timedelta(seconds=s), r) for s, r in values]
    pieces = use_pieces(START, START + timedelta(minutes=minutes), energy_wh, readings, None)
    assert sum(piece.energy_wh for piece in pieces) == energy_wh
    assert all(piece.energy_wh >= 0 for piece in pieces)
    assert pieces[0].start == START
    assert pieces[-1].end == START + timedelta(minutes=minutes)


@given(st.integers(0, 10**9), st.integers(0, 2500))
def test_net_and_vat_always_make_the_gross(gross_minor, rate):
    vat = vat_of_gross(gross_minor, Decimal(rate) / 10_000)
    assert 0 <= vat <= gross_minor


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
def test_a_split_sums_to_the_whole(total, weights):
    if sum(weights) or total == 0:
        assert sum(split(total, weights)) == total


def test_money_is_rounded_half_up():
    assert [to_minor(Decimal(text), "CHF") for text in ("0.005", "0.0049", "-0.005")] == [1, 0, -1]
