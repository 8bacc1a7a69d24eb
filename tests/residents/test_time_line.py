"""The time line of a billing point: examples and properties."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.errors import Refused
from app.residents.model import Move, Stay, Tenure
from app.residents.rules import days_taken, moved, names_a_person, vacancies, with_end, with_stay

ANNA, BEN, OWNER, HEIR = (UUID(int=n) for n in range(1, 5))
START = date(2026, 1, 1)
OWNED = [Tenure(owner_id=OWNER, first=START)]


def stay(person, first, last=None, number=9):
    return Stay(id=UUID(int=number), person_id=person, first=first, last=last)


def test_two_stays_of_one_place_never_overlap_and_the_exit_day_belongs_to_one_party():
    line = [stay(ANNA, START, date(2026, 3, 31))]
    with pytest.raises(Refused) as refused:
        with_stay(line, BEN, date(2026, 3, 31), None)
    assert refused.value.code == "occupied" and refused.value.params["last"] == "2026-03-31"
    assert [s.person_id for s in with_stay(line, BEN, date(2026, 4, 1), None)] == [ANNA, BEN]


def test_an_exit_before_the_entry_is_refused():
    with pytest.raises(Refused) as refused:
        with_stay([], BEN, date(2026, 3, 2), date(2026, 3, 1))
    assert refused.value.code == "exit_before_entry"


def test_a_move_without_exit_ends_the_leaver_the_day_before():
    line = moved([stay(ANNA, START)], Move(newcomer_id=BEN, entry=date(2026, 5, 1), exit=None))
    assert [(s.person_id, s.first, s.last) for s in line] == [(ANNA, START, date(2026, 4, 30)), (BEN, date(2026, 5, 1), None)]
    assert vacancies(line, OWNED, START) == []


def test_a_move_with_a_gap_gives_the_gap_to_the_owner():
    line = moved([stay(ANNA, START)], Move(newcomer_id=BEN, entry=date(2026, 5, 10), exit=date(2026, 4, 30)))
    assert vacancies(line, OWNED, START) == [Stay(person_id=OWNER, first=date(2026, 5, 1), last=date(2026, 5, 9), vacancy=True)]


def test_a_leaver_without_a_newcomer_leaves_the_place_to_the_owner_until_further_notice():
    line = moved([stay(ANNA, START)], Move(newcomer_id=None, entry=None, exit=date(2026, 4, 30)))
    assert vacancies(line, OWNED, START) == [Stay(person_id=OWNER, first=date(2026, 5, 1), last=None, vacancy=True)]


def test_a_gap_is_cut_where_the_site_changes_hands():
    owned = [Tenure(owner_id=OWNER, first=START, last=date(2026, 6, 30)), Tenure(owner_id=HEIR, first=date(2026, 7, 1))]
    found = vacancies([stay(ANNA, START, date(2026, 5, 31))], owned, START)
    assert [(s.person_id, s.first, s.last) for s in found] == [
        (OWNER, date(2026, 6, 1), date(2026, 6, 30)), (HEIR, date(2026, 7, 1), None)]  # fmt: skip


@pytest.mark.parametrize(
    ("move", "code"),
    [
        (Move(newcomer_id=None, entry=None, exit=None), "move_empty"),
        (Move(newcomer_id=BEN, entry=date(2026, 4, 1), exit=date(2026, 4, 1)), "exit_after_entry"),
        (Move(newcomer_id=None, entry=None, exit=date(2025, 12, 31)), "nobody_leaves"),
    ],
)
def test_a_move_that_makes_no_sense_is_refused(move, code):
    with pytest.raises(Refused) as refused:
        moved([stay(ANNA, START)], move)
    assert refused.value.code == code


def test_the_days_that_somebody_loses_are_named():
    before = [stay(ANNA, START, date(2026, 6, 30))]
    after = with_end(before, UUID(int=9), date(2026, 4, 30))
    assert days_taken(before, after) == [(ANNA, date(2026, 5, 1), date(2026, 6, 30))]
    assert days_taken(before, before) == []


@pytest.mark.parametrize(("name", "person"), [("Keller", True), ("keller  petra", True), ("Petra Keller", True), ("Kellerabteil 3", False)])
def test_a_place_must_not_bear_a_persons_name(name, person):
    assert names_a_person(name, [("Petra", "Keller"), ("", "Stiftung Wohnen")]) is person


spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20), st.booleans()), max_size=6)


@given(spans, st.integers(0, 30))
def test_every_day_belongs_to_exactly_one_party(parts, owner_change):
    line: list[Stay] = []
    for number, (first, length, open_end) in enumerate(parts):
        begin = START + timedelta(days=first)
        try:
            line = with_stay(line, UUID(int=100 + number), begin, None if open_end else begin + timedelta(days=length))
        except Refused:
            continue
    owned = [Tenure(owner_id=OWNER, first=START, last=START + timedelta(days=owner_change)),
             Tenure(owner_id=HEIR, first=START + timedelta(days=owner_change + 1))]  # fmt: skip
    everybody = [*line, *vacancies(line, owned, START)]
    for offset in range(100):
        day = START + timedelta(days=offset)
        assert sum(s.first <= day <= (s.last or date.max) for s in everybody) == 1
