"""One station's socket: its calls answered in order after their commit, our commands one at a time."""

import asyncio
from collections import deque
from datetime import datetime

import asyncpg
import structlog

from app.charging import station_commands
from app.charging.model import Changed, Station
from app.kernel.clock import Clock
from app.kernel.tasks import ended
from ocpp_server import frames
from ocpp_server.call import Call, Protocol
from ocpp_server.commands_in import DATABASE_ERRORS, Announce, CommandLine
from ocpp_server.lane import READERS, Lane, Writers
from ocpp_server.translate import Unreadable, Violation, clean
from ocpp_server.transport import INTERNAL_ERROR, POLICY_VIOLATION, Gone, Socket

log = structlog.get_logger()

BAD_FRAMES_A_MINUTE = 60
ASK_STATE_SECONDS = 5.0
# What is wrong with the row and not with the system: this one message is at fault, another would pass.
ROW_ERRORS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)


class Connection:
    """The conversation with one station."""

    def __init__(
        self, socket: Socket, station: Station, protocol: Protocol, secret: bytes, clock: Clock, announce: Announce,
        writers: Writers,
    ) -> None:  # fmt: skip
        self.socket = socket
        self.lane = Lane(socket, station, READERS.get(protocol.version, {}), writers, clock)
        self.station = station
        self.protocol = protocol
        self.commands = CommandLine(socket, station, clock, announce, secret)
        self._secret = secret
        self._clock = clock
        self._announce = announce
        self._bad_frames: deque[datetime] = deque()
        self._booted = False
        self._pending = False  # the boot was answered so: the station is still being set up

    async def run(self) -> None:
        """Until the socket closes."""
        tasks = [asyncio.create_task(self.commands.work()), asyncio.create_task(self._ask_state())]
        self.socket.offer(self.lane.take)
        try:
            while True:
                text = await self.socket.recv()
                # What came before the lane was open, or behind something that was not routine, may still take it.
                if not (isinstance(text, str) and self.lane.take(text.encode())):
                    await self.lane.settled()
                    while self.lane.odd:
                        await self._receive(self.lane.odd.popleft().decode())
                    if text is not None:
                        await self._receive(text)
                self.socket.worked()
        except Gone as gone:
            log.info("station left", station=self.station.identity, how=str(gone))
        finally:
            for result in await ended(tasks):
                if isinstance(result, Exception) and not isinstance(result, Gone):
                    log.error("side task failed", station=self.station.identity, error=repr(result))

    async def _ask_state(self) -> None:
        """A reconnect without a boot is valid; the state of its connectors is then asked for."""
        await asyncio.sleep(ASK_STATE_SECONDS)
        if not self._booted and not self.lane.booted:
            await station_commands.ask_state(self.station, self._clock())
            self.commands.wake()

    async def _receive(self, text: str | bytes) -> None:
        try:
            frame = frames.parse(text)
        except frames.BadFrame as bad:
            await self._bad_frame(str(bad))
            return
        try:
            if frame.kind == 2:
                await self._answer(frame)
            else:
                await self.commands.take(frame)
        except DATABASE_ERRORS as error:
            # Nothing is committed, so nothing is answered: the station keeps its message and comes again.
            log.error("not stored", station=self.station.identity, action=frame.action, error=repr(error))
            await self.socket.close(INTERNAL_ERROR, "try again")

    async def _bad_frame(self, reason: str) -> None:
        now = self._clock()
        self._bad_frames.append(now)
        while (now - self._bad_frames[0]).total_seconds() > 60:
            self._bad_frames.popleft()
        log.warning("frame dropped", station=self.station.identity, reason=reason)
        if len(self._bad_frames) > BAD_FRAMES_A_MINUTE:
            await self.socket.close(POLICY_VIOLATION, "too many unreadable frames")
        elif self.protocol.answers_bad_frames:
            await self.socket.send(frames.error(frames.NO_ID, "RpcFrameworkError", "This is no message of OCPP."))

    async def _answer(self, frame: frames.Frame) -> None:
        self._booted = self._booted or frame.action == "BootNotification"
        answer, changed = await self._handled(frame)
        await self.socket.send(answer)
        self.socket.worked()  # the next message need not wait until pages are told
        if self._pending:
            self.commands.wake()
        await self._announce(changed)

    async def _handled(self, frame: frames.Frame) -> tuple[str, list[Changed]]:
        """The text of the answer, and what changed."""
        if self._pending and frame.action == "Authorize":
            return frames.error(frame.id, "SecurityError", "The station is still being set up."), []
        handler = self.protocol.handlers.get(frame.action)
        if handler is None:
            return frames.error(frame.id, self.protocol.missing(frame.action), "This action is not known here."), []
        call = Call(self.station, bytes(frame.payload), clean(frame.id), self._secret, self._clock())
        try:
            reply, changed = await handler(call)
        except Violation as wrong:
            log.warning("message refused", station=self.station.identity, action=frame.action, reason=str(wrong)[:200])
            return frames.error(frame.id, self.protocol.code(wrong.code), str(wrong)), []
        except (Unreadable, *ROW_ERRORS) as odd:
            return await self._kept(frame, call, str(odd)), []
        if frame.action == "BootNotification":
            self._pending = reply["status"] == "Pending"
        return frames.result(frame.id, reply), changed

    async def _kept(self, frame: frames.Frame, call: Call, reason: str) -> str:
        log.warning("message unreadable", station=self.station.identity, action=frame.action, reason=reason[:200])
        if frame.action not in self.protocol.acknowledged:
            return frames.error(frame.id, "PropertyConstraintViolation", "This message cannot be stored.")
        return frames.result(frame.id, await self.protocol.keep_unreadable(frame.action, call, reason[:500]))
