"""Limits of places at chargers that take some profiles and refuse others, obey or not (ST-60 to ST-64)."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from app.charging import limits
from app.charging.intents import V16, V201
from app.charging.limit_rules import LEASE, RENEW, SETTLE, WAKE_AFTER, measured_a, obeyed, possible
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.raw_station import iso
from tests.ocpp_server.speaking import Charge
from tests.ocpp_server.staff import staffed


def utc():
    return datetime.now(UTC)


@pytest.fixture(params=[V16, V201])
def version(request):
    return request.param


class Charger:
    """A station that takes default profiles only, as many do, and remembers them by stack level."""

    def __init__(self, station, version, unit):
        self.station, self.version = station, version
        self.name = "ChargingScheduleAllowedChargingRateUnit" if version == V16 else "RateUnit"
        self.unit = unit
        self.installed = {}
        self.told = []
        self.refuse = False
        station.answers |= {"SetChargingProfile": self.set, "ClearChargingProfile": self.clear, "GetConfiguration": self.tell,
                            "GetVariables": self.tell}  # fmt: skip

    def tell(self, payload):
        if self.version == V16:
            known = [{"key": one, "readonly": True, "value": self.unit} for one in payload["key"] if one == self.name]
            return {"configurationKey": known, "unknownKey": [one for one in payload["key"] if one != self.name]}
        unit = {"Current": "A", "Power": "W"}[self.unit]
        return {"getVariableResult": [
            {**one, "attributeStatus": "Accepted", "attributeValue": unit} if one["variable"]["name"] == self.name
            else {**one, "attributeStatus": "UnknownVariable"} for one in payload["getVariableData"]
        ]}  # fmt: skip

    def set(self, payload):
        profile = payload["csChargingProfiles" if self.version == V16 else "chargingProfile"]
        schedule = profile["chargingSchedule"] if self.version == V16 else profile["chargingSchedule"][0]
        self.told.append((profile["stackLevel"], schedule["chargingSchedulePeriod"][0]["limit"]))
        right = profile["chargingProfilePurpose"] == "TxDefaultProfile" and schedule["chargingRateUnit"] == self.unit[0].replace(
            "C", "A"
        ).replace("P", "W")
        if self.refuse or not right:
            return {"status": "Rejected"}
        self.installed[profile["stackLevel"]] = (profile["id" if self.version == V201 else "chargingProfileId"], schedule, profile)
        return {"status": "Accepted"}

    def clear(self, payload):
        number = payload.get("id", payload.get("chargingProfileId"))
        found = [level for level, (one, *_) in self.installed.items() if one == number]
        for level in found:
            del self.installed[level]
        return {"status": "Accepted" if found else "Unknown"}

    def limit(self, level):
        return self.installed[level][1]["chargingSchedulePeriod"][0]["limit"]

    def draws(self, charge, at, amperes):
        """What its meter shows."""
        sample = {"value": amperes, "measurand": "Current.Import", "phase": "L1"}
        if self.version == V16:
            sample = sample | {"value": str(amperes), "unit": "A"}
            moment = {"timestamp": iso(at), "sampledValue": [sample]}
            return self.station.said("MeterValues", {"connectorId": 1, "transactionId": charge.name, "meterValue": [moment]})
        return charge._event("Updated", at, None, values=[{"timestamp": iso(at), "sampledValue": [sample]}])


async def charger(site, version, unit="Current"):
    return Charger(await site.connected("CP-1", version), version, unit)


async def wanted(site, amperes, **more):
    await limits.want(site.house.stations["CP-1"], 1, None if amperes is None else Decimal(amperes), utc(), **more)
    await site.wake("CP-1")


async def row():
    found = await rows("SELECT * FROM charging_limit")
    return found[0] if found else None


async def told(amperes):
    async def there():
        found = await row()
        return found if found["told_a"] == amperes and found["pending"] is None else None

    return await eventually(there)


@pytest.mark.parametrize("unit", ["Current", "Power"])
async def test_st60_st61_tc_056_csms_capabilities_are_read_first_and_the_limit_is_a_default_profile(site, version, unit):
    told_by = await charger(site, version, unit)
    await wanted(site, 10)
    await told(10)
    actions = [(await told_by.station.next_call())[2] for _ in range(3)]
    assert actions == ["GetConfiguration" if version == V16 else "GetVariables", "SetChargingProfile", "SetChargingProfile"]
    assert told_by.limit(1) == (10 if unit == "Current" else 6900)
    (commands,) = await rows("SELECT count(*) AS n FROM station_command WHERE action = 'SetProfile' AND verdict <> 'accepted'")
    assert commands["n"] == 0


async def test_st61_a_refused_limit_is_known_and_tried_again_later(site, version):
    told_by = await charger(site, version)
    told_by.refuse = True
    await wanted(site, 10)
    refused = await eventually(lambda: rows("SELECT * FROM charging_limit WHERE problem = 'refused'"))
    assert (refused[0]["told_a"], refused[0]["counted_a"]) == (None, 16)  # as much as the charger can give
    assert await limits.tend(utc()) == []
    told_by.refuse = False
    assert await limits.tend(utc() + limits.BACK_OFF) == [site.house.stations["CP-1"]]
    await site.wake("CP-1")
    assert (await told(10))["problem"] is None


async def test_st62_an_accepted_limit_counts_only_when_the_meter_has_confirmed_it(site, version):
    told_by = await charger(site, version)
    charge = Charge(told_by.station)
    await charge.begin(utc(), 1000)
    await wanted(site, 10)
    accepted = await told(10)
    assert (accepted["counted_a"], accepted["confirmed_at"]) == (16, None)
    # Accepted and not applied: the car goes on with 15 A, more than a moment after.
    late = accepted["told_at"] + SETTLE + timedelta(seconds=1)
    await told_by.draws(charge, late, 15)
    await limits.tend(late)
    unconfirmed = await row()
    assert (unconfirmed["counted_a"], unconfirmed["confirmed_at"], unconfirmed["problem"]) == (16, None, "not_obeyed")
    await told_by.draws(charge, late + timedelta(seconds=10), 9.8)
    await limits.tend(late + timedelta(seconds=10))
    confirmed = await row()
    assert (confirmed["counted_a"], confirmed["problem"]) == (10, None) and confirmed["confirmed_at"] is not None
    # A higher limit counts at once, whatever the meter shows.
    await wanted(site, 13)
    assert (await told(13))["counted_a"] == 13


async def test_st63_below_six_amperes_there_is_none_and_a_car_that_stays_asleep_is_woken_twice(site, version):
    assert [possible(Decimal(one)) for one in ("5.99", "6", "6.19", "0", "-3")] == [0, 6, Decimal("6.1"), 0, 0]
    told_by = await charger(site, version)
    charge = Charge(told_by.station)
    await charge.begin(utc(), 1000)
    await wanted(site, "5.9")
    await told(0)
    assert told_by.limit(1) == 0
    await wanted(site, 8)
    raised = (await told(8))["raised_at"]
    assert raised is not None
    for wake in (1, 2):
        before = len(told_by.told)
        raised = (await row())["raised_at"]
        at = raised + WAKE_AFTER + timedelta(seconds=1)
        await told_by.draws(charge, at, 0)
        assert await limits.tend(at) == [site.house.stations["CP-1"]]
        await site.wake("CP-1")

        async def woken(wake=wake, before=before):
            found = await row()
            return len(told_by.told) == before + 2 and found["told_a"] == 8 and found["pending"] is None and found["wakes"] == wake

        await eventually(woken)
        assert told_by.told[before:] == [(1, 0), (1, 8)]
    at = (await row())["raised_at"] + WAKE_AFTER + timedelta(seconds=1)
    await told_by.draws(charge, at, 0)
    assert await limits.tend(at) == []
    assert (await row())["problem"] == "car_sleeps"


async def test_st64_tc_067_csms_a_low_lasting_limit_lies_under_a_short_renewed_one(site, version):
    told_by = await charger(site, version)
    await wanted(site, 16)
    first = await told(16)
    lasting, short = told_by.installed[0], told_by.installed[1]
    assert (told_by.limit(0), told_by.limit(1)) == (6, 16)
    assert "duration" not in lasting[1] and "validTo" not in lasting[2]
    assert short[1]["duration"] == LEASE.total_seconds() and "validTo" in short[2]
    assert await limits.tend(utc()) == []
    assert await limits.tend(first["lease_until"] - RENEW + timedelta(seconds=1)) == [site.house.stations["CP-1"]]
    await site.wake("CP-1")

    async def renewed():
        found = await row()
        return found["pending"] is None and len(told_by.told) == 3

    await eventually(renewed)
    assert told_by.told == [(0, 6), (1, 16), (1, 16)]
    await wanted(site, None)
    await eventually(lambda: rows("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM charging_limit)"))
    assert told_by.installed == {}


async def test_an_operator_limits_a_place_and_sees_what_the_charger_made_of_it(site, version, settings_for, tmp_path):
    async with staffed(site, settings_for(), tmp_path) as staff:
        answer = await staff.ask({"kind": "LimitPlace", "connector": 1, "limit_a": "10"})
        assert (answer.status_code, answer.json()["code"]) == (409, "station_offline")
        told_by = await charger(site, version)
        assert (await staff.ask({"kind": "LimitPlace", "connector": 9, "limit_a": "10"})).json()["code"] == "no_connector"
        assert (await staff.ask({"kind": "LimitPlace", "connector": 1, "limit_a": "10"}, ticket="T-9")).status_code == 202
        await told(10)
        detail = await staff.detail()
        assert detail["connectors"][0]["limit"] == {
            "wanted_a": "10.0", "told_a": "10.0", "counted_a": "16.0", "confirmed": False, "problem": None,
        }  # fmt: skip
        assert {(one["by"], one["ticket"]) for one in detail["log"]} >= {("Operator", "T-9")}
        assert (await staff.ask({"kind": "LimitPlace", "connector": 1, "limit_a": None})).status_code == 202
        await eventually(lambda: rows("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM charging_limit)"))
        assert told_by.installed == {}


def test_st62_a_meter_proves_a_limit_by_current_or_by_power_that_leaves_no_doubt():
    def raw(*values):
        return json.dumps({"sampledValue": [{"measurand": "Current.Import", "value": one} for one in values]})

    assert measured_a(raw("9.5", 10, "x", "NaN")) == 10
    assert measured_a(raw()) is None
    ten = Decimal(10)
    assert [obeyed(ten, Decimal(one), None, 3) for one in ("10.5", "10.6")] == [True, False]
    # 10.5 A are 2415 W on one phase and 7245 W on three: between them power says nothing.
    assert [obeyed(ten, None, watts, 3) for watts in (2415, 2416, 7245, 7246)] == [True, None, None, False]
    assert obeyed(ten, None, None, 3) is None
