"""Prices and running cost on the displays of stations of OCPP 2.0.1."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest

from app.billing.commands import charge_session
from app.billing.told_prices import price_text, tell_cost, tell_prices
from app.charging.intents import V16, V201
from app.database.transaction import as_owner, execute
from app.tariffs.commands import enter_tariff
from app.tariffs.model import Component, Tariff
from tests.charging.house import BADGE_ANNA, BADGE_BLOCKED, BADGE_EXPIRED
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.speaking import Charge

AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
TEXT = "CHF 0.30/kWh, Standzeit CHF 0.10/min ab 15 min höchstens CHF 6.00"


@pytest.fixture
async def priced(site):
    async with as_owner():
        prices = (Component(dimension="kwh", unit_price=Decimal("0.30")),
                  Component(dimension="idle_minute", unit_price=Decimal("0.10"), grace_minutes=15, cap_minor=600))  # fmt: skip
        await enter_tariff(site.house.account_id, site.house.site_id, "t", "CHF", Decimal("0.081"), date(2026, 1, 1), prices)
    return site


async def authorized(station, uid=BADGE_ANNA):
    return (await station.said("Authorize", {"idToken": {"idToken": uid, "type": "ISO14443"}}))["idTokenInfo"]


async def cost(station):
    call = await station.next_call()
    assert call[2] == "CostUpdated", call
    return call[3]


async def test_the_prices_are_shown_to_who_may_charge(priced):
    station = await priced.connected("CP-1", V201)
    assert "personalMessage" not in await authorized(station)
    assert await tell_prices(datetime.now(UTC)) == []
    assert (await authorized(station))["personalMessage"] == {"format": "UTF8", "language": "de", "content": TEXT}
    for uid in (BADGE_BLOCKED, BADGE_EXPIRED, "04FFFFFFFFFF"):
        assert "personalMessage" not in await authorized(station, uid)
    answer = await station.event("Started", 0, AT, 1000, tag=BADGE_ANNA)
    assert answer["updatedPersonalMessage"]["content"] == TEXT


async def test_tc_i_01_csms_tc_i_02_csms_the_cost_is_told_while_it_runs_and_at_last_as_it_is_booked(priced):
    station = await priced.connected("CP-1", V201)
    charge = Charge(station)
    await charge.begin(AT, 1000)
    await charge.values([(AT + timedelta(minutes=10), 11_000)])
    assert await tell_prices(datetime.now(UTC)) == [priced.house.stations["CP-1"]]
    await priced.wake("CP-1")
    assert await cost(station) == {"transactionId": "tx-1", "totalCost": 3.0}
    assert await tell_prices(datetime.now(UTC)) == []  # nothing has changed
    assert (await charge._event("Updated", AT + timedelta(minutes=20), 12_000))["totalCost"] == 3.0
    ended = await charge.end(AT + timedelta(minutes=90), 13_000)
    assert ended["totalCost"] == 3.6
    (session,) = await rows("SELECT id FROM charging_session")
    account = priced.house.account_id
    await charge_session(account, session["id"], datetime.now(UTC))
    (booked,) = await rows("SELECT gross_minor FROM charge")
    assert booked["gross_minor"] == 360
    assert await tell_cost(account, session["id"], datetime.now(UTC)) is None  # as it was told
    async with as_owner():
        await execute("UPDATE charging_session SET told_minor = 300")  # the answer was never heard of
    assert await tell_cost(account, session["id"], datetime.now(UTC)) == priced.house.stations["CP-1"]
    await priced.wake("CP-1")
    assert (await cost(station))["totalCost"] == 3.6


async def test_a_price_that_cannot_be_made_keeps_no_end_from_being_answered(priced, monkeypatch):
    station = await priced.connected("CP-1", V201)
    charge = Charge(station)
    await charge.begin(AT, 1000)

    async def broken(*_):
        raise ZeroDivisionError("prices")

    monkeypatch.setattr("ocpp_server.v201.final_cost", broken)
    assert await charge.end(AT + timedelta(minutes=90), 13_000) == {}
    assert [one["state"] for one in await rows("SELECT state FROM charging_session")] == ["ended"]


async def test_a_station_without_such_a_message_is_not_asked_again_and_one_of_1_6_never(priced):
    station = await priced.connected("CP-1", V201)
    station.answers["CostUpdated"] = ["NotImplemented", "", {}]
    old = await priced.connected("CP-3", V16)
    await Charge(old).begin(AT, 1000)
    charge = Charge(station)
    await charge.begin(AT, 1000)
    await charge.values([(AT + timedelta(minutes=10), 11_000)])
    await tell_prices(datetime.now(UTC))
    await priced.wake("CP-1")
    await cost(station)
    await eventually(lambda: rows("SELECT 1 FROM station_command WHERE action = 'ShowCost' AND state = 'failed'"))
    await charge.values([(AT + timedelta(minutes=20), 21_000)])
    assert await tell_prices(datetime.now(UTC)) == []
    assert old.calls.empty()


def test_a_tariff_fits_a_line_in_five_languages():
    parts = (
        Component(dimension="kwh", unit_price=Decimal("0.345"), band="high", from_time=time(7), to_time=time(20)),
        Component(dimension="kwh", unit_price=Decimal("0.2"), band="low"),
        Component(dimension="session", unit_price=Decimal("1")),
        Component(dimension="idle_minute", unit_price=Decimal("0.1"), grace_minutes=30, cap_minor=1050),
    )
    house = {"id": None, "site_id": None, "name": "t", "valid_from": date(2026, 1, 1), "time_zone": "Europe/Zurich"}
    tariff = Tariff(currency="EUR", vat_rate=Decimal("0.19"), vat_included=True, components=parts, **house)
    assert price_text(tariff, "en") == (
        "EUR 0.345/kWh 07:00–20:00, EUR 0.20/kWh, EUR 1.00 a charge, idle EUR 0.10/min after 30 min at most EUR 10.50"
    )
    assert len({price_text(tariff, language) for language in ("de", "fr", "it", "en", "nl")}) == 5
