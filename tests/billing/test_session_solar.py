"""What of a charge is solar, on a real database: a roof, a flat with its place, a shared place; priced once the roof is read."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.audit.model import Actor
from app.billing.commands import charge_session, run_month
from app.billing.documents.bill import BillDocument
from app.billing.queries import charges_of_sessions
from app.billing.rules import Mix, is_known, with_solar
from app.billing.shares import up_to_date
from app.billing.views import session_views
from app.charging.queries import sessions_of_person
from app.database.transaction import as_owner, execute, fetch, in_account
from app.kernel.identifiers import new_id
from app.metering.quarters import create_meter, store_day
from app.tariffs.commands import change_rate
from app.tariffs.model import Component, Rate, UsePiece
from tests.charging.house import House, make_house

DAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 11, tzinfo=UTC)  # 12:00 in Zürich
NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)
PRICES = Rate(components=(
    Component(dimension="session", unit_price=Decimal("1.00")),
    Component(dimension="kwh", origin="solar", unit_price=Decimal("0.20")),
    Component(dimension="kwh", origin="grid", unit_price=Decimal("0.40")),
))  # fmt: skip


async def house_with_roof() -> tuple[House, UUID, UUID]:
    """(house, Anna's meter, the roof's); nothing is read yet."""
    house = await make_house()
    actor = Actor(account_id=house.account_id, name="Olga")
    await change_rate(actor, house.site_id, date(2026, 1, 1), PRICES, NOW)
    anna = await create_meter(actor, house.site_id, "use", "M-anna", NOW, billing_point_id=house.flat_anna)
    return house, anna, await create_meter(actor, house.site_id, "production", "M-roof", NOW)


async def read(house: House, anna: UUID, roof: UUID) -> None:
    """At noon the roof makes a quarter of what the flat with its car uses."""
    await store_day(house.account_id, anna, DAY, [2000 if 48 <= n < 52 else 100 for n in range(96)], NOW)
    await store_day(house.account_id, roof, DAY, [500 if 48 <= n < 52 else 0 for n in range(96)], NOW)
    await up_to_date(house.account_id, NOW, house.site_id)


async def charged(house: House, station: str = "CP-2", wh: int = 6000) -> UUID:
    """An hour at noon at a place of Anna's own (CP-2, connector 1), or at a shared one."""
    session = new_id()
    async with as_owner():
        await execute(
            "INSERT INTO charging_session (account_id, id, station_id, connector_no, tag_hash, tag_status, source, class, person_id,"
            " billing_point_id, started_at, started_raw, start_received_at, meter_start_wh, stopped_at, meter_stop_wh, energy_wh, state)"
            " VALUES ($1, $2, $3, 1, decode('00', 'hex'), 'Accepted', 'badge', 'internal', $4, $5, $6, '', $6, 0, $7, $8, $8, 'ended')",
            house.account_id, session, house.stations[station], house.anna, house.flat_anna, NOON, NOON + timedelta(hours=1), wh,
        )  # fmt: skip
    return session


async def test_a_charge_waits_for_the_roof_and_is_then_priced_by_what_was_solar(database: str) -> None:
    house, anna, roof = await house_with_roof()
    session = await charged(house)
    assert await charge_session(house.account_id, session, NOW) == []
    await read(house, anna, roof)  # brings the shares up to date, and so prices what has waited
    async with in_account(house.account_id):
        charge = (await charges_of_sessions([session]))[session]
    # 1500 Wh a quarter-hour; a quarter of each is solar.
    assert (charge.energy_wh, charge.solar_wh) == (6000, 1500)
    assert [(line.dimension, line.origin, line.quantity, line.amount_minor) for line in charge.lines] == [
        ("session", "any", Decimal(1), 100), ("kwh", "solar", Decimal("1.5"), 30), ("kwh", "grid", Decimal("4.5"), 180),
    ]  # fmt: skip


async def test_a_shared_place_has_the_mix_of_the_house(database: str) -> None:
    house, anna, roof = await house_with_roof()
    session = await charged(house, "CP-1")
    ben = await create_meter(
        Actor(account_id=house.account_id, name="Olga"), house.site_id, "use", "M-ben", NOW, billing_point_id=house.flat_ben
    )
    await store_day(house.account_id, ben, DAY, [2000] * 96, NOW)
    await read(house, anna, roof)
    async with in_account(house.account_id):
        assert (await charges_of_sessions([session]))[session].solar_wh == 748  # an eighth of 1500 in each quarter-hour, rounded down


async def test_what_the_roof_never_tells_is_the_grids_when_the_month_is_billed(database: str) -> None:
    house, _, _ = await house_with_roof()
    session = await charged(house)
    assert (await run_month(house.account_id, house.site_id, date(2026, 3, 1), NOW)).bills == 1
    async with in_account(house.account_id):
        charge = (await charges_of_sessions([session]))[session]
    assert (charge.solar_wh, charge.gross_minor) == (0, 340)


@pytest.mark.row("R22")
async def test_the_history_shows_place_times_solar_and_grid_minutes_and_price_and_sums_to_the_bill(database: str) -> None:
    house, anna, roof = await house_with_roof()
    sessions = [await charged(house), await charged(house, "CP-1", 3001)]
    await read(house, anna, roof)
    await run_month(house.account_id, house.site_id, date(2026, 3, 1), NOW)
    async with in_account(house.account_id):
        views = await session_views(await sessions_of_person(house.anna, None, 30), NOW)
        bill = (await fetch("SELECT * FROM invoice"))[0]
    assert {view["id"] for view in views} == set(sessions)
    for view in views:
        assert view["started_at"] == NOON and view["stopped_at"] == NOON + timedelta(hours=1) and view["duration_s"] == 3600
        assert view["station_name"] in ("Place 1", "Place 2") and view["by"] == "badge"
        solar = sum(Decimal(line["quantity"]) for line in view["lines"] if line["origin"] == "solar") * 1000
        grid = sum(Decimal(line["quantity"]) for line in view["lines"] if line["origin"] == "grid") * 1000
        assert (solar, solar + grid) == (view["solar_wh"], view["energy_wh"]) and view["solar_wh"]
        assert view["cost"] is not None and sum(line["amount_minor"] for line in view["lines"]) == view["cost"]["gross_minor"]
    lines = msgspec.json.decode(bill["document"], type=BillDocument).positions
    mailing = sum(line.amount_minor for line in lines if line.dimension == "mailing")
    assert sum(view["cost"]["gross_minor"] for view in views if view["cost"]) == bill["gross_minor"] - mailing
    assert (
        sum(view["energy_wh"] for view in views) == bill["energy_wh"] == sum(line.quantity for line in lines if line.unit == "kWh") * 1000
    )


PIECES = st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 20_000), st.integers(0, 20_000)), min_size=1, max_size=6)


@given(PIECES)
def test_charges_together_never_have_more_solar_energy_than_there_was(parts: list[tuple[int, int, int]]) -> None:
    """Two charges in the same quarter-hours, which together take no more than what was used."""
    at = datetime(2026, 3, 10, tzinfo=UTC)
    starts = [at + n * timedelta(minutes=15) for n in range(len(parts))]
    number = int(at.timestamp()) // 900
    mix = Mix({number + n: (2 * wh + more, min(sun, 2 * wh + more)) for n, (wh, more, sun) in enumerate(parts)})
    pieces = [UsePiece(start, start + timedelta(minutes=15), wh) for start, (wh, _, _) in zip(starts, parts, strict=True)]
    mine = with_solar(pieces, mix)
    for n, piece in enumerate(mine):
        assert 0 <= piece.solar_wh <= piece.energy_wh
        assert 2 * piece.solar_wh <= mix.parts[number + n][1]
    assert is_known(pieces, mix) and not is_known([UsePiece(at - timedelta(hours=1), at, 1)], mix)
    assert all(piece.solar_wh == 0 for piece in with_solar(pieces, None))
