"""A house with electricity for tests: three flats, a move, a station below a flat, a roof."""

import random
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from app.audit.model import Actor
from app.billing.energy_draft import freeze
from app.billing.energy_issue import Run, run_of
from app.database.transaction import as_owner, execute, fetch, fetchval, in_account
from app.kernel.errors import Refused
from app.metering.quarters import create_meter, store_day
from app.tariffs.commands import change_rate
from app.tariffs.energy_rules import quarter_count
from app.tariffs.model import Component, HighHours, Rate
from tests.billing import oracle
from tests.charging.house import House, make_house

ZONE = "Europe/Zurich"
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)  # with the day of 92 quarter-hours
NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)
LEFT, ENTERS = date(2026, 3, 12), date(2026, 3, 20)
HIGH_HOURS = (HighHours((1, 2, 3, 4, 5), time(7), time(20)), HighHours((6,), time(7), time(13)))
RATE = Rate(
    solution="electricity", vat_included=False, high_hours=HIGH_HOURS,
    components=(
        Component(dimension="kwh", origin="solar", unit_price=Decimal("0.2017")),
        Component(dimension="kwh", origin="grid", band="high", unit_price=Decimal("0.2873")),
        Component(dimension="kwh", origin="grid", band="low", unit_price=Decimal("0.1981")),
        Component(dimension="month", unit_price=Decimal("9.50")),
    ),
)  # fmt: skip
TERMS = [oracle.Terms(date(2020, 1, 1), 201_700, 287_300, 198_100, 9_500_000, 0)]
CH = [(date(2024, 1, 1), 81)]


class Desk(msgspec.Struct):
    """Three flats: Anna's with a charging station below it, Ben's with priority, and one that changes hands."""

    house: House
    actor: Actor
    owner: UUID
    days: dict[str, list[int]]
    meters: dict[str, UUID]

    async def rows(self, sql: str, *args: Any) -> list[Any]:
        async with in_account(self.house.account_id):
            return await fetch(sql, *args)

    async def freeze(self, first: date = FIRST, last: date = LAST, now: datetime = NOW) -> Run:
        run_id = await freeze(self.actor, self.house.site_id, first, last, now)
        async with in_account(self.house.account_id):
            return await run_of(run_id)

    async def store(self, name: str, first: date, last: date, wh: list[int | None], now: datetime = NOW) -> list[bool]:
        stored, at, day = [], 0, first
        while day <= last:
            count = quarter_count(day, ZONE)
            stored.append(await store_day(self.house.account_id, self.meters[name], day, wh[at : at + count], now))
            at, day = at + count, day + timedelta(days=1)
        return stored


@pytest.fixture
async def desk(database: str) -> Desk:
    house = await make_house(since=date(2026, 1, 1))
    actor = Actor(account_id=house.account_id, name="Olga")
    async with as_owner():
        owner, changing = house.stranger, await fetchval("SELECT id FROM billing_point WHERE name = 'left'")
        await execute("DELETE FROM occupancy WHERE billing_point_id = $1", changing)
        await execute("INSERT INTO owner_terms (account_id, site_id, owner_id, period) VALUES ($1, $2, $3, $4)",
                      house.account_id, house.site_id, owner, asyncpg.Range(date(2020, 1, 1), None))  # fmt: skip
        for person, span, gap in (
            (house.left, asyncpg.Range(date(2026, 1, 1), LEFT + timedelta(1)), False), (owner, asyncpg.Range(LEFT + timedelta(1), ENTERS), True),
            (house.ben, asyncpg.Range(ENTERS, None), False),
        ):  # fmt: skip
            await execute("INSERT INTO occupancy (account_id, billing_point_id, person_id, period, vacancy) VALUES ($1, $2, $3, $4, $5)",
                          house.account_id, changing, person, span, gap)  # fmt: skip
        await execute("UPDATE billing_point SET priority = 1 WHERE id = $1", house.flat_ben)
    await change_rate(actor, house.site_id, date(2026, 1, 1), RATE, NOW)
    made = Desk(house, actor, owner, {}, {})
    for name, point, above in (("anna", house.flat_anna, None), ("ben", house.flat_ben, None), ("left", changing, None),
                               ("car", house.flat_anna, "anna"), ("roof", None, None)):  # fmt: skip
        made.meters[name] = await create_meter(actor, house.site_id, "production" if point is None else "use", f"M-{name}", NOW,
                                               billing_point_id=point, parent_id=None if above is None else made.meters[above])  # fmt: skip
    dice, local = random.Random(7), oracle.quarters(FIRST, LAST, ZONE)
    for name in ("anna", "ben", "left"):
        made.days[name] = [dice.randrange(400) for _ in local]
    made.days["car"] = [wh // 2 for wh in made.days["anna"]]  # inside Anna's own meter
    made.days["roof"] = [dice.randrange(1500) if 8 <= at.hour < 18 else 0 for at in local]
    for name, wh in made.days.items():
        assert all(await made.store(name, FIRST, LAST, list(wh)))
    return made


async def refusal(work: Any) -> str:
    with pytest.raises(Refused) as refused:
        await work
    return refused.value.code


def expected(desk: Desk) -> dict[tuple[UUID, date], tuple[int, int]]:
    """(net, VAT) by person and first day, from the oracle. The car's energy is in Anna's meter and counts once."""
    local = oracle.quarters(FIRST, LAST, ZONE)
    names, priorities = ["anna", "ben", "left"], [0, 1, 0]
    shares = [oracle.share(desk.days["roof"][n], [desk.days[name][n] for name in names], priorities) for n in range(len(local))]
    house, always = desk.house, (date(2000, 1, 1), date(2100, 1, 1))
    stays = {"anna": [(house.anna, *always)], "ben": [(house.ben, *always)],
             "left": [(house.left, always[0], LEFT), (desk.owner, LEFT + timedelta(1), ENTERS - timedelta(1)), (house.ben, ENTERS, always[1])]}  # fmt: skip
    found = {}
    for place, name in enumerate(names):
        solar = [share[place] for share in shares]
        grid = [wh - sun for wh, sun in zip(desk.days[name], solar, strict=True)]
        spans = [(first, last) for _, first, last in stays[name]]
        for mine, (person, first, _) in enumerate(stays[name]):
            net, vat, _, _ = oracle.bill(local, solar, grid, TERMS, CH, spans, mine, FIRST, LAST)
            found[(person, max(first, FIRST))] = (net, vat)
    return found
