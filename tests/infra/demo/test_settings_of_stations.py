"""What the demo stations say when somebody wants to change a setting: the truth, in words of the standard."""

import asyncio

import pytest
from ocpp.messages import CallResult, validate_payload

from infra.demo.station16 import Station16
from infra.demo.station201 import Station201


@pytest.mark.parametrize(("key", "status"), [("HeartbeatInterval", "Rejected"), ("NoSuchKey", "NotSupported")])
def test_a_1_6_station_refuses_to_change_what_is_fixed(key, status):
    said = Station16.on_change_configuration(None, key=key, value="1")
    assert said.status == status
    asyncio.run(validate_payload(CallResult("1", {"status": said.status}, action="ChangeConfiguration"), "1.6"))


def test_a_2_0_1_station_tells_each_variable_apart():
    names = [("OCPPCommCtrlr", "HeartbeatInterval"), ("OCPPCommCtrlr", "NoSuchVariable")]
    asked = [{"component": {"name": one}, "variable": {"name": two}, "attribute_value": "1"} for one, two in names]
    said = Station201.on_set_variables(None, set_variable_data=asked).set_variable_result
    assert [one["attribute_status"] for one in said] == ["Rejected", "UnknownVariable"]
    camel = [{"component": one["component"], "variable": one["variable"], "attributeStatus": one["attribute_status"]} for one in said]
    asyncio.run(validate_payload(CallResult("1", {"setVariableResult": camel}, action="SetVariables"), "2.0.1"))
