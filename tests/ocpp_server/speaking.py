"""A charge told in either version's words, for tests whose rule is the same in both."""

from datetime import datetime
from typing import Any

from app.charging.intents import V201
from tests.charging.house import BADGE_ANNA
from tests.ocpp_server.raw_station import RawStation, iso, moment201, start_payload, stop_payload


class Charge:
    """One charge at one connector of a connected station."""

    def __init__(self, station: RawStation, *, tag: str = BADGE_ANNA, connector: int = 1, tx: str = "tx-1") -> None:
        self.station, self.tag, self.connector = station, tag, connector
        self.new = station.protocol == V201
        self.name: Any = tx  # 1.6: the number that the server gave
        self.seq = 0

    async def begin(self, at: datetime, meter: int) -> str:
        """Returns the status of the badge."""
        if self.new:
            answer = await self._event("Started", at, meter, tag=self.tag)
            return str(answer["idTokenInfo"]["status"])
        answer = await self.station.said("StartTransaction", start_payload(at, meter, self.tag, self.connector))
        self.name = answer["transactionId"]
        return str(answer["idTagInfo"]["status"])

    async def values(self, moments: list[tuple[datetime, int]], power_w: int | None = None) -> None:
        """Registers (Wh) of the running charge, and the power with the last of them."""
        said = [moment201(at, wh) for at, wh in moments] if self.new else moments16(moments)
        if power_w is not None:
            power = {"value": power_w if self.new else str(power_w), "measurand": "Power.Active.Import"}
            said[-1]["sampledValue"].append(power if self.new else power | {"unit": "W"})
        if self.new:
            await self._event("Updated", moments[-1][0], None, values=said)
        else:
            body = {"connectorId": self.connector, "transactionId": self.name, "meterValue": said}
            await self.station.said("MeterValues", body)

    async def suspended(self, at: datetime) -> None:
        """The car asks for no more power."""
        await self._state("SuspendedEV", at)

    async def held_back(self, at: datetime) -> None:
        """The station gives none, whatever the car asks for."""
        await self._state("SuspendedEVSE", at)

    async def resumed(self, at: datetime) -> None:
        """It asks again and gets some."""
        await self._state("Charging", at)

    async def _state(self, state: str, at: datetime) -> None:
        if self.new:
            await self._event("Updated", at, None, state=state)
        else:
            body = {"connectorId": self.connector, "errorCode": "NoError", "status": state, "timestamp": iso(at)}
            await self.station.said("StatusNotification", body)

    async def end(self, at: datetime, meter: int, **more: Any) -> Any:
        if self.new:
            return await self._event("Ended", at, meter, **more)
        return await self.station.said("StopTransaction", stop_payload(self.name, at, meter, **more))

    async def _event(self, kind: str, at: datetime, meter: int | None, **more: Any) -> Any:
        number, self.seq = self.seq, self.seq + 1
        return await self.station.event(kind, number, at, meter, tx=self.name, evse=self.connector, **more)


def moments16(moments: list[tuple[datetime, int]]) -> list[dict[str, Any]]:
    return [{"timestamp": iso(at), "sampledValue": [{"value": str(wh), "unit": "Wh"}]} for at, wh in moments]


async def building_values(station: RawStation, moments: list[tuple[datetime, int]], connector: int = 0) -> Any:
    """Meter values without a transaction."""
    if station.protocol == V201:
        return await station.said("MeterValues", {"evseId": connector, "meterValue": [moment201(at, wh) for at, wh in moments]})
    return await station.said("MeterValues", {"connectorId": connector, "meterValue": moments16(moments)})
