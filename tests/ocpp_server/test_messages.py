"""Our Structs against the schemas of the `ocpp` package: the same verdict on every message of both versions.

The package carries no example payloads; those in its repository's tests are in `tests/vectors/ocpp_package.json`.
"""

import contextlib
import json
import re
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import FormatChecker
from ocpp.messages import get_validator
from ocpp.v16.enums import Action as Action16
from ocpp.v201.enums import Action as Action201

from infra import messages
from ocpp_server import frames, messages16, messages201
from ocpp_server.protocols import PROTOCOLS
from ocpp_server.translate import Unreadable, Violation, instant, meter_values, start_report, stop_report, strict
from tests.ocpp_server.payloads import broken, full, valid, with_one_wrong

VERSIONS = {"1.6": messages16, "2.0.1": messages201}
KINDS = {"REQUESTS": 2, "RESPONSES": 3}
EVERY = [(version, kind, action) for version, module in VERSIONS.items() for kind in KINDS for action in sorted(getattr(module, kind))]
EXAMPLES = json.loads((Path(__file__).parents[1] / "vectors" / "ocpp_package.json").read_text())["rows"]
RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)?")
times = FormatChecker(formats=())


@times.checks("date-time")
def is_time(text):
    """RFC 3339, though the zone may be missing; the package itself checks no format."""
    if not isinstance(text, str):
        return True
    if not RFC3339.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text[:19].replace("t", "T"))
    except ValueError:
        return False
    return True


@cache
def schema_of(version, kind, action):
    return get_validator(KINDS[kind], action, version, parse_float=Decimal)


def theirs(version, kind, action, text):
    validator = schema_of(version, kind, action).evolve(format_checker=times)
    return validator.is_valid(json.loads(text, parse_float=Decimal))


def ours(version, kind, action, text):
    try:
        strict(text.encode(), getattr(VERSIONS[version], kind)[action])
    except Violation as wrong:
        return wrong.code not in CODES
    return True


CODES = {"FormationViolation", "PropertyConstraintViolation", "OccurenceConstraintViolation", "TypeConstraintViolation"}


@pytest.mark.parametrize(("version", "kind", "action"), EVERY)
def test_our_verdict_on_a_message_is_that_of_the_packages_schema(version, kind, action):
    payloads = valid(schema_of(version, kind, action).schema)

    @settings(max_examples=12, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(payloads, broken(payloads))
    def check(good, odd):
        text = json.dumps(good)
        assert theirs(version, kind, action, text), text
        assert ours(version, kind, action, text), text
        text = json.dumps(odd)
        assert ours(version, kind, action, text) == theirs(version, kind, action, text), text

    check()


@pytest.mark.parametrize(("version", "kind", "action"), EVERY)
def test_one_wrong_place_in_a_full_message_is_judged_alike(version, kind, action):
    payload = full(schema_of(version, kind, action).schema)
    assert ours(version, kind, action, json.dumps(payload))
    different = []
    for odd in with_one_wrong(payload):
        text = json.dumps(odd)
        if ours(version, kind, action, text) != theirs(version, kind, action, text):
            different.append(text)
    assert different == []


@pytest.mark.parametrize("row", EXAMPLES, ids=[f"{number}-{row['action']}" for number, row in enumerate(EXAMPLES)])
def test_an_example_of_the_package_is_judged_as_its_own_tests_do(row):
    message, text = (row["version"], row["kind"], row["action"]), json.dumps(row["payload"])
    assert (ours(*message, text), theirs(*message, text)) == (row["valid"], row["valid"])


@pytest.mark.parametrize(("version", "actions"), [("1.6", Action16), ("2.0.1", Action201)], ids=["1.6", "2.0.1"])
def test_every_message_of_the_packages_enumerations_is_fed_both_ways(version, actions):
    for kind in KINDS:
        assert {action for said, way, action in EVERY if (said, way) == (version, kind)} == {one.value for one in actions}


@pytest.mark.parametrize("version", ["16", "201"])
def test_the_files_are_what_the_packages_schemas_say(version):
    assert (messages.ROOT / f"messages{version}.py").read_text() == messages.written(version), "run `make messages`"


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=list(PROTOCOLS))
def test_every_handled_message_is_one_of_its_version(protocol):
    assert set(protocol.handlers) <= protocol.known
    assert protocol.acknowledged <= protocol.known


@pytest.mark.parametrize(
    "text", ['{"vendorId":"\\ud800"}', '{"vendorId":NaN}', '{"vendorId":"x"', '{"vendorId":"x","data":1e999}', "[" * 5000, '"\xff"']
)
@pytest.mark.parametrize("module", VERSIONS.values())
def test_what_is_no_json_or_no_text_is_refused(module, text):
    with pytest.raises(Violation):
        strict(text.encode(), module.REQUESTS["DataTransfer"])


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
