"""Commands for one station: claimed from their rows, one in flight, given up at the deadline, failed when the socket closes."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg
import structlog

from app.charging import station_commands
from app.charging.model import Changed, Command, Station
from app.kernel.clock import Clock
from ocpp_server import frames
from ocpp_server.transport import Gone, Socket

log = structlog.get_logger()

Announce = Callable[[list[Changed]], Awaitable[None]]
Outcome = tuple[str, str]  # accepted, rejected or error; and the text
DATABASE_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


class CommandLine:
    """The queue of one station. The rows are the truth; `wake` only says that it is worth looking."""

    def __init__(self, socket: Socket, station: Station, clock: Clock, announce: Announce) -> None:
        self._socket = socket
        self._station = station
        self._clock = clock
        self._announce = announce
        self._look = asyncio.Event()
        self._in_flight: tuple[str, asyncio.Future[Outcome]] | None = None

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
        verdict, text = outcome(frame)
        if self._in_flight is not None and self._in_flight[0] == frame.id and not self._in_flight[1].done():
            self._in_flight[1].set_result((verdict, text))
            return
        log.info("answer to no open call", station=self._station.identity)
        command_id = _uuid(frame.id)
        if command_id is None or verdict == "error":
            return
        late = await station_commands.given_up(self._station.id, command_id)
        if late is not None:
            await self._announce(await station_commands.answered(late, verdict == "accepted", text, self._clock()))

    async def _next(self) -> bool:
        command, changed = await station_commands.claim(self._station, self._clock())
        if command is None:
            return False
        await self._announce(changed)
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._in_flight = (str(command.id), future)
        try:
            await self._socket.send(frames.call(str(command.id), command.action, json.loads(command.payload)))
            seconds = (command.deadline - self._clock()).total_seconds()
            verdict, text = await asyncio.wait_for(future, max(seconds, 0.1))
        except TimeoutError:
            await self._give_up(command, "timed_out", "no_answer")
        except (Gone, asyncio.CancelledError):
            # Nobody knows whether the station has it: it fails visibly, and is not sent again.
            await asyncio.shield(self._give_up(command, "failed", "connection_lost"))
            raise
        else:
            if verdict == "error":
                await self._give_up(command, "failed", "station_error", text)
            else:
                accepted = verdict == "accepted"
                await self._announce(await station_commands.answered(command, accepted, text, self._clock()))
        finally:
            self._in_flight = None
        return True

    async def _give_up(self, command: Command, state: str, reason: str, detail: str = "") -> None:
        await self._announce(await station_commands.failed(command, state, reason, self._clock(), detail))


def outcome(frame: frames.Frame) -> Outcome:
    """What an answer means, and its text."""
    text = bytes(frame.payload).decode("utf-8", "replace").replace("\x00", "")
    if frame.kind == 4:
        return "error", f"{frame.action}: {text}"
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        return "rejected", text
    return ("accepted" if isinstance(payload, dict) and payload.get("status") == "Accepted" else "rejected"), text


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
