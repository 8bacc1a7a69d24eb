"""What an operator sets on a station's page besides commands: monitors, customers' data, and whom the station takes."""

from app.charging.intents import V201
from app.database.transaction import as_owner, execute
from app.kernel.identifiers import keyed_hash
from tests.charging.house import NOW, SECRET
from tests.ocpp_server.conftest import rows
from tests.ocpp_server.staff import connected
from tests.ocpp_server.test_who_may_charge import FOREIGN, status_of

PLACE = {"component": {"name": "Connector"}, "variable": {"name": "Temperature"}}
TRAIL = "SELECT actor, changes FROM audit_entry WHERE object_kind = 'station' AND action = 'roaming' ORDER BY at, id"


async def test_a_monitor_is_set_and_removed_as_the_page_asks_for_it(staff):
    station = await connected(staff.site, V201)
    station.answers["SetVariableMonitoring"] = {"setMonitoringResult": [
        {**PLACE, "id": 7, "status": "Accepted", "type": "UpperThreshold", "severity": 4}]}  # fmt: skip
    station.answers["ClearVariableMonitoring"] = {"clearMonitoringResult": [{"id": 7, "status": "Accepted"}]}
    one = {"name": "Connector.Temperature", "type": "UpperThreshold", "value": "70.5", "severity": 4}
    assert (await staff.ask({"kind": "SetMonitors", "monitors": [one]})).status_code == 202
    _, _, action, payload = await station.next_call()
    assert (action, payload) == ("SetVariableMonitoring", {
        "setMonitoringData": [{**PLACE, "type": "UpperThreshold", "value": 70.5, "severity": 4}]})  # fmt: skip
    assert (await staff.ended("SetMonitors"))["outcome"] == "accepted"
    await staff.ask({"kind": "ClearMonitors", "ids": [7]})
    assert (await station.next_call())[2:] == ["ClearVariableMonitoring", {"id": [7]}]
    assert (await staff.ended("ClearMonitors"))["outcome"] == "accepted"


async def test_the_log_hides_the_badge_whose_data_a_station_is_to_delete(staff):
    station = await connected(staff.site, V201)
    await staff.ask({"kind": "CustomerInformation", "report": False, "clear": True, "tag": FOREIGN})
    _, _, action, payload = await station.next_call()
    assert (action, payload["report"], payload["clear"], payload["idToken"]["idToken"]) == ("CustomerInformation", False, True, FOREIGN)
    entry = await staff.ended("CustomerInformation")
    assert (entry["outcome"], FOREIGN in str(entry)) == ("accepted", False)


async def test_partners_customers_charge_where_the_operator_lets_them_and_the_trail_says_who_did(staff, version):
    station = await connected(staff.site, version)
    async with as_owner():
        await execute("INSERT INTO roaming_token (account_id, uid_hash, uid_tail, issuer, allowed, changed_at)"
                      " VALUES ($1, $2, 'F0F0', 'DE*ABC', true, $3)", staff.site.house.account_id, keyed_hash(SECRET, FOREIGN), NOW)  # fmt: skip

    async def turn(allowed, role="operator"):
        return await staff.clients[role].put(f"{staff.path()}/roaming", json={"allowed": allowed})

    assert ((await staff.detail())["roaming_allowed"], await status_of(station, FOREIGN)) == (False, "Invalid")
    for _ in range(2):  # again: nothing
        assert (await turn(True)).json()["roaming_allowed"] is True
    assert (await status_of(station, FOREIGN), (await turn(False, "support")).status_code) == ("Accepted", 403)
    assert (await turn(False)).json()["roaming_allowed"] is False
    assert await status_of(station, FOREIGN) == "Invalid"
    trail = await rows(TRAIL)
    assert [row["actor"] for row in trail] == ["Operator", "Operator"]
    assert "true" in str(trail[0]["changes"]) and trail[0]["changes"] != trail[1]["changes"]
