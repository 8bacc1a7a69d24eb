"""Answers in memory: only one's own, only while the database is heard, gone as soon as something has changed."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import date
from typing import Any

import asyncpg

from app.billing.kept_answers import KeptAnswers
from app.database.changes import Changes
from app.database.transaction import as_owner, execute
from app.kernel.tasks import ended
from tests.billing.test_series import Look, look

__all__ = ["look"]


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


async def test_a_kept_answer_is_nobody_elses_and_gives_way_as_soon_as_something_has_changed(look: Look, dsn: str) -> None:
    changes, day = Changes(), date(2026, 11, 10)
    app = look.client._transport.app  # type: ignore[attr-defined]
    app.state.kept = KeptAnswers(changes)
    await look.day("FLAT-1", day, 100)
    asked = {"first": day, "last": day}

    async def totals(role: str = "resident") -> list[Any]:
        return [one["total"] for one in await look.pieces("/api/usage/series", role, **asked)]

    assert await totals() == [9600] and not app.state.kept._kept  # nobody listens: nothing is kept
    task = asyncio.create_task(changes.listen(dsn))
    try:
        await until(lambda: changes.mark(look.account) is not None)
        assert await totals() == await totals() == [9600]
        [(_, body)] = app.state.kept._kept.values()
        app.state.kept._kept = OrderedDict((key, (one[0], body.replace(b"9600", b"1"))) for key, one in app.state.kept._kept.items())
        assert await totals() == [1] and await totals("former_resident") == [None]
        for change, expected in ((look.day("FLAT-1", day, 200), 19_200), (moved_out(look), None)):
            mark = changes.mark(look.account)
            await change
            await until(lambda mark=mark: changes.mark(look.account) != mark)
            while (found := await totals()) != [expected]:  # the day is validated on view, which is a change of its own
                assert found in ([19_200], [9600])
        line = await asyncpg.connect(dsn)
        await line.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_notify%' AND pid <> pg_backend_pid()"
        )
        await line.close()
        await until(lambda: changes.mark(look.account) is None)
        assert await totals() == [None]
    finally:
        await ended([task])


async def moved_out(look: Look) -> None:
    async with as_owner():
        await execute("UPDATE occupancy SET period = daterange(lower(period), '2026-11-01') WHERE billing_point_id = $1 AND upper(period) IS NULL",
                      look.points[0])  # fmt: skip
