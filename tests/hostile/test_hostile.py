"""The short form of `make hostile`."""

from random import Random

from tests.hostile.frames import hostile, wrong_messages
from tests.hostile.run import VERSIONS, Plan, attack


async def test_malformed_frames_end_no_process_and_disturb_no_other_station():
    result = await attack(Plan(frames=800, quiet_s=1, seed=2026))
    assert (result["exits"], result["witness_errors"], result["charges"]) == ([], [], 0), result
    assert result["welcome_again"] and result["frames"] >= 800 and min(result["answers"].values()) > 0, result


def test_the_same_seed_makes_the_same_frames():
    for version in VERSIONS:
        first, second = hostile(Random(3), version), hostile(Random(3), version)
        frames = [[next(stream) for _ in range(200)] for stream in (first, second)]
        assert [one for one in frames[0] if one[0] != 2] == [one for one in frames[1] if one[0] != 2]
        assert len(wrong_messages(version)) > 1000
