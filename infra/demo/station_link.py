"""What both versions' connections of a demo station have in common: an ear that can be deaf, and the station's settings."""

import json
from typing import Any

import ocpp.messages

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
