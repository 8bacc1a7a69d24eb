"""The time line of a billing point: no overlap, no day without somebody, and moves as one act. Pure."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from uuid import UUID

import msgspec

from app.kernel.errors import Refused
from app.residents.model import Move, Stay, Tenure

DAY = timedelta(days=1)
FOREVER = date.max


def _end(last: date | None) -> date:
    return FOREVER if last is None else last


def entered(stays: Iterable[Stay]) -> list[Stay]:
    """The stays that somebody entered, in order of time: without the vacancies derived from them."""
    return sorted((stay for stay in stays if not stay.vacancy), key=lambda stay: stay.first)


def with_stay(stays: Sequence[Stay], person_id: UUID, entry: date, last: date | None) -> list[Stay]:
    """The time line with a further stay. Raises Refused exit_before_entry, occupied (with the days in question)."""
    if last is not None and last < entry:
        raise Refused("exit_before_entry", 422, "The last day lies before the first one. Correct one of the two.", fields=["exit"])
    kept = entered(stays)
    for stay in kept:
        if stay.first <= _end(last) and entry <= _end(stay.last):
            raise Refused(
                "occupied", 409, "Somebody else occupies this place on some of these days. End that stay first, or choose other days.",
                first=str(stay.first), last=None if stay.last is None else str(stay.last), fields=["entry"],
            )  # fmt: skip
    return sorted([*kept, Stay(person_id=person_id, first=entry, last=last)], key=lambda stay: stay.first)


def with_end(stays: Sequence[Stay], stay_id: UUID, last: date | None) -> list[Stay]:
    """The time line with another last day of one stay. Raises Refused not_found, exit_before_entry, occupied."""
    kept = entered(stays)
    chosen = next((stay for stay in kept if stay.id == stay_id), None)
    if chosen is None:
        raise Refused("not_found", 404, "There is no such stay. Load the page again.")
    others = [stay for stay in kept if stay.id != stay_id]
    fresh = with_stay(others, chosen.person_id, chosen.first, last)
    return [msgspec.structs.replace(stay, id=stay_id) if stay.id is None else stay for stay in fresh]


def moved(stays: Sequence[Stay], move: Move) -> list[Stay]:
    """The time line after a move: whoever is there leaves, the newcomer enters; a gap is left to the owner.

    Without an exit the leaver's last day is the day before the entry. Raises Refused move_empty, nobody_leaves,
    exit_after_entry, and what `with_stay` raises.
    """
    exit_on = move.exit
    if exit_on is None and move.entry is not None:
        exit_on = move.entry - DAY
    if exit_on is None:
        raise Refused("move_empty", 422, "Say when somebody leaves or when somebody enters.", fields=["exit", "entry"])
    if move.entry is not None and exit_on >= move.entry:
        raise Refused("exit_after_entry", 422, "The newcomer enters before the other has left: the exit day belongs to one of them.",
                      fields=["exit"])  # fmt: skip
    leaver = next((stay for stay in entered(stays) if stay.first <= exit_on <= _end(stay.last)), None)
    line = entered(stays)
    if leaver is not None and leaver.id is not None and leaver.last != exit_on:
        line = with_end(line, leaver.id, exit_on)
    elif leaver is None and (move.newcomer_id is None or move.exit is not None):
        raise Refused("nobody_leaves", 409, "Nobody lives there on that day. Choose the leaver's last day.", fields=["exit"])
    if move.newcomer_id is not None and move.entry is not None:
        line = with_stay(line, move.newcomer_id, move.entry, None)
    return line


def vacancies(stays: Sequence[Stay], tenures: Sequence[Tenure], since: date) -> list[Stay]:
    """The owner's stays: every day from `since` on that nobody has entered, cut where the owner changes."""
    found = []
    for first, last in _gaps(entered(stays), since):
        for tenure in tenures:
            begin, end = max(first, tenure.first), min(last, _end(tenure.last))
            if begin <= end:
                found.append(Stay(person_id=tenure.owner_id, first=begin, last=None if end == FOREVER else end, vacancy=True))
    return sorted(found, key=lambda stay: stay.first)


def _gaps(line: Sequence[Stay], since: date) -> list[tuple[date, date]]:
    gaps, day = [], since
    for stay in line:
        if stay.first > day:
            gaps.append((day, stay.first - DAY))
        if _end(stay.last) == FOREVER:
            return gaps
        day = max(day, _end(stay.last) + DAY)
    return [*gaps, (day, FOREVER)]


def days_taken(before: Sequence[Stay], after: Sequence[Stay]) -> list[tuple[UUID, date, date]]:
    """(person, first, last) of the days that a person loses by a change: charges of these days would be orphaned."""
    lost = []
    for old in before:
        new = next((stay for stay in after if stay.id == old.id and stay.person_id == old.person_id), None)
        if new is None:
            lost.append((old.person_id, old.first, _end(old.last)))
            continue
        if new.first > old.first:
            lost.append((old.person_id, old.first, new.first - DAY))
        if _end(new.last) < _end(old.last):
            lost.append((old.person_id, _end(new.last) + DAY, _end(old.last)))
    return lost


def names_a_person(name: str, people: Iterable[tuple[str, str]]) -> bool:
    """Whether the name of a place is somebody's full name or surname: (given, family) of the account's people."""
    said = " ".join(name.casefold().split())
    for given, family in people:
        full = f"{given} {family}".strip().casefold()
        if said in {family.casefold(), full, f"{family} {given}".strip().casefold()}:
            return True
    return False
