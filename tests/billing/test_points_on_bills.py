"""What a billing point means for its bills: one each, under its name of the day, solar by its priority, from entry to exit."""

from datetime import date

import msgspec
import pytest

from app.billing.documents.bill import BillDocument
from app.billing.energy_issue import issue_run
from app.database.transaction import in_account
from app.kernel.errors import Refused
from app.residents import administration, points
from app.sites import commands as sites
from tests.billing.electricity import ENTERS, FIRST, LAST, LEFT, NOW, Desk, desk

__all__ = ["desk"]


async def version_of(desk: Desk, point: object) -> int:
    return int((await desk.rows("SELECT version FROM billing_point WHERE id = $1", point))[0]["version"])


@pytest.mark.row("O34")
async def test_a_point_is_renamed_at_any_time_and_past_bills_keep_the_old_name(desk: Desk) -> None:
    await issue_run(desk.actor, (await desk.freeze()).id, NOW)
    before = await desk.rows("SELECT document, pdf FROM invoice ORDER BY number")
    ben = desk.house.flat_ben
    change = points.PointChange(version=await version_of(desk, ben), name="Attika rechts")
    await points.change_point(desk.actor, ben, change, NOW)
    assert await desk.rows("SELECT document, pdf FROM invoice ORDER BY number") == before
    names = {msgspec.json.decode(row["document"], type=BillDocument).site_name for row in before}
    assert "Lindenhof, ben" in names
    async with in_account(desk.house.account_id):
        found = await administration.point(ben, NOW.date())
    assert found is not None and found.name == "Attika rechts"


@pytest.mark.row("O33")
async def test_the_priority_is_nought_at_first_and_whoever_has_the_larger_one_gets_the_sun_first(desk: Desk) -> None:
    building = (await desk.rows("SELECT id FROM building"))[0]["id"]
    made = await points.create_point(desk.actor, points.NewPoint(building_id=building, name="Keller"), NOW)
    assert (await desk.rows("SELECT priority FROM billing_point WHERE id = $1", made))[0]["priority"] == 0
    anna, ben = desk.house.flat_anna, desk.house.flat_ben
    for first, name in ((anna, "anna"), (ben, "ben")):
        for point, priority in ((anna, 0), (ben, 0), (first, 7)):
            change = points.PointChange(version=await version_of(desk, point), priority=priority)
            await points.change_point(desk.actor, point, change, NOW)
        item = next(one for one in (await desk.freeze()).items if one.billing_point_id == first)
        most = sum(min(sun, used) for sun, used in zip(desk.days["roof"], desk.days[name], strict=True))
        assert item.bill.solar_wh == most


@pytest.mark.row("O37")
@pytest.mark.row("R01")
@pytest.mark.row("R41")
async def test_bills_begin_on_the_entry_day_and_end_on_the_exit_day_and_one_person_has_one_for_each_point(desk: Desk) -> None:
    items = (await desk.freeze()).items
    spans = {(item.point_name, item.person_id): (item.bill.first, item.bill.last) for item in items}
    house = desk.house
    assert spans["left", house.left] == (FIRST, LEFT)
    assert spans["left", desk.owner] == (date(2026, 3, 13), date(2026, 3, 19))
    assert spans["left", house.ben] == (ENTERS, LAST)
    assert spans["ben", house.ben] == (FIRST, LAST)


@pytest.mark.row("A43")
async def test_a_point_with_several_meters_has_one_bill_and_stays_in_its_house(desk: Desk) -> None:
    run = await desk.freeze()
    assert len([item for item in run.items if item.billing_point_id == desk.house.flat_anna]) == 1  # two meters stand there
    for _ in range(2):
        await issue_run(desk.actor, run.id, NOW)
    billed = await desk.rows("SELECT billing_point_id, person_id, count(*) AS many FROM invoice GROUP BY 1, 2 HAVING count(*) > 1")
    assert billed == []
    other = await sites.create_site(desk.actor, sites.NewSite(name="Other", street="S", postcode="8000", city="Z"), frozenset(), NOW)
    building = await sites.add_building(desk.actor, other, "B", NOW)
    change = points.PointChange(version=await version_of(desk, desk.house.flat_anna), building_id=building)
    with pytest.raises(Refused) as refused:
        await points.change_point(desk.actor, desk.house.flat_anna, change, NOW)
    assert refused.value.code == "other_site"
    with pytest.raises(Exception, match="permission denied"):
        await desk.rows("DELETE FROM billing_point WHERE id = $1", desk.house.flat_anna)
