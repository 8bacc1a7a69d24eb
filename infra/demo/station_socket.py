"""The OCPP 1.6J side of a demo station, on the `ocpp` package: our calls out, the server's commands in."""

import json
from collections.abc import Callable
from typing import Any

import ocpp.messages
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action

ANSWER_SECONDS = 20
# The package validates in a pool of threads by default; two stations need none.
ocpp.messages.ASYNC_VALIDATION = False


class StationSocket(ChargePoint):
    """One connection. The server's commands are decided by `decide(action, payload) -> status`."""

    def __init__(self, identity: str, connection: Any, decide: Callable[[str, dict[str, Any]], str]) -> None:
        super().__init__(identity, connection, response_timeout=ANSWER_SECONDS)
        self._decide = decide
        self.deaf_to_next_start = False

    async def route_message(self, raw_msg: str) -> None:
        """As the package does, but for a remote start that shall never be answered."""
        if self.deaf_to_next_start and json.loads(raw_msg)[2:3] == ["RemoteStartTransaction"]:
            self.deaf_to_next_start = False
            return
        await super().route_message(raw_msg)

    @on(Action.remote_start_transaction)
    def on_remote_start(self, **payload: Any) -> Any:
        """A resident taps start."""
        return call_result.RemoteStartTransaction(status=self._decide("start", payload))

    @on(Action.remote_stop_transaction)
    def on_remote_stop(self, **payload: Any) -> Any:
        """A resident taps stop."""
        return call_result.RemoteStopTransaction(status=self._decide("stop", payload))

    @on(Action.trigger_message)
    def on_trigger(self, **payload: Any) -> Any:
        """The server wants to know the state."""
        return call_result.TriggerMessage(status=self._decide("trigger", payload))

    async def hang_up(self) -> None:
        """Close the connection, as a pulled network cable would."""
        await self._connection.close()

    async def boot(self) -> None:
        """Introduce the station."""
        await self.call(
            call.BootNotification(
                charge_point_vendor="Hofstrom", charge_point_model="Demo 11", charge_point_serial_number=self.id,
                firmware_version="1.0",
            ), suppress=False,
        )  # fmt: skip

    async def heartbeat(self) -> None:
        """Say that the station lives."""
        await self.call(call.Heartbeat(), suppress=False)

    async def report_status(self, connector: int, status: str, error_code: str, at: str) -> None:
        """Report the state of a connector."""
        await self.call(
            call.StatusNotification(connector_id=connector, error_code=error_code, status=status, timestamp=at),
            suppress=False,
        )

    async def authorise(self, uid: str) -> str:
        """Ask whether a badge may charge: Accepted, Blocked, Invalid, Expired."""
        answer = await self.call(call.Authorize(id_tag=uid), suppress=False)
        return str(answer.id_tag_info["status"])

    async def tell(self, action: str, payload: dict[str, Any]) -> Any:
        """Send a message about a transaction and wait for the answer."""
        return await self.call(getattr(call, action)(**payload), suppress=False)
