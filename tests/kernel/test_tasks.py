"""Ending background tasks."""

import asyncio

from app.kernel.tasks import ended


async def test_a_loop_that_takes_its_cancellation_for_an_error_is_cancelled_again():
    turned = 0

    async def stubborn() -> None:
        nonlocal turned
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                turned += 1
                if turned > 1:
                    raise

    async def failed() -> None:
        raise RuntimeError("before")

    tasks = [asyncio.create_task(stubborn()), asyncio.create_task(failed())]
    await asyncio.sleep(0)
    how = await ended(tasks)
    assert turned == 2 and how[0] is None and str(how[1]) == "before"
