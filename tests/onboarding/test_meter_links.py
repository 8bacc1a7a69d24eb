"""Meters and the billing points that they count for: one at a time, by days, and a point that is made in the same step."""

from datetime import UTC, date, datetime
from uuid import UUID

import asyncpg
import msgspec
import pytest

from app.audit.model import Actor
from app.database.transaction import as_owner, execute, fetch, fetchval, in_account
from app.kernel.errors import Refused
from app.metering import equipment
from app.metering.equipment import NewMeter
from app.metering.quarters import meters_of
from app.onboarding.meter_links import link_to_new_point
from app.residents.points import NewPoint
from tests.charging.house import House, make_house

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
FIRST = date(2026, 3, 1)


class Desk(msgspec.Struct):
    """A house with its installer and its building."""

    house: House
    actor: Actor
    building: UUID

    async def meter(self, serial: str, **values: object) -> UUID:
        form = NewMeter(serial=serial, kind="use", **values)  # type: ignore[arg-type]
        return await equipment.add_meter(self.actor, self.house.site_id, form, NOW)

    async def links(self, meter: UUID) -> list[tuple[UUID, date | None, date | None]]:
        async with in_account(self.house.account_id):
            found = next(one for one in await meters_of(self.house.site_id) if one.id == meter)
        return [(link.billing_point_id, link.first, link.last) for link in found.links]

    async def bill(self, first: date, after: date) -> None:
        """An issued run of the days from `first` to the day before `after`."""
        async with as_owner():
            await execute("INSERT INTO energy_run (account_id, site_id, period, state, frozen_at) VALUES ($1, $2, $3, 'issued', $4)",
                          self.house.account_id, self.house.site_id, asyncpg.Range(first, after), NOW)  # fmt: skip


@pytest.fixture
async def desk(database: str) -> Desk:
    house = await make_house()
    async with as_owner():
        building = await fetchval("SELECT id FROM building WHERE site_id = $1", house.site_id)
    return Desk(house, Actor(account_id=house.account_id, name="Ines Installer"), building)


async def refusal(work) -> str:
    with pytest.raises(Refused) as refused:
        await work
    return refused.value.code


@pytest.mark.row("A44")
@pytest.mark.parametrize("medium", ["electricity", "heat", "cooling", "hot_water", "cold_water"])
async def test_each_kind_of_meter_is_linked_to_a_point_that_exists_or_to_one_made_in_the_same_step(desk, medium):
    meter = await desk.meter("M-1", medium=medium)
    await equipment.link(desk.actor, meter, desk.house.flat_anna, FIRST, NOW)
    form = NewPoint(building_id=desk.building, name="Workshop", assignment="common_area", since=date(2026, 6, 1))
    point = await link_to_new_point(desk.actor, meter, form, date(2026, 6, 1), NOW)
    assert await desk.links(meter) == [(desk.house.flat_anna, FIRST, date(2026, 5, 31)), (point, date(2026, 6, 1), None)]
    async with in_account(desk.house.account_id):
        assert await fetchval("SELECT name FROM billing_point WHERE id = $1", point) == "Workshop"


async def test_a_new_point_and_its_link_are_made_together_or_not_at_all(desk):
    meter, other = await desk.meter("M-1"), await make_house("XX")
    await desk.bill(FIRST, date(2026, 4, 1))
    async with as_owner():
        foreign = await fetchval("SELECT id FROM building WHERE site_id = $1", other.site_id)
        before = await fetchval("SELECT count(*) FROM billing_point")
    tries = {
        "day_billed": (meter, NewPoint(building_id=desk.building, name="Workshop"), date(2026, 3, 31)),
        "name_of_a_person": (meter, NewPoint(building_id=desk.building, name="Anna"), date(2026, 5, 1)),
        "name_taken": (meter, NewPoint(building_id=desk.building, name="ben"), date(2026, 5, 1)),
        "not_found": (meter, NewPoint(building_id=foreign, name="Workshop"), date(2026, 5, 1)),
    }  # fmt: skip
    async with as_owner():
        await execute("UPDATE person SET family_name = 'Berger' WHERE id = $1", desk.house.ben)
    for code, (tried, form, first) in tries.items():
        assert await refusal(link_to_new_point(desk.actor, tried, form, first, NOW)) == code
    async with as_owner():
        assert (await fetchval("SELECT count(*) FROM billing_point"), await fetchval("SELECT count(*) FROM meter_link")) == (before, 0)


@pytest.mark.row("A45")
async def test_a_meter_counts_for_one_point_at_a_time_and_no_day_that_is_billed_changes_hands(desk):
    meter = await desk.meter("M-1", installed_on=date(2026, 1, 1), billing_point_id=desk.house.flat_anna)
    with pytest.raises(asyncpg.ExclusionViolationError):
        async with as_owner():
            await execute("INSERT INTO meter_link (account_id, meter_id, billing_point_id, period) VALUES ($1, $2, $3, '[2026-02-01,)')",
                          desk.house.account_id, meter, desk.house.flat_ben)  # fmt: skip
    await desk.bill(FIRST, date(2026, 4, 1))
    billed = await desk.links(meter)
    for first in (date(2026, 1, 15), FIRST, date(2026, 3, 31)):
        assert await refusal(equipment.link(desk.actor, meter, desk.house.flat_ben, first, NOW)) == "day_billed"
        assert await refusal(equipment.link(desk.actor, meter, None, first, NOW)) == "day_billed"
    assert await desk.links(meter) == billed
    for first, point in ((date(2026, 4, 1), desk.house.flat_ben), (date(2026, 5, 1), None), (date(2026, 6, 1), desk.house.flat_anna)):
        await equipment.link(desk.actor, meter, point, first, NOW)
    assert await desk.links(meter) == [
        (desk.house.flat_anna, date(2026, 1, 1), date(2026, 3, 31)), (desk.house.flat_ben, date(2026, 4, 1), date(2026, 4, 30)),
        (desk.house.flat_anna, date(2026, 6, 1), None),
    ]  # fmt: skip
    async with in_account(desk.house.account_id):
        trail = await fetch("SELECT changes FROM audit_entry WHERE object_kind = 'meter' AND object_id = $1 AND action = 'linked'", meter)
    assert len(trail) == 3
