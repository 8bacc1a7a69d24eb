"""The unprivileged accounts that run the embedded servers when we are root, and how a child is spawned under one."""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
STATE_ROOT = Path("/var/lib/hofstrom")
START_MARK = b"--- start\n"


@dataclass(frozen=True)
class Account:
    """A system account; None for uid and gid means: the one that we run under."""

    name: str
    uid: int | None
    gid: int | None

    def own(self, folder: Path, mode: int = 0o700) -> Path:
        """Make a folder that belongs to this account; no parent's mode is changed."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.uid is not None and self.gid is not None:
            os.chown(folder, self.uid, self.gid)
        folder.chmod(mode)
        return folder


def account_for(purpose: str) -> Account:
    """As root a system account of Hofstrom's own (made when missing); as a normal user that user."""
    if os.geteuid() != 0:
        return Account(pwd.getpwuid(os.geteuid()).pw_name, None, None)
    name = f"hofstrom-{purpose}"
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
        subprocess.run(command, check=True, capture_output=True)
        entry = pwd.getpwnam(name)
    return Account(name, entry.pw_uid, entry.pw_gid)


def die_with_parent(sign: int) -> Callable[[], None]:
    """For `preexec_fn`: the kernel sends the child `sign` when the parent is gone, however it went."""
    parent = os.getpid()
    libc = ctypes.CDLL(None, use_errno=True)

    def set_up() -> None:
        libc.prctl(PR_SET_PDEATHSIG, sign)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return set_up


def spawn(
    argv: list[str], account: Account, log: Path, *, cwd: str = "/", sign: int = signal.SIGTERM,
    env: dict[str, str] | None = None,
) -> subprocess.Popen[bytes]:  # fmt: skip
    """Start a child in a process group of its own, so that Ctrl-C reaches the supervisor only; output goes to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    extra: dict[str, Any] = {} if account.uid is None else {"user": account.uid, "group": account.gid, "extra_groups": []}
    with log.open("ab") as out:
        out.write(START_MARK)  # so that its last words are not those of the start before
        out.flush()
        return subprocess.Popen(
            argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            process_group=0, preexec_fn=die_with_parent(sign), **extra,
        )  # fmt: skip


def readable_copy(source: Path, name: str) -> Path:
    """As root: a copy that the unprivileged accounts can read, made once per version; otherwise the source itself."""
    if os.geteuid() != 0:
        return source
    target = STATE_ROOT / "servers" / name
    if not target.exists():
        partial = target.with_name(f"{target.name}.{os.getpid()}")
        partial.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        if source.is_dir():
            shutil.copytree(source, partial, symlinks=True, ignore=shutil.ignore_patterns("*.a", "__pycache__"))
        else:
            shutil.copy2(source, partial)
        _open_for_reading(partial)
        try:
            partial.rename(target)
        except OSError:  # another process was faster; its copy is as good
            shutil.rmtree(partial, ignore_errors=True)
    return target


def _open_for_reading(path: Path) -> None:
    for entry in [path, *path.rglob("*")]:
        if not entry.is_symlink():
            entry.chmod(0o755 if entry.is_dir() or os.access(entry, os.X_OK) else 0o644)
