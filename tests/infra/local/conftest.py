"""An installation of its own for a test: `hofstrom` as a process, in a data folder of its own, on free ports."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.accounts import STATE_ROOT

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 120  # a loaded machine is slow, not wrong


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """The first true value of `condition`."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, f"after {PATIENCE_SECONDS} s it is still not true that {what}"
        time.sleep(0.02)
    return found


def processes() -> dict[int, tuple[int, str]]:
    """Every living process: {pid: (parent, start time)}; zombies are not alive."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdigit() else []
        except OSError:
            continue
        if fields and fields[0] != "Z":
            found[int(entry.name)] = (int(fields[1]), fields[19])
    return found


def family(pid: int) -> dict[int, str]:
    """A process and everything below it: {pid: start time}."""
    alive = processes()
    found = {pid: alive[pid][1]} if pid in alive else {}
    while grown := {p: at for p, (parent, at) in alive.items() if parent in found and p not in found}:
        found |= grown
    return found


class Installation:
    """`hofstrom COMMAND` in one data folder. `prefix`: a command that starts it under another account."""

    def __init__(self, data: Path, prefix: tuple[str, ...] = (), root: Path = ROOT) -> None:
        self.data = data
        self.prefix = prefix
        self.root = root
        self.env = {
            "HOFSTROM_DATA": str(data), "HOFSTROM_HTTP_PORT": "0", "HOFSTROM_OCPP_PORT": "0", "PYTHONDONTWRITEBYTECODE": "1",
            **{name: os.environ[name] for name in ("PATH", "HOME", "HOFSTROM_POSTGRES_BIN") if name in os.environ},
        }  # fmt: skip
        self.process: subprocess.Popen[str] | None = None
        self.said = data.parent / f"{data.name}.said"

    def run(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        argv = [*self.prefix, sys.executable, "-m", "app.cli", *command]
        return subprocess.run(argv, cwd=self.root, env=self.env | env, capture_output=True, text=True, timeout=PATIENCE_SECONDS)

    def up(self, *more: str, **env: str) -> dict[str, Any]:
        """Start everything and wait for ready.json."""
        self.begin(*more, **env)
        wait_until(lambda: self.answers() or self.ended(), "all parts answer")
        assert not self.ended(), self.output()
        return self.ready()

    def begin(self, *more: str, **env: str) -> None:
        """Start, and do not wait."""
        with self.said.open("w") as out:
            self.process = subprocess.Popen(
                [*self.prefix, sys.executable, "-m", "app.cli", "up", *more], cwd=self.root, env=self.env | env,
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip

    def ready(self) -> Any:
        """What ready.json says, or None."""
        path = self.data / "ready.json"
        try:
            return json.loads(path.read_text())
        except FileNotFoundError:  # not there yet, or no more
            return None

    def answers(self) -> bool:
        """Whether ready.json stands and is this start's own, not one that a killed supervisor has left."""
        return (self.ready() or {"pids": {}})["pids"].get("supervisor") == self.process.pid

    def ended(self) -> bool:
        """Whether the supervisor is gone."""
        return self.process is None or self.process.poll() is not None

    def output(self) -> str:
        """What the person at the terminal has read."""
        return self.said.read_text()

    def get(self, path: str) -> int | None:
        """The status of a page, None where nothing answers."""
        try:
            with urllib.request.urlopen(self.ready()["http"] + path, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except (OSError, TypeError):
            return None

    def stop(self, sign: int = signal.SIGINT) -> int:
        """Send a signal to the supervisor alone and wait for its end. Returns its exit code."""
        self.process.send_signal(sign)
        return self.process.wait(PATIENCE_SECONDS)

    def family(self) -> dict[int, str]:
        """The supervisor and all its processes."""
        return family(self.process.pid)

    def tidy(self) -> None:
        """End what a failed test has left, and its data."""
        if not self.ended():
            self.stop(signal.SIGTERM)
        instance = self.data / "instance"
        if os.geteuid() == 0 and instance.exists():
            shutil.rmtree(STATE_ROOT / instance.read_text().strip(), ignore_errors=True)


def still_there(before: dict[int, str]) -> list[int]:
    """Those of `before` that live on."""
    now = processes()
    return [pid for pid, at in before.items() if pid in now and now[pid][1] == at]


@pytest.fixture
def place() -> Iterator[Path]:
    """A short folder that every account can enter."""
    folder = Path(tempfile.mkdtemp(prefix="hs-up-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def house(place: Path) -> Iterator[Installation]:
    """An installation that has not started yet."""
    made = Installation(place / "data")
    yield made
    made.tidy()
