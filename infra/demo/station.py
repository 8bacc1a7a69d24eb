"""A demo station: a real OCPP 1.6J client with a simulated car, which survives restarts, cuts and a server that is away."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import structlog
from ocpp.exceptions import OCPPError
from websockets.exceptions import WebSocketException

from infra.demo.station_control import folder
from infra.demo.station_meter import Charge, Memory, Queued, run
from infra.demo.station_socket import StationSocket

log = structlog.get_logger()

CONNECTOR = 1
TICK_MS = 1000
VALUES_EVERY_MS = 5000
PLUG_IN_SECONDS = 60
MOST_QUEUED = 5000
UNPLUG_HINT_MS = 8000
LOST = (OSError, WebSocketException, TimeoutError, OCPPError)


def iso_now() -> str:
    """The station's clock."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Network:
    """The station's network cable."""

    def __init__(self) -> None:
        self.there = asyncio.Event()
        self.there.set()
        self.cut = asyncio.Event()

    def pull(self) -> None:
        """No network from now on."""
        self.there.clear()
        self.cut.set()

    def plug(self) -> None:
        """The network is back."""
        self.cut.clear()
        self.there.set()


class DemoStation:
    """One station with one connector and a car beside it."""

    def __init__(self, identity: str, data_dir: Path) -> None:
        self.identity = identity
        self._file = folder(data_dir) / f"{identity}.json"
        self.memory = self._remembered()
        self.socket: StationSocket | None = None
        self.refuse_next_start = False
        self.silent_next_start = False
        self.fault: str | None = None
        self._pending: tuple[str, float] | None = None
        self._finishing_ms = 0
        self._since_values_ms = 0
        self.work = asyncio.Event()
        self.reported = ""
        self.network = Network()

    def _remembered(self) -> Memory:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Memory)
        except FileNotFoundError:
            return Memory()
        except msgspec.DecodeError as error:
            log.error("the station's memory is unreadable, it starts anew", station=self.identity, error=str(error))
            self._file.rename(self._file.with_suffix(".broken"))
            return Memory()

    def keep(self) -> None:
        """Write the memory so that neither a kill nor a full disk can leave half of it."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(self.memory))
        fresh.replace(self._file)

    # What happens at the station -------------------------------------------------------------------------------

    def decide(self, action: str, payload: dict[str, Any]) -> str:
        """The answer to a command of the server."""
        charge = self.memory.charge
        if action == "trigger":
            self.reported = ""
        elif action == "stop":
            if charge is None or charge.number != payload.get("transaction_id"):
                return "Rejected"
            self._soon(lambda: self.end("Remote"))
        elif self.refuse_next_start or self.fault or charge is not None:
            self.refuse_next_start = False
            return "Rejected"
        else:
            tag = str(payload.get("id_tag"))
            self._soon(lambda: self.begin(tag))
        self.work.set()
        return "Accepted"

    def _soon(self, act: Callable[[], object]) -> None:
        """After the answer to the command has gone out."""
        asyncio.get_running_loop().call_later(0.05, act)

    def begin(self, id_tag: str) -> str:
        """Start charging; without a car, wait for the plug. Returns started or waiting_for_car."""
        if not self.memory.plugged:
            self._pending = (id_tag, asyncio.get_running_loop().time() + PLUG_IN_SECONDS)
            return "waiting_for_car"
        self._pending = None
        charge = Charge(local_id=str(uuid4()), id_tag=id_tag, meter_start_wh=self.memory.register_wh)
        self.memory.charge = charge
        payload = {"connector_id": CONNECTOR, "id_tag": id_tag, "meter_start": charge.meter_start_wh, "timestamp": iso_now()}
        self._enqueue("StartTransaction", payload, charge.local_id)
        self._since_values_ms = 0
        return "started"

    def end(self, reason: str) -> None:
        """Stop charging; the car stays plugged unless it was pulled."""
        charge = self.memory.charge
        if charge is None:
            return
        self.memory.charge = None
        self._finishing_ms = UNPLUG_HINT_MS if self.memory.plugged else 0
        payload = {"meter_stop": self.memory.register_wh, "timestamp": iso_now(), "reason": reason, "id_tag": charge.id_tag}
        known = {} if charge.number is None else {"transaction_id": charge.number}
        self._enqueue("StopTransaction", payload | known, charge.local_id)

    async def present(self, uid: str) -> dict[str, Any]:
        """A badge is held to the reader: the same one stops what it started."""
        uid = uid.upper()
        charge = self.memory.charge
        if self.fault:
            return {"ok": False, "status": "Faulted", "action": "refused"}
        if charge is not None and charge.id_tag == uid:
            self.end("Local")
            return {"ok": True, "status": "Accepted", "action": "stopped"}
        if charge is not None:
            return {"ok": False, "status": "Occupied", "action": "refused"}
        status = "Offline"
        if self.socket is not None:
            try:
                status = await self.socket.authorise(uid)
            except LOST as error:
                log.warning("authorise failed", station=self.identity, error=str(error))
        # Offline the station trusts the badge and lets the server decide later.
        if status not in ("Accepted", "Offline"):
            return {"ok": False, "status": status, "action": "refused"}
        return {"ok": True, "status": status, "action": self.begin(uid)}

    def plug(self, plugged: bool) -> None:
        """The cable goes in or out; pulling it ends the charge."""
        self.memory.plugged = plugged
        if not plugged:
            self.end("EVDisconnected")
            self._finishing_ms = 0
        elif self._pending is not None and asyncio.get_running_loop().time() < self._pending[1]:
            self.begin(self._pending[0])
        self.keep()
        self.work.set()

    def wake(self) -> None:
        """Something changed that the server should hear of."""
        self.work.set()

    def status(self) -> str:
        """The connector's state in OCPP's words."""
        charge = self.memory.charge
        if self.fault:
            return "Faulted"
        if charge is not None:
            return "SuspendedEV" if charge.ran_ms > TICK_MS and charge.power_w == 0 else "Charging"
        if self._finishing_ms > 0:
            return "Finishing"
        return "Preparing" if self.memory.plugged else "Available"

    def _enqueue(self, action: str, payload: dict[str, Any], local_id: str) -> None:
        self.memory.queue.append(Queued(action=action, payload=payload, local_id=local_id))
        self.keep()
        self.work.set()

    # Time --------------------------------------------------------------------------------------------------------

    async def live(self) -> None:
        """Let time pass: energy flows, values are taken, a finished car is looked at again."""
        while True:
            await asyncio.sleep(TICK_MS / 1000)
            run(self.memory, TICK_MS)
            self._finishing_ms = max(0, self._finishing_ms - TICK_MS)
            self._since_values_ms += TICK_MS
            if self._pending is not None and asyncio.get_running_loop().time() >= self._pending[1]:
                self._pending = None
            if self.memory.charge is not None and self._since_values_ms >= VALUES_EVERY_MS:
                self._since_values_ms = 0
                self._take_values(self.memory.charge)
            if self.status() != self.reported:
                self.work.set()

    def _take_values(self, charge: Charge) -> None:
        if len(self.memory.queue) >= MOST_QUEUED:
            return
        samples = [
            {"value": str(self.memory.register_wh), "measurand": "Energy.Active.Import.Register", "unit": "Wh",
             "context": "Sample.Periodic"},
            {"value": str(charge.power_w), "measurand": "Power.Active.Import", "unit": "W", "context": "Sample.Periodic"},
        ]  # fmt: skip
        value = {"timestamp": iso_now(), "sampled_value": samples}
        known = {} if charge.number is None else {"transaction_id": charge.number}
        self._enqueue("MeterValues", {"connector_id": CONNECTOR, "meter_value": [value]} | known, charge.local_id)

    def started(self, local_id: str, number: int, status: str) -> None:
        """The server has given a transaction its number; a badge that it does not accept ends the charge."""
        for waiting in self.memory.queue:
            if waiting.local_id == local_id:
                waiting.payload["transaction_id"] = number
        charge = self.memory.charge
        if charge is not None and charge.local_id == local_id:
            charge.number = number
            if status != "Accepted":
                self.end("DeAuthorized")
