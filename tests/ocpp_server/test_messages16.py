"""Our Structs against the schemas of the `ocpp` package: the same verdict on every sample, good and bad."""

import asyncio
import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ocpp.exceptions import OCPPError
from ocpp.messages import Call, validate_payload

from ocpp_server import frames, messages16
from ocpp_server.translate import Unreadable, Violation, instant, meter_values, start_report, stop_report, strict

TIME = "2026-11-24T10:00:00.000Z"
SAMPLE = {"value": "5", "unit": "Wh", "measurand": "Energy.Active.Import.Register", "context": "Sample.Periodic"}
MOMENT = {"timestamp": TIME, "sampledValue": [SAMPLE]}
FULL = {
    "BootNotification": {
        "chargePointVendor": "v" * 20, "chargePointModel": "m", "chargePointSerialNumber": "s" * 25,
        "chargeBoxSerialNumber": "b", "firmwareVersion": "f" * 50, "iccid": "i", "imsi": "i", "meterType": "t",
        "meterSerialNumber": "n",
    },
    "Heartbeat": {},
    "StatusNotification": {
        "connectorId": 1, "errorCode": "NoError", "status": "Available", "info": "i" * 50, "timestamp": TIME,
        "vendorId": "v" * 255, "vendorErrorCode": "e" * 50,
    },
    "Authorize": {"idTag": "x" * 20},
    "StartTransaction": {"connectorId": 1, "idTag": "x", "meterStart": 5, "timestamp": TIME, "reservationId": 7},
    "StopTransaction": {
        "transactionId": 1, "meterStop": 9, "timestamp": TIME, "idTag": "x", "reason": "Local", "transactionData": [MOMENT],
    },
    "MeterValues": {"connectorId": 1, "transactionId": 1, "meterValue": [MOMENT]},
    "DataTransfer": {"vendorId": "v", "messageId": "m" * 50, "data": "d"},
    "FirmwareStatusNotification": {"status": "Installed"},
    "DiagnosticsStatusNotification": {"status": "Uploaded"},
}  # fmt: skip
ODD = [None, "", "x" * 300, 0, -1, 2**40, 1.5, True, [], {}, [{}], "Hertz", {"timestamp": TIME, "sampledValue": []}]


def theirs(action, payload):
    try:
        asyncio.run(validate_payload(Call("1", action, payload), "1.6"))
    except OCPPError:
        return False
    return True


def ours(action, payload):
    try:
        strict(json.dumps(payload).encode(), messages16.REQUESTS[action])
    except Violation as wrong:
        return wrong.code not in CODES
    return True


CODES = {"FormationViolation", "PropertyConstraintViolation", "OccurenceConstraintViolation", "TypeConstraintViolation"}


def variants(action):
    """The full message, each field missing, each field odd, each nested field odd, and one field too many."""
    full = FULL[action]
    yield full
    yield {**full, "unknownField": 1}
    for name, value in full.items():
        yield {key: value for key, value in full.items() if key != name}
        for odd in ODD:
            yield {**full, name: odd}
        if isinstance(value, list):
            for inner in ODD:
                yield {**full, name: [inner]}
                yield {**full, name: [{**MOMENT, "sampledValue": [{**SAMPLE, "unit": inner}]}]}
                yield {**full, name: [{**MOMENT, "sampledValue": [{**SAMPLE, "value": inner}]}]}
                yield {**full, name: [{**MOMENT, "sampledValue": [{**SAMPLE, "phase": inner, "location": "Body"}]}]}
            yield {**full, name: [{**MOMENT, "x": 1}]}


@pytest.mark.parametrize("action", sorted(FULL))
def test_our_verdict_on_a_message_is_that_of_the_packages_schema(action):
    assert ours(action, FULL[action])
    different = [payload for payload in variants(action) if ours(action, payload) != theirs(action, payload)]
    assert different == []


def test_every_message_that_is_handled_has_a_struct():
    from ocpp_server.v16 import HANDLERS

    assert set(HANDLERS) == set(messages16.REQUESTS) == set(FULL)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(json_values, st.sampled_from([start_report, stop_report, meter_values]))
def test_goodwill_reads_or_says_that_it_cannot(value, reading):
    with contextlib.suppress(Unreadable):
        reading(json.dumps(value).encode("utf-8", "surrogatepass"))


@settings(max_examples=300, deadline=None)
@given(json_values | st.lists(json_values, min_size=2, max_size=5))
def test_a_frame_is_read_or_dropped(value):
    try:
        frame = frames.parse(json.dumps(value))
    except frames.BadFrame:
        return
    assert frame.kind in (2, 3, 4)


@given(st.text(max_size=40))
def test_a_time_is_aware_utc_or_unreadable(text):
    try:
        at = instant(text)
    except Unreadable:
        return
    assert at.utcoffset().total_seconds() == 0


@pytest.mark.parametrize(
    "text", ["2026-11-24T10:00:00Z", "2026-11-24T11:00:00+01:00", "2026-11-24T10:00:00", "2026-11-24T10:00:00.000000Z"]
)
def test_one_moment_in_four_spellings(text):
    assert instant(text).isoformat() == "2026-11-24T10:00:00+00:00"
