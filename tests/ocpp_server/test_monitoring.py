"""What operators see of a station's health: away, warning, fault."""

from datetime import UTC, datetime

import pytest

from app.charging.intents import V16, V201
from app.kernel.clock import utc_now
from app.kernel.settings import BadSetting
from ocpp_server.main import running_node
from tests.charging.house import make_house
from tests.ocpp_server.conftest import Site, eventually
from tests.ocpp_server.raw_station import iso
from tests.ocpp_server.staff import connected, staffed

EVENT = {
    "eventId": 7, "timestamp": iso(datetime.now(UTC)), "trigger": "Alerting", "actualValue": "95",
    "eventNotificationType": "HardWiredMonitor", "component": {"name": "Cabinet"}, "variable": {"name": "Temperature"},
}  # fmt: skip


@pytest.mark.row("M43")
@pytest.mark.parametrize("version", [V16, V201])
async def test_a_station_that_is_away_warns_or_has_a_fault_is_seen_so(database, settings_for, tmp_path, version):
    house = await make_house(stations=1)
    async with running_node(settings_for(HOFSTROM_OCPP_PING="1"), utc_now, port=0) as (node, port):
        site = Site(house, node, port, [], database)
        async with staffed(site, settings_for(), tmp_path) as staff:
            station = await connected(site, version)
            if version == V16:
                body = {"connectorId": 1, "status": "Available", "errorCode": "HighTemperature"}
                await station.said("StatusNotification", body)
                assert (await staff.detail())["connectors"][0]["error_code"] == "HighTemperature"
                await station.said("StatusNotification", {**body, "status": "Faulted", "errorCode": "GroundFailure"})
            else:
                await station.said("NotifyEvent", {"generatedAt": EVENT["timestamp"], "seqNo": 0, "eventData": [EVENT]})
                (seen,) = (await staff.detail())["notices"]
                assert (seen["component"], seen["variable"], seen["value"], seen["trigger"]) == ("Cabinet", "Temperature", "95", "Alerting")
                await station.said("StatusNotification", station.status("Faulted"))
            place = (await staff.detail())["connectors"][0]
            assert (place["status"], place["error_code"]) == ("Faulted", "GroundFailure" if version == V16 else "OtherError")
            listed = (await staff.clients["operator"].get("/api/operator/stations")).json()
            assert (listed[0]["online"], listed[0]["connectors"][0]["status"]) == (True, "Faulted")
            station.pong = False  # two signs of life are missed, of one second each

            async def away():
                return not (await staff.detail())["online"]

            await eventually(away)
            assert await station.closed() is not None or station.reading.done()


@pytest.mark.parametrize("text", ["0", "301", "1.5", "x", "-3"])
def test_a_time_that_makes_no_sense_is_refused(settings_for, text):
    with pytest.raises(BadSetting, match="HOFSTROM_OCPP_PING"):
        settings_for(HOFSTROM_OCPP_PING=text)
