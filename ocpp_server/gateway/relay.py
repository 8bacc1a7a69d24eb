"""One station behind the gateway: its calls go through while the internet is there, are kept while it is away, and sent after."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from ocpp_server import frames
from ocpp_server.gateway import alone
from ocpp_server.gateway.store import Kept, Store

log = structlog.get_logger()

ANSWER_SECONDS = 30.0
CONNECT_SECONDS = 5.0
AWAY = (OSError, TimeoutError, InvalidHandshake, WebSocketException)


class Refused(Exception):
    """The platform does not let this station in."""


class Platform:
    """Where the platform is, and how stations are announced there. `clock`: epoch seconds."""

    def __init__(self, url: str, store: Store, clock: Callable[[], float] = time.time, retry_s: float = 5.0) -> None:
        self.url, self.store, self.clock, self.retry_s = url.rstrip("/"), store, clock, retry_s

    async def open(self, identity: str, authorization: str, protocols: list[str]) -> ClientConnection:
        """A socket for a station, with what it has shown. Raises Refused, and what AWAY names while there is no internet."""
        headers = {"Authorization": authorization} if authorization else {}
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                socket = await connect(
                    f"{self.url}/{quote(identity)}", additional_headers=headers, subprotocols=[Subprotocol(one) for one in protocols],
                    max_size=2**17, ping_interval=20, ping_timeout=20,
                )  # fmt: skip
        except InvalidStatus as said:
            if said.response.status_code < 500:
                raise Refused(str(said.response.status_code)) from None
            raise
        self.store.station_proven(identity, authorization, str(socket.subprotocol))
        return socket


class Relay:
    """The conversation between one station and the platform."""

    def __init__(
        self, station: ServerConnection, platform: Platform, identity: str, authorization: str, up: ClientConnection | None
    ) -> None:
        self.station, self.platform, self.identity, self.authorization, self.up = station, platform, identity, authorization, up
        self.protocol = str(station.subprotocol)
        self.store = platform.store
        self._asked: dict[str, frames.Frame] = {}  # calls of the station that the platform has not answered yet
        self._replayed: tuple[str, asyncio.Future[frames.Frame]] | None = None

    async def run(self) -> None:
        """Until the station leaves, or the platform refuses it."""
        upward = asyncio.create_task(self._keep_up())
        try:
            async for text in self.station:
                await self._from_station(str(text))
        except WebSocketException as error:
            log.info("station left", station=self.identity, how=str(error))
        finally:
            upward.cancel()
            await asyncio.gather(upward, return_exceptions=True)
            if self.up is not None:
                await self.up.close()

    async def _from_station(self, text: str) -> None:
        try:
            frame = frames.parse(text)
        except frames.BadFrame:
            return
        if frame.kind != 2:
            if self.up is not None:
                await self._send_up(text)
            return
        # Behind what is kept, what is about money waits its turn: the platform gets it in order.
        through = self.up is not None and not (alone.is_kept(self.protocol, frame.action) and self.store.next_message(self.identity))
        if through:
            self._asked[frame.id] = frame
            await self._send_up(frames.call(frame.id, frame.action, self._for_platform(frame.action, _object(frame))))
        else:
            await self._answer_alone(frame)

    async def _answer_alone(self, frame: frames.Frame) -> None:
        said = alone.answer(self.store, self.identity, self.protocol, frame.action, frame.id, _object(frame), self.platform.clock())
        if said is not None:
            await self.station.send(frames.result(frame.id, said))
        else:
            await self.station.send(frames.error(frame.id, "GenericError", "The platform cannot be reached."))

    async def _send_up(self, text: str) -> None:
        try:
            if self.up is not None:
                await self.up.send(text)
        except WebSocketException as error:
            log.info("platform away", station=self.identity, how=str(error))  # its reader notices, and answers what was asked

    async def _keep_up(self) -> None:
        """Hold the way to the platform: listen, and open it again when it is lost."""
        while True:
            if self.up is not None:
                await self._hear(self.up)
                self.up = None
                for frame in list(self._asked.values()):  # nobody knows whether they arrived: kept, and known again by content
                    del self._asked[frame.id]
                    await self._answer_alone(frame)
            try:
                self.up = await self.platform.open(self.identity, self.authorization, [self.protocol])
            except Refused as refused:
                log.warning("the platform refuses the station", station=self.identity, status=str(refused))
                await self.station.close(1008, "refused")
                return
            except AWAY:
                await asyncio.sleep(self.platform.retry_s)

    async def _hear(self, up: ClientConnection) -> None:
        replay = asyncio.create_task(self._replay(up))
        try:
            async for text in up:
                await self._from_platform(str(text))
        except WebSocketException as error:
            log.info("platform away", station=self.identity, how=str(error))
        finally:
            replay.cancel()
            await asyncio.gather(replay, return_exceptions=True)
            self._replayed = None

    async def _replay(self, up: ClientConnection) -> None:
        """Send what is kept, oldest first, one at a time."""
        while True:
            kept = self.store.next_message(self.identity)
            if kept is None:
                await asyncio.sleep(self.platform.retry_s)
                continue
            await self._send_kept(up, kept)

    async def _send_kept(self, up: ClientConnection, kept: Kept) -> None:
        message_id = f"{kept.message_id[:20]}.{kept.id}"
        future: asyncio.Future[frames.Frame] = asyncio.get_running_loop().create_future()
        self._replayed = (message_id, future)
        await up.send(frames.call(message_id, kept.action, self._for_platform(kept.action, kept.payload)))
        try:
            frame = await asyncio.wait_for(future, ANSWER_SECONDS)
        except TimeoutError:
            await up.close()
            return
        if frame.kind == 4:
            log.error("the platform does not take a message", station=self.identity, action=kept.action, code=frame.action)
            self.store.refused(kept, frame.action)
            return
        said = _object(frame)
        self._learn(kept.action, kept.payload, said)
        number = said.get("transactionId")
        self.store.stored(kept, self.identity, number if isinstance(number, int) else None)

    async def _from_platform(self, text: str) -> None:
        try:
            frame = frames.parse(text)
        except frames.BadFrame:
            return
        if frame.kind == 2:
            await self.station.send(frames.call(frame.id, frame.action, self._for_station(_object(frame))))
        elif self._replayed is not None and frame.id == self._replayed[0]:
            if not self._replayed[1].done():
                self._replayed[1].set_result(frame)
        else:
            asked = self._asked.pop(frame.id, None)
            if asked is not None and frame.kind == 3:
                self._learn(asked.action, _object(asked), _object(frame))
            await self.station.send(text)

    def _learn(self, action: str, asked: dict[str, Any], said: dict[str, Any]) -> None:
        """Remember which badges the platform lets charge here, for the time without it."""
        uid, status = alone.uid_of(self.protocol, asked), alone.status_in(self.protocol, said)
        if uid is None or status is None or action not in ("Authorize", "StartTransaction", "TransactionEvent"):
            return
        if status == "Accepted":
            self.store.badge_accepted(self.identity, uid, self.platform.clock())
        elif status != "ConcurrentTx":
            self.store.badge_refused(self.identity, uid)

    def _for_platform(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """A transaction that began here has another number there."""
        number = payload.get("transactionId")
        if self.protocol != alone.V16 or action not in ("StopTransaction", "MeterValues") or not isinstance(number, int):
            return payload
        real = self.store.real_number(self.identity, number)
        return payload if real is None else {**payload, "transactionId": real}

    def _for_station(self, payload: dict[str, Any]) -> dict[str, Any]:
        number = payload.get("transactionId")
        local = self.store.local_number(self.identity, number) if self.protocol == alone.V16 and isinstance(number, int) else None
        return payload if local is None else {**payload, "transactionId": local}


def _object(frame: frames.Frame) -> dict[str, Any]:
    found = json.loads(bytes(frame.payload))
    return found if isinstance(found, dict) else {}
