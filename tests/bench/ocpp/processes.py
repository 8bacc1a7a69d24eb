"""Processes under measurement: this server, the baselines, the load; and the CPU and memory that they take."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Child:
    """A process that answers on a port."""

    def __init__(self, argv: list[str], port: int = 0, env: dict[str, str] | None = None, log: Path | None = None) -> None:
        self.argv, self.port, self.log = [sys.executable, *argv], port, log
        self.env = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
        self.process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    async def start(self) -> "Child":
        pipe = asyncio.subprocess.PIPE if not self.port else asyncio.subprocess.DEVNULL
        out = self.log.open("ab") if self.log else None
        self.process = await asyncio.create_subprocess_exec(
            *self.argv, env=self.env, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=out or pipe, stderr=out
        )  # fmt: skip
        if not self.port and self.process.stdout is not None:
            self.port = int(await self.process.stdout.readline())
        async with asyncio.timeout(60):
            while not await self.answers():  # noqa: ASYNC110  another process gives no event
                await asyncio.sleep(0.02)
        return self

    async def answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True

    async def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(how)
            await self.process.wait()


class Load:
    """The load generator, spoken to in JSON lines."""

    def __init__(self, port: int, prefix: str, tag: str) -> None:
        self.argv = [sys.executable, "-m", "tests.bench.ocpp.load", str(port), prefix, tag]

    async def __aenter__(self) -> "Load":
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(*self.argv, cwd=ROOT, stdin=pipe, stdout=pipe)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    def order(self, **what: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what).encode() + b"\n")

    async def report(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if not line:
            raise RuntimeError("the load ended before its report")
        return dict(json.loads(line))


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of processes so far, exact to the clock tick."""
    total = 0
    for pid in pids:
        try:
            after_name = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except FileNotFoundError:
            continue
        total += int(after_name[11]) + int(after_name[12])
    return total / os.sysconf("SC_CLK_TCK")


def machine_seconds() -> tuple[float, float]:
    """CPU-seconds that all processes of the machine have used so far, and that there were."""
    ticks = [int(one) for one in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    each = os.sysconf("SC_CLK_TCK")
    return (sum(ticks) - ticks[3] - ticks[4]) / each, sum(ticks) / each


class Busy:
    """What of the machine others use from now on, beside these processes."""

    def __init__(self, ours: list[int]) -> None:
        self._ours = ours
        self._began = (*machine_seconds(), cpu_seconds(ours))

    def others(self, known: float) -> float:
        """Their share of the machine since then; `known`: CPU-seconds that are ours too."""
        used, there, ours = (now - then for now, then in zip((*machine_seconds(), cpu_seconds(self._ours)), self._began, strict=True))
        return max(0.0, used - ours - known) / there if there else 0.0


def family(parent: int) -> list[int]:
    """A process and its children."""
    found = [parent]
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rsplit(")", 1)[1].split()[1]) == parent:
                found.append(int(path.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def memory_kib(pid: int) -> int:
    """Resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("no memory figure")
