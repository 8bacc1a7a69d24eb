"""The handle on a running demo station: one JSON line in, one JSON line out, over a socket in the data folder."""

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

LONGEST_SOCKET_PATH = 100
ANSWER_SECONDS = 40.0
LARGEST_LINE = 64 * 1024
Answer = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class StationNotRunning(RuntimeError):
    """No demo station of this name listens; the text says what to do."""


def folder(data_dir: Path) -> Path:
    """Where demo stations keep their memory and their handles."""
    return Path(data_dir) / "stations"


def send(data_dir: Path, station: str, command: str, **args: Any) -> dict[str, Any]:
    """Tell a demo station to do something: badge uid=, plug, unplug, fault, clear, offline, online, flaky, steady,
    battery value=PERCENT, refuse_next_start, silent_next_start, status. Returns its answer. Raises StationNotRunning."""
    line = json.dumps({"command": command, **args}) + "\n"
    try:
        with _reach(folder(data_dir), station) as handle:
            handle.settimeout(ANSWER_SECONDS)
            handle.sendall(line.encode())
            with handle.makefile("r", encoding="utf-8") as reader:
                return dict(json.loads(reader.readline()))
    except (OSError, ValueError) as error:
        raise StationNotRunning(
            f"The demo station {station} does not answer ({error}). Start it with `make run` or `hofstrom demo-stations`."
        ) from error


def _reach(place: Path, station: str) -> socket.socket:
    path = place / f"{station}.sock"
    if _fits(path):
        handle = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        handle.settimeout(ANSWER_SECONDS)
        handle.connect(str(path))
        return handle
    return socket.create_connection(("127.0.0.1", int((place / f"{station}.port").read_text())), ANSWER_SECONDS)


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= LONGEST_SOCKET_PATH


async def listen(data_dir: Path, station: str, answer: Answer) -> asyncio.Server:
    """Listen for commands: on a Unix socket, or on loopback where the folder's path is too long for one."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            reply = await answer(json.loads(await reader.readline()))
        except (ValueError, KeyError, TypeError) as error:
            reply = {"ok": False, "error": f"unreadable command: {error}"}
        try:
            writer.write((json.dumps(reply) + "\n").encode())
            await writer.drain()
        finally:
            writer.close()

    place = folder(data_dir)
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"{station}.sock"
    if _fits(path):
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(serve, path, limit=LARGEST_LINE)
        path.chmod(0o600)
        return server
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=LARGEST_LINE)
    (place / f"{station}.port").write_text(str(server.sockets[0].getsockname()[1]))
    return server


def forget(data_dir: Path, station: str) -> None:
    """Remove the handle of a station that stops."""
    for suffix in ("sock", "port"):
        (folder(data_dir) / f"{station}.{suffix}").unlink(missing_ok=True)
