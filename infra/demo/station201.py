"""The OCPP 2.0.1 side of a demo station, on the `ocpp` package: our calls out, the server's commands in."""

from typing import Any

from ocpp.routing import on
from ocpp.v201 import ChargePoint, call, call_result
from ocpp.v201.enums import Action

from infra.demo.station import CONNECTOR, DemoStation
from infra.demo.station_limits import PURPOSES
from infra.demo.station_link import SETTINGS, Ear, Side, verdict
from infra.demo.station_meter import Told
from infra.demo.station_wire import event201

READABLE = {(component, variable): value for _, component, variable, _, value in SETTINGS if component}
EMPTY, PLAIN = "Available", ("Available", "Faulted", "Unavailable")


class Station201(Side, ChargePoint):
    """One connection."""

    subprotocol = "ocpp2.0.1"

    def __init__(self, station: DemoStation, ear: Ear) -> None:
        super().__init__(station, ear)
        self._shown = ""

    @on(Action.request_start_transaction)
    def on_request_start(
        self, id_token: dict[str, Any], remote_start_id: int, charging_profile: dict[str, Any] | None = None, **_: Any
    ) -> Any:
        """A resident taps start."""
        return call_result.RequestStartTransaction(status=self.begin(id_token["id_token"], charging_profile, remote_start_id))

    @on(Action.request_stop_transaction)
    def on_request_stop(self, transaction_id: str, **_: Any) -> Any:
        """A resident taps stop."""
        return call_result.RequestStopTransaction(status=verdict(self._station.remote_stop(transaction_id)))

    @on(Action.get_transaction_status)
    def on_transaction_status(self, transaction_id: str | None = None, **_: Any) -> Any:
        """Does a transaction go on, and is there more to be told of it?"""
        memory = self._station.memory
        waiting = any(transaction_id in (None, one.local_id) for one in memory.queue)
        ongoing = None if transaction_id is None else memory.charge is not None and memory.charge.local_id == transaction_id
        return call_result.GetTransactionStatus(messages_in_queue=waiting, ongoing_indicator=ongoing)

    @on(Action.set_charging_profile)
    def on_set_profile(self, charging_profile: dict[str, Any], **_: Any) -> Any:
        """A limit."""
        return call_result.SetChargingProfile(status=self.limit(charging_profile))

    @on(Action.clear_charging_profile)
    def on_clear_profile(self, charging_profile_id: int | None = None, **named: Any) -> Any:
        """Limits are taken away."""
        criteria = named.get("charging_profile_criteria") or {}
        purpose = PURPOSES.get(criteria.get("charging_profile_purpose", ""))
        found = self._station.clear_profiles(charging_profile_id, purpose, criteria.get("stack_level"))
        return call_result.ClearChargingProfile(status="Accepted" if found else "Unknown")

    @on(Action.change_availability)
    def on_change_availability(self, operational_status: str, evse: dict[str, Any] | None = None, **_: Any) -> Any:
        """The place is taken in or out of service."""
        number = None if evse is None else evse["id"]
        return call_result.ChangeAvailability(status=self.put(operational_status == "Operative", number))

    @on(Action.get_variables)
    def on_get_variables(self, get_variable_data: list[dict[str, Any]], **_: Any) -> Any:
        """The server reads settings."""
        found = []
        for wanted in get_variable_data:
            value = READABLE.get((wanted["component"]["name"], wanted["variable"]["name"]))
            known = {"attribute_status": "UnknownVariable"} if value is None else {
                "attribute_status": "Accepted", "attribute_value": value}  # fmt: skip
            found.append({"component": wanted["component"], "variable": wanted["variable"], **known})
        return call_result.GetVariables(get_variable_result=found)

    @on(Action.set_variables)
    def on_set_variables(self, set_variable_data: list[dict[str, Any]], **_: Any) -> Any:
        """None of its settings can be changed."""
        found = []
        for wanted in set_variable_data:
            known = (wanted["component"]["name"], wanted["variable"]["name"]) in READABLE
            status = "Rejected" if known else "UnknownVariable"
            found.append({"component": wanted["component"], "variable": wanted["variable"], "attribute_status": status})
        return call_result.SetVariables(set_variable_result=found)

    async def boot(self, reason: str) -> tuple[str, int]:
        """Introduce the station. Returns the server's word and when to come again."""
        about = {"vendor_name": "Hofstrom", "model": "Demo 11", "serial_number": self.id, "firmware_version": "2.1"}
        answer = await self.call(call.BootNotification(charging_station=about, reason=reason), suppress=False)
        return str(answer.status), int(answer.interval)

    async def report_status(self, status: str, _: str, at: str) -> None:
        """Report the state of the connector. What the car does is said by the events of its transaction; a car that may
        begin anew is said as one that came."""
        if status == "Preparing" and self._shown == "Occupied":
            await self._show(EMPTY, at)
        await self._show(status if status in PLAIN else "Occupied", at)

    async def _show(self, state: str, at: str) -> None:
        self._shown = state
        message = call.StatusNotification(timestamp=at, connector_status=state, evse_id=CONNECTOR, connector_id=1)
        await self.call(message, suppress=False)

    async def authorise(self, uid: str) -> str:
        """Ask whether a badge may charge: Accepted, Blocked, Invalid, Expired."""
        answer = await self.call(call.Authorize(id_token={"id_token": uid, "type": "ISO14443"}), suppress=False)
        return str(answer.id_token_info["status"])

    async def tell(self, told: Told) -> tuple[int | None, str]:
        """Say something of a transaction. Returns no number, and its token's status, where the answer has it."""
        answer = await self.call(call.TransactionEvent(**event201(told)), suppress=False)
        return None, str((answer.id_token_info or {}).get("status", "Accepted"))
