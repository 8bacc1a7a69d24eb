"""`hofstrom up`: start every part, wait until each answers, restart what crashes, stop all in reverse order."""

import asyncio
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

import asyncpg
import msgspec

from app.database.engine import close_database, open_database
from app.database.migrate import MigrationFailed, migrate
from app.kernel.clock import utc_now
from app.kernel.settings import Settings
from infra.demo.seed import is_made, seed
from infra.local import ready
from infra.local.accounts import Account, spawn
from infra.local.check import problems_before_start, reachable_host
from infra.local.greeting import greet, say
from infra.local.orphans import orphans
from infra.local.postgres import EmbeddedPostgres, ServerFailed, last_lines
from infra.local.state import state_folder, with_secret
from infra.local.valkey import EmbeddedValkey

ANSWER_SECONDS = 60
STOP_SECONDS = 8
MOST_CRASHES_A_MINUTE = 5
STEADY_SECONDS = 10
US = Account("", None, None)
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def free_port(host: str) -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def how_it_ended(code: int) -> str:
    """A return code in words."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


class Supervisor:
    """Everything that one machine runs."""

    def __init__(self, settings: Settings, *, demo: bool = True) -> None:
        self.settings = settings
        self.demo = demo
        self.log = settings.data / "log"
        self.servers: dict[str, EmbeddedPostgres | EmbeddedValkey] = {}
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.crashes: dict[str, list[float]] = {}
        self.begun: dict[str, float] = {}
        self.stopping = False

    def run(self) -> int:
        """Up until Ctrl-C, SIGTERM or a closed terminal. Returns the exit code."""
        for sign in SIGNALS:
            signal.signal(sign, self._ask_to_stop)
        try:
            with ready.only_one(self.settings.data):
                return self._run()
        except ready.RunsAlready as error:
            say(f"\nHofstrom could not start.\n{error}")
            return 1

    def _run(self) -> int:
        try:
            self._start()
            while not self.stopping:
                self._watch()
                time.sleep(0.2)  # the pace of looking after children, not a wait for a condition
            return 0
        except ServerFailed as error:
            if self.stopping:
                return 0
            say(f"\n{'Hofstrom had to stop' if self.crashes else 'Hofstrom could not start'}.\n{error}")
            return 1
        finally:
            self._stop()

    def _ask_to_stop(self, *_: Any) -> None:
        if not self.stopping:
            self.stopping = True
            say("\nStopping; your data stay.")

    def _start(self) -> None:
        began = time.monotonic()
        found = problems_before_start(self.settings)
        if found:
            raise ServerFailed("\n".join(found))
        self._choose_ports()
        self._start_servers()
        say("· database: bringing the tables up to date")
        described = asyncio.run(self._prepare())
        self._start_parts()
        self._await("web, stations, worker answer", lambda: self._get("/ready") is not None)
        if self.demo:
            self._await("demo stations are connected", self._stations_connected)
        self._write_ready()
        greet(self.settings, described, time.monotonic() - began)
        if left := [one for one in orphans() if one.data_is_gone]:
            say(f"Data of {len(left)} deleted installations are still on this machine: `.venv/bin/hofstrom clean` shows them.")

    def _parts(self) -> list[str]:
        """What is started, in order; the listeners after the first are `ocpp-2`, `ocpp-3`."""
        more = [f"ocpp-{number}" for number in range(2, self.settings.ocpp_nodes + 1)]
        broker = ["mqtt"] if self.settings.mqtt_url else []
        return ["web", "ocpp", *more, "worker", *broker, *(["demo-stations"] if self.demo else [])]

    def _choose_ports(self) -> None:
        settings = with_secret(self.settings)
        web = settings.http_port or free_port(settings.host)
        ocpp = settings.ocpp_port or free_port(settings.host)
        url = settings.public_url
        if url == "http://127.0.0.1:0":
            url = f"http://127.0.0.1:{web}"
        self.settings = msgspec.structs.replace(settings, http_port=web, ocpp_port=ocpp, public_url=url)

    def _start_servers(self) -> None:
        state = state_folder(self.settings)
        if not self.settings.database_url:
            say("· database: starting the embedded PostgreSQL")
            postgres = EmbeddedPostgres(state, self.log / "postgres.log", self.settings.postgres_bin)
            self.servers["postgres"] = postgres
            postgres.start()
            self.begun["postgres"] = time.monotonic()
            self.settings = msgspec.structs.replace(self.settings, database_url=postgres.dsn())
        if not self.settings.redis_url:
            say("· live data: starting the embedded Valkey")
            valkey = EmbeddedValkey(state, self.log / "valkey.log")
            self.servers["valkey"] = valkey
            valkey.start()
            self.begun["valkey"] = time.monotonic()
            self.settings = msgspec.structs.replace(self.settings, redis_url=valkey.url)

    async def _prepare(self) -> dict[str, Any]:
        try:
            await migrate(self.settings.database_url)
            if not self.demo or self.stopping:
                return {}
            await open_database(self.settings.database_url)
            try:
                if await is_made():
                    self._start_parts()  # they take longer to begin than it takes to see that nothing is missing
                say("· demo house: two accounts, every role, months of charges")
                return await seed(self.settings, utc_now())
            finally:
                await close_database()
        except OSError as error:
            raise ServerFailed(f"The database does not answer: {error}. Check DATABASE_URL.") from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError, MigrationFailed) as error:
            where = self._logs_of("postgres")
            raise ServerFailed(f"The database cannot be used: {error}\n{where}If it is damaged, restore it from a backup.") from error

    def _logs_of(self, server: str) -> str:
        return f"See {self.servers[server].log}. " if server in self.servers else ""

    def environment(self) -> dict[str, str]:
        """The settings as a child reads them."""
        s = self.settings
        chosen = {
            "HOFSTROM_DATA": str(s.data), "HOFSTROM_HTTP_PORT": str(s.http_port), "HOFSTROM_OCPP_PORT": str(s.ocpp_port),
            "HOFSTROM_OCPP_NODES": str(s.ocpp_nodes),
            "HOFSTROM_OCPP_PING": str(s.ocpp_ping_s),
            "HOFSTROM_PUBLIC_URL": s.public_url, "HOFSTROM_HOST": s.host, "DATABASE_URL": s.database_url,
            "REDIS_URL": s.redis_url, "HOFSTROM_SECRET_KEY": s.secret_key.decode(), "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        return {**os.environ, **chosen}

    def _start_parts(self) -> None:
        """Those that do not run yet."""
        for part in self._parts():
            if part not in self.children:
                self._start_part(part)

    def _start_part(self, part: str) -> None:
        if self.stopping:
            raise ServerFailed("stopped while starting")
        say(f"· {part}: starting")
        argv = [sys.executable, "-m", "app.cli", "ocpp" if part.startswith("ocpp-") else part]
        root = str(Path(__file__).parents[2])
        self.begun[part] = time.monotonic()
        self.children[part] = spawn(argv, US, self.log / f"{part}.log", cwd=root, env=self.environment())

    def _await(self, what: str, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while not condition():
            if self.stopping:
                raise ServerFailed("stopped while starting")
            for part, child in self.children.items():
                if child.poll() is not None:
                    raise ServerFailed(f"{part} {how_it_ended(child.returncode)} while starting:\n{last_lines(self.log / f'{part}.log')}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"After {ANSWER_SECONDS} s it is still not true that {what}. See {self.log}.")
            time.sleep(0.05)

    def _get(self, path: str) -> Any:
        host = reachable_host(self.settings.host)
        try:
            with urllib.request.urlopen(f"http://{host}:{self.settings.http_port}{path}", timeout=3) as answer:
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
        for name, server in self.servers.items():
            if server.process is not None and server.process.poll() is not None:
                self._report_crash(name, server.process.returncode, server.log)
                server.start()
                self.begun[name] = time.monotonic()
                self._write_ready()
        for part, child in list(self.children.items()):
            if child.poll() is not None:
                self._report_crash(part, child.returncode, self.log / f"{part}.log")
                self._start_part(part)
                self._write_ready()

    def _report_crash(self, name: str, code: int, log: Path) -> None:
        """Say it, and give up on what crashes again and again. Raises ServerFailed."""
        now = time.monotonic()
        recent = [at for at in self.crashes.get(name, []) if now - at < 60]
        if now - self.begun.get(name, now) > STEADY_SECONDS:
            recent = []  # it had been up: whatever ended it, it is not that it cannot start
        if len(recent) >= MOST_CRASHES_A_MINUTE:
            raise ServerFailed(f"{name} ended {len(recent) + 1} times within a minute:\n{last_lines(log)}")
        self.crashes[name] = [*recent, now]
        words = last_lines(log, 3).strip()
        say(f"! {name} {how_it_ended(code)}; starting it again. {f'Its last words:{chr(10)}{words}' if words else f'Its log: {log}'}")

    def _write_ready(self) -> None:
        s = self.settings
        parts = {part: child.pid for part, child in self.children.items()}
        listeners = [parts.pop(part) for part in list(parts) if part.startswith("ocpp")]
        servers: dict[str, int | None] = dict.fromkeys(("postgres", "valkey"))
        servers |= {name: server.process.pid for name, server in self.servers.items() if server.process is not None}
        ready.write(s.data, {
            "http": f"http://{reachable_host(s.host)}:{s.http_port}", "ocpp": f"ws://{reachable_host(s.host)}:{s.ocpp_port}/ocpp",
            "database_url": s.database_url, "redis_url": s.redis_url,
            "pids": {**parts, "ocpp": listeners, "supervisor": os.getpid(), **servers},
        })  # fmt: skip

    def _stop(self) -> None:
        ready.forget(self.settings.data)
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
        for server in reversed(self.servers.values()):
            server.stop()
