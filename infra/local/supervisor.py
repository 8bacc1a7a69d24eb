"""`hofstrom up`: start every part, wait until each answers, restart what crashes, stop all in reverse order."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import qrcode

from app.database.engine import close_database, open_database
from app.database.migrate import migrate
from app.kernel.clock import utc_now
from app.kernel.settings import Settings
from infra.demo.seed import PASSWORD, seed
from infra.local.accounts import Account, spawn
from infra.local.check import port_is_free
from infra.local.postgres import EmbeddedPostgres, ServerFailed, last_lines
from infra.local.state import state_folder, with_secret
from infra.local.valkey import EmbeddedValkey

ANSWER_SECONDS = 60
STOP_SECONDS = 8
US = Account("", None, None)
PARTS = ("web", "ocpp", "worker", "demo-stations")


def say(text: str) -> None:
    """One line of progress."""
    print(text, flush=True)


def free_port(host: str) -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


class Supervisor:
    """Everything that one machine runs."""

    def __init__(self, settings: Settings, *, demo: bool = True) -> None:
        self.settings = settings
        self.demo = demo
        self.log = settings.data / "log"
        self.postgres: EmbeddedPostgres | None = None
        self.valkey: EmbeddedValkey | None = None
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.crashes: dict[str, list[float]] = {}
        self.stopping = False

    def run(self) -> int:
        """Up until Ctrl-C or SIGTERM. Returns the exit code."""
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, self._ask_to_stop)
        try:
            self._start()
            while not self.stopping:
                self._watch()
                time.sleep(0.2)  # the pace of looking after children, not a wait for a condition
            return 0
        except ServerFailed as error:
            if self.stopping:
                return 0
            say(f"\nHofstrom could not start.\n{error}")
            return 1
        finally:
            self._stop()

    def _ask_to_stop(self, *_: Any) -> None:
        if not self.stopping:
            self.stopping = True
            say("\nStopping; your data stay.")

    def _start(self) -> None:
        began = time.monotonic()
        self._choose_ports()
        self._start_servers()
        say("· database: bringing the tables up to date")
        described = asyncio.run(self._prepare())
        for part in PARTS if self.demo else PARTS[:3]:
            self._start_part(part)
        self._await("web, stations, worker answer", self._all_ready)
        if self.demo:
            self._await("demo stations are connected", self._stations_connected)
        self._write_ready()
        self._greet(described, time.monotonic() - began)

    def _choose_ports(self) -> None:
        settings = with_secret(self.settings)
        web = settings.http_port or free_port(settings.host)
        ocpp = settings.ocpp_port or free_port(settings.host)
        for name, port in (("HOFSTROM_HTTP_PORT", web), ("HOFSTROM_OCPP_PORT", ocpp)):
            if not port_is_free(settings.host, port):
                raise ServerFailed(f"Port {port} is taken by another program. Stop it, or set {name} to another port (0 picks one).")
        url = settings.public_url
        if url == "http://127.0.0.1:0":
            url = f"http://127.0.0.1:{web}"
        self.settings = msgspec.structs.replace(settings, http_port=web, ocpp_port=ocpp, public_url=url)

    def _start_servers(self) -> None:
        self.log.mkdir(parents=True, exist_ok=True)
        state = state_folder(self.settings)
        if not self.settings.database_url:
            say("· database: starting the embedded PostgreSQL")
            self.postgres = EmbeddedPostgres(state, self.log / "postgres.log", self.settings.postgres_bin)
            self.postgres.start()
            self.settings = msgspec.structs.replace(self.settings, database_url=self.postgres.dsn())
        if not self.settings.redis_url:
            say("· live data: starting the embedded Valkey")
            self.valkey = EmbeddedValkey(state, self.log / "valkey.log")
            self.valkey.start()
            self.settings = msgspec.structs.replace(self.settings, redis_url=self.valkey.url)

    async def _prepare(self) -> dict[str, Any]:
        try:
            await migrate(self.settings.database_url)
        except OSError as error:
            raise ServerFailed(f"The database does not answer: {error}. Check DATABASE_URL.") from error
        if not self.demo:
            return {}
        say("· demo house: two accounts, every role, months of charges")
        await open_database(self.settings.database_url)
        try:
            return await seed(self.settings, utc_now())
        finally:
            await close_database()

    def environment(self) -> dict[str, str]:
        """The settings as a child reads them."""
        s = self.settings
        chosen = {
            "HOFSTROM_DATA": str(s.data), "HOFSTROM_HTTP_PORT": str(s.http_port), "HOFSTROM_OCPP_PORT": str(s.ocpp_port),
            "HOFSTROM_PUBLIC_URL": s.public_url, "HOFSTROM_HOST": s.host, "DATABASE_URL": s.database_url,
            "REDIS_URL": s.redis_url, "HOFSTROM_SECRET_KEY": s.secret_key.decode(), "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        return {**os.environ, **chosen}

    def _start_part(self, part: str) -> None:
        say(f"· {part}: starting")
        argv = [sys.executable, "-m", "app.cli", part]
        root = str(Path(__file__).parents[2])
        self.children[part] = spawn(argv, US, self.log / f"{part}.log", cwd=root, env=self.environment())

    def _await(self, what: str, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while not condition():
            if self.stopping:
                raise ServerFailed("stopped while starting")
            for part, child in self.children.items():
                if child.poll() is not None:
                    raise ServerFailed(f"{part} ended while starting:\n{last_lines(self.log / f'{part}.log')}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"After {ANSWER_SECONDS} s it is still not true that {what}. See {self.log}.")
            time.sleep(0.05)

    def _all_ready(self) -> bool:
        return self._get("/ready") is not None

    def _get(self, path: str) -> Any:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.settings.http_port}{path}", timeout=3) as answer:
                return json.load(answer)
        except (OSError, ValueError):
            return None

    def _stations_connected(self) -> bool:
        from infra.demo.station_control import StationNotRunning, send
        from infra.demo.stations import IDENTITIES

        try:
            return all(send(self.settings.data, name, "status").get("online") for name in IDENTITIES)
        except StationNotRunning:
            return False

    def _watch(self) -> None:
        servers = {"postgres": self.postgres, "valkey": self.valkey}
        for name, server in servers.items():
            if server is not None and server.process is not None and server.process.poll() is not None:
                say(f"! {name} ended unexpectedly; starting it again. Its last words:\n{last_lines(server.log, 3)}")
                server.start()
        for part, child in list(self.children.items()):
            if child.poll() is not None:
                self._restart(part, child.returncode)

    def _restart(self, part: str, code: int) -> None:
        now = time.monotonic()
        recent = [at for at in self.crashes.get(part, []) if now - at < 60]
        if len(recent) >= 5:
            raise ServerFailed(f"{part} ended six times within a minute:\n{last_lines(self.log / f'{part}.log')}")
        self.crashes[part] = [*recent, now]
        say(f"! {part} ended with code {code}; starting it again. Its last words:\n{last_lines(self.log / f'{part}.log', 3)}")
        self._start_part(part)
        self._write_ready()

    def _write_ready(self) -> None:
        s = self.settings
        pids = {part: child.pid for part, child in self.children.items()}
        ready = {
            "http": f"http://127.0.0.1:{s.http_port}", "ocpp": f"ws://127.0.0.1:{s.ocpp_port}/ocpp", "database_url": s.database_url,
            "redis_url": s.redis_url,
            "pids": {**pids, "ocpp": [pids.get("ocpp")], "supervisor": os.getpid(),
                     "postgres": self.postgres.process.pid if self.postgres and self.postgres.process else None,
                     "valkey": self.valkey.process.pid if self.valkey and self.valkey.process else None},
        }  # fmt: skip
        partial = s.data / "ready.json.new"
        partial.write_text(json.dumps(ready, indent=1))
        partial.rename(s.data / "ready.json")

    def _greet(self, described: dict[str, Any], seconds: float) -> None:
        s = self.settings
        say(f"\nHofstrom is up ({seconds:.1f} s).\n  Pages     {s.public_url}\n  Stations  ws://127.0.0.1:{s.ocpp_port}/ocpp/STATION_ID")
        if not described:
            return
        for login in described["accounts"][0]["logins"]:
            if login["role"] in ("resident", "owner", "operator"):
                say(f"  {login['role']:<9} {login['email']}  password {PASSWORD}")
        link = described["accounts"][0]["sites"][0]["stations"][0]["qr_url"]
        code = qrcode.QRCode(border=1)
        code.add_data(link)
        say(f"\nScan to charge at the demo station, or open {link}")
        code.print_ascii(invert=True)
        say("Ctrl-C stops everything and keeps the data.")

    def _stop(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self.settings.data / "ready.json").unlink()
        for child in reversed(self.children.values()):
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for child in reversed(self.children.values()):
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        for server in (self.valkey, self.postgres):
            if server is not None:
                server.stop()
