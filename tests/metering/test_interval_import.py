"""Grid operators' files on a real database: whole or not at all, corrected by time, once however often, and through a kill -9."""

import asyncio
import os
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from app.audit.model import Actor
from app.database.transaction import as_owner, execute, fetch, in_account
from app.kernel.errors import Refused
from app.metering import interval_import
from app.metering.equipment import NewMeter, add_meter
from app.metering.grid_folder import take_folder
from app.metering.interval_import import FileReport, import_file
from app.metering.meter_change import MeterChange, change_meter
from app.metering.validation import validate
from tests.charging.house import House, make_house
from tests.metering.grid_files import POINT, e66, series, sheet
from tests.metering.test_intake import numbers

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
START = datetime(2026, 11, 19, 23, tzinfo=UTC)  # midnight in Zürich
AUTUMN = datetime(2026, 10, 24, 22, tzinfo=UTC)  # and of the day with 100 quarter-hours


class Desk(msgspec.Struct):
    house: House
    actor: Actor

    async def meter(self, serial: str = POINT, **form: Any) -> UUID:
        return await add_meter(
            self.actor, self.house.site_id, NewMeter(**{"serial": serial, "kind": "entry", "source": "dso", **form}), NOW
        )

    async def take(self, content: bytes, name: str = "file") -> FileReport:
        return await import_file(self.actor, self.house.site_id, name, content, NOW)

    async def day(self, meter_id: UUID, day: date) -> tuple[list[int], list[int] | None, set[int]]:
        await validate(self.house.account_id, NOW)
        async with in_account(self.house.account_id):
            [row] = await fetch("SELECT imported, exported, marks FROM validated_day WHERE meter_id = $1 AND day = $2", meter_id, day)
        return numbers(row["imported"]), row["exported"] and numbers(row["exported"]), set(row["marks"] or b"\0")

    async def counts(self) -> tuple[int, ...]:
        """How many rows an import may write, by table."""
        async with as_owner():
            [row] = await fetch("SELECT (SELECT count(*) FROM interval_reading)::int, (SELECT count(*) FROM stale_day)::int,"
                                " (SELECT count(*) FROM audit_entry WHERE action = 'readings_file')::int")  # fmt: skip
        return tuple(row)


@pytest.fixture
async def desk(database: str) -> Desk:
    house = await make_house()
    return Desk(house, Actor(account_id=house.account_id, name="Otto"))


def told(report: FileReport) -> tuple[int, int, int, list[tuple[int, str]]]:
    return report.stored, report.replaced, report.known, [(one.line, one.code) for one in report.refused]


async def test_a_file_fills_the_day_and_the_same_file_again_changes_nothing(desk: Desk) -> None:
    meter = await desk.meter()
    file = e66(series(["0.25"] * 100, AUTUMN), series(["0"] * 99 + ["1.5"], AUTUMN, way="Production", condition="56"))
    assert told(await desk.take(file)) == (100, 0, 0, [])
    assert await desk.day(meter, date(2026, 10, 25)) == ([250] * 100, [0] * 99 + [1500], {1})
    before = await desk.counts()
    assert told(await desk.take(file)) == (0, 0, 100, []) and await desk.counts() == before


async def test_late_and_corrected_files_stand_in_place_by_time_and_what_came_first_is_kept(desk: Desk) -> None:
    meter = await desk.meter()
    await desk.take(e66(series(["0.25"] * 96, START)))
    assert told(await desk.take(e66(series(["0.3", "0.25"], START + timedelta(hours=1))))) == (1, 1, 1, [])
    injected = sheet(f"{POINT};20.11.2026 12:00;kWh;;0,04")
    assert told(await desk.take(injected)) == (1, 1, 0, [])
    imported, exported, _ = await desk.day(meter, date(2026, 11, 20))
    assert imported == [250] * 4 + [300] + [250] * 91 and exported is not None and exported[48] == 40
    assert told(await desk.take(e66(series(["0.25"] * 96, START)))) == (1, 1, 95, [])  # what comes last stands
    assert (await desk.day(meter, date(2026, 11, 20)))[0] == [250] * 96
    assert (await desk.counts())[0] == 99  # each as it came


async def test_production_counts_in_its_own_meter_and_consumption_of_it_is_refused(desk: Desk) -> None:
    meter = await desk.meter(kind="production")
    assert told(await desk.take(e66(series(["0.25"] * 96, START, way="Production")))) == (96, 0, 0, [])
    assert (await desk.day(meter, date(2026, 11, 20)))[:2] == ([250] * 96, None)
    assert told(await desk.take(e66(series(["0.1"], START)))) == (0, 0, 0, [(3, "wrong_direction")])


async def test_bad_lines_are_told_one_by_one_and_nothing_of_the_file_is_stored(desk: Desk) -> None:
    await desk.meter(amperage_a=80)
    await desk.meter("E-1", source="physical")
    other = await make_house("OTHER")
    await add_meter(Actor(account_id=other.account_id, name="x"), other.site_id, NewMeter(serial="THEIRS", kind="entry", source="dso"), NOW)
    before = await desk.counts()
    report = await desk.take(sheet(
        f"{POINT};20.11.2026 00:00;kWh;0,25;", "THEIRS;20.11.2026 00:15;kWh;0,25;", f"{POINT};25.10.2026 02:15;kWh;0,25;",
        f"{POINT};22.11.2026 11:00;kWh;0,25;", f"{POINT};20.11.2026 00:30;kWh;250;", "E-1;20.11.2026 00:45;kWh;0,25;",
        f"{POINT};20.11.2026 00:00;kWh;0,26;", f"{POINT};20.11.2026 00:00;kWh;0,25;", f"{POINT};20.11.2026 00:50;kWh;1;",
    ))  # fmt: skip
    assert (report.bad, told(report)) == (7, (0, 0, 0, [
        (3, "unknown_meter"), (4, "hour_twice"), (5, "in_future"), (6, "quarter_too_large"), (7, "not_from_grid"), (8, "two_amounts"),
        (10, "not_a_quarter"),
    ]))  # fmt: skip
    assert await desk.counts() == before


async def test_kwh_for_wh_is_refused_against_what_is_known_of_the_meter(desk: Desk) -> None:
    await desk.meter()
    await desk.take(e66(series(["0.025"] * 96, START - timedelta(days=1))))
    before = await desk.counts()
    slipped = e66(series(["25"] * 96, START))
    assert told(await desk.take(slipped)) == (0, 0, 0, [(3, "kilo_slip_amount")])
    assert await desk.counts() == before
    sure = await import_file(desk.actor, desk.house.site_id, "file", slipped, NOW, confirmed=True)
    assert told(sure) == (96, 0, 0, [])  # what was known was the mistake


async def test_a_file_that_is_too_large_or_empty_or_of_no_site_is_refused_whole(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def code(content: bytes, site: UUID) -> str:
        with pytest.raises(Refused) as refused:
            await import_file(desk.actor, site, "file", content, NOW)
        return refused.value.code

    site = desk.house.site_id
    assert await code(b" " * 20_000_001, site) == "too_large"
    assert [await code(content, site) for content in (b"", sheet(), e66())] == ["no_quarters"] * 3
    assert await code(sheet(), desk.house.anna) == "not_found"
    monkeypatch.setattr(interval_import, "MOST_QUARTERS", 95)
    assert await code(e66(series(["1"] * 96, START)), site) == "too_large"


async def test_one_file_three_times_at_once_is_stored_once(desk: Desk) -> None:
    await desk.meter()
    file = e66(series(["0.25"] * 96, START))
    reports = await asyncio.gather(*(desk.take(file) for _ in range(3)))
    assert sorted(one.stored for one in reports) == [0, 0, 96] and await desk.counts() == (96, 1, 1)


async def command(dsn: str, folder: Path, file: Path, site: UUID) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app.cli", "import-readings", str(file), "--site", str(site), stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env={**os.environ, "DATABASE_URL": dsn, "HOFSTROM_DATA": str(folder)},
    )  # fmt: skip


async def until(line: asyncpg.Connection, sql: str, *args: Any) -> Any:
    """Ask until the answer is one."""
    for _ in range(3000):
        if found := await line.fetchval(sql, *args):
            return found
        await asyncio.sleep(0.02)
    raise TimeoutError(sql)


WAITS = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'stale_day'::regclass"


async def test_an_import_that_is_killed_half_way_stores_nothing_and_the_next_one_everything_once(
    desk: Desk, dsn: str, tmp_path: Path
) -> None:  # fmt: skip
    await desk.meter()
    file = tmp_path / "day.xml"
    file.write_bytes(e66(series(["0.25"] * 96, START)))
    line = await asyncpg.connect(dsn)
    try:
        for victim in ("process", "backend"):
            async with line.transaction():
                await line.execute("LOCK TABLE stale_day IN ACCESS EXCLUSIVE MODE")  # the amounts are in by then
                running = await command(dsn, tmp_path, file, desk.house.site_id)
                waits = await until(line, WAITS)
                assert running.returncode is None
                if victim == "process":
                    running.kill()
                else:
                    await line.execute("SELECT pg_terminate_backend($1)", waits)
                await running.communicate()
                assert running.returncode != 0
            await until(line, "SELECT NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = $1)", waits)
            assert await desk.counts() == (0, 0, 0)
        running = await command(dsn, tmp_path, file, desk.house.site_id)
        said = (await running.communicate())[0].decode()
        assert (running.returncode, said.split()[0]) == (0, "96") and await desk.counts() == (96, 1, 1)
        file.write_bytes(e66(series(["-1"], START)))
        running = await command(dsn, tmp_path, file, desk.house.site_id)
        said = (await running.communicate())[1].decode()
        assert running.returncode == 1 and f"line 3 {POINT}: This is no amount of energy." in said and "nothing was stored" in said
    finally:
        await line.close()


@pytest.mark.row("M36")
async def test_files_that_arrive_in_the_sites_folder_are_taken_and_bad_ones_become_issues(desk: Desk, tmp_path: Path) -> None:
    meter = await desk.meter()
    folder = tmp_path / str(desk.house.site_id)
    folder.mkdir()
    (tmp_path / "notes").mkdir()
    (folder / "a.xml").write_bytes(e66(series(["0.25"] * 96, START)))
    (folder / "b.csv").write_bytes(sheet(f"{POINT};20.11.2026 00:00;kWh;0,26;"))
    (folder / "c.csv").write_bytes(sheet(f"{POINT};20.11.2026 00:15;kWh;0,27;", f"{POINT};25.10.2026 02:15;kWh;1;"))
    (folder / "d.xml").write_bytes(b"<html/>")
    (folder / "e.xml.part").write_bytes(e66(series(["0.3"] * 96, START)))
    (folder / "link.xml").symlink_to(folder / "e.xml.part")
    for place, name in enumerate("abcd"):
        [file] = folder.glob(f"{name}.*")
        os.utime(file, (1_000_000 + place, 1_000_000 + place))
    assert await take_folder(tmp_path, NOW) == 4
    assert sorted(one.name for one in folder.iterdir()) == ["done", "e.xml.part", "link.xml", "refused"]
    assert [one.name.split("-", 1)[1] for one in sorted((folder / "done").iterdir(), key=lambda one: one.name[-5])] == ["a.xml", "b.csv"]
    assert (await desk.day(meter, date(2026, 11, 20)))[0] == [260] + [250] * 95
    async with in_account(desk.house.account_id):
        issues = [tuple(row) for row in await fetch("SELECT serial, code, value, source FROM reading_issue ORDER BY source")]
    assert issues == [(POINT, "hour_twice", "line 3: 25.10.2026 02:15", "c.csv"), ("", "not_e66", "", "d.xml")]
    (folder / "f.csv").write_bytes(sheet(f"{POINT};20.11.2026 00:00;kWh;0,28;"))
    assert await take_folder(tmp_path, NOW) == 0  # it may still be growing
    async with as_owner():
        await execute("DELETE FROM reading_issue")
    assert await take_folder(tmp_path / "nowhere", NOW) == 0


@pytest.mark.row("A23")
async def test_a_grid_operators_meter_is_added_and_changed_and_fed_with_amounts_that_later_files_replace_by_time(
    desk: Desk, tmp_path: Path
) -> None:
    meter = await desk.meter(installed_on=date(2026, 11, 1))
    change = MeterChange(version=1, name="Grid", amperage_a=63, installed_on=date(2026, 11, 10))
    assert await change_meter(desk.actor, meter, change, NOW) == 2
    async with in_account(desk.house.account_id):
        [row] = await fetch("SELECT name, amperage_a, installed_on, source FROM meter WHERE id = $1", meter)
        assert tuple(row) == ("Grid", 63, date(2026, 11, 10), "dso")
    folder = tmp_path / str(desk.house.site_id)
    folder.mkdir()
    for place, (name, content) in enumerate((
        ("1.xml", e66(series(["0.25"] * 96, START))), ("2-late.xml", e66(series(["0.1"] * 96, START - timedelta(days=1)))),
        ("3-corrected.csv", sheet(f"{POINT};20.11.2026 00:00;kWh;0,26;")),
    )):  # fmt: skip
        (folder / name).write_bytes(content)
        os.utime(folder / name, (1_000_000 + place, 1_000_000 + place))
    assert await take_folder(tmp_path, NOW) == 3
    assert (await desk.day(meter, date(2026, 11, 20)))[0] == [260] + [250] * 95
    assert (await desk.day(meter, date(2026, 11, 19)))[0] == [100] * 96
    async with in_account(desk.house.account_id):
        assert (await fetch("SELECT count(*)::int AS n FROM index_reading WHERE meter_id = $1", meter))[0]["n"] == 0  # amounts, no index
