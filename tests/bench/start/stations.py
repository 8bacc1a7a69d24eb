"""The stations of `make bench-start`: OCPP 1.6J over real sockets, all in this process, so that one clock times both ends."""

import asyncio
import base64
import itertools
import json
import time
from datetime import UTC, datetime
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

BOOT = {"chargePointVendor": "Bench", "chargePointModel": "One"}


def iso_now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class BenchStation:
    """One station with one connector and a car that is plugged in. `remote_starts` gets (arrival, tag)."""

    def __init__(self, described: dict[str, Any]) -> None:
        self.identity: str = described["id"]
        self.code: str = described["qr_url"].rpartition("/")[2]
        token = base64.b64encode(f"{self.identity}:{described['password']}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}"}
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self.remote_starts: asyncio.Queue[tuple[float, str]] = asyncio.Queue()
        self.register_wh = 100_000

    @property
    def socket(self) -> ClientConnection:
        assert self._socket is not None
        return self._socket

    async def arrive(self, url: str) -> None:
        """Connect, boot, and say that a car is plugged in."""
        self._socket = await connect(
            f"{url}/{self.identity}", subprotocols=[Subprotocol("ocpp1.6")], additional_headers=self._headers, compression=None,
            open_timeout=60, ping_interval=None,
        )  # fmt: skip
        self._reader = asyncio.create_task(self._read())
        await self.call("BootNotification", BOOT)
        await self.status("Preparing")

    async def leave(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await self.socket.close()

    async def status(self, status: str) -> None:
        await self.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": status, "timestamp": iso_now()})

    async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Send and wait for the answer."""
        number = f"{self.identity}-{next(self._numbers)}"
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps([2, number, action, payload]))
        async with asyncio.timeout(60):
            return await self._waiting[number]

    async def _read(self) -> None:
        async for text in self.socket:
            arrived = time.perf_counter()
            kind, number, *rest = json.loads(text)
            if kind == 3:
                self._waiting.pop(number).set_result(rest[0])
            elif kind == 4:
                self._waiting.pop(number).set_exception(RuntimeError(f"{self.identity}: {rest}"))
            else:
                if rest[0] == "RemoteStartTransaction":
                    self.remote_starts.put_nowait((arrived, rest[1]["idTag"]))
                await self.socket.send(json.dumps([3, number, {"status": "Accepted"}]))

    async def start(self, tag: str) -> int:
        """StartTransaction; returns the number of the transaction."""
        answer = await self.call(
            "StartTransaction", {"connectorId": 1, "idTag": tag, "meterStart": self.register_wh, "timestamp": iso_now()}
        )
        if answer["idTagInfo"]["status"] != "Accepted":
            raise RuntimeError(f"{self.identity}: the start was not accepted: {answer}")
        return int(answer["transactionId"])

    async def stop(self, transaction: int) -> None:
        self.register_wh += 10
        await self.call("StopTransaction", {"transactionId": transaction, "meterStop": self.register_wh, "timestamp": iso_now()})
        await self.status("Preparing")

    async def charge(self, tag: str, every_s: float) -> None:
        """Charge until cancelled, with meter values at their pace."""
        transaction = await self.start(tag)
        await self.status("Charging")
        while True:
            await asyncio.sleep(every_s)
            self.register_wh += round(11_000 * every_s / 3600)
            values = [
                {"value": str(self.register_wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
                {"value": "11000", "measurand": "Power.Active.Import", "unit": "W"},
            ]
            meter = [{"timestamp": iso_now(), "sampledValue": values}]
            await self.call("MeterValues", {"connectorId": 1, "transactionId": transaction, "meterValue": meter})
