"""Billing points, accounts and badges as the ledger says them, on a real database."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from app.billing.commands import charge_session, settle_session
from app.charging.authorisation import authorise
from app.charging.model import StartReport, Station, StopReport
from app.charging.queries import billing_point_of
from app.charging.transactions import end_session, start_session
from app.database.transaction import as_owner, fetch, fetchrow, fetchval, in_account
from app.kernel.errors import Refused
from app.residents import administration, badges, moves, people, points
from app.tariffs.commands import enter_tariff
from app.tariffs.model import Component
from tests.charging.house import BADGE_ANNA, COMMISSIONED, SECRET, House
from tests.residents.test_moves import NOW, Place, form, line, place

__all__ = ["place"]
AT = datetime(2026, 11, 23, 18, tzinfo=UTC)


def station(house: House) -> Station:
    return Station(account_id=house.account_id, id=house.stations["CP-1"], identity="CP-1", site_id=house.site_id, name="Place 1",
                   max_power_w=11_000, commissioned_at=COMMISSIONED)  # fmt: skip


async def session_of_anna(house: House, at: datetime) -> UUID:
    """An hour of Anna's at CP-1, 5 kWh, by the commands that stations use."""
    begun = StartReport(connector_no=1, id_tag=BADGE_ANNA, meter_start_wh=0, started_at=at, started_raw=at.isoformat(), body="{}")
    answer, _ = await start_session(station(house), begun, "m", SECRET, at)
    over = StopReport(transaction_no=answer.transaction_no, id_tag=None, meter_stop_wh=5_000, stopped_at=at + timedelta(hours=1),
                      reason=None, body="{}")  # fmt: skip
    await end_session(station(house), over, "m", [], at + timedelta(hours=1))
    async with as_owner():
        found: UUID = await fetchval("SELECT id FROM charging_session WHERE transaction_no = $1", answer.transaction_no)
    return found


async def flag(place: Place, point: UUID, **values: bool) -> None:
    async with in_account(place.house.account_id):
        version = await fetchval("SELECT version FROM billing_point WHERE id = $1", point)
    await points.change_point(place.actor, point, points.PointChange(version=version, **values), NOW)


@pytest.mark.row("O30")
@pytest.mark.row("O31")
async def test_nothing_is_charged_at_a_point_that_is_off_or_has_no_consumer_to_bill(place: Place) -> None:
    house = place.house
    async with as_owner():
        price = Component(dimension="kwh", unit_price=Decimal("0.30"))
        await enter_tariff(house.account_id, house.site_id, "t", "CHF", Decimal("0.081"), date(2026, 1, 1), (price,))
    sessions = [await session_of_anna(house, AT + timedelta(hours=2 * n)) for n in range(3)]
    await flag(place, house.flat_anna, consumer_billing=False)
    assert await authorise(station(house), BADGE_ANNA, SECRET, NOW) == "Accepted"  # counted, and not billed
    assert await charge_session(house.account_id, sessions[0], NOW) == []
    await settle_session(house.account_id, sessions[0], NOW)
    await flag(place, house.flat_anna, consumer_billing=True, activated=False)
    assert await charge_session(house.account_id, sessions[1], NOW) == []
    assert await authorise(station(house), BADGE_ANNA, SECRET, NOW) == "Invalid"
    async with in_account(house.account_id):
        assert await billing_point_of(house.anna, house.site_id, NOW.date()) is None
        assert await fetch("SELECT 1 FROM charge") == []
    await flag(place, house.flat_anna, activated=True)
    assert await authorise(station(house), BADGE_ANNA, SECRET, NOW) == "Accepted"
    assert await charge_session(house.account_id, sessions[2], NOW) != []


async def test_the_lists_of_the_stations_follow_the_flag(place: Place) -> None:
    async def epoch() -> int:
        async with as_owner():
            found: int = await fetchval("SELECT coalesce(max(epoch), 1) FROM local_list_epoch")
        return found

    before = await epoch()
    await flag(place, place.house.flat_anna, consumer_billing=False)
    assert await epoch() == before
    await flag(place, place.house.flat_anna, activated=False)
    assert await epoch() == before + 1


@pytest.mark.row("R01")
async def test_a_person_or_company_holds_several_places_at_once_and_one_after_the_other(place: Place) -> None:
    nora = await people.create_person(place.actor, form(), NOW)
    firm = await people.create_person(place.actor, form("", "Seehof AG", kind="legal"), NOW)
    second = await points.create_point(
        place.actor, points.NewPoint(building_id=place.building, name="Platz 7", since=date(2026, 1, 1)), NOW
    )
    await moves.assign(place.actor, place.flat, nora, date(2026, 2, 1), date(2026, 6, 30), NOW)
    await moves.assign(place.actor, second, nora, date(2026, 3, 1), date(2026, 4, 30), NOW)
    await moves.assign(place.actor, second, firm, date(2026, 5, 1), None, NOW)
    await moves.assign(place.actor, place.flat, firm, date(2026, 7, 1), None, NOW)
    assert [row[:3] for row in await line(place) if not row[3]] == [
        ("Nora Berger", "2026-02-01", "2026-06-30"), ("Seehof AG", "2026-07-01", ""),
    ]  # fmt: skip
    assert [row[:3] for row in await line(place, second) if not row[3]] == [
        ("Nora Berger", "2026-03-01", "2026-04-30"), ("Seehof AG", "2026-05-01", ""),
    ]  # fmt: skip
    async with in_account(place.house.account_id):
        rows = {row.name: sorted(row.places) for row in await administration.people("", None, place.house.login, NOW.date())}
    assert rows["Seehof AG"] == ["Platz 7", "Wohnung 2.1"] and rows["Nora Berger"] == []


@pytest.mark.row("A37")
async def test_who_is_known_is_found_by_name_and_by_address_and_put_on_a_place_of_another_site_instead_of_a_double(place: Place) -> None:
    nora = await people.create_person(place.actor, form(), NOW)
    async with in_account(place.house.account_id):
        for text in ("berger", "NORA B", "nora.berger@"):
            found = [row.id for row in await administration.people(text, None, place.house.login, NOW.date())]
            assert found == [nora], text
    with pytest.raises(Refused) as refused:
        await people.create_person(place.actor, form("NORA", "berger"), NOW)
    assert (refused.value.code, refused.value.params["id"]) == ("person_exists", str(nora))
    await moves.assign(place.actor, place.flat, nora, date(2026, 12, 1), None, NOW)
    async with in_account(place.house.account_id):
        assert place.house.site_id in await administration.sites_of_person(nora)
        assert await fetchval("SELECT count(*) FROM person WHERE family_name = 'Berger'") == 1


@pytest.mark.row("A38")
async def test_how_somebody_is_written_to_can_be_changed_and_must_be_possible(place: Place) -> None:
    nora = await people.create_person(place.actor, form(), NOW)
    version = await people.change_person(place.actor, nora, people.PersonChange(version=1, correspondence="post", email=None), NOW)
    with pytest.raises(Refused) as refused:
        await people.change_person(place.actor, nora, people.PersonChange(version=version, correspondence="email"), NOW)
    assert refused.value.code == "email_needed"
    await people.change_person(place.actor, nora, people.PersonChange(version=version, correspondence="ebill"), NOW)
    async with in_account(place.house.account_id):
        found = await administration.person_detail(nora)
    assert found is not None and (found.correspondence, found.email) == ("ebill", None)


@pytest.mark.row("A47")
async def test_a_uid_is_one_badge_only_its_assignment_has_a_first_and_a_last_day_and_blocking_holds_at_once(place: Place) -> None:
    house, uid = place.house, "04C1C2C3C4C5C6"

    async def at(day: date) -> str:
        return await authorise(station(house), uid, SECRET, datetime(day.year, day.month, day.day, 12, tzinfo=UTC))

    new = badges.NewBadge(uid=uid, person_id=house.anna, valid_from=date(2026, 12, 1), valid_to=date(2026, 12, 31))
    made = await badges.create_badge(place.actor, new, SECRET, NOW)
    assert [await at(date(2026, 11, 30)), await at(date(2026, 12, 1)), await at(date(2026, 12, 31)), await at(date(2027, 1, 1))] == [
        "Expired", "Accepted", "Accepted", "Expired",
    ]  # fmt: skip
    with pytest.raises(Refused) as refused:
        await badges.create_badge(place.actor, badges.NewBadge(uid=uid, person_id=house.ben), SECRET, NOW)
    assert refused.value.code == "badge_taken"
    for _ in range(2):
        await badges.end_badge(place.actor, made, date(2027, 1, 31), NOW)
    assert await at(date(2027, 1, 1)) == "Accepted"
    with pytest.raises(Refused) as refused:
        await badges.end_badge(place.actor, made, date(2026, 11, 30), NOW)
    assert refused.value.code == "exit_before_entry"

    async def listed() -> object:
        async with as_owner():
            row = await fetchrow("SELECT epoch FROM local_list_epoch WHERE account_id = $1", house.account_id)
        return row and row["epoch"]

    before = await listed()
    await badges.set_badge_state(place.actor, made, "blocked", "", NOW)
    assert await at(date(2026, 12, 15)) == "Blocked"
    assert await listed() != before  # the stations' lists are computed anew: tests/ocpp_server/test_local_lists.py sees them arrive
