"""A site is balanced by one process at a time; when that is killed another one goes on, and the chargers' own limits hold meanwhile."""

import asyncio
import sys

import pytest

from app.charging import balance_loop, balance_runner
from app.charging.balance_loop import LEASE_S
from app.charging.intents import V16, V201
from app.database.transaction import as_owner, execute
from tests.charging.house import BADGE_ANNA
from tests.infra.local.conftest import ROOT
from tests.ocpp_server.conftest import eventually, rows
from tests.ocpp_server.test_balance import charging, circuit, utc

LEASE = "SELECT owner, term, extract(epoch FROM expires_at - now())::float8 AS left_s FROM balance_lease WHERE expires_at > now()"


@pytest.fixture(params=[V16, V201])
def version(request):
    return request.param


async def balancing(dsn):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.ocpp_server.balancing_node", dsn, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode().strip()


async def killed(process):
    if process.returncode is None:
        process.kill()
    await process.wait()


async def test_a_process_that_is_killed_is_followed_by_another_within_its_lease(site, version, record_property):
    await circuit(site, 20, stations=("CP-1",))
    charger, charge = await charging(site, "CP-1", version, BADGE_ANNA)
    first, one = await balancing(site.dsn)
    try:
        await eventually(lambda: rows("SELECT 1 FROM balance_lease WHERE owner = $1", one), 30)
        second, two = await balancing(site.dsn)
        try:
            await charge.begin(utc(), 1000)
            await eventually(lambda: rows("SELECT 1 FROM charging_limit WHERE connector_no = 1 AND told_a = 6 AND pending IS NULL"), 30)
            assert {row["owner"] for row in await rows("SELECT owner FROM balance_lease")} == {one}
            await killed(first)
            (lease,) = await rows(LEASE)
            assert (lease["owner"], lease["term"]) == (one, 1) and lease["left_s"] <= LEASE_S
            # Until then the charger keeps what it was told, over its own low limit; nobody else tells it anything.
            assert (charger.limit(0), charger.limit(1)) == (6, 6)
            loop = asyncio.get_running_loop()
            began = loop.time()
            await eventually(lambda: rows("SELECT 1 FROM balance_lease WHERE owner = $1 AND term = 2", two), 30)
            record_property("seconds_to_hand_over", round(loop.time() - began, 2))
            # The follower balances: on a smaller fuse the current falls under it.
            async with as_owner():
                await execute("UPDATE circuit SET limit_ma = '{5000,5000,5000}'")
            await eventually(lambda: rows("SELECT 1 FROM charging_limit WHERE connector_no = 1 AND told_a = 0 AND pending IS NULL"), 30)
            assert charger.limit(1) == 0
        finally:
            await killed(second)
    finally:
        await killed(first)


async def test_who_waits_for_a_lease_wakes_when_it_ends_and_not_a_tick_later(site):
    await circuit(site, 20, stations=("CP-1",))

    async def nobody(_):
        """No pages are open."""

    assert await balance_loop.take_lease(site.house.account_id, site.house.site_id, "gone", seconds=0.8)
    runner = balance_runner.BalanceRunner(utc, nobody, nobody)
    await runner.once()
    assert 0 < runner._wait_s < 0.9 < balance_runner.TICK_S
    await runner._next_round()
    await runner.once()
    assert [row["owner"] for row in await rows("SELECT owner FROM balance_lease")] == [runner.owner]
    assert runner._wait_s == balance_runner.TICK_S
