"""The load: many stations in a process of their own, each with one message in flight, over bare sockets.

Half MeterValues with three values, a quarter StatusNotification, a quarter Heartbeat, and real Start/Stop pairs. Orders come
as JSON lines on standard input, reports go to standard output.
"""

import asyncio
import base64
import json
import random
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

PER_SESSION = 200  # routine messages between a start and its stop
UNMASKED = bytes(4)  # a mask of zeros is valid and costs the load nothing; the server unmasks all the same


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def frame(text: str) -> bytes:
    data = text.encode()
    size = len(data)
    head = bytes((0x81, 0x80 | size)) if size < 126 else b"\x81\xfe" + size.to_bytes(2, "big")
    return head + UNMASKED + data


class Totals:
    """What all stations count."""

    def __init__(self) -> None:
        self.answers = self.callerrors = self.cuts = self.refused = 0
        self.latencies: list[float] = []
        self.kinds = dict.fromkeys(("meter", "status", "heartbeat", "start", "stop"), 0)
        self.measuring = False


class Station(asyncio.Protocol):
    """One station. `arrived` becomes true at the answer of its boot; afterwards it talks while `talking`."""

    def __init__(self, fleet: "Fleet", number: int, arrived: "asyncio.Future[bool]") -> None:
        self.fleet, self.number, self.arrived = fleet, number, arrived
        self.random = random.Random(number)
        self.buffer = b""
        self.upgraded = self.talking = False
        self.sent_at = 0.0
        self.counter = 0
        self.transaction = 0
        self.register = 1000
        self.left = self.random.randrange(1, PER_SESSION)
        self.awaited = ""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        identity = self.fleet.identity(self.number)
        pair = base64.b64encode(f"{identity}:password-of-{identity}".encode()).decode()
        self.transport.write(
            f"GET /ocpp/{identity} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Sec-WebSocket-Protocol: ocpp1.6\r\nAuthorization: Basic {pair}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.upgraded:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.fleet.totals.refused += 1
                self.transport.close()
                return
            self.upgraded, self.buffer = True, rest
            self.send("boot", "BootNotification", '{"chargePointVendor":"Bench","chargePointModel":"B1"}')
        while len(self.buffer) >= 2:
            size, at = self.buffer[1] & 127, 2
            if size == 126:
                size, at = int.from_bytes(self.buffer[2:4], "big"), 4
            if len(self.buffer) < at + size:
                return
            opcode, text = self.buffer[0] & 15, self.buffer[at : at + size]
            self.buffer = self.buffer[at + size :]
            if opcode == 9:
                self.transport.write(bytes((0x8A, 0x80 | size)) + UNMASKED + text)
            elif opcode == 1:
                self.heard(text)

    def heard(self, text: bytes) -> None:
        if text.startswith(b"[2,"):
            message_id = json.loads(text)[1]
            self.transport.write(frame(f'[3,"{message_id}",{{"status":"Accepted"}}]'))
            return
        totals = self.fleet.totals
        if text.startswith(b"[4"):
            totals.callerrors += 1
        if self.awaited == "boot":
            self.awaited = ""
            if not self.arrived.done():
                self.arrived.set_result(True)
            return
        if totals.measuring:
            totals.answers += 1
            totals.kinds[self.awaited] += 1
            totals.latencies.append(time.monotonic() - self.sent_at)
        if self.awaited == "start":
            self.transaction = json.loads(text)[2].get("transactionId", 1)
            self.fleet.charging += 1
            if self.fleet.charging == len(self.fleet.stations):
                self.fleet.all_charging.set()
        elif self.awaited == "stop":
            self.transaction = 0
            self.fleet.charging -= 1
        self.awaited = ""
        if self.talking:
            self.say()

    def say(self) -> None:
        """The next message."""
        if not self.transaction:
            self.left = PER_SESSION if self.left <= 0 else self.left
            payload = f'{{"connectorId":1,"idTag":"{self.fleet.tag}{self.number:06}","meterStart":{self.register},"timestamp":"{self.fleet.now()}"}}'
            self.send("start", "StartTransaction", payload)
            return
        if self.left <= 0:
            payload = f'{{"transactionId":{self.transaction},"meterStop":{self.register},"timestamp":"{self.fleet.now()}"}}'
            self.send("stop", "StopTransaction", payload)
            return
        self.left -= 1
        turn = self.counter & 3
        if turn == 1:
            state = "Charging" if self.counter & 4 else "SuspendedEV"
            self.send("status", "StatusNotification",
                      f'{{"connectorId":1,"errorCode":"NoError","status":"{state}","timestamp":"{self.fleet.now()}"}}')  # fmt: skip
        elif turn == 3:
            self.send("heartbeat", "Heartbeat", "{}")
        else:
            self.register += 1
            self.send("meter", "MeterValues", self.fleet.meter % (self.transaction, self.fleet.now(), self.register))

    def send(self, kind: str, action: str, payload: str) -> None:
        self.counter += 1
        self.awaited = kind
        self.sent_at = time.monotonic()
        self.transport.write(frame(f'[2,"{self.number:08x}-0000-4000-8000-{self.counter:012x}","{action}",{payload}]'))

    def connection_lost(self, exc: Exception | None) -> None:
        self.fleet.lost(self)


class Fleet:
    """All stations of the process."""

    def __init__(self, port: int, prefix: str, tag: str) -> None:
        self.port, self.prefix, self.tag = port, prefix, tag
        self.totals = Totals()
        self.stations: dict[int, Station] = {}
        self.returning = False
        self.online: set[int] = set()
        self.all_online, self.all_charging = asyncio.Event(), asyncio.Event()
        self.wanted = self.charging = 0
        self.told = (0.0, "")
        self.tasks: set[asyncio.Task[None]] = set()
        self.meter = (
            '{"connectorId":1,"transactionId":%d,"meterValue":[{"timestamp":"%s","sampledValue":['
            '{"value":"%d","context":"Sample.Periodic","measurand":"Energy.Active.Import.Register","unit":"Wh"},'
            '{"value":"7360","context":"Sample.Periodic","measurand":"Power.Active.Import","unit":"W"},'
            '{"value":"16.0","context":"Sample.Periodic","measurand":"Current.Import","unit":"A","phase":"L1"}]}]}'
        )

    def identity(self, number: int) -> str:
        return f"{self.prefix}-{number}"

    def now(self) -> str:
        """The time, made once a millisecond."""
        at = time.time()
        if at - self.told[0] > 0.001:
            self.told = (at, iso(at))
        return self.told[1]

    async def connect(self, first: int, count: int, at_once: int) -> float:
        """Connect and boot stations; the seconds it took."""
        began = time.monotonic()
        self.wanted += count
        self.all_online.clear()
        limit = asyncio.Semaphore(at_once)

        async def one(number: int) -> None:
            async with limit:
                await self.dial(number)

        await asyncio.gather(*(one(number) for number in range(first, first + count)))
        async with asyncio.timeout(120):
            await self.all_online.wait()
        return time.monotonic() - began

    async def dial(self, number: int) -> None:
        """Until the station has booted, with a growing pause between tries."""
        loop, pause = asyncio.get_running_loop(), 0.1
        while True:
            arrived: asyncio.Future[bool] = loop.create_future()
            self.stations[number] = Station(self, number, arrived)
            try:
                await loop.create_connection(partial(self.stations.__getitem__, number), "127.0.0.1", self.port)
                if await asyncio.wait_for(arrived, 30):
                    self.online.add(number)
                    if len(self.online) == self.wanted:
                        self.all_online.set()
                    return
            except (OSError, TimeoutError):
                pass
            await asyncio.sleep(pause * (0.5 + random.random()))
            pause = min(pause * 2, 1.0)

    def lost(self, station: Station) -> None:
        if not station.arrived.done():
            station.arrived.set_result(False)
            return
        self.totals.cuts += 1
        if self.returning and self.stations.get(station.number) is station:
            self.online.discard(station.number)
            self.all_online.clear()
            task = asyncio.create_task(self.dial(station.number))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def talk(self, warm: float, seconds: float, begun: Callable[[], None]) -> dict:
        """Full load: every station speaks as soon as it is answered. Only the time after `warm` counts, which begins when all
        have started a session: that all cars are plugged in at the same second is not what is measured."""
        for station in self.stations.values():
            station.say()
        await self.all_charging.wait()
        for station in self.stations.values():
            station.talking = True
            station.say()
        await asyncio.sleep(warm)
        self.totals.__init__()  # type: ignore[misc]
        self.totals.measuring = True
        begun()
        began = time.monotonic()
        await asyncio.sleep(seconds)
        self.totals.measuring = False
        took = time.monotonic() - began
        for station in self.stations.values():
            station.talking = False
        found = sorted(self.totals.latencies)
        return {
            "answers": self.totals.answers, "seconds": took, "callerrors": self.totals.callerrors, "cuts": self.totals.cuts,
            "p50_ms": 1000 * found[len(found) // 2], "p99_ms": 1000 * found[len(found) * 99 // 100], "kinds": self.totals.kinds,
        }  # fmt: skip


def report(**what: object) -> None:
    print(json.dumps(what), flush=True)


async def main() -> None:
    port, prefix, tag = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    fleet = Fleet(port, prefix, tag)
    loop = asyncio.get_running_loop()
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line.strip():
            return
        order = json.loads(line)
        if order["do"] == "connect":
            report(connected=await fleet.connect(order["first"], order["count"], order.get("at_once", 200)))
        elif order["do"] == "talk":
            report(done=await fleet.talk(order["warm"], order["seconds"], lambda: report(begun=True)))
        elif order["do"] == "return":
            fleet.returning = True
            report(returning=True)
        elif order["do"] == "all_back":
            async with asyncio.timeout(180):
                await fleet.all_online.wait()
            report(back=len(fleet.online), callerrors=fleet.totals.callerrors, refused=fleet.totals.refused)


if __name__ == "__main__":
    import uvloop

    uvloop.run(main())
