"""The short form of `make crash`: nothing acknowledged is lost, doubled or billed wrongly, whatever is killed."""

from tests.crash.journal import FAULTS
from tests.crash.run import Plan, crash


async def test_nothing_is_lost_doubled_or_billed_wrongly_while_everything_is_killed():
    result = await crash(Plan(seconds=60, stations=200, seed=2026, every=(1.5, 3.5), pace_s=6.0))
    assert {name: result[name] for name in FAULTS} == dict.fromkeys(FAULTS, 0), result
    assert result["stayed_up"] and result["stops_acknowledged"] >= 200 and sum(result["kills"].values()) >= 5, result
