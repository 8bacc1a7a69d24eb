"""What both versions' connections of a demo station have in common: an ear that can be deaf, the station's settings, and the
commands that both versions say alike."""

import json
from typing import Any

import ocpp.messages
from ocpp.charge_point import ChargePoint
from ocpp.routing import on

from infra.demo.station import CONNECTOR, DemoStation
from infra.demo.station_limits import profile_of

ANSWER_SECONDS = 20
STARTS = ("RemoteStartTransaction", "RequestStartTransaction")
# The package validates in a pool of threads by default; two stations need none.
ocpp.messages.ASYNC_VALIDATION = False

# 1.6 key, component and variable of 2.0.1, value. All of them can only be read.
SETTINGS = (
    ("ChargingScheduleAllowedChargingRateUnit", "SmartChargingCtrlr", "RateUnit", "Current,Power", "A,W"),
    ("ChargeProfileMaxStackLevel", "SmartChargingCtrlr", "ProfileStackLevel", "10", "10"),
    ("HeartbeatInterval", "OCPPCommCtrlr", "HeartbeatInterval", "60", "60"),
    ("MeterValueSampleInterval", "SampledDataCtrlr", "TxUpdatedInterval", "5", "5"),
    ("NumberOfConnectors", "", "", "1", ""),
    ("SupportedFeatureProfiles", "", "", "Core,RemoteTrigger,SmartCharging", ""),
)


class Ear:
    """The connection; once told so, it does not hear the next remote start, which is then never answered."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.deaf_to_next_start = False

    async def recv(self) -> Any:
        """The next message that is heard."""
        while True:
            message = await self._connection.recv()
            if not self.deaf_to_next_start or json.loads(message)[2:3][0] not in STARTS:
                return message
            self.deaf_to_next_start = False

    async def send(self, message: str) -> None:
        """Say something."""
        await self._connection.send(message)

    async def close(self) -> None:
        """Hang up, as a pulled network cable would."""
        await self._connection.close()


def verdict(did: bool) -> Any:
    """Accepted or Rejected."""
    return "Accepted" if did else "Rejected"


class Side(ChargePoint):
    """One connection, in what both versions have alike; the version's own words come with its base class."""

    _call: Any
    _call_result: Any

    def __init__(self, station: DemoStation, ear: Ear) -> None:
        super().__init__(station.identity, ear, response_timeout=ANSWER_SECONDS)
        self._station = station

    def begin(self, tag: str, said: dict[str, Any] | None, request_no: int | None = None) -> Any:
        """A resident taps start, perhaps with a limit for this charge. Returns the verdict."""
        try:
            profile = None if said is None else profile_of(said)
        except (ValueError, KeyError):
            return verdict(False)
        return verdict(self._station.remote_start(tag, request_no, profile))

    def limit(self, said: dict[str, Any]) -> Any:
        """A limit. Returns the verdict."""
        try:
            return verdict(self._station.set_profile(profile_of(said)))
        except (ValueError, KeyError):
            return verdict(False)

    def put(self, operative: bool, number: int | None) -> Any:
        """In or out of service; `number`: the place, None or 0: the whole station. Returns the verdict."""
        return verdict(False) if number not in (None, 0, CONNECTOR) else self._station.set_operative(operative)

    @on("TriggerMessage")
    def on_trigger(self, requested_message: str, **_: Any) -> Any:
        """The server wants to hear something."""
        self._station.trigger(requested_message)
        return self._call_result.TriggerMessage(status=verdict(True))

    @on("Reset")
    def on_reset(self, **_: Any) -> Any:
        """An operator restarts the station."""
        self._station.restart()
        return self._call_result.Reset(status=verdict(True))

    @on("UnlockConnector")
    def on_unlock(self, **_: Any) -> Any:
        """The plug is stuck."""
        self._station.unlock()
        return self._call_result.UnlockConnector(status="Unlocked")

    @on("ClearCache")
    def on_clear_cache(self, **_: Any) -> Any:
        """There is none, so it is clear."""
        return self._call_result.ClearCache(status=verdict(True))

    async def heartbeat(self) -> None:
        """Say that the station lives."""
        await self.call(self._call.Heartbeat(), suppress=False)
