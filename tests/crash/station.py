"""A station that charges without a break on a bad line: it repeats, reorders, is cut off, and keeps a journal."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from tests.charging.house import BADGE_ANNA
from tests.crash.journal import Journal, Session
from tests.ocpp_server.raw_station import RawStation, RefusedUpgrade, event_payload, iso, start_payload, stop_payload

P_CUT = 0.06  # the line breaks before the answer
P_AGAIN = 0.08  # the answer is not noticed: the same message once more
P_REORDER = 0.15  # messages of a session arrive in another order than they were made
P_BOOT = 0.5  # a reconnect begins with a boot
MOST_REFUSALS = 20
BROKEN = (OSError, RefusedUpgrade, asyncio.IncompleteReadError)  # TimeoutError and ConnectionError are OSErrors


@dataclass
class Message:
    """One message of a session; its payload is made when it is sent, as the number of a transaction comes late."""

    action: str
    payload: Callable[[], dict[str, Any]]
    part: str  # start, value, stop
    moments: tuple[datetime, ...] = ()


class ChaosStation:
    """`live` charges until it is enough. `pace_s`: the longest pause between two messages."""

    def __init__(self, port: int, identity: str, version: str, base: datetime, seed: int, journal: Journal, pace_s: float) -> None:
        self.port, self.identity, self.version, self.base, self.pace_s = port, identity, version, base, pace_s
        self.rng = Random(f"{seed}/{identity}")
        self.journal = journal
        self.raw: RawStation | None = None

    async def live(self, enough: asyncio.Event) -> None:
        """Whole sessions; the last one is finished."""
        await asyncio.sleep(self.rng.random() * self.pace_s)
        number = 0
        while not enough.is_set():
            await self.session(number)
            number += 1
        self._drop()

    async def session(self, number: int) -> None:
        begun = self.base + timedelta(minutes=40 * number, milliseconds=self.rng.randrange(1000))
        meter = 1000 + number * 4000
        one = Session(station=self.identity, begun=begun, ended=begun + timedelta(minutes=30), meter_start=meter,
                      meter_stop=meter + 1 + self.rng.randrange(3500), numbers=set(), errors=[])  # fmt: skip
        self.journal.sessions.append(one)
        messages = self._messages16(one) if self.version == "ocpp1.6" else self._messages201(one)
        for message in messages:
            await self._deliver(message, one)
            await asyncio.sleep(self.rng.random() * self.pace_s)

    def _moments(self, one: Session) -> list[tuple[datetime, int]]:
        wh = one.meter_stop - one.meter_start
        return [(one.begun + timedelta(minutes=10 * step), one.meter_start + wh * step // 3) for step in (1, 2)]

    def _messages16(self, one: Session) -> list[Message]:
        tag = self._tag()
        start = Message("StartTransaction", lambda: start_payload(one.begun, one.meter_start, tag), "start")
        stop = Message("StopTransaction", lambda: stop_payload(one.number or 0, one.ended, one.meter_stop, reason="Local"), "stop")

        def value(at: datetime, wh: int) -> Message:
            sample = {"timestamp": iso(at), "sampledValue": [{"value": str(wh)}]}
            return Message("MeterValues", lambda: {"connectorId": 1, "transactionId": one.number or 0, "meterValue": [sample]},
                           "value", (at,))  # fmt: skip

        values = [value(*moment) for moment in self._moments(one)]
        if self.rng.random() < P_REORDER:
            return [start, stop, *reversed(values)]
        return [start, *values, stop]

    def _messages201(self, one: Session) -> list[Message]:
        tx, tag = str(UUID(int=self.rng.getrandbits(128), version=4)), self._tag()

        def event(kind: str, seq: int, at: datetime, wh: int, part: str) -> Message:
            return Message("TransactionEvent", lambda: event_payload(kind, seq, at, wh, tx=tx, tag=tag), part, (at,))

        values = [event("Updated", 1 + n, *moment, "value") for n, moment in enumerate(self._moments(one))]
        start = event("Started", 0, one.begun, one.meter_start, "start")
        stop = event("Ended", 3, one.ended, one.meter_stop, "stop")
        messages = [start, *values, stop]
        if self.rng.random() < P_REORDER:
            self.rng.shuffle(messages)
        return messages

    def _tag(self) -> str:
        return BADGE_ANNA

    async def _deliver(self, message: Message, one: Session) -> None:
        """Send until it is answered. A retry has the same id or a new one: both kinds are in the field."""
        message_id, refused = self._id(), 0
        for at in message.moments:
            self.journal.values.setdefault((self.identity, at), False)
        while refused < MOST_REFUSALS:
            if self.rng.random() < P_CUT:
                await self._cut_off(message, message_id)
                message_id = self.rng.choice((message_id, self._id()))
            answer = await self._once(message, message_id)
            if answer is None:
                continue
            if answer[0] == 3:
                self._acknowledged(message, one, answer[2])
                if self.rng.random() < P_AGAIN:
                    await self._repeat(message, one, self.rng.choice((message_id, self._id())))
                return
            one.errors.append(f"{message.action}: {answer[2]}")
            refused += 1
            message_id = self._id()

    def _acknowledged(self, message: Message, one: Session, answer: dict[str, Any]) -> None:
        self.journal.counts["acknowledged"] += 1
        for at in message.moments:
            self.journal.values[self.identity, at] = True
        if message.part == "start":
            one.start_acknowledged = True
            if self.version == "ocpp1.6":
                one.number = answer["transactionId"]
                one.numbers.add(answer["transactionId"])
        one.stop_acknowledged = one.stop_acknowledged or message.part == "stop"

    async def _repeat(self, message: Message, one: Session, message_id: str) -> None:
        self.journal.counts["repeated"] += 1
        answer = await self._once(message, message_id)
        if answer is None:
            return
        if answer[0] != 3:
            one.errors.append(f"{message.action} again: {answer[2]}")
        elif message.part == "start" and self.version == "ocpp1.6":
            one.numbers.add(answer[2]["transactionId"])

    async def _once(self, message: Message, message_id: str) -> list[Any] | None:
        """The answer, or None where the line broke."""
        try:
            line = await self._line()
            self.journal.counts["sent"] += 1
            return await line.call(message.action, message.payload(), message_id)
        except BROKEN:
            self._drop()
            await asyncio.sleep(0.1 + self.rng.random() * 0.4)  # a station's own pace of coming back
            return None

    async def _cut_off(self, message: Message, message_id: str) -> None:
        """Sent, and the line is gone before the answer."""
        self.journal.counts["cut"] += 1
        try:
            line = await self._line()
            unheard = await line.send(message.action, message.payload(), message_id)
            unheard.add_done_callback(lambda answer: answer.cancelled() or answer.exception())
            await asyncio.sleep(self.rng.random() * 0.05)
        except BROKEN:
            pass
        self._drop()

    async def _line(self) -> RawStation:
        if self.raw is None or self.raw.reading is None or self.raw.reading.done():
            self._drop()
            raw = RawStation(self.port, self.identity, f"password-of-{self.identity}")
            self.raw = await asyncio.wait_for(raw.open(protocols=(self.version,)), 15)
            self.journal.counts["connects"] += 1
            if self.rng.random() < P_BOOT:
                await raw.boot()
        return self.raw

    def _drop(self) -> None:
        if self.raw is not None and self.raw.reading is not None:
            self.raw.cut()
            while not self.raw.calls.empty():
                self.journal.commands[self.raw.calls.get_nowait()[1]] += 1
        self.raw = None

    def _id(self) -> str:
        return str(UUID(int=self.rng.getrandbits(128), version=4))
