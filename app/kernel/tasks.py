"""Ending background tasks."""

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_SECONDS = 1.0


async def ended(tasks: Iterable[asyncio.Task[Any]]) -> list[BaseException | None]:
    """Cancel tasks until each has ended; how each did: its error, or None.

    A cancellation that meets a database connection just as it breaks can come out as that connection's error, which a loop
    that lives through errors takes for one more of them; one that meets the end of what `wait_for` waits for is lost
    (Python 3.11). The task is then cancelled again.
    """
    every = list(tasks)
    left = set(every)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_SECONDS)
    return [None if task.cancelled() else task.exception() for task in every]
