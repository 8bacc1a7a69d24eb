"""One station's socket: its calls answered in order after their commit, our commands one at a time."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
import structlog

from app.charging import station_commands
from app.charging.model import Changed, Command, Station
from app.kernel.clock import Clock
from ocpp_server import frames, v16
from ocpp_server.translate import Unreadable
from ocpp_server.transport import INTERNAL_ERROR, POLICY_VIOLATION, Gone, Socket

log = structlog.get_logger()

BAD_FRAMES_A_MINUTE = 60
POLL_SECONDS = 1.0
REMEMBERED_COMMANDS = 50
Announce = Callable[[list[Changed]], Awaitable[None]]


class Connection:
    """The conversation with one station."""

    def __init__(self, socket: Socket, station: Station, secret: bytes, clock: Clock, announce: Announce) -> None:
        self.socket = socket
        self.station = station
        self.wake = asyncio.Event()
        self._secret = secret
        self._clock = clock
        self._announce = announce
        self._bad_frames: deque[datetime] = deque()
        self._waiting: dict[str, asyncio.Future[tuple[bool, str]]] = {}
        self._unanswered: dict[str, Command] = {}
        self._booted = False
        self._asked_for_state = False

    async def run(self) -> None:
        """Until the socket closes."""
        commands = asyncio.create_task(self._work_commands())
        try:
            while True:
                await self._receive(await self.socket.recv())
        except Gone:
            pass
        finally:
            commands.cancel()
            await asyncio.gather(commands, return_exceptions=True)

    async def _receive(self, text: str | bytes) -> None:
        try:
            frame = frames.parse(text)
        except frames.BadFrame as bad:
            await self._count_bad_frame(str(bad))
            return
        if frame.kind == 2:
            await self._answer(frame, str(text))
        else:
            await self._take_answer(frame)

    async def _count_bad_frame(self, reason: str) -> None:
        now = self._clock()
        self._bad_frames.append(now)
        while (now - self._bad_frames[0]).total_seconds() > 60:
            self._bad_frames.popleft()
        log.warning("frame dropped", station=self.station.identity, reason=reason)
        if len(self._bad_frames) > BAD_FRAMES_A_MINUTE:
            await self.socket.close(POLICY_VIOLATION, "too many unreadable frames")

    async def _answer(self, frame: frames.Frame, body: str) -> None:
        self._booted = self._booted or frame.action == "BootNotification"
        try:
            answer, changed = await self._handled(frame, body)
        except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError) as error:
            # Nothing is committed, so nothing is answered: the station keeps its message and comes again.
            log.error("database away", station=self.station.identity, error=str(error))
            await self.socket.close(INTERNAL_ERROR, "try again")
            return
        await self.socket.send(answer)
        await self._announce(changed)
        if not self._booted and not self._asked_for_state:
            self._asked_for_state = True
            payload = {"requestedMessage": "StatusNotification"}
            await self.socket.send(frames.call(str(uuid4()), "TriggerMessage", payload))

    async def _handled(self, frame: frames.Frame, body: str) -> tuple[str, list[Changed]]:
        """The text of the answer and what changed."""
        if frame.action not in v16.HANDLERS:
            return frames.error(frame.id, "NotImplemented", "This action is not known here."), []
        message_id = frame.id.replace("\x00", "")
        now = self._clock()
        try:
            reply, changed = await v16.handle(frame.action, frame.payload, self.station, message_id, body, self._secret, now)
        except (msgspec.ValidationError, msgspec.DecodeError, RecursionError, Unreadable, asyncpg.DataError) as error:
            return await self._unreadable(frame, body, str(error)), []
        return frames.result(frame.id, reply), changed

    async def _unreadable(self, frame: frames.Frame, body: str, reason: str) -> str:
        log.warning("message unreadable", station=self.station.identity, action=frame.action, reason=reason)
        if frame.action in v16.MOVES_MONEY:
            reply = await v16.keep_unreadable(frame.action, self.station, body, reason, self._clock())
            if reply is not None:
                return frames.result(frame.id, reply)
        return frames.error(frame.id, "FormationViolation", reason)

    async def _take_answer(self, frame: frames.Frame) -> None:
        accepted, text = _outcome(frame)
        waiting = self._waiting.pop(frame.id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result((accepted, text))
            return
        late = self._unanswered.pop(frame.id, None)
        log.info("answer to no open call", station=self.station.identity, late=late is not None)
        if late is not None and frame.kind == 3:
            await self._announce(await station_commands.answered(late, accepted, text, self._clock()))

    async def _work_commands(self) -> None:
        """Claim and send queued commands, one in flight; a wake-up is quick, the poll is sure."""
        while True:
            try:
                while await self._work_one():
                    pass
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
                log.error("commands not read", station=self.station.identity, error=str(error))
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self.wake.wait()
            except TimeoutError:
                pass
            self.wake.clear()

    async def _work_one(self) -> bool:
        command, changed = await station_commands.claim(self.station.id, self._clock())
        if command is None:
            return False
        await self._announce(changed)
        message_id = str(command.id)
        future: asyncio.Future[tuple[bool, str]] = asyncio.get_running_loop().create_future()
        self._waiting[message_id] = future
        try:
            await self.socket.send(frames.call(message_id, command.action, json.loads(command.payload)))
            seconds = (command.deadline - self._clock()).total_seconds()
            accepted, text = await asyncio.wait_for(future, max(seconds, 0.1))
        except TimeoutError:
            self._remember(message_id, command)
            await self._announce(await station_commands.failed(command, "timed_out", "no_answer", self._clock()))
        except (Gone, asyncio.CancelledError):
            # The socket closed with the command in flight: it fails visibly, and nobody repeats it.
            failing = station_commands.failed(command, "failed", "connection_lost", self._clock())
            await self._announce(await asyncio.shield(asyncio.ensure_future(failing)))
            raise
        else:
            await self._announce(await station_commands.answered(command, accepted, text, self._clock()))
        finally:
            self._waiting.pop(message_id, None)
        return True

    def _remember(self, message_id: str, command: Command) -> None:
        self._unanswered[message_id] = command
        while len(self._unanswered) > REMEMBERED_COMMANDS:
            self._unanswered.pop(next(iter(self._unanswered)))


def _outcome(frame: frames.Frame) -> tuple[bool, str]:
    """Whether an answer means yes, and its text."""
    text = bytes(frame.payload).decode("utf-8", "replace")
    if frame.kind == 4:
        return False, f"{frame.action}: {text}"
    try:
        payload: Any = json.loads(text)
    except (ValueError, RecursionError):
        return False, text
    return isinstance(payload, dict) and payload.get("status") == "Accepted", text
