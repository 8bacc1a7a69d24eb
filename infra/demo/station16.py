"""The OCPP 1.6J side of a demo station, on the `ocpp` package: our calls out, the server's commands in."""

from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action

from infra.demo.station import CONNECTOR
from infra.demo.station_limits import PURPOSES
from infra.demo.station_link import SETTINGS, Side, verdict
from infra.demo.station_meter import Told
from infra.demo.station_wire import message16

READABLE = {key: value for key, _, _, value, _ in SETTINGS}


class Station16(Side, ChargePoint):
    """One connection."""

    subprotocol = "ocpp1.6"

    @on(Action.remote_start_transaction)
    def on_remote_start(self, id_tag: str, charging_profile: dict[str, Any] | None = None, **_: Any) -> Any:
        """A resident taps start."""
        return call_result.RemoteStartTransaction(status=self.begin(id_tag, charging_profile))

    @on(Action.remote_stop_transaction)
    def on_remote_stop(self, transaction_id: int, **_: Any) -> Any:
        """A resident taps stop."""
        return call_result.RemoteStopTransaction(status=verdict(self._station.remote_stop(str(transaction_id))))

    @on(Action.set_charging_profile)
    def on_set_profile(self, cs_charging_profiles: dict[str, Any], **_: Any) -> Any:
        """A limit."""
        return call_result.SetChargingProfile(status=self.limit(cs_charging_profiles))

    @on(Action.clear_charging_profile)
    def on_clear_profile(self, **named: Any) -> Any:
        """Limits are taken away."""
        purpose = PURPOSES.get(named.get("charging_profile_purpose", ""))
        found = self._station.clear_profiles(named.get("id"), purpose, named.get("stack_level"))
        return call_result.ClearChargingProfile(status="Accepted" if found else "Unknown")

    @on(Action.change_availability)
    def on_change_availability(self, connector_id: int, **named: Any) -> Any:
        """The place is taken in or out of service."""
        return call_result.ChangeAvailability(status=self.put(named["type"] == "Operative", connector_id))

    @on(Action.get_configuration)
    def on_get_configuration(self, key: list[str] | None = None, **_: Any) -> Any:
        """The server reads settings."""
        wanted = key or list(READABLE)
        known = [{"key": one, "readonly": True, "value": READABLE[one]} for one in wanted if one in READABLE]
        return call_result.GetConfiguration(configuration_key=known, unknown_key=[one for one in wanted if one not in READABLE])

    @on(Action.change_configuration)
    def on_change_configuration(self, key: str, **_: Any) -> Any:
        """None of its settings can be changed."""
        return call_result.ChangeConfiguration(status="Rejected" if key in READABLE else "NotSupported")

    async def boot(self, _: str) -> tuple[str, int]:
        """Introduce the station. Returns the server's word and when to come again."""
        answer = await self.call(
            call.BootNotification(
                charge_point_vendor="Hofstrom", charge_point_model="Demo 11", charge_point_serial_number=self.id,
                firmware_version="1.1",
            ), suppress=False,
        )  # fmt: skip
        return str(answer.status), int(answer.interval)

    async def report_status(self, status: str, error_code: str, at: str) -> None:
        """Report the state of the connector."""
        message = call.StatusNotification(connector_id=CONNECTOR, error_code=error_code, status=status, timestamp=at)
        await self.call(message, suppress=False)

    async def authorise(self, uid: str) -> str:
        """Ask whether a badge may charge: Accepted, Blocked, Invalid, Expired."""
        answer = await self.call(call.Authorize(id_tag=uid), suppress=False)
        return str(answer.id_tag_info["status"])

    async def tell(self, told: Told) -> tuple[int | None, str]:
        """Say something of a transaction. Returns its number and its tag's status, where the answer has them."""
        action, payload = message16(told)
        answer = await self.call(getattr(call, action)(**payload), suppress=False)
        if told.kind != "started":
            return None, "Accepted"
        return int(answer.transaction_id), str(answer.id_tag_info["status"])
