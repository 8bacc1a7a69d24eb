"""Grid operators' folders on a real SFTP server: looked into by the timetable, each file taken once, failures told."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncssh
import msgspec
import pytest

from app.audit.model import Actor
from app.database.transaction import as_owner, fetch, in_account
from app.kernel.errors import Refused
from app.metering.equipment import NewMeter, add_meter
from app.metering.grid_sources import NewSource, Source, add_source, end_source, fetch_all, sources_of
from tests.charging.house import House, make_house
from tests.metering.grid_files import POINT, e66, series, sheet

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
START = datetime(2026, 11, 19, 23, tzinfo=UTC)
SECRET = b"s" * 40


class Operator(asyncssh.SSHServer):
    """Lets one name in, by its password or its key; counts how often somebody came."""

    came = 0

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        Operator.came += 1
        return (username, password) == ("hofstrom", "right")


class Desk(msgspec.Struct):
    house: House
    actor: Actor
    folder: Path
    port: int
    host_key: str

    async def add(self, **form: Any) -> Any:
        usual = {
            "host": "127.0.0.1",
            "port": self.port,
            "username": "hofstrom",
            "host_key": self.host_key,
            "secret": "right",
            "folder": "out",
        }
        return await add_source(self.actor, self.house.site_id, NewSource(**{**usual, **form}), SECRET, NOW)

    async def sources(self) -> list[Source]:
        async with in_account(self.house.account_id):
            return await sources_of(self.house.site_id)

    def put(self, name: str, content: bytes, at: datetime = NOW - timedelta(hours=1)) -> None:
        (self.folder / name).write_bytes(content)
        os.utime(self.folder / name, (at.timestamp(), at.timestamp()))

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        async with as_owner():
            return [tuple(row) for row in await fetch(sql)]


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> AsyncIterator[Desk]:
    house = await make_house()
    actor = Actor(account_id=house.account_id, name="Otto")
    await add_meter(actor, house.site_id, NewMeter(serial=POINT, kind="entry", source="dso"), NOW)
    (tmp_path / "out").mkdir()
    key, user_key = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    user_key.write_public_key(tmp_path / "users")
    user_key.write_private_key(tmp_path / "user.key")
    async with asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[key], server_factory=Operator, authorized_client_keys=str(tmp_path / "users"),
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=str(tmp_path)),
    ) as server:  # fmt: skip
        yield Desk(house, actor, tmp_path / "out", server.get_port(), key.export_public_key("openssh").decode())


async def test_each_file_is_taken_once_and_a_corrected_one_of_the_same_name_again(desk: Desk) -> None:
    await desk.add()
    desk.put("day.xml", e66(series(["0.25"] * 96, START)))
    desk.put("day.xml.part", b"half")
    desk.put("growing.xml", b"half", NOW)
    (desk.folder / "archive").mkdir()
    assert [await fetch_all(SECRET, NOW) for _ in range(2)] == [1, 0]
    desk.put("day.xml", e66(series(["0.3"] + ["0.25"] * 95, START)), NOW - timedelta(minutes=30))
    desk.put("bad.csv", sheet(f"{POINT};25.10.2026 02:15;kWh;1;"), NOW - timedelta(minutes=20))
    assert [await fetch_all(SECRET, NOW + timedelta(minutes=15 * n)) for n in (0, 1)] == [2, 1]  # and the one that has grown up
    assert await desk.rows("SELECT name, stored, bad FROM grid_file ORDER BY modified_at") == [
        ("day.xml", 96, 0), ("day.xml", 1, 0), ("bad.csv", 0, 1), ("growing.xml", 0, 1),
    ]  # fmt: skip
    assert await desk.rows("SELECT source, code, value FROM reading_issue ORDER BY source") == [
        ("bad.csv", "hour_twice", "line 2: 25.10.2026 02:15"), ("growing.xml", "missing_columns", ""),
    ]  # fmt: skip
    assert len(await desk.rows("SELECT 1 FROM interval_reading")) == 97
    [source] = await desk.sources()
    assert (source.tried_at, source.failed) == (NOW + timedelta(minutes=15), None)


async def test_a_key_opens_the_folder_as_well_and_a_taken_file_is_not_even_read_again(desk: Desk, tmp_path: Path) -> None:
    await desk.add(secret=(tmp_path / "user.key").read_text())
    desk.put("day.xml", e66(series(["0.25"] * 96, START)))
    Operator.came = 0
    assert await fetch_all(SECRET, NOW) == 1 and Operator.came == 0
    kept = (desk.folder / "day.xml").stat()
    (desk.folder / "day.xml").chmod(0)  # whoever reads it now would fail, but for root
    assert await fetch_all(SECRET, NOW) == 0 and (desk.folder / "day.xml").stat().st_mtime == kept.st_mtime


@pytest.mark.parametrize(("change", "failed"), [
    ({"secret": "wrong"}, "sign_in_refused"), ({"folder": "elsewhere"}, "folder_unreadable"), ({"port": 9}, "server_unreachable"),
    ({"host_key": "other"}, "host_key_changed"),
])  # fmt: skip
async def test_why_nothing_comes_is_told_and_stops_no_other_folder(desk: Desk, change: dict[str, Any], failed: str) -> None:
    if "host_key" in change:
        change = {"host_key": asyncssh.generate_private_key("ssh-ed25519").export_public_key("openssh").decode()}
    broken = await desk.add(**change)
    good = await desk.add()
    desk.put("day.xml", e66(series(["0.25"] * 96, START)))
    assert await fetch_all(SECRET, NOW) == 1
    assert {one.id: one.failed for one in await desk.sources()} == {broken: failed, good: None}


async def test_a_secret_is_sealed_and_forgotten_and_nonsense_is_refused(desk: Desk) -> None:
    made = await desk.add(secret="a word that nobody may read")
    [(sealed,)] = await desk.rows("SELECT secret FROM grid_source")
    assert b"nobody" not in sealed and "nobody" not in repr(await desk.sources())
    assert await fetch_all(b"t" * 40, NOW) == 0 and (await desk.sources())[0].failed == "secret_lost"
    async with in_account(desk.house.account_id):
        await end_source(desk.actor, made, NOW)
        await end_source(desk.actor, made, NOW)
    assert await desk.sources() == [] and await desk.rows("SELECT secret FROM grid_source") == [(None,)]
    for form, code in (({"host": "a b"}, "bad_host"), ({"host_key": "x"}, "bad_host_key"), ({"secret": "-----BEGIN"}, "bad_private_key")):
        with pytest.raises(Refused) as refused:
            await desk.add(**form)
        assert refused.value.code == code
