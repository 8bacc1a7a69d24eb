"""Two who change a house's meters at once wait for one another, and never each for the other."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import asyncpg
import pytest

from app.metering import equipment
from app.metering.meter_change import MeterChange, change_meter
from tests.metering.test_equipment import NOW, Desk, desk
from tests.ocpp_server.test_keys import somebody_waits

__all__ = ["desk"]
DAY = date(2026, 5, 1)
ACTS: dict[str, Callable[[Desk, Any], Awaitable[Any]]] = {
    "link": lambda desk, meter: equipment.link(desk.actor, meter, desk.house.flat_ben, DAY, NOW),
    "change": lambda desk, meter: change_meter(desk.actor, meter, MeterChange(version=1, name="Cellar"), NOW),
    "replace": lambda desk, meter: equipment.replace(desk.actor, meter, "NEW-1", DAY, NOW),
}


@pytest.mark.parametrize("act", list(ACTS))
async def test_a_meter_is_changed_after_who_stores_its_days_under_the_sites_lock(desk: Desk, database: str, act: str) -> None:
    meter = await desk.add("M-1", billing_point_id=desk.house.flat_anna, installed_on=date(2026, 1, 1))
    storing = await asyncpg.connect(database)
    async with storing.transaction():
        await storing.execute("SELECT 1 FROM site WHERE id = $1 FOR UPDATE", desk.house.site_id)
        changing = asyncio.ensure_future(ACTS[act](desk, meter))
        await somebody_waits(database)
        await storing.execute("SELECT 1 FROM meter WHERE id = $1 FOR KEY SHARE", meter)  # as every row that names the meter does
    await storing.close()
    await changing
