"""`hofstrom up` from start to stop: all parts, ready.json, crashes, Ctrl-C, a second start."""

import json
import os
import signal
import subprocess

import pytest

from tests.infra.local.conftest import Installation, processes, still_there, wait_until

PARTS = ("web", "ocpp", "worker", "postgres", "valkey", "demo-stations")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """One installation for the tests that leave it running."""
    import shutil
    import tempfile
    from pathlib import Path

    folder = Path(tempfile.mkdtemp(prefix="hs-up-", dir="/tmp"))
    folder.chmod(0o755)
    made = Installation(folder / "data")
    made.up()
    yield made
    made.tidy()
    shutil.rmtree(folder, ignore_errors=True)


def pid_of(ready: dict, part: str) -> int:
    found = ready["pids"][part]
    return found[0] if isinstance(found, list) else found


def test_ready_stands_when_every_part_answers_and_names_the_processes(running):
    ready = running.ready()
    assert running.get("/ready") == running.get("/health") == 200
    assert sorted(ready["pids"]) == sorted([*PARTS, "supervisor"])
    children = running.family()
    assert all(pid_of(ready, part) in children for part in (*PARTS, "supervisor"))
    assert ready["ocpp"].startswith("ws://127.0.0.1:") and ready["database_url"] and ready["redis_url"]
    assert (running.data / "ready.json").stat().st_mode & 0o077 == 0


def test_the_terminal_shows_progress_addresses_logins_and_a_code_to_scan(running):
    said = running.output()
    wanted = (
        "starting the embedded PostgreSQL",
        "Hofstrom is up",
        running.ready()["http"],
        "resident@musterhof.example",
        "/c/DEMO1X",
        "█▀▀▀▀▀▀▀█",
    )
    assert [text for text in wanted if text not in said] == []


@pytest.mark.parametrize("part", PARTS)
def test_a_killed_part_is_reported_and_started_again(running, part):
    before = pid_of(running.ready(), part)
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: pid_of(running.ready(), part) != before, f"{part} has another process")
    assert pid_of(running.ready(), part) in running.family()
    assert f"! {part} was killed by SIGKILL; starting it again" in running.output()
    wait_until(lambda: running.get("/ready") == 200, "all parts answer again")


def test_a_second_start_in_the_same_folder_is_refused_and_harms_nothing(running):
    second = running.run("up")
    assert second.returncode == 1
    assert "runs already" in second.stdout and "HOFSTROM_DATA" in second.stdout
    assert running.get("/ready") == 200


def test_other_commands_find_the_running_house(running):
    described = json.loads(running.run("demo", "--json").stdout)
    assert len(described["accounts"]) >= 2
    assert described["accounts"][0]["sites"][0]["stations"][0]["qr_url"] == f"{running.ready()['http']}/c/DEMO1X"
    checked = running.run("check")
    assert (checked.returncode, "Everything is in order." in checked.stdout) == (0, True), checked.stdout


def sessions(house: Installation) -> str:
    statement = "SELECT string_agg(id::text, ',' ORDER BY id) FROM charging_session"
    import asyncio

    import asyncpg

    async def ask() -> str:
        connection = await asyncpg.connect(house.ready()["database_url"])
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_ctrl_c_stops_every_process_and_a_second_start_has_the_data(house):
    house.up()
    kept = sessions(house)
    before = house.family()
    assert kept and len(before) > len(PARTS)
    assert house.stop(signal.SIGINT) == 0
    assert still_there(before) == []
    assert house.ready() is None
    assert "your data stay" in house.output()
    house.up()
    assert sessions(house) == kept
    again = house.family()
    assert house.stop(signal.SIGTERM) == 0
    assert still_there(again) == []


def test_ctrl_c_while_it_starts_leaves_nothing(house):
    house.begin()
    wait_until(lambda: "tables up to date" in house.output(), "the database runs")
    before = house.family()
    assert house.stop(signal.SIGINT) == 0
    assert still_there(before) == []
    assert house.ready() is None


def test_a_killed_supervisor_takes_its_parts_along_and_the_next_start_works(house):
    house.up("--no-demo")
    before = house.family()
    os.kill(house.process.pid, signal.SIGKILL)
    house.process.wait()
    # At once: the old database may be on its way out still.
    house.up("--no-demo")
    wait_until(lambda: still_there(before) == [], "the parts have followed their supervisor")
    assert house.get("/ready") == 200


def test_what_a_killed_supervisor_left_in_ready_json_misleads_nobody(house):
    house.up("--no-demo")
    house.process.kill()
    house.process.wait()
    assert house.ready() is not None
    answer = house.run("month", "--period", "2026-10")
    assert (answer.returncode, "start `hofstrom up` first" in answer.stderr) == (2, True), answer.stderr


def test_a_part_that_cannot_stay_up_ends_in_words_and_leaves_nothing(house):
    ready = house.up("--no-demo")
    before = house.family()
    seen = set()
    while not house.ended():
        pid = pid_of(house.ready() or ready, "worker")
        if pid not in seen:
            seen.add(pid)
            subprocess.run(["kill", "-9", str(pid)], check=False)
    assert house.process.returncode == 1
    assert "worker ended 6 times within a minute" in house.output()
    assert still_there(before) == [] and house.ready() is None


def test_the_terminal_may_be_closed(house):
    house.up("--no-demo")
    before = house.family()
    assert house.stop(signal.SIGHUP) == 0
    assert still_there(before) == []
    assert set(before) - set(processes()) == set(before)


def test_several_listeners_share_the_port_and_each_is_started_again(house):
    ready = house.up("--no-demo", HOFSTROM_OCPP_NODES="2")
    first, second = ready["pids"]["ocpp"]
    os.kill(second, signal.SIGKILL)
    wait_until(lambda: house.ready()["pids"]["ocpp"][1] != second, "the second listener has another process")
    assert house.ready()["pids"]["ocpp"][0] == first
    assert "! ocpp-2 was killed by SIGKILL; starting it again" in house.output()
