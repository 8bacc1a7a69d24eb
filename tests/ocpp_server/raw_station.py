"""A station that may break every rule: it repeats, reorders, cuts and lies, over a bare TCP socket of its own."""

import asyncio
import base64
import json
import os
import ssl
import struct
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4


class RefusedUpgrade(Exception):
    """The server answered the upgrade with another status than 101."""

    def __init__(self, status: int, head: str) -> None:
        super().__init__(f"{status}")
        self.status = status
        self.head = head


def iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class RawStation:
    """One connection. `answers` maps an action of the server to the payload of our answer; None: never answer."""

    def __init__(self, port: int, identity: str, password: str | None) -> None:
        self.port, self.identity, self.password = port, identity, password
        self.answers: dict[str, Any] = {}
        self.calls: asyncio.Queue[list[Any]] = asyncio.Queue()
        self.waiting: dict[str, asyncio.Future[list[Any]]] = {}
        self.unasked: list[list[Any]] = []
        self.close_code: int | None = None
        self.protocol: str | None = None
        self.pong = True
        self.reading: asyncio.Task[None] | None = None
        self.tls: ssl.SSLContext | None = None
        self.extra: list[str] = []  # further header lines

    async def open(self, *, name: str | None = None, protocols: tuple[str, ...] = ("ocpp1.6",), path: str | None = None) -> "RawStation":
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.tls, server_hostname="localhost" if self.tls else None
        )
        head = [
            f"GET {path or '/ocpp/' + self.identity} HTTP/1.1", "Host: localhost", "Upgrade: websocket",
            "Connection: Upgrade", "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        ]  # fmt: skip
        head += self.extra
        if protocols:
            head.append("Sec-WebSocket-Protocol: " + ", ".join(protocols))
        if self.password is not None:
            pair = f"{self.identity if name is None else name}:{self.password}"
            head.append("Authorization: Basic " + base64.b64encode(pair.encode()).decode())
        self.writer.write(("\r\n".join(head) + "\r\n\r\n").encode())
        said = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 10)).decode("latin1")
        status = int(said.split()[1])
        if status != 101:
            self.writer.close()
            raise RefusedUpgrade(status, said)
        for line in said.split("\r\n"):
            if line.lower().startswith("sec-websocket-protocol:"):
                self.protocol = line.split(":", 1)[1].strip()
        self.reading = asyncio.create_task(self._read())
        return self

    async def frame(self, opcode: int, data: bytes, *, final: bool = True, masked: bool = True, claim: int | None = None) -> None:
        """`claim`: the length that the head says, where it lies."""
        size = len(data) if claim is None else claim
        head = bytes([(0x80 if final else 0) | opcode])
        mark = 0x80 if masked else 0
        if size < 126:
            head += bytes([mark | size])
        elif size < 65536:
            head += bytes([mark | 126]) + struct.pack("!H", size)
        else:
            head += bytes([mark | 127]) + struct.pack("!Q", size)
        if masked:
            key = os.urandom(4)
            mask = (key * (len(data) // 4 + 1))[: len(data)]
            data = key + (int.from_bytes(data) ^ int.from_bytes(mask)).to_bytes(len(data))
        self.writer.write(head + data)
        await self.writer.drain()

    async def text(self, text: str) -> None:
        await self.frame(1, text.encode())

    async def _read(self) -> None:
        try:
            while True:
                await self._take(await self._message())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            for future in self.waiting.values():
                if not future.done():
                    future.set_exception(ConnectionResetError("closed"))

    async def _take(self, message: list[Any]) -> None:
        if message[0] == 2:
            answer = self.answers.get(message[2], {"status": "Accepted"})
            answer = answer(message[3]) if callable(answer) else answer
            if answer is not None:
                await self.text(json.dumps([3, message[1], answer] if isinstance(answer, dict) else [4, message[1], *answer]))
            self.calls.put_nowait(message)
        elif message[1] in self.waiting:
            future = self.waiting.pop(message[1])
            if not future.done():  # nobody waits any more
                future.set_result(message)
        else:
            self.unasked.append(message)

    async def _message(self) -> list[Any]:
        while True:
            first, second = await self.reader.readexactly(2)
            size = second & 127
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
            data = await self.reader.readexactly(size)
            if first & 15 == 8:
                self.close_code = struct.unpack("!H", data[:2])[0] if len(data) >= 2 else 1005
                raise ConnectionResetError
            if first & 15 == 9 and self.pong:
                await self.frame(10, data)
            if first & 15 == 1:
                return json.loads(data)

    async def send(self, action: str, payload: Any, message_id: str | None = None) -> "asyncio.Future[list[Any]]":
        """Send a call without waiting for its answer."""
        message_id = message_id or str(uuid4())
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self.waiting[message_id] = future
        await self.text(json.dumps([2, message_id, action, payload]))
        return future

    async def call(self, action: str, payload: Any, message_id: str | None = None) -> list[Any]:
        """Send a call and return the whole answer frame."""
        return await asyncio.wait_for(await self.send(action, payload, message_id), 10)

    async def said(self, action: str, payload: Any, message_id: str | None = None) -> Any:
        """Send a call; return the payload of its answer, which must not be an error."""
        answer = await self.call(action, payload, message_id)
        assert answer[0] == 3, answer
        return answer[2]

    async def boot(self) -> Any:
        if self.protocol == "ocpp2.0.1":
            about = {"vendorName": "Raw", "model": "R2"}
            return await self.said("BootNotification", {"reason": "PowerUp", "chargingStation": about})
        return await self.said("BootNotification", {"chargePointVendor": "Raw", "chargePointModel": "R1"})

    def status(self, status: str, connector: int = 1, at: datetime | None = None) -> dict[str, Any]:
        """A StatusNotification in the words of the connection's version."""
        if self.protocol == "ocpp2.0.1":
            said = iso(at or datetime.now(UTC))
            return {"timestamp": said, "connectorStatus": status, "evseId": connector, "connectorId": 1}
        return {"connectorId": connector, "errorCode": "NoError", "status": status}

    async def event(self, *args: Any, message_id: str | None = None, **more: Any) -> Any:
        """A TransactionEvent of 2.0.1; returns the payload of its answer."""
        return await self.said("TransactionEvent", event_payload(*args, **more), message_id)

    async def start(self, at: datetime, meter: int = 1000, tag: str = "04A1B2C3D4E5F6", **more: Any) -> int:
        """A StartTransaction; returns its number."""
        answer = await self.said("StartTransaction", start_payload(at, meter, tag), **more)
        return int(answer["transactionId"])

    async def next_call(self) -> list[Any]:
        """The next command of the server."""
        return await asyncio.wait_for(self.calls.get(), 10)

    async def closed(self, seconds: float = 10) -> int | None:
        """Wait for the server to close; its code."""
        assert self.reading is not None
        await asyncio.wait_for(asyncio.shield(self.reading), seconds)
        return self.close_code

    def cut(self) -> None:
        """Reset the connection without a word."""
        self.writer.transport.abort()
        if self.reading is not None:
            self.reading.cancel()


def start_payload(at: datetime, meter: int = 1000, tag: str = "04A1B2C3D4E5F6", connector: int = 1) -> dict[str, Any]:
    return {"connectorId": connector, "idTag": tag, "meterStart": meter, "timestamp": iso(at)}


def stop_payload(number: int, at: datetime, meter: int, **more: Any) -> dict[str, Any]:
    return {"transactionId": number, "timestamp": iso(at), "meterStop": meter, **more}


def event_payload(
    kind: str, seq: int, at: datetime, meter: Any = None, *, tx: str = "tx-1", tag: str | None = None, evse: int | None = 1,
    state: str | None = None, reason: str | None = None, values: list[Any] | None = None, **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """A TransactionEvent. `meter`: the import register in Wh at `at`."""
    trigger = {"Started": "Authorized", "Updated": "MeterValuePeriodic", "Ended": "StopAuthorized"}[kind]
    info = {"transactionId": tx, "chargingState": state, "stoppedReason": reason}
    payload: dict[str, Any] = {
        "eventType": kind, "timestamp": iso(at), "triggerReason": trigger, "seqNo": seq,
        "transactionInfo": {name: value for name, value in info.items() if value is not None}, **more,
    }  # fmt: skip
    if meter is not None:
        context = {"Started": "Transaction.Begin", "Updated": "Sample.Periodic", "Ended": "Transaction.End"}[kind]
        values = [moment201(at, meter, context)]
    if values is not None:
        payload["meterValue"] = values
    if tag is not None:
        payload["idToken"] = {"idToken": tag, "type": "ISO14443"}
    if evse is not None:
        payload["evse"] = {"id": evse, "connectorId": 1}
    return payload


def moment201(at: datetime, value: Any, context: str = "Sample.Periodic", measurand: str = "Energy.Active.Import.Register",
              unit: dict[str, Any] | None = None) -> dict[str, Any]:  # fmt: skip
    sample = {"value": value, "context": context, "measurand": measurand}
    return {"timestamp": iso(at), "sampledValue": [sample | ({"unitOfMeasure": unit} if unit else {})]}
