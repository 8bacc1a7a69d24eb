"""The judge itself: each fault is found, and a faultless run has none."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests.crash.journal import FAULTS, Journal, Session, Stored, reconcile

AT = datetime(2026, 10, 1, 8, tzinfo=UTC)
ROW = Stored("S-1", AT, 1000, 3000, 2000, 1)


def session(**changes) -> Session:
    given = {"station": "S-1", "begun": AT, "ended": AT + timedelta(minutes=30), "meter_start": 1000, "meter_stop": 3000,
             "numbers": {7}, "start_acknowledged": True, "stop_acknowledged": True, **changes}  # fmt: skip
    return Session(**given)


def found(one: Session, *rows: Stored, values=(), sent=None) -> dict[str, int]:
    counted = reconcile(Journal([one], sent or {}), rows, set(values))
    return {name: count for name, count in counted.items() if count}


def row(**changes) -> Stored:
    return Stored(**{name: getattr(ROW, name) for name in ROW.__struct_fields__} | changes)


def test_what_is_stored_and_billed_once_has_no_fault():
    assert found(session(), ROW) == {}
    assert found(session(), ROW, values={("S-1", AT)}, sent={("S-1", AT): True}) == {}
    assert set(reconcile(Journal(), [], set())) == set(FAULTS)


@pytest.mark.parametrize(
    ("fault", "one", "rows"),
    [
        ("lost", session(stop_acknowledged=False), []),
        ("duplicate", session(), [ROW, row(charges=0)]),
        ("double_billed", session(), [row(charges=2)]),
        ("acknowledged_stop_not_stored", session(), [row(meter_stop=None, billed_wh=None)]),
        ("wrong_energy", session(), [row(billed_wh=2001)]),
        ("not_billed", session(), [row(charges=0)]),
        ("other_number", session(numbers={7, 8}), [ROW]),
        ("refused", session(errors=["InternalError"]), [ROW]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_fault_is_found(fault, one, rows):
    assert fault in found(one, *rows)


def test_what_no_station_has_made_is_invented():
    assert found(session(), ROW, row(begun=AT + timedelta(hours=1))) == {"invented": 1}


def test_a_session_that_nobody_acknowledged_may_be_there_or_not():
    silent = session(start_acknowledged=False, stop_acknowledged=False)
    assert found(silent) == {}
    assert found(silent, row(meter_stop=None, billed_wh=None, charges=0)) == {}


def test_a_command_is_received_once_and_ends():
    counted = reconcile(Journal(commands=Counter({"a": 1, "b": 2})), [], set(), hanging=3)
    assert (counted["command_twice"], counted["command_hanging"]) == (1, 3)


def test_acknowledged_values_must_be_there_and_no_others():
    later = AT + timedelta(minutes=5)
    sent = {("S-1", AT): True, ("S-1", later): False}
    assert found(session(), ROW, sent=sent) == {"values_lost": 1}
    assert found(session(), ROW, sent=sent, values={("S-1", AT), ("S-1", later)}) == {}
    assert found(session(), ROW, values={("S-2", AT)}) == {"values_invented": 1}
