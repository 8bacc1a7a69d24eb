"""What a house's prices of electricity begin with: the grid operator's, solar a fifth below."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from app.audit.model import Actor
from app.database.transaction import in_account
from app.kernel.errors import Refused
from app.sites import terms
from app.tariffs.commands import change_rate
from app.tariffs.default_rules import with_defaults
from app.tariffs.grid_prices import NewGridPrice, enter_price
from app.tariffs.guard_rules import findings
from app.tariffs.model import Component, GridPrices, HighHours, Rate
from app.tariffs.queries import tariff_in_force
from tests.charging.house import make_house

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
TWO = GridPrices(high=Decimal("0.30"), low=Decimal("0.205"))
NOTHING = Rate(components=(), solution="electricity", vat_included=False)


def shown(rate: Any) -> list[tuple[str, str, Decimal]]:
    return [(part.origin, part.band, part.unit_price) for part in rate.components if part.dimension == "kwh"]


@pytest.mark.row("B10")
async def test_grid_energy_costs_what_the_houses_grid_operator_asks_unless_another_price_is_entered(database: str) -> None:
    house = await make_house()
    actor = Actor(account_id=house.account_id, name="Olga")
    with pytest.raises(Refused) as refused:
        await change_rate(actor, house.site_id, date(2026, 1, 1), NOTHING, NOW)
    assert refused.value.code == "no_price"
    operates = terms.NewStakeholder(kind="grid_operator", person_id=house.stranger, first=date(2026, 1, 1))
    await terms.add_stakeholder(actor, house.site_id, operates, NOW)
    for first, prices in ((date(2026, 1, 1), {"high": "0.3243", "low": "0.2162"}), (date(2026, 7, 1), {"single": "0.2702"})):
        form = NewGridPrice(first=first, **{name: Decimal(text) for name, text in prices.items()})  # with VAT of 8.1 per cent
        await enter_price(actor, house.stranger, form, NOW)
    await change_rate(actor, house.site_id, date(2026, 1, 1), NOTHING, NOW)
    await change_rate(actor, house.site_id, date(2026, 8, 1), NOTHING, NOW)
    own = (Component(dimension="kwh", origin="grid", unit_price=Decimal("0.25")),)
    await change_rate(actor, house.site_id, date(2026, 9, 1), Rate(components=own, solution="electricity", vat_included=False), NOW)
    async with in_account(house.account_id):
        january, august, september = [
            await tariff_in_force(house.site_id, day, "electricity") for day in (date(2026, 1, 1), date(2026, 8, 1), date(2026, 9, 1))
        ]
    assert shown(january)[2:] == [("grid", "high", Decimal("0.30")), ("grid", "low", Decimal("0.20"))]
    assert january is not None and january.high_hours == (HighHours((1, 2, 3, 4, 5), time(7), time(20)),)
    assert shown(august)[1:] == [("grid", "single", Decimal("0.249954"))]
    assert shown(september) == [("solar", "single", Decimal("0.199963")), ("grid", "single", Decimal("0.25"))]


@pytest.mark.row("B11")
def test_solar_energy_begins_a_fifth_below_the_grid_in_the_same_hours_and_so_within_the_cap():
    rate = with_defaults(NOTHING, TWO)
    assert shown(rate)[:2] == [("solar", "high", Decimal("0.24")), ("solar", "low", Decimal("0.164"))]
    grid = GridPrices(single=Decimal("0.2873"))
    one = with_defaults(NOTHING, grid)
    assert shown(one)[0] == ("solar", "single", Decimal("0.22984"))
    assert findings(one.components, standard_price=one.standard_price) == []
    equal = Component(dimension="kwh", origin="solar", unit_price=Decimal("0.2873"))  # may be entered, and is named
    entered = with_defaults(Rate(components=(equal,), solution="electricity"), grid)
    assert shown(entered) == [("grid", "single", Decimal("0.2873")), ("solar", "single", Decimal("0.2873"))]
    assert [found.code for found in findings(entered.components, standard_price=entered.standard_price)] == ["solar_above_cap"]
    every = Rate(components=(Component(dimension="kwh", unit_price=Decimal("0.1")),), solution="electricity")
    assert with_defaults(every, TWO) == every
