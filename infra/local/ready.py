"""`ready.json`, and the lock that lets one `hofstrom up` run in a data folder."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.kernel.settings import BadSetting

PATIENCE_SECONDS = 0.5


class RunsAlready(RuntimeError):
    """Another `hofstrom up` has this data folder; the text says what to do."""


def unwritable(data: Path, error: OSError) -> BadSetting:
    """What to say when the data folder refuses a file."""
    reason = error.strerror or str(error)
    return BadSetting(f"The data folder {data} cannot be written ({reason}). Give your account the right to, or set HOFSTROM_DATA.")


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the data folder. Raises RunsAlready, or BadSetting where it cannot be written. The kernel frees the lock of
    a supervisor that was killed, and what it left in ready.json is removed."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        held = (data / "lock").open("a+")
    except OSError as error:
        raise unwritable(data, error) from error
    with held:
        if not _taken(held.fileno()):
            held.seek(0)
            text = f"Hofstrom runs already in {data} (process {held.read().strip()})."
            raise RunsAlready(f"{text} Stop it first, or set HOFSTROM_DATA to another folder.")
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
        forget(data)
        try:
            yield
        finally:
            forget(data)


def _taken(lock: int) -> bool:
    """Whether we got the lock; `running` holds it for a moment when it asks, which must not turn a start away."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def running(data: Path) -> dict[str, Any] | None:
    """ready.json of a `hofstrom up` that lives; None where none does, whatever a killed one has left."""
    path = data / "ready.json"
    try:
        with (data / "lock").open() as held:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return None  # nobody holds the lock
    except BlockingIOError:
        found: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
        return found
    except OSError:
        return None


def write(data: Path, ready: dict[str, Any]) -> None:
    """Show that all parts answer; readers see the old file or the new one, never half of it."""
    partial = data / "ready.json.new"
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(ready, indent=1))
    partial.rename(data / "ready.json")


def forget(data: Path) -> None:
    """Nothing is up any more."""
    (data / "ready.json").unlink(missing_ok=True)
