"""A demo station's connection: made again for ever, booted once, state and queued messages told in order."""

import asyncio
import base64
import contextlib
from random import SystemRandom

import structlog
from ocpp.exceptions import OCPPError
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from infra.demo.station import LOST, DemoStation, iso_now
from infra.demo.station16 import Station16
from infra.demo.station201 import Station201
from infra.demo.station_link import Ear
from infra.demo.station_meter import Told

log = structlog.get_logger()

HEARTBEAT_SECONDS = 60
LONGEST_PAUSE_S = 10.0
MOST_TRIES = 5
SPEAKS: dict[str, type[Station16] | type[Station201]] = {"1.6": Station16, "2.0.1": Station201}
chance = SystemRandom()


class Connection:
    """Keeps one station connected to `url`/IDENTITY, in one version of OCPP."""

    def __init__(self, station: DemoStation, url: str, password: str, version: str = "1.6") -> None:
        self._station = station
        self._speaks = SPEAKS[version]
        self._url = f"{url.rstrip('/')}/{station.identity}"
        token = base64.b64encode(f"{station.identity}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}"}
        self._pause_s = 0.5

    async def stay(self) -> None:
        """Connect for ever, with growing pauses while the server is away."""
        while True:
            await self._station.network.there.wait()
            try:
                await self._once()
            except* LOST as group:
                log.info("not connected", station=self._station.identity, error=str(group.exceptions[0]))
            self._station.link = None
            await asyncio.sleep(self._pause_s * chance.uniform(0.5, 1.0))
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    async def _once(self) -> None:
        async with connect(
            self._url, subprotocols=[Subprotocol(self._speaks.subprotocol)], additional_headers=self._headers, open_timeout=10,
            compression=None,
        ) as line:  # fmt: skip
            self._pause_s = 0.5
            ear = Ear(line)
            await self._converse(self._speaks(self._station, ear), ear)

    async def _converse(self, line: Station16 | Station201, ear: Ear) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(line.start())
            tasks.create_task(self._leave_when_cut(ear))
            await self._introduce(line)
            self._station.link = line
            self._station.reported = ""
            self._station.wake()
            tasks.create_task(self._tell(line, ear))
            tasks.create_task(self._beat(line))

    async def _introduce(self, line: Station16 | Station201) -> None:
        """Boot until the server accepts the station: again when it says so, or after the time that it gave."""
        station = self._station
        while not station.booted:
            station.boot_asked.clear()
            status, seconds = await line.boot(station.boot_reason)
            station.booted = status == "Accepted"
            if not station.booted:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(station.boot_asked.wait(), seconds)

    async def _leave_when_cut(self, ear: Ear) -> None:
        await self._station.network.cut.wait()
        await ear.close()

    async def _beat(self, line: Station16 | Station201) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await line.heartbeat()

    async def _tell(self, line: Station16 | Station201, ear: Ear) -> None:
        """Send state and queued messages, in order, each until it is answered."""
        station = self._station
        while True:
            await station.work.wait()
            station.work.clear()
            if station.silent_next_start:
                station.silent_next_start, ear.deaf_to_next_start = False, True
            if station.boot_asked.is_set():
                station.boot_asked.clear()
                await line.boot(station.boot_reason)
            if station.status() != station.reported:
                station.reported = station.status()
                await line.report_status(station.reported, station.fault or "NoError", iso_now())
            while station.memory.queue:
                await self._deliver(line, station.memory.queue[0])

    async def _deliver(self, line: Station16 | Station201, told: Told) -> None:
        number, status, answered = None, "Accepted", True
        try:
            number, status = await line.tell(told)
        except OCPPError as error:
            told.tries += 1
            log.warning("refused", station=self._station.identity, kind=told.kind, error=str(error))
            if told.tries < MOST_TRIES:
                await asyncio.sleep(1)
                return
            answered = False
        self._station.memory.queue.remove(told)
        if told.kind == "started" and answered:
            self._station.started(told.local_id, number, status)
        self._station.keep()
