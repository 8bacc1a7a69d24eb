"""A simulated station on a real socket, in the words of OCPP 1.6 or 2.0.1. What it could not tell it tells later, in order."""

import asyncio
import base64
import json
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from app.kernel.tasks import ended
from infra.simulation.cars import Profiles, SimCar
from infra.simulation.place import VOLTS, TwinStation, Visit

ANSWER_S = 60.0
V16 = "ocpp1.6"
UNIT_NAMES = {"A": "Current", "W": "Power"}
REGISTER = "Energy.Active.Import.Register"
UNIT16, UNIT201 = "ChargingScheduleAllowedChargingRateUnit", "RateUnit"


class LinkLost(Exception):
    """The socket is gone; what was under way is told again when it is back."""


class Transaction(msgspec.Struct):
    """A charge as the station knows it. `number`: the server's, of 1.6."""

    id: str
    number: int | None = None
    seq: int = 0

    def next_seq(self) -> int:
        """The next number of an event."""
        self.seq += 1
        return self.seq - 1


class Kept(msgspec.Struct, frozen=True):
    """Something of a charge that the server has to know, now or later."""

    kind: str
    transaction: Transaction
    at: datetime
    wh: int
    seq: int


def iso(at: datetime) -> str:
    """A moment in OCPP's words."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def message16(kept: Kept, badge: str) -> tuple[str, dict[str, Any]]:
    """The start or end of a charge, for 1.6."""
    if kept.kind == "Started":
        return "StartTransaction", {"connectorId": 1, "idTag": badge, "meterStart": kept.wh, "timestamp": iso(kept.at)}
    return "StopTransaction", {"transactionId": kept.transaction.number, "timestamp": iso(kept.at), "meterStop": kept.wh}


def event201(kept: Kept, badge: str) -> tuple[str, dict[str, Any]]:
    """The same for 2.0.1."""
    begins = kept.kind == "Started"
    sample = {"value": kept.wh, "context": "Transaction.Begin" if begins else "Transaction.End", "measurand": REGISTER}
    event: dict[str, Any] = {
        "eventType": kept.kind, "timestamp": iso(kept.at), "triggerReason": "Authorized" if begins else "EVDeparted", "seqNo": kept.seq,
        "transactionInfo": {"transactionId": kept.transaction.id}, "evse": {"id": 1, "connectorId": 1},
        "meterValue": [{"timestamp": iso(kept.at), "sampledValue": [sample]}],
    }  # fmt: skip
    return "TransactionEvent", event | ({"idToken": {"idToken": badge, "type": "ISO14443"}} if begins else {})


class SimStation:
    """One station with one place. Its memory (profiles, register, the running charge, unsent messages) outlives its link."""

    def __init__(self, made: TwinStation, url: str, password: str, badge: str, clock: Callable[[], datetime]) -> None:
        self.made, self._url, self._password, self._badge, self._clock = made, url, password, badge, clock
        self.new = made.version != V16
        self.profiles = Profiles(made.max_a, len(made.phases))
        self.car: SimCar | None = None
        self.told = 0  # messages that were answered
        self._register_wh = 10_000.0
        self._unsent: deque[Kept] = deque()
        self._transaction: Transaction | None = None
        self._link: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}

    @property
    def online(self) -> bool:
        return self._link is not None

    # The link ------------------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Open the socket, say hello, tell what was kept. Raises LinkLost."""
        pair = base64.b64encode(f"{self.made.identity}:{self._password}".encode()).decode()
        try:
            self._link = await connect(f"{self._url}/{self.made.identity}", subprotocols=[Subprotocol(self.made.version)], compression=None,
                                       additional_headers={"Authorization": f"Basic {pair}"}, ping_interval=None)  # fmt: skip
        except (OSError, WebSocketException) as error:
            raise LinkLost(str(error)) from error
        self._reading = asyncio.create_task(self._read(self._link))
        if self.new:
            await self._ask("BootNotification", {"reason": "PowerUp", "chargingStation": {"vendorName": "Twin", "model": "T2"}})
        else:
            await self._ask("BootNotification", {"chargePointVendor": "Twin", "chargePointModel": "T1"})
        await self.tell_status()
        await self.flush()

    async def cut(self) -> None:
        """The link breaks without a word."""
        if self._link is not None:
            self._link.transport.abort()
            self._link = None
        if self._reading is not None:
            await ended([self._reading])
            self._reading = None

    async def _read(self, link: ClientConnection) -> None:
        try:
            async for text in link:
                message = json.loads(text)
                if message[0] == 2:
                    await link.send(json.dumps([3, message[1], self._answered(message[2], message[3])]))
                elif message[1] in self._answers and not self._answers[message[1]].done():
                    self._answers[message[1]].set_result({"error": message[2:]} if message[0] == 4 else message[2])
        except (OSError, WebSocketException):
            pass  # whoever waits is told below
        finally:
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(LinkLost("closed"))

    async def _ask(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        if self._link is None:
            raise LinkLost("not connected")
        number = str(uuid4())
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            await self._link.send(json.dumps([2, number, action, payload]))
            async with asyncio.timeout(ANSWER_S):
                said = await answer
        except (OSError, WebSocketException) as error:
            raise LinkLost(str(error)) from error
        finally:
            del self._answers[number]
        if "error" in said:
            raise RuntimeError(f"{self.made.identity}: {action} was answered with {said['error']}")
        self.told += 1
        return said

    # What the server asks ------------------------------------------------------------------------------------------

    def _answered(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        if action == "SetChargingProfile":
            taken = self.profiles.set(payload["chargingProfile" if self.new else "csChargingProfiles"], self.made.unit)
            return {"status": "Accepted" if taken else "Rejected"}
        if action == "ClearChargingProfile":
            return {"status": "Accepted" if self.profiles.clear(payload.get("chargingProfileId", payload.get("id"))) else "Unknown"}
        if action == "GetConfiguration":
            known = [{"key": UNIT16, "readonly": True, "value": UNIT_NAMES[self.made.unit]}] if UNIT16 in payload.get("key", []) else []
            return {"configurationKey": known, "unknownKey": [one for one in payload.get("key", []) if one != UNIT16]}
        if action == "GetVariables":
            return {"getVariableResult": [self._variable(one) for one in payload["getVariableData"]]}
        return {"status": "Accepted"}

    def _variable(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["variable"]["name"] == UNIT201:
            return {**asked, "attributeStatus": "Accepted", "attributeValue": self.made.unit}
        return {**asked, "attributeStatus": "UnknownVariable"}

    # Cars and what is told of them ---------------------------------------------------------------------------------

    def plug(self, visit: Visit) -> None:
        """A car comes and a badge is held to the reader; without a link the station lets it charge, as its limit allows."""
        self.car = SimCar(visit, len(self.made.phases))
        self._transaction = Transaction(str(uuid4()))
        self._keep("Started", self._transaction)

    def unplug(self) -> None:
        """It leaves."""
        if self._transaction is not None:
            self._keep("Ended", self._transaction)
        self.car = self._transaction = None

    def flow(self, seconds: float, now: datetime) -> float:
        """Let time pass under the limit of a moment; returns the Wh that flowed."""
        if self.car is None:
            return 0.0
        wh = self.car.charge(self.draws_a(now), seconds)
        self._register_wh += wh
        return wh

    def draws_a(self, now: datetime) -> float:
        """Amperes a phase that the car takes at a moment."""
        return 0.0 if self.car is None else self.car.takes_a(self.profiles.limit_a(now))

    def _keep(self, kind: str, transaction: Transaction) -> None:
        self._unsent.append(Kept(kind, transaction, self._clock(), round(self._register_wh), transaction.next_seq()))

    async def flush(self) -> None:
        """Tell what was kept, in order. Raises LinkLost; what was not answered stays."""
        while self._unsent:
            kept = self._unsent[0]
            said = await self._ask(*(event201(kept, self._badge) if self.new else message16(kept, self._badge)))
            self._unsent.popleft()
            kept.transaction.number = said.get("transactionId", kept.transaction.number)

    async def tell_status(self) -> None:
        """The connector's state."""
        busy = self.car is not None
        if self.new:
            state = {"timestamp": iso(self._clock()), "connectorStatus": "Occupied" if busy else "Available", "evseId": 1, "connectorId": 1}
        else:
            state = {"connectorId": 1, "errorCode": "NoError", "status": "Charging" if busy else "Available"}
        await self._ask("StatusNotification", state)

    async def tell_values(self) -> None:
        """What the meter shows. Raises LinkLost."""
        if self.car is None or self._transaction is None:
            return
        at, amps = self._clock(), self.car.drawn_a
        samples = [(REGISTER, round(self._register_wh), "Wh", None),
                   ("Power.Active.Import", round(amps * VOLTS * len(self.made.phases)), "W", None),
                   *[("Current.Import", round(amps, 2), "A", phase) for phase in ("L1", "L2", "L3")[: len(self.made.phases)]]]  # fmt: skip
        if self.new:
            values = [{"measurand": what, "value": value, **({"phase": phase} if phase else {})} for what, value, _, phase in samples]
            await self._ask("TransactionEvent", {
                "eventType": "Updated", "timestamp": iso(at), "triggerReason": "MeterValuePeriodic", "seqNo": self._transaction.next_seq(),
                "transactionInfo": {"transactionId": self._transaction.id}, "evse": {"id": 1, "connectorId": 1},
                "meterValue": [{"timestamp": iso(at), "sampledValue": values}],
            })  # fmt: skip
        else:
            texts = [{"measurand": what, "value": str(value), "unit": unit, **({"phase": phase} if phase else {})}
                     for what, value, unit, phase in samples]  # fmt: skip
            await self._ask("MeterValues", {"connectorId": 1, "transactionId": self._transaction.number,
                                            "meterValue": [{"timestamp": iso(at), "sampledValue": texts}]})  # fmt: skip
