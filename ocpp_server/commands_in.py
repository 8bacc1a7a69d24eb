"""Commands for one station: claimed from their rows, translated, one in flight, given up at the deadline, failed when the
socket closes."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import structlog

from app.charging import intents, station_commands
from app.charging.intents import Answer, Intent
from app.charging.model import Changed, Command, Station
from app.charging.station_commands import NOTHING_SENT, Facts, Sent
from app.kernel.clock import Clock
from app.kernel.sealing import CannotOpen
from ocpp_server import frames, outgoing16, outgoing201
from ocpp_server.outgoing import ENCODER, CannotSay, Context, Hear, Payload, Say, call_frame, say
from ocpp_server.transport import Gone, Socket

log = structlog.get_logger()

Announce = Callable[[list[Changed]], Awaitable[None]]
DATABASE_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
SPEECH: dict[str, tuple[Mapping[type[Intent], Say], Hear]] = {
    intents.V16: (outgoing16.WORDS, outgoing16.heard),
    intents.V201: (outgoing201.WORDS, outgoing201.heard),
}
NOT_SUPPORTED = ("NotImplemented", "NotSupported")


class CommandLine:
    """The queue of one station. The rows are the truth; `wake` only says that it is worth looking."""

    def __init__(self, socket: Socket, station: Station, clock: Clock, announce: Announce, secret: bytes) -> None:
        self._socket = socket
        self._station = station
        self._clock = clock
        self._announce = announce
        self._secret = secret
        self._version = station.ocpp_version
        self._look = asyncio.Event()
        self._in_flight: tuple[str, asyncio.Future[frames.Frame]] | None = None

    def wake(self) -> None:
        """There may be a command."""
        self._look.set()

    async def work(self) -> None:
        """Until cancelled."""
        while True:
            await self._look.wait()
            self._look.clear()
            try:
                while await self._next():
                    pass
            except DATABASE_ERRORS as error:
                # The node looks again every second, and the deadline ends what stays behind.
                log.error("commands not read", station=self._station.identity, error=str(error))

    async def take(self, frame: frames.Frame) -> None:
        """An answer of the station: to the command in flight, to one given up before, or to nothing ever asked."""
        if self._in_flight is not None and self._in_flight[0] == frame.id and not self._in_flight[1].done():
            self._in_flight[1].set_result(frame)
            return
        log.info("answer to no open call", station=self._station.identity)
        command_id = _uuid(frame.id)
        if command_id is None or frame.kind == 4:
            return
        late = await station_commands.given_up(self._station.id, command_id)
        if late is not None:
            await self._store(late, intents.decode(late.payload), frame, None)

    async def _next(self) -> bool:
        command, changed = await station_commands.claim(self._station, self._clock())
        if command is None:
            return False
        try:
            intent = station_commands.intent_of(command, self._secret)
            facts = await station_commands.facts_for(command, intent, self._secret)
            action, payload, sent = translated(self._version, intent, command.request_no, facts)
        except (CannotSay, CannotOpen, msgspec.MsgspecError) as error:
            await self._announce(changed)
            await self._give_up(command, "failed", "cannot_say", str(error), NOTHING_SENT)
            return True
        await self._ask(command, intent, call_frame(str(command.id), action, payload), sent, changed)
        return True

    async def _ask(self, command: Command, intent: Intent, text: str, sent: Sent, changed: list[Changed]) -> None:
        """Send, tell the open pages that it is under way, wait, store what came of it."""
        future: asyncio.Future[frames.Frame] = asyncio.get_running_loop().create_future()
        self._in_flight = (str(command.id), future)
        try:
            await self._socket.send(text)
            await self._announce(changed)
            seconds = (command.deadline - self._clock()).total_seconds()
            frame = await asyncio.wait_for(future, max(seconds, 0.1))
        except TimeoutError:
            await self._give_up(command, "timed_out", "no_answer", "", sent)
        except (Gone, asyncio.CancelledError):
            # Nobody knows whether the station has it: it fails visibly, and is not sent again.
            await asyncio.shield(self._give_up(command, "failed", "connection_lost", "", sent))
            raise
        else:
            await self._store(command, intent, frame, sent)
        finally:
            self._in_flight = None

    async def _store(self, command: Command, intent: Intent, frame: frames.Frame, sent: Sent | None) -> None:
        text = bytes(frame.payload).decode("utf-8", "replace").replace("\x00", "")
        if frame.kind == 4:
            reason = "not_supported" if frame.action in NOT_SUPPORTED else "station_error"
            await self._give_up(command, "failed", reason, f"{frame.action}: {text}", sent, text)
            return
        answer = understood(self._version, intent, text)
        await self._announce(await station_commands.answered(command, intent, answer, text, self._clock(), sent))

    async def _give_up(self, command: Command, state: str, reason: str, detail: str, sent: Sent | None, text: str | None = None) -> None:
        await self._announce(await station_commands.failed(command, state, reason, self._clock(), detail, sent, text))


def translated(version: str, intent: Intent, request_no: int, facts: Facts) -> tuple[str, Payload, Sent]:
    """Action and payload for the station, and both as the log may show them. Raises CannotSay."""
    words, _ = SPEECH[version]
    context = Context(request_no=request_no, rate_unit=facts.rate_unit, phases=facts.phases, tags=facts.tags)
    action, payload = say(words, version, intent, context)
    masked = msgspec.structs.replace(context, tags={badge: f"{intents.HIDDEN}{uid[-4:]}" for badge, uid in facts.tags.items()})
    _, shown = say(words, version, intents.shown(intent), masked)
    return action, payload, Sent(action, ENCODER.encode(shown).decode())


def understood(version: str, intent: Intent, text: str) -> Answer:
    """What an answer means; one that is no object, or is misshapen, counts as a refusal."""
    _, heard = SPEECH[version]
    try:
        payload: Any = json.loads(text)
        if isinstance(payload, dict):
            return heard(intent, payload)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        return Answer(verdict="rejected", status="Unreadable", reason=str(error)[:200])
    return Answer(verdict="rejected", status="Unreadable")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
