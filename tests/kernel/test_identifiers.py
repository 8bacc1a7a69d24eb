from uuid import RFC_4122

from app.kernel.identifiers import new_id


def test_ids_are_version_7_and_each_is_greater_than_the_one_before():
    ids = [new_id() for _ in range(20_000)]  # far more than one in a millisecond
    assert ids == sorted(ids) and len(set(ids)) == len(ids)
    assert {(one.version, one.variant) for one in ids} == {(7, RFC_4122)}


def test_ids_carry_the_time_and_their_tail_cannot_be_foretold():
    first, second = new_id(), new_id()
    assert first.int & (1 << 62) - 1 != second.int & (1 << 62) - 1
    assert 0 <= (second.int >> 80) - (first.int >> 80) < 60_000
