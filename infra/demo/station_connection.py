"""A demo station's connection: made again for ever, booted once, state and queued messages told in order."""

import asyncio
import base64
from random import SystemRandom

import structlog
from ocpp.exceptions import OCPPError
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from infra.demo.station import CONNECTOR, LOST, DemoStation, iso_now
from infra.demo.station_meter import Queued
from infra.demo.station_socket import StationSocket

log = structlog.get_logger()

HEARTBEAT_SECONDS = 60
LONGEST_PAUSE_S = 10.0
MOST_TRIES = 5
chance = SystemRandom()


class Connection:
    """Keeps one station connected to `url`/IDENTITY."""

    def __init__(self, station: DemoStation, url: str, password: str) -> None:
        self._station = station
        self._url = f"{url.rstrip('/')}/{station.identity}"
        token = base64.b64encode(f"{station.identity}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}"}
        self._booted = False
        self._pause_s = 0.5

    async def stay(self) -> None:
        """Connect for ever, with growing pauses while the server is away."""
        while True:
            await self._station.network.there.wait()
            try:
                await self._once()
            except* LOST as group:
                log.info("not connected", station=self._station.identity, error=str(group.exceptions[0]))
            self._station.socket = None
            await asyncio.sleep(self._pause_s * chance.uniform(0.5, 1.0))
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    async def _once(self) -> None:
        async with connect(
            self._url, subprotocols=[Subprotocol("ocpp1.6")], additional_headers=self._headers, open_timeout=10,
            compression=None,
        ) as line:  # fmt: skip
            self._pause_s = 0.5
            await self._converse(StationSocket(self._station.identity, line, self._station.decide))

    async def _converse(self, line: StationSocket) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(line.start())
            if not self._booted:
                await line.boot()
                self._booted = True
            self._station.socket = line
            self._station.reported = ""
            self._station.work.set()
            tasks.create_task(self._tell(line))
            tasks.create_task(self._beat(line))
            tasks.create_task(self._leave_when_cut(line))

    async def _leave_when_cut(self, line: StationSocket) -> None:
        await self._station.network.cut.wait()
        await line.hang_up()

    async def _beat(self, line: StationSocket) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await line.heartbeat()

    async def _tell(self, line: StationSocket) -> None:
        """Send state and queued messages, in order, each until it is answered."""
        station = self._station
        while True:
            await station.work.wait()
            station.work.clear()
            if station.silent_next_start:
                station.silent_next_start, line.deaf_to_next_start = False, True
            if station.status() != station.reported:
                station.reported = station.status()
                await line.report_status(CONNECTOR, station.reported, station.fault or "NoError", iso_now())
            while station.memory.queue:
                await self._deliver(line, station.memory.queue[0])

    async def _deliver(self, line: StationSocket, message: Queued) -> None:
        payload = dict(message.payload)
        if message.action != "StartTransaction" and "transaction_id" not in payload:
            payload["transaction_id"] = -1  # the start was never answered: the server keeps this for review
        try:
            answer = await line.tell(message.action, payload)
        except OCPPError as error:
            message.tries += 1
            log.warning("refused", station=self._station.identity, action=message.action, error=str(error))
            if message.tries < MOST_TRIES:
                await asyncio.sleep(1)
                return
            answer = None
        self._station.memory.queue.remove(message)
        if message.action == "StartTransaction" and answer is not None:
            self._station.started(message.local_id, int(answer.transaction_id), str(answer.id_tag_info["status"]))
        self._station.keep()
