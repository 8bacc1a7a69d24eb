"""Nothing that was used before the day from which a site is billed stands on a bill, of charges or of electricity."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from app.billing.commands import charge_session, run_month, settle_session
from app.billing.energy_draft import parties
from app.billing.rules import pieces_of
from app.charging.queries import session as session_of
from app.database.transaction import as_owner, execute, fetch, fetchval, in_account
from app.kernel.identifiers import new_id
from app.sites import administration, terms
from app.sites import commands as site_commands
from app.sites import queries as sites
from app.tariffs.commands import enter_tariff
from app.tariffs.energy_rules import quarter_count
from app.tariffs.model import Component
from tests.billing.electricity import FIRST, LAST, ZONE, Desk, desk
from tests.charging.house import House, make_house

__all__ = ["desk"]
START = date(2026, 3, 15)
NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)


async def charged(house: House, started: datetime, minutes: int) -> UUID:
    """Anna's ended charge of 6 kWh."""
    session = new_id()
    async with as_owner():
        await execute(
            "INSERT INTO charging_session (account_id, id, station_id, connector_no, tag_hash, tag_status, source, class, person_id,"
            " billing_point_id, started_at, started_raw, start_received_at, meter_start_wh, stopped_at, meter_stop_wh, energy_wh, state)"
            " VALUES ($1, $2, $3, 1, decode('00', 'hex'), 'Accepted', 'badge', 'internal', $4, $5, $6, '', $6, 0, $7, 6000, 6000, 'ended')",
            house.account_id, session, house.stations["CP-1"], house.anna, house.flat_anna, started, started + timedelta(minutes=minutes),
        )  # fmt: skip
    return session


async def starts(house: House, day: date | None) -> None:
    async with as_owner():
        await execute("UPDATE site SET billing_from = $2 WHERE id = $1", house.site_id, day)


@pytest.mark.row("O05")
async def test_a_charge_that_began_before_the_first_day_is_never_billed(database):
    house = await make_house()
    async with in_account(house.account_id):
        await enter_tariff(house.account_id, house.site_id, "t", "CHF", Decimal("0.081"), date(2026, 1, 1),
                           (Component(dimension="session", unit_price=Decimal(1)), Component(dimension="kwh", unit_price=Decimal("0.3"))))  # fmt: skip
    await starts(house, START)
    before = await charged(house, datetime(2026, 3, 10, 8, tzinfo=UTC), 60)
    across = await charged(house, datetime(2026, 3, 14, 22, 59, tzinfo=UTC), 120)  # 23:59 at the site: the day before
    first = await charged(house, datetime(2026, 3, 14, 23, 0, tzinfo=UTC), 60)  # midnight at the site
    for _ in range(2):
        report = await run_month(house.account_id, house.site_id, date(2026, 3, 1), NOW)
    assert report.failed == ()
    for session in (before, across):
        assert await charge_session(house.account_id, session, NOW) == []
        await settle_session(house.account_id, session, NOW)
        async with in_account(house.account_id):
            found = await session_of(session)
        assert found is not None and pieces_of(found, []) == []
    async with in_account(house.account_id):
        assert [row["session_id"] for row in await fetch("SELECT session_id FROM charge")] == [first]
        assert await fetchval("SELECT sum(gross_minor)::bigint FROM invoice WHERE kind = 'charging'") == 280


async def test_a_charge_is_taken_back_when_the_first_day_moves_behind_it_before_the_bill(database):
    house = await make_house()
    async with in_account(house.account_id):
        await enter_tariff(house.account_id, house.site_id, "t", "CHF", Decimal("0.081"), date(2026, 1, 1),
                           (Component(dimension="kwh", unit_price=Decimal("0.3")),))  # fmt: skip
    session = await charged(house, datetime(2026, 3, 10, 8, tzinfo=UTC), 60)
    await charge_session(house.account_id, session, NOW)
    await starts(house, START)
    for _ in range(2):
        await settle_session(house.account_id, session, NOW)
    assert (await run_month(house.account_id, house.site_id, date(2026, 3, 1), NOW)).bills == 0


@pytest.mark.row("O05")
async def test_electricity_used_before_the_first_day_is_on_nobodys_bill(desk: Desk):
    async def of(first: date) -> list[tuple[UUID, UUID, date, int, int]]:
        async with in_account(desk.house.account_id):
            site = await sites.site(desk.house.site_id)
            assert site is not None
            found = await parties(site, first, LAST)
        return [(one.point_id, one.person_id, one.bill.first, one.bill.solar_wh + one.bill.grid_wh, one.bill.gross_minor) for one in found]

    part = await of(START)
    await starts(desk.house, START)
    assert await of(FIRST) == part
    run = await desk.freeze()
    skipped = sum(quarter_count(FIRST + timedelta(days=n), ZONE) for n in range((START - FIRST).days))
    used = sum(sum(desk.days[name][skipped:]) for name in ("anna", "ben", "left"))
    assert sum(item.bill.solar_wh + item.bill.grid_wh for item in run.items) == used
    assert min(item.bill.first for item in run.items) == START and desk.house.left not in {item.person_id for item in run.items}
    await starts(desk.house, date(2026, 4, 1))
    assert (await desk.freeze()).items == []


@pytest.mark.row("A27")
async def test_a_solution_is_billed_on_the_days_on_which_it_is_active(desk: Desk):
    actor, site, ends, again = desk.actor, desk.house.site_id, date(2026, 3, 10), date(2026, 3, 20)
    async with in_account(desk.house.account_id):
        await enter_tariff(desk.house.account_id, site, "t", "CHF", Decimal("0.081"), date(2026, 1, 1),
                           (Component(dimension="kwh", unit_price=Decimal("0.3")),))  # fmt: skip
    for solution in ("charging", "electricity"):
        await terms.set_solution(actor, site, solution, True, date(2026, 1, 1), None, NOW)
        await terms.set_solution(actor, site, solution, False, ends, None, NOW)
        await terms.set_solution(actor, site, solution, True, again, None, NOW)
    run = await desk.freeze()
    before, after = [sum(quarter_count(FIRST + timedelta(days=n), ZONE) for n in range((day - FIRST).days)) for day in (ends, again)]
    used = sum(sum(desk.days[name][:before]) + sum(desk.days[name][after:]) for name in ("anna", "ben", "left"))
    assert sum(item.bill.solar_wh + item.bill.grid_wh for item in run.items) == used
    assert {(item.bill.first, item.bill.last) for item in run.items if item.person_id == desk.house.anna} == {
        (FIRST, ends - timedelta(days=1)), (again, LAST)}  # fmt: skip
    for day in (9, 10, 19, 20):
        await charged(desk.house, datetime(2026, 3, day, 8, tzinfo=UTC), 60)
    for _ in range(2):
        await run_month(desk.house.account_id, site, date(2026, 3, 1), NOW)
    async with in_account(desk.house.account_id):
        days = [row["day"] for row in await fetch("SELECT occurred_at::date AS day FROM charge ORDER BY 1")]
    assert days == [date(2026, 3, 9), date(2026, 3, 20)]


@pytest.mark.row("B30")
@pytest.mark.row("O06")
async def test_solar_in_the_owners_favour_bears_vat_only_where_the_owner_is_liable(desk: Desk):
    async with as_owner():
        creditor = await fetchval("SELECT creditor_id FROM site WHERE id = $1", desk.house.site_id)
        await execute("UPDATE tariff_component SET creditor_id = $1 WHERE origin = 'solar'", creditor)
    rates: dict[bool, set[tuple[str, Decimal]]] = {}
    totals: dict[bool, dict[Decimal, int]] = {}
    for liable in (False, True):
        async with in_account(desk.house.account_id):
            detail = await administration.site_detail(desk.house.site_id)
        assert detail is not None
        await site_commands.change_site(desk.actor, detail.id, site_commands.SiteChange(version=detail.version, vat_liable=liable), NOW)
        anna = next(item for item in (await desk.freeze()).items if item.person_id == desk.house.anna)
        rates[liable] = {(line.origin, line.vat_rate or Decimal(0)) for line in anna.bill.lines if line.dimension == "kwh"}
        totals[liable] = {group.rate: group.net_minor for group in anna.bill.vat}
    assert rates == {
        False: {("solar", Decimal(0)), ("grid", Decimal("0.081"))},
        True: {("solar", Decimal("0.081")), ("grid", Decimal("0.081"))},
    }
    assert totals[False][Decimal(0)] > 0 and sum(totals[False].values()) == sum(totals[True].values())
