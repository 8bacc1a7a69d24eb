"""Remote commands as operators and support give them, on both versions: asked over HTTP, answered by a station, logged."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from app.charging import intents as i
from app.charging import progress
from app.charging.rules import COMMAND_GRACE, COMMAND_SECONDS
from app.charging.station_commands import expire_command, give_up_overdue
from app.database.transaction import as_machine, execute
from ocpp_server.main import POLL_SECONDS
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.list_station import ListStation, obeying
from tests.ocpp_server.staff import connected, staffed


async def next_call(station):
    call = await station.next_call()
    return call[2], call[3]


def said(version, on16, on201):
    return on16 if version == i.V16 else on201


COMMANDS = [
    ({"kind": "Reset"}, ("Reset", {"type": "Soft"}), ("Reset", {"type": "OnIdle"})),
    ({"kind": "Reset", "hard": True}, ("Reset", {"type": "Hard"}), ("Reset", {"type": "Immediate"})),
    ({"kind": "UnlockConnector", "connector": 1}, ("UnlockConnector", {"connectorId": 1}),
     ("UnlockConnector", {"evseId": 1, "connectorId": 1})),
    ({"kind": "ChangeAvailability", "operative": False, "connector": 2}, ("ChangeAvailability", {"connectorId": 2, "type": "Inoperative"}),
     ("ChangeAvailability", {"evse": {"id": 2, "connectorId": 1}, "operationalStatus": "Inoperative"})),
    ({"kind": "ChangeAvailability", "operative": True}, ("ChangeAvailability", {"connectorId": 0, "type": "Operative"}),
     ("ChangeAvailability", {"operationalStatus": "Operative"})),
    ({"kind": "Trigger", "message": "MeterValues", "connector": 1}, ("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 1}),
     ("TriggerMessage", {"requestedMessage": "MeterValues", "evse": {"id": 1, "connectorId": 1}})),
    ({"kind": "ClearCache"}, ("ClearCache", {}), ("ClearCache", {})),
    ({"kind": "ReadConfiguration", "names": ["HeartbeatInterval"]}, ("GetConfiguration", {"key": ["HeartbeatInterval"]}),
     ("GetVariables", {"getVariableData": [{"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}]})),
    ({"kind": "WriteConfiguration", "settings": [{"name": "HeartbeatInterval", "value": "60"}]},
     ("ChangeConfiguration", {"key": "HeartbeatInterval", "value": "60"}),
     ("SetVariables", {"setVariableData": [{"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"},
                                            "attributeValue": "60"}]})),
]  # fmt: skip
ANSWERS = {
    "UnlockConnector": {"status": "Unlocked"},
    "GetConfiguration": {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}]},
    "GetVariables": {"getVariableResult": [{"attributeStatus": "Accepted", "attributeValue": "300", "component": {"name": "OCPPCommCtrlr"},
                                            "variable": {"name": "HeartbeatInterval"}}]},
    "SetVariables": {"setVariableResult": [{"attributeStatus": "RebootRequired", "component": {"name": "OCPPCommCtrlr"},
                                            "variable": {"name": "HeartbeatInterval"}}]},
    "ChangeConfiguration": {"status": "RebootRequired"},
    "ChangeAvailability": {"status": "Scheduled"},
}  # fmt: skip
OUTCOMES = {"ChangeAvailability": "scheduled", "WriteConfiguration": "reboot_required"}


@pytest.mark.row("S06")
@pytest.mark.row("S07")
async def test_every_command_is_sent_answered_and_logged_with_who_what_answer_and_ticket(staff, version):
    station = await connected(staff.site, version)
    station.answers.update(ANSWERS)
    for number, (command, on16, on201) in enumerate(COMMANDS):
        role = "support" if number % 2 else "operator"
        begun = datetime.now(UTC)
        asked = await staff.ask(command, role=role, ticket=f"T-{number}")
        assert asked.status_code == 202, asked.text
        assert await next_call(station) == said(version, on16, on201)
        entry = await staff.ended(command["kind"])
        assert (entry["by"], entry["ticket"]) == (role.capitalize(), f"T-{number}")
        assert entry["outcome"] == OUTCOMES.get(command["kind"], "accepted")
        assert json.loads(entry["asked"])["kind"] == command["kind"]
        assert entry["answer"] is not None and entry["said"]
        for at in ("created_at", "sent_at", "ended_at"):
            assert begun - timedelta(seconds=1) <= datetime.fromisoformat(entry[at]) <= datetime.now(UTC) + timedelta(seconds=1)
    station.answers["Reset"] = {"status": "Rejected"}
    await staff.ask({"kind": "Reset"}, ticket="T-no")
    entry = await staff.ended("Reset")
    assert (entry["outcome"], entry["said"], entry["ticket"]) == ("rejected", "Rejected", "T-no")
    settings = {one["name"]: one["value"] for one in (await staff.detail())["settings"]}
    assert settings == {said(version, "HeartbeatInterval", "OCPPCommCtrlr.HeartbeatInterval"): "300", "HeartbeatInterval": "60"} | (
        {"HeartbeatInterval": "60"} if version == i.V16 else {}
    )


async def test_an_offline_station_has_every_command_disabled_with_the_reason_and_refuses_it(staff, version):
    detail = await staff.detail()
    assert {one["kind"] for one in detail["commands"]} >= {"Reset", "UnlockConnector", "UpdateFirmware"}
    assert {one["reason"] for one in detail["commands"]} == {"station_offline"}
    for command in ({"kind": "Reset"}, {"kind": "PushLocalList"}, {"kind": "GetDiagnostics"}):
        answer = await staff.ask(command)
        assert (answer.status_code, answer.json()["code"]) == (409, "station_offline")
    assert (await staff.detail())["log"] == []
    station = await connected(staff.site, version)
    lacking = {one["kind"]: one["reason"] for one in (await staff.detail())["commands"] if one["reason"] is not None}
    only_201 = ("ShowMessage", "SetMonitors", "ClearMonitors", "GetMonitoringReport", "CustomerInformation", "PublishFirmware",
                "UnpublishFirmware")  # fmt: skip
    assert lacking == (dict.fromkeys(only_201, "not_in_version") if version == i.V16 else {})
    assert (await staff.ask({"kind": "Reset"})).status_code == 202
    assert (await next_call(station))[0] == "Reset"
    station.cut()

    async def offline():
        return not (await staff.detail())["online"]

    await eventually(offline)
    assert {one["reason"] for one in (await staff.detail())["commands"]} == {"station_offline"}


async def test_the_same_key_asks_once(staff, version):
    station = await connected(staff.site, version)
    key = "0192d3a0-0000-7000-8000-000000000001"
    answers = await asyncio.gather(*(staff.ask({"kind": "ClearCache"}, key=key) for _ in range(3)))
    assert [one.status_code for one in answers] == [202, 202, 202]
    await staff.ended("ClearCache")
    assert len((await staff.detail())["log"]) == 1
    assert station.calls.qsize() == 1


@pytest.mark.parametrize("role", ["resident", "owner"])
async def test_nobody_else_may_see_or_ask(staff, role):
    assert (await staff.ask({"kind": "Reset"}, role=role)).status_code == 403
    assert (await staff.clients[role].get(staff.path())).status_code == 403
    assert (await staff.clients["station"].get(staff.url + staff.path())).status_code == 401
    strange = await staff.clients["operator"].get("/api/operator/stations/0192d3a0-0000-7000-8000-000000000001")
    assert strange.status_code == 404


@pytest.mark.row("M44")
async def test_a_command_is_answered_or_timed_out_within_thirty_seconds(staff, version, monkeypatch):
    assert timedelta(seconds=COMMAND_SECONDS + POLL_SECONDS) + COMMAND_GRACE < timedelta(seconds=30)
    monkeypatch.setattr("app.charging.rules.COMMAND_SECONDS", 1)
    station = await connected(staff.site, version)
    station.answers["ClearCache"] = None
    await staff.ask({"kind": "ClearCache"})
    entry = await staff.ended("ClearCache")
    assert (entry["outcome"], entry["reason"]) == ("timed_out", "no_answer")
    # Nobody lives that could give it up at its deadline: the timetable and the outbox do.
    monkeypatch.setattr("app.charging.rules.COMMAND_SECONDS", COMMAND_SECONDS)
    station.answers["Reset"] = None
    await staff.ask({"kind": "Reset"})
    await next_call(station), await next_call(station)
    (command,) = await rows("SELECT account_id, id FROM station_command WHERE action = 'Reset'")
    late = datetime.now(UTC) + timedelta(seconds=COMMAND_SECONDS) + COMMAND_GRACE
    assert await expire_command(command["account_id"], command["id"], datetime.now(UTC)) == []
    assert len(await expire_command(command["account_id"], command["id"], late)) == 1
    assert await expire_command(command["account_id"], command["id"], late) == await give_up_overdue(late) == []
    assert "CommandDeadlinePassed" in await staff.site.jobs()


async def test_st38_an_error_of_the_station_fails_the_command_with_its_words(staff, version):
    station = await connected(staff.site, version)
    station.answers["Reset"] = ["InternalError", "relay stuck", {"at": "K1"}]
    station.answers["ClearCache"] = ["NotImplemented", "", {}]
    await staff.ask({"kind": "Reset"})
    entry = await staff.ended("Reset")
    assert (entry["outcome"], entry["reason"]) == ("failed", "station_error")
    assert "InternalError" in entry["said"]
    await staff.ask({"kind": "ClearCache"})
    assert (await staff.ended("ClearCache"))["reason"] == "not_supported"
    assert station.calls.qsize() == 2  # nothing was sent again


async def test_st39_a_late_answer_shows_the_true_state(staff, version, monkeypatch):
    monkeypatch.setattr("app.charging.rules.COMMAND_SECONDS", 1)
    station = await connected(staff.site, version)
    station.answers["UnlockConnector"] = None
    await staff.ask({"kind": "UnlockConnector", "connector": 1})
    _, message_id, *_ = await station.next_call()
    assert (await staff.ended("UnlockConnector"))["outcome"] == "timed_out"
    await station.text(json.dumps([3, message_id, {"status": "Unlocked"}]))

    async def unlocked():
        return (await staff.detail())["log"][0]["outcome"] == "accepted"

    await eventually(unlocked)
    await station.text(json.dumps([3, message_id, {"status": "UnlockFailed"}]))
    assert (await station.said("Heartbeat", {}))["currentTime"]
    assert (await staff.detail())["log"][0]["outcome"] == "accepted"


async def test_st40_one_command_is_in_flight_and_closing_fails_it_visibly(staff, version):
    station = await connected(staff.site, version)
    station.answers["Reset"] = None
    await staff.ask({"kind": "Reset"})
    await staff.ask({"kind": "ClearCache"})
    _, message_id, action, _ = await station.next_call()
    assert action == "Reset"
    await station.said("Heartbeat", {})
    assert station.calls.empty()
    await station.text(json.dumps([3, message_id, {"status": "Accepted"}]))
    assert (await next_call(station))[0] == "ClearCache"
    await staff.ended("ClearCache")
    await staff.ask({"kind": "Reset"})
    await station.next_call()
    station.cut()
    entry = await staff.ended("Reset")
    assert (entry["outcome"], entry["reason"]) == ("failed", "connection_lost")


async def test_st34_a_station_that_says_no_pong_is_dead_and_its_command_fails(database, redis_url, settings_for, tmp_path, version):
    from app.kernel.clock import utc_now
    from ocpp_server.main import running_node
    from tests.charging.house import make_house
    from tests.ocpp_server.conftest import Site

    house = await make_house()
    async with running_node(settings_for(), utc_now, port=0, ping_s=0.5) as (node, port):
        site = Site(house, node, port, [], database)
        async with staffed(site, settings_for(), tmp_path) as staff:
            station = await connected(site, version)
            station.answers["Reset"] = None
            assert (await staff.ask({"kind": "Reset"})).status_code == 202
            await station.next_call()
            station.pong = False
            entry = await staff.ended("Reset")
            assert (entry["outcome"], entry["reason"]) == ("failed", "connection_lost")

            async def offline():
                return not (await staff.detail())["online"]

            await eventually(offline)
            station.cut()


@pytest.mark.row("S06")
async def test_a_start_for_a_resident_is_the_residents_and_a_stop_ends_it(staff):
    house = staff.site.house
    station = await connected(staff.site, i.V16)
    await station.said("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"})
    resident = next(one for one in (await staff.detail())["residents"] if one["name"] == "anna")
    asked = await staff.ask({"kind": "RemoteStart", "connector": 1, "person_id": resident["id"]}, ticket="T-1")
    assert asked.status_code == 202, asked.text
    action, payload = await next_call(station)
    assert action == "RemoteStartTransaction"
    number = await station.start(datetime.now(UTC), tag=payload["idTag"])
    entry = await staff.ended("RemoteStart")
    assert (entry["by"], entry["ticket"], entry["outcome"]) == ("Operator", "T-1", "accepted")
    assert payload["idTag"] not in json.dumps(await rows("SELECT * FROM station_command"), default=str)
    (session,) = await rows("SELECT id, person_id FROM charging_session")
    assert session["person_id"] == house.anna
    (place, _) = (await staff.detail())["connectors"]
    assert place["session_id"] == str(session["id"])
    elsewhere = await staff.ask({"kind": "RemoteStop", "session_id": str(session["id"])}, identity="CP-2")
    assert elsewhere.status_code == 404
    assert (await staff.ask({"kind": "RemoteStop", "session_id": str(session["id"])}, ticket="T-2")).status_code == 202
    assert await next_call(station) == ("RemoteStopTransaction", {"transactionId": number})
    assert (await staff.ended("RemoteStop"))["ticket"] == "T-2"


async def test_a_transaction_is_stopped_by_the_name_that_a_201_station_gave_it(staff):
    station = await connected(staff.site, i.V201)
    async with as_machine():
        await execute(
            "INSERT INTO charging_session (account_id, station_id, connector_no, tag_hash, tag_status, source, class, started_at, started_raw,"
            " start_received_at, meter_start_wh, transaction_ref) VALUES ($1, $2, 1, '\\x00', 'Accepted', 'badge', 'internal', now(), '',"
            " now(), 0, 'their-own-name')", staff.site.house.account_id, staff.site.house.stations["CP-1"],
        )  # fmt: skip
    (session,) = await rows("SELECT id FROM charging_session")
    assert (await staff.ask({"kind": "RemoteStop", "session_id": str(session["id"])})).status_code == 202
    assert await next_call(station) == ("RequestStopTransaction", {"transactionId": "their-own-name"})


async def test_what_a_version_lacks_and_what_makes_no_sense_is_refused(staff):
    await connected(staff.site, i.V16)
    for command, status, code in (
        ({"kind": "ShowMessage", "id": 1, "text": "x", "language": "de"}, 409, "not_in_version"),
        ({"kind": "UnlockConnector", "connector": 9}, 409, "no_connector"),
        ({"kind": "WriteConfiguration", "settings": [{"name": "AuthorizationKey", "value": "x" * 16}]}, 409, "secret_setting"),
        ({"kind": "WriteConfiguration", "settings": []}, 422, "invalid_input"),
        ({"kind": "SetProfile"}, 422, "invalid_input"),
        ({"kind": "Reset", "hard": "yes"}, 422, "invalid_input"),
    ):
        answer = await staff.ask(command)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert (await staff.detail())["log"] == []
    two = [{"name": "HeartbeatInterval", "value": "1"}, {"name": "ResetRetries", "value": "1"}]
    await staff.ask({"kind": "WriteConfiguration", "settings": two})
    entry = await staff.ended("WriteConfiguration")
    assert (entry["outcome"], entry["reason"]) == ("failed", "cannot_say")


async def test_the_local_list_is_pushed_by_hand(staff, version):
    memory = ListStation(version)
    station = obeying(await connected(staff.site, version), memory)
    assert station.answers is not None
    for expected in ("Full",):
        assert (await staff.ask({"kind": "PushLocalList"}, ticket="T-9")).status_code == 202

        async def right():
            found = (await staff.detail())["local_list"]
            return found is not None and found["right"] and found["entries"] == 3

        await eventually(right)
        assert memory.sent[0][0] == expected
    log = (await staff.detail())["log"]
    assert [one["ticket"] for one in log][-1] == "T-9" and log[-1]["by"] == "Operator"


async def test_the_page_is_live(staff):
    station = await connected(staff.site, i.V16)
    seen = []

    async def watch():
        async with staff.clients["support"].stream("GET", f"{staff.path()}/events") as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data:"):
                    seen.append(json.loads(line[5:]))
                    if seen[-1]["log"] and seen[-1]["log"][0]["outcome"] == "accepted":
                        return

    watching = asyncio.create_task(watch())

    async def begun():
        return seen

    await eventually(begun)
    await staff.ask({"kind": "Reset"})
    await asyncio.wait_for(watching, 5)
    assert [one[2] for one in [await station.next_call()]] == ["Reset"]


async def test_a_long_operation_is_followed_to_its_end_and_given_up_after_a_silent_day(staff, version):
    station = await connected(staff.site, version)
    station.answers["GetDiagnostics"] = {"fileName": "log.zip"}
    await staff.ask({"kind": "GetDiagnostics"})
    action, payload = await next_call(station)
    entry = await staff.ended("GetDiagnostics")
    assert (action, entry["outcome"], entry["following"]) == (said(version, "GetDiagnostics", "GetLog"), "accepted", True)
    name = said(version, "DiagnosticsStatusNotification", "LogStatusNotification")
    number = {} if version == i.V16 else {"requestId": payload["requestId"]}
    await station.said(name, {"status": "Uploading", **number})
    entry = (await staff.detail())["log"][0]
    assert (entry["progress"], entry["following"]) == ("Uploading", True)
    assert await progress.give_up_silent(datetime.now(UTC) + timedelta(hours=23)) == []
    await station.said(name, {"status": said(version, "UploadFailed", "UploadFailure"), **number})
    entry = (await staff.detail())["log"][0]
    assert (entry["progress"], entry["following"]) == (said(version, "UploadFailed", "UploadFailure"), False)
    await staff.ask({"kind": "GetDiagnostics"})
    await staff.ended("GetDiagnostics")
    assert len(await progress.give_up_silent(datetime.now(UTC) + timedelta(hours=25))) == 1
    assert (await staff.detail())["log"][0]["progress"] == "Lost"


async def test_another_stations_status_moves_nothing(staff):
    station, other = await connected(staff.site, i.V201), await connected(staff.site, i.V201, "CP-3")
    await staff.ask({"kind": "GetDiagnostics"})
    _, payload = await next_call(station)
    await staff.ended("GetDiagnostics")
    await other.said("LogStatusNotification", {"status": "Uploaded", "requestId": payload["requestId"]})
    assert (await staff.detail())["log"][0]["following"] is True


@pytest.mark.parametrize("hard", [False, True])
async def test_one_place_is_reset_alone_on_2_0_1_and_refused_on_1_6(staff, version, hard):
    station = await connected(staff.site, version)
    asked = await staff.ask({"kind": "Reset", "hard": hard, "connector": 2})
    if version == i.V16:
        assert (asked.status_code, asked.json()["code"]) == (409, "not_in_version")
        assert station.calls.empty()
        return
    assert await next_call(station) == ("Reset", {"type": "Immediate" if hard else "OnIdle", "evseId": 2})
    assert (await staff.ended("Reset"))["outcome"] == "accepted"
    assert (await staff.ask({"kind": "Reset", "connector": 9})).json()["code"] == "no_connector"


async def test_a_start_may_carry_a_limit_of_its_own_but_not_round_the_places(staff, version):
    station = await connected(staff.site, version)
    for place in (1, 2):
        await station.said("StatusNotification", station.status("Available", place))
    house = staff.site.house
    start = {"kind": "RemoteStart", "connector": 1, "person_id": str(house.anna), "limit_a": 10.55}
    assert (await staff.ask({**start, "limit_a": 501})).json()["code"] == "invalid_input"
    assert (await staff.ask(start)).status_code == 202
    _, payload = await next_call(station)
    profile = payload["chargingProfile"]
    schedule = profile["chargingSchedule"] if version == i.V16 else profile["chargingSchedule"][0]
    assert (profile["chargingProfilePurpose"], profile["chargingProfileKind"]) == ("TxProfile", "Relative")
    assert "transactionId" not in profile
    assert (schedule["chargingRateUnit"], schedule["chargingSchedulePeriod"]) == ("A", [{"startPeriod": 0, "limit": 10.5}])
    assert (await staff.ended("RemoteStart"))["outcome"] == "accepted"
    await staff.ask({"kind": "LimitPlace", "connector": 2, "limit_a": 8})
    refused = await staff.ask({**start, "connector": 2, "person_id": str(house.ben)})
    assert (refused.status_code, refused.json()["code"]) == (409, "limit_in_force")
