"""`hofstrom check`: what is wrong with this installation, and what to do."""

import asyncio
import os
import socket
from pathlib import Path

import asyncpg

from app.database.migrate import pending_steps
from app.kernel.settings import DESCRIPTIONS, Settings

OLDEST_POSTGRES = 15


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
    """One sentence per problem; none means that `hofstrom up` can start."""
    found = [*_folder(settings), *_build()]
    if not (settings.data / "ready.json").exists():
        for name, port in (("HOFSTROM_HTTP_PORT", settings.http_port), ("HOFSTROM_OCPP_PORT", settings.ocpp_port)):
            if port and not port_is_free(settings.host, port):
                found.append(f"Port {port} is taken by another program. Stop it, or set {name} to another port (0 picks one).")
    if settings.database_url:
        found += asyncio.run(_database(settings.database_url))
    return found


def _folder(settings: Settings) -> list[str]:
    place = settings.data
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK):
        return [f"The data folder {settings.data} cannot be written. Give your account the right to, or set HOFSTROM_DATA."]
    cluster = settings.data / "servers" / "pg"
    if cluster.is_dir() and any(cluster.iterdir()) and not (cluster / "PG_VERSION").exists():
        return [f"The database folder {cluster} is damaged: PG_VERSION is missing. Restore it from a backup, or move it away."]
    return []


def _build() -> list[str]:
    index = Path(__file__).parents[2] / "pwa" / "dist" / "index.html"
    return [] if index.exists() else ["The pages are not built. Run `make build`."]


async def _database(url: str) -> list[str]:
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        return [f"The database does not answer ({error}). Check DATABASE_URL and that the server runs."]
    try:
        if connection.get_server_version().major < OLDEST_POSTGRES:
            return [f"The database is PostgreSQL {connection.get_server_version().major}; {OLDEST_POSTGRES} or newer is needed."]
    finally:
        await connection.close()
    pending = await pending_steps(url)
    return [f"The database lacks {len(pending)} steps. Run `hofstrom migrate`."] if pending else []


def report(environ: dict[str, str]) -> list[str]:
    """Every setting, what it is for, and whether it is set; secrets are never printed."""
    lines = []
    for name, text in DESCRIPTIONS.items():
        value = environ.get(name, "")
        secret = "KEY" in name or "SECRET" in name or ("URL" in name and "@" in value)
        lines.append(f"{name:<24} {('(set)' if secret else value) if value else '(empty)':<24} {text}")
    return lines
