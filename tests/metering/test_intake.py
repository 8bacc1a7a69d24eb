"""Readings on a real database: taken once, refused with an issue, validated, corrected, locked."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import pytest

from app.audit.model import Actor
from app.database.transaction import as_owner, execute, fetch, fetchval, in_account
from app.kernel.errors import Refused
from app.metering import schemes, tokens
from app.metering.equipment import NewMeter, add_meter
from app.metering.intake import GATEWAY, Reading, take
from app.metering.quarters import create_meter, store_day
from app.metering.schemes import NewCorrection, Scheme
from app.metering.validation import validate
from tests.charging.house import House, make_house

DAY = date(2026, 11, 20)
AT = datetime(2026, 11, 19, 23, tzinfo=UTC)  # midnight in Zürich
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
Q = timedelta(minutes=15)


class Desk(msgspec.Struct):
    house: House
    actor: Actor

    async def meter(self, serial: str, kind: str = "use", medium: str = "electricity") -> UUID:
        made = await create_meter(self.actor, self.house.site_id, kind, serial, NOW,  # type: ignore[arg-type]
                                  billing_point_id=self.house.flat_anna if kind == "use" else None)  # fmt: skip
        async with as_owner():
            await execute("UPDATE meter SET medium = $2 WHERE id = $1", made, medium)
        return made

    async def take(self, *readings: Reading, now: datetime = NOW) -> tuple[int, int, list[str]]:
        report = await take(self.house.account_id, self.house.site_id, readings, GATEWAY, "gateway 1", now)
        return report.stored, report.known, [one.code for one in report.refused]

    async def rows(self, sql: str, *args: Any) -> list[Any]:
        async with in_account(self.house.account_id):
            return await fetch(sql, *args)

    async def validated(self, meter_id: UUID, day: date = DAY) -> tuple[list[int], list[int] | None, list[int], bool]:
        await validate(self.house.account_id, NOW)
        [row] = await self.rows("SELECT * FROM validated_day WHERE meter_id = $1 AND day = $2", meter_id, day)
        marks = [0] * 96 if row["marks"] is None else list(row["marks"])
        return numbers(row["imported"]), None if row["exported"] is None else numbers(row["exported"]), marks, row["final"]

    async def counted(self, meter_id: UUID, day: date = DAY) -> list[int]:
        [row] = await self.rows("SELECT wh FROM quarter_day WHERE meter_id = $1 AND day = $2", meter_id, day)
        return numbers(row["wh"])


def numbers(packed: bytes) -> list[int]:
    return np.frombuffer(packed, dtype="<i4").tolist()


def rising(
    meter: str, *, step: int = 100, first: int = 0, count: int = 97, begin: int = 1000, exported: int | None = None
) -> list[Reading]:
    """A day's indexes from midnight to midnight."""
    return [
        Reading(meter=meter, at=AT + n * Q, imported=begin + n * step, exported=None if exported is None else n * exported)
        for n in range(first, count)
    ]  # fmt: skip


@pytest.fixture
async def desk(database: str) -> Desk:
    house = await make_house()
    return Desk(house, Actor(account_id=house.account_id, name="Ivan"))


async def refusal(work: Any) -> str:
    with pytest.raises(Refused) as refused:
        await work
    return refused.value.code


@pytest.mark.row("M29")
async def test_a_reading_is_its_indexes_and_a_time_and_is_stored_once_however_often_it_comes(desk: Desk) -> None:
    await desk.meter("E-1")
    await desk.meter("H-1", medium="heat")
    await desk.meter("W-1", medium="cold_water")
    batch = [
        *rising("E-1", exported=7),
        Reading(meter="H-1", at=AT, imported=5, unit="kWh"),
        Reading(meter="W-1", at=AT, imported=12, unit="m3"),
        Reading(meter="W-1", at=AT + Q, imported=12_040, unit="l"),
    ]
    assert await desk.take(*batch) == (100, 0, [])
    assert await desk.take(*batch) == (0, 100, [])
    stored = await desk.rows("SELECT m.serial, r.imported, r.exported FROM index_reading r JOIN meter m ON m.id = r.meter_id"
                             " WHERE m.serial <> 'E-1' ORDER BY m.serial, r.taken_at")  # fmt: skip
    assert [tuple(row) for row in stored] == [("H-1", 5000, None), ("W-1", 12_000, None), ("W-1", 12_040, None)]
    wrong = [Reading(meter="H-1", at=AT + Q, imported=6, unit="m3"), Reading(meter="W-1", at=AT + 2 * Q, imported=13_000, exported=1)]
    assert await desk.take(*wrong) == (0, 0, ["wrong_unit", "one_way_only"])


@pytest.mark.row("M30")
async def test_an_interval_is_the_difference_of_indexes_and_a_falling_one_is_refused_and_raised_once(desk: Desk) -> None:
    meter = await desk.meter("E-1")
    assert (await desk.take(*rising("E-1")))[0] == 97
    fallen = Reading(meter="E-1", at=AT + 100 * Q, imported=10_000)
    for _ in range(2):
        assert await desk.take(fallen) == (0, 0, ["index_fell"])
    issues = await desk.rows("SELECT meter_id, serial, code, value, taken_at, closed_at FROM reading_issue")
    assert [tuple(row) for row in issues] == [(meter, "E-1", "index_fell", "10000", fallen.at, None)]
    imported, exported, marks, final = await desk.validated(meter)
    assert (imported, exported, marks, final) == ([100] * 96, None, [0] * 96, True)
    assert await desk.counted(meter) == [100] * 96


@pytest.mark.parametrize(("change", "code"), [
    ({"at": datetime.fromisoformat("2026-10-25T02:30:00")}, "no_time_zone"), ({"at": NOW + timedelta(hours=1)}, "in_future"), ({"imported": -1}, "no_index"),
    ({"meter": "OF-ANOTHER-HOUSE"}, "unknown_meter"), ({"imported": 10_700_000, "at": AT + 97 * Q}, "kilo_slip"),
    ({"imported": 2_000_000, "at": AT + 97 * Q}, "more_than_possible"), ({"imported": 1001}, "other_value"),
    ({"at": datetime.fromisoformat("1970-01-01T00:00:00Z")}, "too_long_ago"), ({"at": datetime.fromisoformat("0001-01-01T00:00:00+14:00")}, "too_long_ago"),
    ({"at": datetime.fromisoformat("9999-12-31T23:00:00-12:00")}, "in_future"), ({"at": datetime.fromisoformat("0001-01-01T00:00:00")}, "no_time_zone"),
])  # fmt: skip
async def test_what_cannot_be_is_refused_and_the_rest_is_stored(desk: Desk, change: dict[str, Any], code: str) -> None:
    await desk.meter("E-1")
    await desk.take(*rising("E-1"))
    odd = msgspec.structs.replace(Reading(meter="E-1", at=AT, imported=1000), **change)
    assert await desk.take(odd, Reading(meter="E-1", at=AT + 98 * Q, imported=10_900)) == (1, 0, [code])
    assert [row["code"] for row in await desk.rows("SELECT code FROM reading_issue")] == [code]


async def test_two_gateways_that_send_the_same_meter_at_once_count_nothing_twice(desk: Desk) -> None:
    meter = await desk.meter("E-1")
    reports = await asyncio.gather(*(desk.take(*rising("E-1", first=first)) for first in (0, 0, 40, 0)))
    assert sum(report[0] for report in reports) == 97 and not any(report[2] for report in reports)
    other = rising("E-1", first=97, count=120, step=100), rising("E-1", first=97, count=120, step=90, begin=1970)
    reports = await asyncio.gather(*(desk.take(*one) for one in other))
    assert sorted((report[0], len(report[2])) for report in reports)[0][0] < 23
    assert sum((await desk.validated(meter))[0]) == 9600


@pytest.mark.row("A16")
async def test_a_register_begins_at_nothing_on_the_day_of_installation(desk: Desk) -> None:
    form = NewMeter(serial="E-1", kind="use", installed_on=DAY, billing_point_id=desk.house.flat_anna)
    meter = await add_meter(desk.actor, desk.house.site_id, form, NOW)
    assert await desk.take(Reading(meter="E-1", at=AT + 48 * Q, imported=4800)) == (1, 0, [])
    imported, _, marks, final = await desk.validated(meter)
    assert (imported[:48], imported[48:], set(marks[:48]), set(marks[48:]), final) == ([100] * 48, [-1] * 48, {1}, {2}, False)


@pytest.mark.row("M31")
async def test_a_meter_wired_backwards_has_its_registers_swapped_in_the_validated_series(desk: Desk) -> None:
    meter = await desk.meter("E-1")
    await desk.take(*rising("E-1", step=5, exported=100, begin=0))
    assert (await desk.validated(meter))[:2] == ([5] * 96, [100] * 96)
    await schemes.add_correction(desk.actor, meter, NewCorrection(kind="swap", first=DAY), NOW)
    assert (await desk.validated(meter))[:2] == ([100] * 96, [5] * 96)
    assert await desk.counted(meter) == [100] * 96
    assert [tuple(row) for row in await desk.rows("SELECT imported, exported FROM index_reading ORDER BY taken_at DESC LIMIT 1")] == [
        (480, 9600)
    ]


@pytest.mark.row("M32")
async def test_a_downstream_meter_is_taken_off_the_upstream_one_unless_one_is_isolated(desk: Desk) -> None:
    up, down, alone = [await desk.meter(serial) for serial in ("UP", "DOWN", "ALONE")]
    await desk.take(*rising("UP"), *rising("DOWN", step=30))
    rule = NewCorrection(kind="term", part_id=down, sign=-1, first=DAY)
    await schemes.add_correction(desk.actor, up, rule, NOW)
    assert (await desk.validated(up))[0] == [100] * 96
    assert await desk.counted(up) == [70] * 96
    await desk.take(*[Reading(meter="DOWN", at=AT + 96 * Q + Q, imported=1000 + 96 * 30 + 8)])
    await validate(desk.house.account_id, NOW)
    assert await desk.counted(up) == [70] * 96
    async with as_owner():
        await execute("UPDATE meter SET isolated = true WHERE id = $1", alone)
    for meter, part in ((alone, down), (up, alone)):
        form = NewCorrection(kind="term", part_id=part, sign=1, first=DAY)
        assert await refusal(schemes.add_correction(desk.actor, meter, form, NOW)) == "isolated_meter"
    ring = NewCorrection(kind="term", part_id=up, sign=1, first=DAY)
    assert await refusal(schemes.add_correction(desk.actor, down, ring, NOW)) == "rule_in_a_ring"


@pytest.mark.row("M33")
async def test_pv_behind_a_consumption_meter_has_a_rule_that_tells_use_from_production(desk: Desk) -> None:
    flat, roof = await desk.meter("FLAT"), await desk.meter("ROOF", "production")
    await desk.take(*rising("FLAT", step=20, exported=60), *rising("ROOF", step=90))
    await schemes.add_correction(desk.actor, flat, NewCorrection(kind="behind", part_id=roof, first=DAY), NOW)
    await validate(desk.house.account_id, NOW)
    assert await desk.counted(flat) == [50] * 96 and await desk.counted(roof) == [90] * 96


@pytest.mark.row("M34")
async def test_raw_readings_are_never_edited_whatever_is_validated(desk: Desk) -> None:
    meter = await desk.meter("E-1")
    await desk.take(*rising("E-1", exported=3))
    before = await desk.rows("SELECT * FROM index_reading ORDER BY taken_at")
    await schemes.add_correction(desk.actor, meter, NewCorrection(kind="swap", first=DAY), NOW)
    await desk.take(Reading(meter="E-1", at=AT, imported=1001, exported=0))
    await validate(desk.house.account_id, NOW)
    assert await desk.rows("SELECT * FROM index_reading ORDER BY taken_at") == before
    for table in ("index_reading", "interval_reading"):
        for right in ("UPDATE", "DELETE", "TRUNCATE"):
            async with as_owner():
                assert await fetchval("SELECT has_table_privilege('hofstrom_app', $1, $2)", table, right) is False


@pytest.mark.row("A52")
async def test_nothing_on_or_before_the_lock_changes(desk: Desk) -> None:
    meter = await desk.meter("E-1")
    await desk.take(*rising("E-1", count=50))
    before, counted = await desk.validated(meter), await desk.counted(meter)
    scheme = Scheme(most_per_hour=100_000, locked_until=DAY)
    await schemes.set_scheme(desk.actor, desk.house.site_id, "electricity", scheme, NOW)
    assert (await desk.take(*rising("E-1", count=120)))[0] == 70
    assert await desk.validated(meter) == before and await desk.counted(meter) == counted
    assert (await desk.validated(meter, DAY + timedelta(1)))[0][:23] == [100] * 23
    assert await refusal(store_day(desk.house.account_id, meter, DAY, [1] * 96, NOW)) == "day_locked"
    assert await refusal(schemes.add_correction(desk.actor, meter, NewCorrection(kind="swap", first=DAY), NOW)) == "day_locked"
    earlier = msgspec.structs.replace(scheme, locked_until=DAY - timedelta(1), version=1)
    assert await refusal(schemes.set_scheme(desk.actor, desk.house.site_id, "electricity", earlier, NOW)) == "lock_moves_on"


async def test_a_gap_longer_than_the_scheme_allows_stays_open(desk: Desk) -> None:
    meter = await desk.meter("E-1")
    await schemes.set_scheme(desk.actor, desk.house.site_id, "electricity", Scheme(most_per_hour=100_000, longest_gap_h=3), NOW)
    await desk.take(*(one for n, one in enumerate(rising("E-1")) if not (10 < n < 20 or 40 < n < 60)))
    imported, _, marks, final = await desk.validated(meter)
    assert imported == [100] * 40 + [-1] * 20 + [100] * 36 and not final
    assert marks == [0] * 10 + [1] * 10 + [0] * 20 + [2] * 20 + [0] * 36
    assert (
        await refusal(schemes.set_scheme(desk.actor, desk.house.site_id, "electricity", Scheme(most_per_hour=1), NOW))
        == "changed_meanwhile"
    )


async def test_a_day_that_came_packed_keeps_its_quarters_where_no_reading_is(desk: Desk) -> None:
    meter = await desk.meter("E-1")
    assert await store_day(desk.house.account_id, meter, DAY, [7] * 96, NOW)
    await desk.take(*rising("E-1", first=40, count=61))
    for _ in range(2):
        imported, _, marks, final = await desk.validated(meter)
        assert imported == [-1] * 40 + [100] * 20 + [-1] * 36 and final and not any(marks)
        assert await desk.counted(meter) == [7] * 40 + [100] * 20 + [7] * 36
        async with as_owner():
            await execute("INSERT INTO stale_day (account_id, meter_id, day) VALUES ($1, $2, $3)", desk.house.account_id, meter, DAY)
    await desk.take(*rising("E-1", first=60, count=97))
    await desk.validated(meter)
    assert await desk.counted(meter) == [7] * 40 + [100] * 56
    # What once was read and is no longer known is a gap, whatever was counted before.
    await schemes.set_scheme(desk.actor, desk.house.site_id, "electricity", Scheme(most_per_hour=100_000, longest_gap_h=1), NOW)
    late = await desk.meter("E-2")
    assert await store_day(desk.house.account_id, late, DAY, [None] * 48 + [9] * 48, NOW)
    await desk.take(*(one for n, one in enumerate(rising("E-2", count=49)) if not 10 < n < 30))
    await desk.validated(late)
    assert await desk.counted(late) == [100] * 10 + [-1] * 20 + [100] * 18 + [9] * 48
    unread = await desk.meter("E-3")
    assert await store_day(desk.house.account_id, unread, DAY, [5] * 96, NOW)
    async with as_owner():
        await execute("INSERT INTO stale_day (account_id, meter_id, day) VALUES ($1, $2, $3)", desk.house.account_id, unread, DAY)
    await validate(desk.house.account_id, NOW)
    assert await desk.counted(unread) == [5] * 96


async def test_a_token_opens_its_own_house_until_it_is_revoked(desk: Desk) -> None:
    shown = await tokens.make_token(desk.actor, desk.house.site_id, "Basement", NOW)
    holder = await tokens.holder_of(shown.token, NOW)
    assert holder is not None and holder.site_id == desk.house.site_id and await tokens.holder_of(shown.token + "x", NOW) is None
    await tokens.revoke_token(desk.actor, desk.house.site_id, shown.id, NOW)
    assert await tokens.holder_of(shown.token, NOW) is None


@pytest.mark.row("M35")
async def test_heat_and_water_are_read_once_a_day_and_that_counts_as_measured(desk: Desk) -> None:
    midnights = [datetime(2026, 10, 23, 22, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC)]
    for medium, unit in (("heat", "kWh"), ("cooling", "kWh"), ("hot_water", "m3"), ("cold_water", "m3"), ("electricity", "kWh")):
        meter = await desk.meter(f"D-{medium}", medium=medium)
        daily = [Reading(meter=f"D-{medium}", at=at, imported=7 + n, unit=unit) for n, at in enumerate(midnights)]
        assert await desk.take(*daily) == (3, 0, [])
        for day in (date(2026, 10, 24), date(2026, 10, 25)):  # of 96 and of 100 quarter-hours
            imported, _, marks, final = await desk.validated(meter, day)
            assert (sum(imported), set(marks), final) == (1000, {1 if medium == "electricity" else 0}, True), (medium, day)
        later = Reading(meter=f"D-{medium}", at=midnights[2] + timedelta(days=2), imported=9, unit=unit)
        assert await desk.take(later) == (1, 0, [])
        assert set((await desk.validated(meter, date(2026, 10, 27)))[2]) == {1}  # a day was left out
