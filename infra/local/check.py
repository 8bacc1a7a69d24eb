"""`hofstrom check`: what is wrong with this installation, and what to do."""

import asyncio
import os
import socket
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
from redis import Redis
from redis.exceptions import RedisError

from app.database.migrate import pending_steps
from app.kernel.settings import DESCRIPTIONS, Settings, is_private
from infra.local.postgres import ServerFailed, programs
from infra.local.ready import running, unwritable
from infra.local.state import existing_state

OLDEST_POSTGRES = 15
ANSWER_SECONDS = 10
EVERY_ADDRESS = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, never bound to


def reachable_host(host: str) -> str:
    """The address under which this machine itself reaches what listens on `host`."""
    return "127.0.0.1" if host in EVERY_ADDRESS else host


def port_is_free(host: str, port: int) -> bool:
    """Whether a program could listen here."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def problems(settings: Settings) -> list[str]:
    """One sentence per problem; none means that everything is in order."""
    live = running(settings.data)
    if live is None:
        found = [*_stations(settings), *problems_before_start(settings)]
        return found or (asyncio.run(_lacking(settings.database_url)) if settings.database_url else [])
    found = [*_stations(settings), *_build(), *asyncio.run(_database(live["database_url"])), *_redis(live["redis_url"])]
    return found or asyncio.run(_lacking(live["database_url"]))


def problems_before_start(settings: Settings) -> list[str]:
    """What would keep `hofstrom up` from starting; a database that lacks steps would not."""
    found = [*_folder(settings), *_build(), *_ports(settings)]
    found += asyncio.run(_database(settings.database_url)) if settings.database_url else _cluster(settings)
    return found + (_redis(settings.redis_url) if settings.redis_url else [])


def _stations(settings: Settings) -> list[str]:
    found = []
    if settings.ocpp_plain == "public" and not is_private(settings.host):
        found.append("Stations may come without TLS from anywhere: whoever listens reads their keys. Set HOFSTROM_OCPP_PLAIN=private.")
    for name, file in (("HOFSTROM_OCPP_TLS_CERTIFICATE", settings.ocpp_tls_certificate), ("HOFSTROM_OCPP_TLS_KEY", settings.ocpp_tls_key),
                       ("MQTT_CA", settings.mqtt_ca)):  # fmt: skip
        if file and not os.access(file, os.R_OK):
            found.append(f"{name} names {file}, which cannot be read. Give your account the right to, or empty the setting.")
    return found


def _folder(settings: Settings) -> list[str]:
    place = settings.data
    try:
        while not place.exists():
            place = place.parent
        with tempfile.TemporaryFile(dir=place):  # tried, not guessed from modes: it may be a read-only disk
            return []
    except OSError as error:
        return [str(unwritable(settings.data, error))]


def _ports(settings: Settings) -> list[str]:
    found = []
    for name, port in (("HOFSTROM_HTTP_PORT", settings.http_port), ("HOFSTROM_OCPP_PORT", settings.ocpp_port)):
        if port and not port_is_free(settings.host, port):
            found.append(f"Port {port} is taken by another program. Stop it, or set {name} to another port (0 picks one).")
    if settings.http_port and settings.http_port == settings.ocpp_port:
        found.append(f"HOFSTROM_HTTP_PORT and HOFSTROM_OCPP_PORT are both {settings.http_port}. Set one of them to another port.")
    return found


def _build() -> list[str]:
    index = Path(__file__).parents[2] / "pwa" / "dist" / "index.html"
    return [] if index.exists() else ["The pages are not built. Run `make build`."]


def _cluster(settings: Settings) -> list[str]:
    """The embedded database's files, as far as they can be judged without starting it."""
    try:
        program = programs(settings.postgres_bin) / "pg_controldata"
        state = existing_state(settings)
    except (ServerFailed, OSError) as error:
        return [str(error)]
    if not program.exists():
        return [f"There are no PostgreSQL programs in {program.parent}. Correct HOFSTROM_POSTGRES_BIN, or leave it empty."]
    if state is None or not (state / "pg").is_dir():
        return []
    cluster = state / "pg"
    what_to_do = "Restore it from a backup, or move it away to begin with an empty database."
    try:
        if not any(cluster.iterdir()):
            return []
    except PermissionError:
        return [f"The database folder {cluster} belongs to another account. Start Hofstrom with that account, or set HOFSTROM_DATA."]
    if not (cluster / "PG_VERSION").exists():
        return [f"The database folder {cluster} is damaged: PG_VERSION is missing. {what_to_do}"]
    command = [str(program), "-D", str(cluster)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env={**os.environ, "LC_ALL": "C"})
    if said.returncode == 0 and "warning" not in said.stderr:
        return []
    reason = said.stderr.partition("\n")[0].removeprefix("pg_controldata: ") or "its control file cannot be read"
    return [f"The database folder {cluster} is damaged ({reason}). {what_to_do}"]


async def _database(url: str) -> list[str]:
    try:
        connection = await asyncpg.connect(url, timeout=ANSWER_SECONDS)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reason = str(error) or f"no answer within {ANSWER_SECONDS} s"
        return [f"The database does not answer ({reason}). Check DATABASE_URL and that the server runs."]
    try:
        major = connection.get_server_version().major
    finally:
        await connection.close()
    return [f"The database is PostgreSQL {major}; {OLDEST_POSTGRES} or newer is needed."] if major < OLDEST_POSTGRES else []


async def _lacking(url: str) -> list[str]:
    pending = await pending_steps(url)
    return [f"The database lacks {len(pending)} steps. Run `hofstrom migrate`."] if pending else []


def _redis(url: str) -> list[str]:
    try:
        with Redis.from_url(url, socket_connect_timeout=ANSWER_SECONDS, socket_timeout=ANSWER_SECONDS) as client:
            client.ping()
    except (RedisError, OSError, ValueError) as error:
        return [f"Redis does not answer ({error}). Check REDIS_URL and that the server runs."]
    return []


def report(environ: dict[str, str]) -> list[str]:
    """Every setting, what it is for, and whether it is set; secrets are never printed."""
    lines = []
    for name, text in DESCRIPTIONS.items():
        value = environ.get(name, "")
        secret = "KEY" in name or "SECRET" in name or ("URL" in name and urlsplit(value).password is not None)
        lines.append(f"{name:<24} {('(set)' if secret else value) if value else '(empty)':<24} {text}")
    return lines
