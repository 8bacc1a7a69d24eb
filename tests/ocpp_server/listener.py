"""The listener as a process of its own, and stations that come back to it until they are answered."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.charging.house import SECRET, House
from tests.ocpp_server.conftest import eventually
from tests.ocpp_server.raw_station import RawStation, RefusedUpgrade

SERVE = "import os; from app.kernel.settings import settings_from; from ocpp_server.main import run; run(settings_from(os.environ))"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Listener:
    """The process, on one port for its whole life. `nodes`: how many share the port."""

    def __init__(self, dsn: str, redis_url: str, port: int | None = None, nodes: int = 1) -> None:
        self.port = port or free_port()
        self.environment = {
            **os.environ, "DATABASE_URL": dsn, "REDIS_URL": redis_url, "HOFSTROM_SECRET_KEY": SECRET.decode(),
            "HOFSTROM_OCPP_PORT": str(self.port), "HOFSTROM_OCPP_NODES": str(nodes),
        }  # fmt: skip

    async def start(self) -> "Listener":
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SERVE, env=self.environment, stdout=asyncio.subprocess.DEVNULL
        )
        await eventually(self.answers, 20)
        return self

    async def answers(self) -> bool:
        """Whether the process itself listens: on a shared port another one might."""
        wanted = f":{self.port:04X}"
        held = await asyncio.to_thread(listening_inodes, self.process.pid)
        lines = (await asyncio.to_thread(Path("/proc/net/tcp").read_text)).splitlines()[1:]
        return any(line.split()[1].endswith(wanted) and line.split()[3] == "0A" and line.split()[9] in held for line in lines)

    async def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return await asyncio.wait_for(self.process.wait(), 10)

    async def stop(self) -> None:
        if self.process.returncode is None:
            await self.end(signal.SIGKILL)


def listening_inodes(pid: int) -> set[str]:
    """The sockets of a process, by the number that the kernel's tables show."""
    found = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


async def connect(listener: Listener, house: House, identity: str, version: str = "ocpp1.6") -> RawStation:
    async def attempt() -> RawStation | None:
        try:
            return await RawStation(listener.port, identity, house.passwords[identity]).open(protocols=(version,))
        except (OSError, RefusedUpgrade, asyncio.IncompleteReadError):
            return None

    return await eventually(attempt, 20)


async def deliver(line: Callable[[], Awaitable[RawStation]], station: RawStation, action: str, payload: dict[str, Any]):
    """Send until answered, on new connections where the old one breaks; as a station that loses nothing does."""
    while True:
        try:
            return station, await station.said(action, payload)
        except (ConnectionError, TimeoutError):
            station.cut()
            station = await line()
