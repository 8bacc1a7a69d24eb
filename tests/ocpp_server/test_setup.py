"""A boot that is answered Pending until the station has the settings that it must have, on both versions."""

from datetime import UTC, datetime

import pytest

from app.charging.intents import V16, V201
from app.charging.station_setup import MOST_BOOTS
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.raw_station import start_payload

INTERVAL, RETRIES = "HeartbeatInterval", "ResetRetries"
NAMES = {V16: (INTERVAL, RETRIES), V201: (f"OCPPCommCtrlr.{INTERVAL}", f"OCPPCommCtrlr.{RETRIES}")}


class Configured:
    """Answers as a station with settings of its own."""

    def __init__(self, station, version, **values):
        self.values, self.new, self.verdict = values, version == V201, "Accepted"
        station.answers.update(GetConfiguration=self.read16, ChangeConfiguration=self.write16, GetVariables=self.read201,
                               SetVariables=self.write201)  # fmt: skip

    def read16(self, asked):
        return {"configurationKey": [{"key": key, "readonly": False, "value": self.values[key]} for key in asked["key"]]}

    def write16(self, asked):
        if self.verdict != "Rejected":
            self.values[asked["key"]] = asked["value"]
        return {"status": self.verdict}

    def read201(self, asked):
        return {"getVariableResult": [
            {**one, "attributeStatus": "Accepted", "attributeValue": self.values[one["variable"]["name"]]} for one in asked["getVariableData"]
        ]}  # fmt: skip

    def write201(self, asked):
        (one,) = asked["setVariableData"]
        if self.verdict != "Rejected":
            self.values[one["variable"]["name"]] = one.pop("attributeValue")
        return {"setVariableResult": [{"attributeStatus": self.verdict, "component": one["component"], "variable": one["variable"]}]}


async def wanted(staff, version, values):
    body = {"settings": [{"name": name, "value": value} for name, value in zip(NAMES[version], values, strict=True)]}
    return await staff.clients["operator"].put(f"{staff.path()}/setup", json=body)


async def states(staff):
    return [one["state"] for one in (await staff.detail())["setup"]]


async def asked_for(station, count):
    return [(call[2], call[3]) for call in [await station.next_call() for _ in range(count)]]


async def test_tc_b_02_csms_a_station_is_pending_until_it_has_its_settings_and_is_accepted_then(staff, version):
    assert (await wanted(staff, version, ("60", "3"))).status_code == 200
    assert await states(staff) == ["wanted", "wanted"]
    station = await staff.site.station().open(protocols=(version,))
    own = Configured(station, version, HeartbeatInterval="300", ResetRetries="3")
    answer = await station.boot()
    assert (answer["status"], answer["interval"]) == ("Pending", 30)
    read, write, boot = await asked_for(station, 3)
    assert read[0] == ("GetConfiguration" if version == V16 else "GetVariables")
    assert write[0] == ("ChangeConfiguration" if version == V16 else "SetVariables")
    assert boot == ("TriggerMessage", {"requestedMessage": "BootNotification"})
    assert own.values == {INTERVAL: "60", RETRIES: "3"}  # the second was right already, and nothing was written
    assert await states(staff) == ["applied", "applied"]
    assert (await station.boot())["status"] == "Accepted"
    station.cut()
    again = await staff.site.station().open(protocols=(version,))
    assert (await again.boot())["status"] == "Accepted"


async def test_while_it_is_pending_nobody_is_let_charge_and_money_is_stored_all_the_same(staff, version):
    await wanted(staff, version, ("60", "3"))
    station = await staff.site.station().open(protocols=(version,))
    station.answers["GetConfiguration"] = station.answers["GetVariables"] = None
    assert (await station.boot())["status"] == "Pending"
    card = {"idToken": {"idToken": "04A1B2C3D4E5F6", "type": "ISO14443"}} if version == V201 else {"idTag": "04A1B2C3D4E5F6"}
    refused = await station.call("Authorize", card)
    assert (refused[0], refused[2]) == (4, "SecurityError")
    now = datetime.now(UTC)
    if version == V201:
        await station.event("Started", 0, now, 1000, offline=True)
    else:
        await station.said("StartTransaction", start_payload(now))
    assert len(await rows("SELECT 1 FROM charging_session")) == 1


@pytest.mark.parametrize(("verdict", "state", "then"), [("Rejected", "refused", "TriggerMessage"), ("RebootRequired", "applied", "Reset")])
async def test_what_a_station_refuses_is_said_and_what_needs_a_restart_gets_one(staff, version, verdict, state, then):
    await wanted(staff, version, ("60", "3"))
    station = await staff.site.station().open(protocols=(version,))
    Configured(station, version, HeartbeatInterval="300", ResetRetries="1").verdict = verdict
    assert (await station.boot())["status"] == "Pending"
    calls = await asked_for(station, 4)
    assert calls[-1][0] == then
    assert await states(staff) == [state, state]
    assert (await station.boot())["status"] == "Accepted"


async def test_a_station_that_never_answers_goes_to_work_after_a_few_boots(staff, version):
    await wanted(staff, version, ("60", "3"))
    station = await staff.site.station().open(protocols=(version,))
    station.answers["GetConfiguration"] = station.answers["GetVariables"] = ["NotSupported", "", {}]
    told = []
    for n in range(MOST_BOOTS + 1):
        told.append((await station.boot())["status"])
        assert n == MOST_BOOTS or await eventually(lambda n=n: _failed(n + 1))
    assert told == ["Pending"] * MOST_BOOTS + ["Accepted"]
    assert await states(staff) == ["no_answer", "no_answer"]


async def _failed(count):
    return len(await rows("SELECT 1 FROM station_command WHERE state = 'failed'")) >= count


async def test_what_makes_no_sense_is_refused_and_nothing_is_wanted(staff):
    path = f"{staff.path()}/setup"
    put = staff.clients["operator"].put
    for settings, code in (
        ([{"name": " ", "value": "1"}], "invalid_input"),
        ([{"name": "A", "value": "1"}, {"name": "A", "value": "2"}], "invalid_input"),
        ([{"name": "AuthorizationKey", "value": "1"}], "secret_setting"),
    ):
        assert (await put(path, json={"settings": settings})).json()["code"] == code
    assert await states(staff) == []
