"""What is read after a run has begun: on no bill twice, on none never; and meters that change in mid period."""

import io
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pdfplumber
import pytest

from app.billing.energy_draft import freeze
from app.billing.energy_issue import Run, issue_run
from app.database.transaction import as_owner, execute, fetch
from app.metering.equipment import replace
from tests.billing.electricity import FIRST, LAST, NOW, Desk, desk, expected, refusal

__all__ = ["desk"]


@pytest.mark.row("B37")
async def test_readings_that_come_after_the_bill_change_nothing_in_it_and_the_difference_stands_on_the_next_one(desk: Desk) -> None:
    before = expected(desk)
    await issue_run(desk.actor, (await desk.freeze()).id, NOW)
    bills = await desk.rows("SELECT id, document FROM invoice ORDER BY number")
    desk.days["anna"] = [wh + 10 for wh in desk.days["anna"]]
    assert await desk.store("anna", FIRST, LAST, list(desk.days["anna"]), NOW + timedelta(days=3)) == [False] * 31
    assert await desk.rows("SELECT id, document FROM invoice ORDER BY number") == bills
    after = expected(desk)
    april, may = (date(2026, 4, 1), date(2026, 4, 30)), datetime(2026, 5, 1, 8, tzinfo=UTC)
    for _ in range(2):
        run = await desk.freeze(*april, may)
    differences: dict[UUID, int] = {}
    for (person, first), (net, _) in after.items():
        differences[person] = differences.get(person, 0) + net - before[(person, first)][0]
    corrected = {}
    for item in run.items:
        for line in item.bill.lines:
            if line.label.startswith("correction:"):
                corrected[item.person_id] = corrected.get(item.person_id, 0) + line.amount_minor
    assert corrected == {person: net for person, net in differences.items() if net} and corrected[desk.house.anna] > 0
    assert await issue_run(desk.actor, run.id, may) == (len([item for item in run.items if item.bill.lines]), [])
    document = (await desk.rows("SELECT pdf FROM invoice WHERE person_id = $1 ORDER BY number DESC LIMIT 1", desk.house.anna))[0]["pdf"]
    with pdfplumber.open(io.BytesIO(document)) as pdf:
        assert "Korrektur 2026-03-01 bis" in pdf.pages[0].extract_text()
    following = await desk.freeze(date(2026, 5, 1), date(2026, 5, 31), datetime(2026, 6, 1, 8, tzinfo=UTC))
    assert not any(line.label for item in following.items for line in item.bill.lines)


async def test_what_is_read_between_drafts_and_bills_is_on_no_bill_by_mistake_and_bills_are_never_drafted_anew(desk: Desk) -> None:
    run, later = await desk.freeze(), NOW + timedelta(hours=1)
    assert await desk.store("ben", FIRST, FIRST, list(desk.days["ben"][:96]), later) == [True]  # the same again
    assert await desk.rows("SELECT 1 FROM quarter_day WHERE received_at > $1", NOW) == []
    desk.days["anna"][:96] = [wh + 10 for wh in desk.days["anna"][:96]]
    assert await desk.store("anna", FIRST, FIRST, list(desk.days["anna"][:96]), later) == [True]
    assert await refusal(issue_run(desk.actor, run.id, later)) == "readings_since"
    assert not await desk.rows("SELECT 1 FROM invoice") and (await desk.freeze(now=later)).id == run.id
    async with as_owner():
        await execute("ALTER TABLE person DROP CONSTRAINT person_locale_check")
        await execute("UPDATE person SET locale = 'xx' WHERE id = $1", desk.house.anna)
    made, failed = await issue_run(desk.actor, run.id, later)
    assert (made, len(failed)) == (4, 1)
    assert await refusal(freeze(desk.actor, desk.house.site_id, FIRST, LAST, later)) == "period_billed"
    desk.days["anna"][:96] = [wh + 10 for wh in desk.days["anna"][:96]]
    assert await desk.store("anna", FIRST, FIRST, list(desk.days["anna"][:96]), later) == [False]


async def test_a_meter_counts_for_the_point_that_it_is_linked_to_on_each_day(desk):
    """Anna's meter is Ben's from the 16th on: what each used is told by the day, and neither sees the other's gaps."""
    async with as_owner():
        await execute("UPDATE meter_link SET period = daterange(NULL, '2026-03-16') WHERE meter_id = $1", desk.meters["anna"])
        await execute("INSERT INTO meter_link (account_id, meter_id, billing_point_id, period) VALUES ($1, $2, $3, daterange($4, NULL))",
                      desk.house.account_id, desk.meters["anna"], desk.house.flat_ben, date(2026, 3, 16))  # fmt: skip
        await execute("DELETE FROM meter_link WHERE meter_id = $1", desk.meters["car"])
        await execute("DELETE FROM meter_link WHERE meter_id = $1", desk.meters["ben"])
    run_id = await freeze(desk.actor, desk.house.site_id, FIRST, LAST, NOW)
    async with as_owner():
        rows = await fetch("SELECT person_id, bill::jsonb ->> 'solar_wh' AS solar, bill::jsonb ->> 'grid_wh' AS grid FROM energy_item"
                           " WHERE run_id = $1", run_id)  # fmt: skip
    used = {row["person_id"]: int(row["solar"]) + int(row["grid"]) for row in rows if row["person_id"] in (desk.house.anna, desk.house.ben)}
    own = [whole - car for whole, car in zip(desk.days["anna"], desk.days["car"], strict=True)]
    half = 15 * 96
    assert used[desk.house.anna] == sum(own[:half])
    assert used[desk.house.ben] >= sum(own[half:])


async def test_a_meter_that_is_replaced_in_mid_period_bills_what_both_measured_and_its_car_once(desk):
    change = date(2026, 3, 14)
    new = await replace(desk.actor, desk.meters["anna"], "M-anna-2", change, NOW)
    async with as_owner():
        await execute("UPDATE quarter_day SET meter_id = $2 WHERE meter_id = $1 AND day >= $3", desk.meters["anna"], new, change)
    run_id = await freeze(desk.actor, desk.house.site_id, FIRST, LAST, NOW)
    async with as_owner():
        rows = await fetch("SELECT person_id, first, gross_minor, warnings FROM energy_item WHERE run_id = $1", run_id)
    assert {(row["person_id"], row["first"]): row["gross_minor"] for row in rows} == {
        key: net + vat for key, (net, vat) in expected(desk).items()
    }  # fmt: skip
    assert all("missing" not in row["warnings"] for row in rows)


APRIL, IN_MAY = (date(2026, 4, 1), date(2026, 4, 30)), datetime(2026, 5, 1, 8, tzinfo=UTC)
MAY, IN_JUNE = (date(2026, 5, 1), date(2026, 5, 31)), datetime(2026, 6, 1, 8, tzinfo=UTC)


def corrections(run: Run) -> int:
    return sum(line.amount_minor for item in run.items for line in item.bill.lines if line.label.startswith("correction:"))


async def march_billed_and_read_late(desk: Desk, at: datetime) -> int:
    """Bill March, then let ten Wh more come in for each of Anna's quarter-hours; returns what that changes."""
    before = expected(desk)
    await issue_run(desk.actor, (await desk.freeze()).id, NOW)
    desk.days["anna"] = [wh + 10 for wh in desk.days["anna"]]
    assert await desk.store("anna", FIRST, LAST, list(desk.days["anna"]), at) == [False] * 31
    return sum(net for net, _ in expected(desk).values()) - sum(net for net, _ in before.values())


async def test_of_two_open_drafts_one_carries_what_came_late_whichever_is_issued_first(desk: Desk) -> None:
    change = await march_billed_and_read_late(desk, NOW + timedelta(days=3))
    april, may = await desk.freeze(*APRIL, IN_MAY), await desk.freeze(*MAY, IN_JUNE)
    assert (corrections(april), corrections(may)) == (change, 0)
    await issue_run(desk.actor, may.id, IN_JUNE)
    assert corrections(await desk.freeze(*APRIL, IN_JUNE)) == change
    await issue_run(desk.actor, april.id, IN_JUNE)
    june = await desk.freeze(date(2026, 6, 1), date(2026, 6, 30), datetime(2026, 7, 1, 8, tzinfo=UTC))
    assert corrections(june) == 0


async def test_a_late_day_that_is_stored_after_a_freeze_under_an_older_time_is_corrected_all_the_same(desk: Desk) -> None:
    """A clock is read when a request comes in; the house is locked later."""
    before = expected(desk)
    await issue_run(desk.actor, (await desk.freeze()).id, NOW)
    april = await desk.freeze(*APRIL, IN_MAY)
    desk.days["anna"] = [wh + 10 for wh in desk.days["anna"]]
    await desk.store("anna", FIRST, LAST, list(desk.days["anna"]), IN_MAY - timedelta(seconds=1))
    await issue_run(desk.actor, april.id, IN_MAY)
    change = sum(net for net, _ in expected(desk).values()) - sum(net for net, _ in before.values())
    assert corrections(await desk.freeze(*MAY, IN_JUNE)) == change != 0


async def test_a_reading_that_is_stored_after_the_drafts_under_an_older_time_is_on_no_bill_by_mistake(desk: Desk) -> None:
    run = await desk.freeze()
    wh: list[int | None] = [value + 10 for value in desk.days["anna"][:96]]
    assert await desk.store("anna", FIRST, FIRST, wh, NOW - timedelta(seconds=1)) == [True]
    assert await refusal(issue_run(desk.actor, run.id, NOW)) == "readings_since"


async def test_a_late_day_that_turns_out_as_it_was_billed_takes_its_correction_back(desk: Desk) -> None:
    as_billed = list(desk.days["anna"])
    change = await march_billed_and_read_late(desk, NOW + timedelta(days=3))
    april = await desk.freeze(*APRIL, IN_MAY)
    assert corrections(april) == change
    await issue_run(desk.actor, april.id, IN_MAY)
    await desk.store("anna", FIRST, LAST, list(as_billed), IN_MAY + timedelta(days=1))
    assert corrections(await desk.freeze(*MAY, IN_JUNE)) == -change
