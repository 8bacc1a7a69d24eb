"""Other prices from a day on, on a real database."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest

from app.audit.model import Actor
from app.audit.queries import trail
from app.database.transaction import as_owner, execute, fetchval, in_account
from app.kernel.errors import Refused
from app.kernel.identifiers import new_id
from app.tariffs import commands
from app.tariffs.model import Component, Rate
from app.tariffs.queries import tariff_in_force, tariffs_of
from app.tariffs.routes import NewPrices
from app.tariffs.rules import check_components
from tests.charging.house import House, make_house

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
OLD = (Component(dimension="kwh", unit_price=Decimal("0.30")),)
NEW = (Component(dimension="kwh", unit_price=Decimal("0.33")), Component(dimension="session", unit_price=Decimal("0.50")))


class Desk(msgspec.Struct):
    house: House
    actor: Actor

    async def change(self, day: date, parts: tuple[Component, ...]) -> UUID:
        return await commands.change_prices(self.actor, self.house.site_id, day, parts, NOW)

    async def price(self, day: date) -> list[Decimal]:
        async with in_account(self.house.account_id):
            found = await tariff_in_force(self.house.site_id, day)
        return [] if found is None else [part.unit_price for part in found.components]


@pytest.fixture
async def desk(database: str) -> Desk:
    house = await make_house()
    made = Desk(house, Actor(account_id=house.account_id, name="Olga"))
    await made.change(date(2026, 1, 1), OLD)
    return made


async def refusal(work) -> Refused:
    with pytest.raises(Refused) as refused:
        await work
    return refused.value


async def test_prices_change_from_a_day_on_and_the_same_change_again_is_the_same_tariff(desk):
    first = await desk.change(date(2027, 1, 1), NEW)
    assert await desk.change(date(2027, 1, 1), NEW) == first
    assert await desk.price(date(2026, 12, 31)) == [Decimal("0.30")]
    assert await desk.price(date(2027, 1, 1)) == [Decimal("0.33"), Decimal("0.50")]
    async with in_account(desk.house.account_id):
        assert [(t.valid_from, len(t.components)) for t in await tariffs_of(desk.house.site_id)] == [
            (date(2026, 1, 1), 1),
            (date(2027, 1, 1), 2),
        ]
        newest = (await trail("site", desk.house.site_id))[0]
    assert (newest.actor, newest.changes["prices"]) == ("Olga", [["0.300000"], ["0.33", "0.50"]])


@pytest.mark.row("O40")
async def test_a_change_needs_a_day_and_never_alters_what_is_priced_already(desk):
    await _priced(desk, datetime(2026, 11, 10, 23, 30, tzinfo=UTC))  # 11 November, half past midnight, in Zürich
    refused = await refusal(desk.change(date(2026, 11, 11), NEW))
    assert refused.code == "period_billed"
    assert await desk.price(date(2026, 11, 11)) == [Decimal("0.30")]
    await desk.change(date(2026, 11, 12), NEW)
    assert [await desk.price(day) for day in (date(2026, 11, 11), date(2026, 11, 12))] == [
        [Decimal("0.30")],
        [Decimal("0.33"), Decimal("0.50")],
    ]
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode('{"components": []}', type=NewPrices)


async def test_prices_entered_for_later_may_be_taken_back_and_those_before_them_go_on(desk):
    later = await desk.change(date(2027, 1, 1), NEW)
    assert (await refusal(desk.change(date(2026, 12, 15), NEW))).code == "tariff_exists"
    await commands.withdraw_prices(desk.actor, desk.house.site_id, later, NOW)
    assert await desk.price(date(2027, 6, 1)) == [Decimal("0.30")]
    assert (await refusal(commands.withdraw_prices(desk.actor, desk.house.site_id, later, NOW))).code == "not_found"
    async with in_account(desk.house.account_id):
        present = (await tariffs_of(desk.house.site_id))[0].id
    assert (await refusal(commands.withdraw_prices(desk.actor, desk.house.site_id, present, NOW))).code == "prices_in_force"
    stranger = await make_house("XX")
    actor = Actor(account_id=stranger.account_id, name="Stranger")
    assert (await refusal(commands.withdraw_prices(actor, desk.house.site_id, present, NOW))).code == "not_found"


@pytest.mark.parametrize(
    ("part", "code"),
    [({"dimension": "session"}, "no_price"), ({"unit_price": Decimal("-0.01")}, "bad_price"), ({"unit_price": Decimal("NaN")}, "bad_price"),
     ({"unit_price": Decimal("0.1234567")}, "bad_price"), ({"weekdays": (0, 8)}, "bad_price"), ({"grace_minutes": -1}, "bad_price")],
)  # fmt: skip
def test_a_price_that_cannot_be_is_refused(part, code):
    with pytest.raises(Refused) as refused:
        check_components((msgspec.structs.replace(OLD[0], **part),))
    assert refused.value.code == code


async def test_charging_prices_without_vat_are_refused_as_residents_pay_with_it(desk):
    entered = commands.change_rate(desk.actor, desk.house.site_id, date(2027, 1, 1), Rate(components=NEW, vat_included=False), NOW)
    assert (await refusal(entered)).code == "prices_without_vat"
    assert await desk.price(date(2027, 1, 1)) == [Decimal("0.30")]


async def _priced(desk: Desk, at: datetime) -> None:
    house, session = desk.house, new_id()
    async with as_owner():
        tariff, station = await fetchval("SELECT id FROM tariff"), next(iter(house.stations.values()))
        await execute("INSERT INTO charging_session (account_id, id, station_id, connector_no, tag_hash, tag_status, source, class,"
                      " started_at, started_raw, start_received_at, meter_start_wh) VALUES ($1, $2, $3, 1, 'x', 'Accepted', 'badge',"
                      " 'internal', $4, '', $4, 0)", house.account_id, session, station, at)  # fmt: skip
        await execute("INSERT INTO charge (account_id, session_id, revision, site_id, station_id, person_id, billing_point_id, tariff_id,"
                      " class, period, occurred_at, energy_wh, currency, vat_rate, net_minor, vat_minor, gross_minor, lines, created_at)"
                      " VALUES ($1, $2, 1, $3, $4, $5, $6, $7, 'internal', '2026-11-01', $8, 1, 'CHF', 0.081, 1, 0, 1, '[]', $8)",
                      house.account_id, session, house.site_id, station, house.anna, house.flat_anna, tariff, at)  # fmt: skip
