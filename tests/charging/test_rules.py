"""Who may charge, how a request moves, how a session closes: the pure rules."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from app.charging import rules
from app.charging.model import Connector, Session
from app.kernel.identifiers import new_id

AT = datetime(2026, 11, 24, 10, tzinfo=UTC)
ME, OTHER, FLAT, OTHER_FLAT = new_id(), new_id(), new_id(), new_id()

PLACE = Connector(
    account_id=new_id(), station_id=new_id(), number=1, public_code="ABCDEF", billing_point_id=None, status="Available",
    error_code="NoError", status_at=AT, identity="CP-1", station_name="1", place="", max_power_w=11_000, online=True,
    online_changed_at=AT, site_id=new_id(), site_name="s", site_address="a", time_zone="Europe/Zurich",
    open_session_id=None, open_session_person_id=None, open_request_id=None, open_request_person_id=None,
)  # fmt: skip
SESSION = Session(
    account_id=new_id(), id=new_id(), transaction_no=1, station_id=new_id(), connector_no=1, source="app",
    class_="internal", tag_tail="", tag_status="Accepted", person_id=ME, billing_point_id=FLAT, state="open",
    started_at=AT, meter_start_wh=1000, stopped_at=None, meter_stop_wh=None, stop_reason=None, energy_wh=None,
    held_reason=None, estimated=False, stop_asked_at=None, last_meter_wh=1500, last_power_w=7000, last_value_at=AT,
    idle_since=None, connector_status="Charging", online=True, online_changed_at=AT, identity="CP-1", station_name="1",
    place="", public_code="ABCDEF", site_id=new_id(), site_name="s", time_zone="Europe/Zurich",
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "home", "code"),
    [
        ({}, FLAT, None),
        ({}, None, "not_allowed"),
        ({"billing_point_id": FLAT}, FLAT, None),
        ({"billing_point_id": OTHER_FLAT}, FLAT, "not_allowed"),
        ({"online": False}, FLAT, "station_offline"),
        ({"status": "Faulted"}, FLAT, "station_faulted"),
        ({"status": "Unavailable"}, FLAT, "connector_unavailable"),
        ({"status": "Preparing"}, FLAT, None),
        ({"open_session_id": new_id(), "open_session_person_id": ME}, FLAT, "already_charging"),
        ({"open_session_id": new_id(), "open_session_person_id": OTHER}, FLAT, "connector_occupied"),
        ({"open_session_id": new_id()}, FLAT, "connector_occupied"),
        ({"open_request_id": new_id(), "open_request_person_id": OTHER}, FLAT, "connector_occupied"),
        ({"billing_point_id": OTHER_FLAT, "online": False}, FLAT, "not_allowed"),
    ],
)
def test_a_start_is_refused_for_the_first_reason_that_holds(changes, home, code):
    assert rules.refusal(msgspec.structs.replace(PLACE, **changes), home, ME) == code


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({}, "charging"),
        ({"connector_status": "SuspendedEV"}, "paused_by_car"),
        ({"connector_status": "SuspendedEVSE"}, "paused_by_station"),
        ({"connector_status": "Finishing"}, "done_still_plugged"),
        ({"last_power_w": 0, "last_meter_wh": 1000}, "waiting_for_car"),
        ({"stop_asked_at": AT}, "stopping"),
        ({"online": False}, "station_silent"),
        ({"last_value_at": AT - timedelta(minutes=6)}, "station_silent"),
        ({"state": "stop_missing"}, "stop_missing"),
        ({"state": "ended"}, "ended"),
        ({"state": "held", "held_reason": "register_fell"}, "held"),
    ],
)
def test_the_state_of_a_session_is_one_sentence(changes, key):
    assert rules.session_state(msgspec.structs.replace(SESSION, **changes), AT)[0] == key


def test_a_stop_that_was_not_answered_shows_charging_with_a_word_about_it():
    asked = msgspec.structs.replace(SESSION, stop_asked_at=AT - timedelta(seconds=21))
    key, params = rules.session_state(asked, AT)
    assert (key, params["stop_failed"]) == ("charging", True)


def test_a_place_shows_a_stranger_nothing_but_its_state():
    busy = msgspec.structs.replace(PLACE, open_session_id=new_id(), open_session_person_id=OTHER)
    assert rules.connector_state(busy, ME) == ("occupied", {})
    assert rules.connector_state(busy, None) == ("occupied", {})
    mine = msgspec.structs.replace(busy, open_session_person_id=ME)
    assert rules.connector_state(mine, ME)[0] == "yours_charging"


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9), st.integers(-(10**6), 10**6), st.integers(1, 350_000))
def test_a_close_charges_stop_minus_start_or_nothing(start_wh, stop_wh, seconds, power_w):
    closing = rules.close(start_wh, stop_wh, AT, AT + timedelta(seconds=seconds), power_w)
    if closing.state == "ended":
        assert closing.energy_wh == stop_wh - start_wh >= 0
        assert closing.held_reason is None
        assert seconds >= 0
    else:
        assert (closing.state, closing.energy_wh) == ("held", None)
        assert closing.held_reason


@pytest.mark.parametrize(
    ("reported", "reason"),
    [
        (AT, None),
        (AT - timedelta(days=20), None),
        (AT + timedelta(minutes=5), None),
        (AT + timedelta(minutes=6), "clock_ahead"),
        (AT - timedelta(days=400), "before_commissioning"),
    ],
)
def test_st11_old_but_in_order_is_believed_the_impossible_is_not(reported, reason):
    assert rules.odd_clock(reported, AT, AT - timedelta(days=365)) == reason


class RequestLife(RuleBasedStateMachine):
    """Whatever arrives in whatever order, a request moves only along its steps, and `started` is for ever."""

    def __init__(self):
        super().__init__()
        self.state = "asked"
        self.started = False

    @rule(state=st.sampled_from(sorted(rules.REQUEST_STEPS)))
    def something_arrives(self, state):
        if rules.may_step(self.state, state):
            self.state = state
            self.started = self.started or state == "started"

    @rule()
    def the_station_starts_after_all(self):
        assert self.state == "started" or rules.may_step(self.state, "started")

    @rule()
    def the_deadline_passes(self):
        if self.state in rules.OPEN_REQUEST_STATES:
            over = "not_plugged_in" if self.state == "plug_in" else "no_answer"
            assert rules.may_step(self.state, over)
            self.state = over

    @invariant()
    def what_has_started_stays_so(self):
        assert not self.started or self.state == "started"


TestRequestLife = RequestLife.TestCase
