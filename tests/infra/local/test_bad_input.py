"""What is wrong is said in words with what to do, by `hofstrom check` and by `hofstrom up`; nothing is left running."""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infra.local.conftest import ROOT, Installation, family, still_there, wait_until


def refused(house: Installation, *hints: str, **env: str) -> None:
    """Neither `check` nor `up` accepts it; both say every hint; no process and no ready.json is left."""
    checked = house.run("check", **env)
    assert checked.returncode != 0
    house.begin(**env)
    seen: dict[int, str] = {}
    while not house.ended():
        seen |= family(house.process.pid)
    assert house.process.returncode not in (0, None)
    for said in (checked.stdout + checked.stderr, house.output()):
        assert [hint for hint in hints if hint not in said] == [], said
        assert "Traceback" not in said
    assert still_there(seen) == []
    assert not (house.data / "ready.json").exists()


@pytest.mark.parametrize("name", ["HOFSTROM_HTTP_PORT", "HOFSTROM_OCPP_PORT"])
def test_a_taken_port(house, name):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        refused(house, f"Port {port} is taken by another program", f"set {name} to another port", **{name: port})


def test_one_port_for_two_listeners(house):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    refused(house, "are both", HOFSTROM_HTTP_PORT=port, HOFSTROM_OCPP_PORT=port)


@pytest.fixture
def unbuilt(place: Path) -> Iterator[Installation]:
    """The same program from a folder without built pages."""
    root = place / "clone"
    root.mkdir()
    for name in ("app", "infra", "ocpp_server", "notifications"):
        (root / name).symlink_to(ROOT / name)
    made = Installation(place / "data", root=root)
    yield made
    made.tidy()


def test_missing_pages(unbuilt):
    refused(unbuilt, "The pages are not built", "make build")


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none", "Check DATABASE_URL and that the server runs"),
        ("DATABASE_URL", "postgresql://nobody@127.0.0.1:eins/none", "Check DATABASE_URL"),
        ("REDIS_URL", "redis://127.0.0.1:1/0", "Check REDIS_URL and that the server runs"),
        ("REDIS_URL", "unix:///no/such.sock", "Check REDIS_URL and that the server runs"),
        ("HOFSTROM_HTTP_PORT", "eighty", "write a port"),
        ("HOFSTROM_ENV", "staging", "write production or test"),
        ("HOFSTROM_POSTGRES_BIN", "/no/such/folder", "Correct HOFSTROM_POSTGRES_BIN"),
        ("HOFSTROM_DATA", "/proc/no", "Give your account the right to, or set HOFSTROM_DATA"),
        ("HOFSTROM_DATA", "/etc/passwd/data", "Give your account the right to, or set HOFSTROM_DATA"),
    ],
)
def test_a_bad_setting(house, name, value, hint):
    refused(house, hint, **{name: value})


def test_a_wrong_password_for_the_database_is_not_printed(house, postgres):
    host = postgres.socket_folder
    url = f"postgresql://nobody:sesame-open@/none?host={host}"
    refused(house, "The database does not answer", DATABASE_URL=url)
    assert "sesame" not in house.output() + house.run("check", DATABASE_URL=url).stdout


@pytest.fixture
def used(house: Installation) -> tuple[Installation, Path]:
    """An installation that ran before, stopped, and the folder of its database."""
    house.up("--no-demo")
    cluster = Path(house.ready()["database_url"].partition("host=")[2]).parent / "pg"
    house.stop()
    return house, cluster


def test_a_broken_control_file(used):
    house, cluster = used
    control = cluster / "global" / "pg_control"
    control.write_bytes(b"\xff" * control.stat().st_size)
    refused(house, f"The database folder {cluster} is damaged", "Restore it from a backup")


def test_a_database_folder_without_its_version(used):
    house, cluster = used
    (cluster / "PG_VERSION").unlink()
    refused(house, "is damaged: PG_VERSION is missing", "Restore it from a backup")
    assert (cluster / "global" / "pg_control").exists()  # nothing was overwritten


def test_damage_that_only_the_running_server_sees(used):
    house, cluster = used
    shutil.rmtree(cluster / "base")
    house.begin()
    assert house.process.wait(120) == 1
    said = house.output()
    assert "Hofstrom could not start" in said and "restore it from a backup" in said and "Traceback" not in said
    assert house.ready() is None


def test_a_data_folder_of_somebody_else(place):
    closed = place / "closed"
    closed.mkdir()
    prefix: tuple[str, ...] = ()
    if os.geteuid() == 0:
        from tests.infra.local.test_accounts import as_normal_user

        prefix = as_normal_user(writes=False)
    else:
        closed.chmod(0o555)
    house = Installation(closed / "data", prefix)
    house.said = place / "said"
    refused(house, f"The data folder {house.data} cannot be written", "set HOFSTROM_DATA")


def test_an_unreadable_secret_is_named(house):
    house.data.mkdir()
    (house.data / "secret").mkdir()
    answer = house.run("up")
    assert answer.returncode != 0
    assert "cannot be written" in answer.stdout + answer.stderr and "Traceback" not in answer.stderr


def test_a_database_that_lacks_steps_is_no_obstacle_but_is_said(house, postgres):
    postgres.make_database("unmigrated")
    answer = house.run("check", DATABASE_URL=postgres.dsn("unmigrated"))
    assert (answer.returncode, "Run `hofstrom migrate`" in answer.stdout) == (1, True), answer.stdout


def test_a_part_that_ends_without_a_word_is_named_with_its_log(house):
    ready = house.up("--no-demo")
    wait_until(lambda: house.get("/ready") == 200, "it is up")
    os.kill(ready["pids"]["web"], 9)
    wait_until(lambda: "! web was killed by SIGKILL" in house.output(), "the crash is told")
    assert f"Its log: {house.data / 'log' / 'web.log'}" in house.output()
