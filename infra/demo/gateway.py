"""The demo house's gateway: two years of past readings, then indexes every minute, kept while the server is away and sent in order.

What a meter shows is a function of the time alone, so past and present fit together however often this starts.
"""

import asyncio
import base64
import gzip
import itertools
import json
import urllib.error
import urllib.request
from collections import deque
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import numpy as np
import structlog

from app.audit.model import Actor
from app.database.engine import close_database, open_database
from app.database.transaction import as_owner, execute, fetch, fetchval
from app.kernel.calendar import local_date, local_midnight
from app.kernel.clock import utc_now
from app.kernel.identifiers import keyed_hash, new_id, token_hash
from app.kernel.settings import Settings
from app.metering.allocation_rules import allocate
from app.metering.quarters import create_meter
from app.metering.reading_rules import QUARTER_S, Times
from app.metering.validation import edges_of
from infra.demo.houses import PLANS, HousePlan

log = structlog.get_logger()
ZONE = "Europe/Zurich"
YEARS = timedelta(days=731)
BUFFER = 7 * 24 * 60 * 16  # a week of minutes of sixteen meters
EVERY_S = 60
MOST = 5_000
KEEP = """
INSERT INTO quarter_day (account_id, meter_id, day, wh, received_at)
SELECT $1, $2, n.day, n.wh, $3 FROM unnest($4::date[], $5::bytea[]) AS n (day, wh) ON CONFLICT DO NOTHING
"""
VALIDATED = """
INSERT INTO validated_day (account_id, meter_id, day, imported, exported, final, validated_at)
SELECT $1, $2, n.day, n.wh, n.sold, true, $3 FROM unnest($4::date[], $5::bytea[], $6::bytea[]) AS n (day, wh, sold) ON CONFLICT DO NOTHING
"""
SHARED = """
INSERT INTO point_day (account_id, billing_point_id, day, used, solar)
SELECT $1, $2, n.day, n.used, n.solar FROM unnest($3::date[], $4::bytea[], $5::bytea[]) AS n (day, used, solar) ON CONFLICT DO NOTHING
"""


class DemoMeter(msgspec.Struct, frozen=True):
    """A meter of the demo: what it measures, and for whom (a place's number, or nobody)."""

    serial: str
    kind: str
    medium: str
    place: int | None
    seed: int


def meters_of(plan: HousePlan, places: int) -> list[DemoMeter]:
    """The meters of a demo house: four kinds a flat, the roof, and the entry."""
    letter = plan.short[0].upper()
    found = [
        DemoMeter(f"{letter}-PV", "production", "electricity", None, 900),
        DemoMeter(f"{letter}-GRID", "entry", "electricity", None, 901),
    ]
    for place in range(places):
        for medium, short in (("electricity", "EL"), ("heat", "TH"), ("hot_water", "HW"), ("cold_water", "CW")):
            found.append(DemoMeter(f"{letter}-{short}-{place + 1}", "use", medium, place, place * 7 + len(medium)))
    return found


def amounts(meter: DemoMeter, starts: Times) -> Times:
    """What a meter counts in the quarter-hours that begin at `starts`: Wh, or litres."""
    hour = (starts // QUARTER_S + 4) % 96 / 4  # about the local hour
    season = np.cos(2 * np.pi * ((starts // 86_400 + 8) % 365.25) / 365.25)  # 1 in early January, -1 in July
    mixed = (starts // QUARTER_S * 2_654_435_761 + meter.seed * 40_503) % 4_294_967_296
    dice = (mixed ^ (mixed >> 15)) % 1000 / 1000
    morning, evening = np.exp(-((hour - 7.5) ** 2) / 3), np.exp(-((hour - 19.5) ** 2) / 6)
    if meter.kind == "production":
        clouds = ((starts // 86_400 * 7_919 + 13) % 97) / 97
        sun = np.maximum(np.cos((hour - 13) / (8 - 1.6 * season) * np.pi / 1.15), 0)
        return (2600 * sun * (0.62 - 0.33 * season) * (0.25 + 0.75 * clouds) * (0.9 + 0.1 * dice)).astype(np.int64)
    if meter.medium == "electricity":
        return (30 + (60 + 120 * dice) * morning + (90 + 260 * dice) * evening + 14 * season + 60 * (dice > 0.97)).astype(np.int64)
    if meter.medium == "heat":
        return (np.maximum(season + 0.35, 0) * (170 + 240 * morning + 120 * evening) * (0.8 + 0.4 * dice)).astype(np.int64)
    factor = 3 if meter.medium == "hot_water" else 6
    return (factor * (morning + evening) * (dice > 0.55) * (1 + dice)).astype(np.int64)


class DemoHouse(msgspec.Struct):
    """A house's meters, ids and the token of its gateway."""

    account_id: UUID
    site_id: UUID
    token: str
    meters: list[DemoMeter]
    points: list[UUID]
    began: int

    def series(self, edges: Times) -> dict[str, tuple[Times, Times | None]]:
        """(imported, exported) of every meter; the entry has what the flats and the roof leave over."""
        starts = edges[:-1]
        found: dict[str, tuple[Times, Times | None]] = {one.serial: (amounts(one, starts), None) for one in self.meters}
        used = sum((found[one.serial][0] for one in self.meters if (one.kind, one.medium) == ("use", "electricity")), np.zeros_like(starts))
        made = next(found[one.serial][0] for one in self.meters if one.kind == "production")
        entry = next(one.serial for one in self.meters if one.kind == "entry")
        found[entry] = (np.maximum(used - made, 0), np.maximum(made - used, 0))
        return found

    def readings(self, now: datetime, quarters: int) -> list[dict[str, Any]]:
        """The indexes of the last quarter-hours, and those of this minute; heat and water, on M-Bus, are read at midnight alone."""
        last = int(now.timestamp()) // QUARTER_S * QUARTER_S
        edges = np.arange(self.began, last + 2 * QUARTER_S, QUARTER_S, dtype=np.int64)
        done = int(now.timestamp()) - last
        m_bus = {one.serial for one in self.meters if one.medium != "electricity"}
        today = local_date(now, ZONE)
        midnights = {int(local_midnight(today - timedelta(days=n), ZONE).timestamp()) for n in range(quarters // 92 + 1)}
        found = []
        for serial, (imported, exported) in self.series(edges).items():
            bought, sold = [None if one is None else np.concatenate([[0], np.cumsum(one)]) for one in (imported, exported)]
            if bought is None:
                continue
            places = list(range(max(0, len(edges) - 2 - quarters), len(edges) - 1))
            if serial in m_bus:
                places = [n for n, at in enumerate(edges) if int(at) in midnights]
            rows = [(int(edges[n]), int(bought[n]), None if sold is None else int(sold[n])) for n in places]
            if done >= EVERY_S and serial not in m_bus:
                part = [None if one is None else int(one[-2] + (one[-1] - one[-2]) * done // QUARTER_S) for one in (bought, sold)]
                rows.append((last + done, part[0] or 0, part[1]))
            for at, into, out in rows:
                one = {"meter": serial, "at": datetime.fromtimestamp(at, UTC).isoformat(), "import": into}
                found.append(one if out is None else {**one, "export": out})
        return sorted(found, key=lambda one: one["at"])

    def moment(self, now: datetime) -> list[dict[str, Any]]:
        """Power and voltage per phase of every electricity meter; what goes to the grid is negative."""
        start = int(now.timestamp()) // QUARTER_S * QUARTER_S
        found = []
        for one in self.meters:
            if one.medium != "electricity":
                continue
            imported, exported = self.series(np.array([start, start + QUARTER_S], dtype=np.int64))[one.serial]
            watts = 4 * int(imported[0] - (0 if exported is None else exported[0])) * (-1 if one.kind == "production" else 1)
            phases = [watts * share // 10 for share in (4, 3, 3)]
            volts = [231_000 + (start // 60 * 37 + one.seed * 101 + phase * 700) % 4_000 for phase in range(3)]
            found.append({"meter": one.serial, "at": now.isoformat(), "power_w": phases, "voltage_mv": volts})
        return found


async def prepared(settings: Settings, plan: HousePlan, now: datetime) -> DemoHouse | None:
    """The house with its meters, its gateway's token and its past. Safe to repeat."""
    async with as_owner():
        account = await fetchval("SELECT id FROM account WHERE name = $1", plan.account)
        site = await fetchval("SELECT id FROM site WHERE account_id = $1 ORDER BY id LIMIT 1", account)
        points = [row["id"] for row in await fetch("SELECT id FROM billing_point WHERE site_id = $1 ORDER BY name LIMIT 3", site)]
    if not points:
        return None
    token = base64.urlsafe_b64encode(keyed_hash(settings.secret_key, f"demo-gateway:{plan.short}")).decode().rstrip("=")
    first = local_date(now, ZONE) - YEARS
    house = DemoHouse(account, site, token, meters_of(plan, len(points)), points, int(edges_of(first, first, ZONE)[0][0]))
    ids = {one.serial: await _meter(house, one, now) for one in house.meters}
    async with as_owner():
        await execute("INSERT INTO gateway_token (account_id, id, site_id, name, token_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6)"
                      " ON CONFLICT DO NOTHING", account, new_id(), site, "Gateway Keller", token_hash(token), now)  # fmt: skip
        known = await fetchval(
            "SELECT min(extract(epoch FROM taken_at))::bigint FROM index_reading WHERE meter_id = $1", ids[house.meters[0].serial]
        )
        if known is None:
            await _past(house, ids, first, local_date(now, ZONE) - timedelta(days=1), now)
        began = await fetchval("SELECT min(day) FROM quarter_day WHERE meter_id = $1", ids[house.meters[0].serial])
    house.began = int(edges_of(began or first, began or first, ZONE)[0][0])
    return house


async def _meter(house: DemoHouse, meter: DemoMeter, now: datetime) -> UUID:
    actor = Actor(account_id=house.account_id, name="Hofstrom")
    point = None if meter.place is None else house.points[meter.place]
    made = await create_meter(actor, house.site_id, meter.kind, meter.serial, now, billing_point_id=point)  # type: ignore[arg-type]
    async with as_owner():
        await execute("UPDATE meter SET medium = $2 WHERE id = $1 AND medium <> $2", made, meter.medium)
    return made


async def _past(house: DemoHouse, ids: dict[str, UUID], first: date, last: date, now: datetime) -> None:
    """Whole days as they stand after validation; the shares are made by the rule of the bills."""
    edges, starts = edges_of(first, last, ZONE)
    days = [first + timedelta(days=n) for n in range(len(starts) - 1)]

    def packed(wh: Times) -> list[bytes]:
        small = wh.astype("<i4")
        return [small[low:high].tobytes() for low, high in itertools.pairwise(starts)]

    series = house.series(edges)
    for serial, (imported, exported) in series.items():
        whole = packed(imported)
        await execute(KEEP, house.account_id, ids[serial], now, days, whole)
        await execute(
            VALIDATED, house.account_id, ids[serial], now, days, whole, [None] * len(days) if exported is None else packed(exported)
        )
    use = np.array([series[one.serial][0] for one in house.meters if (one.kind, one.medium) == ("use", "electricity")])
    made = next(series[one.serial][0] for one in house.meters if one.kind == "production")
    solar = allocate(made, use, [0] * len(use))
    for place, point in enumerate(house.points):
        await execute(SHARED, house.account_id, point, days, packed(use[place]), packed(solar[place]))


class Sender:
    """Readings on their way: what the server has not confirmed is kept, a week at most, and sent again in order."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = f"{url}/api/gateway", token
        self.queue: deque[dict[str, Any]] = deque(maxlen=BUFFER)

    async def send(self) -> bool:
        """Whether all that waited is stored."""
        while self.queue:
            batch = [self.queue[n] for n in range(min(MOST, len(self.queue)))]
            try:
                await asyncio.to_thread(self._post, "readings", {"readings": batch})
            except (OSError, ValueError) as error:
                log.info("gateway keeps readings", waiting=len(self.queue), error=str(error))
                return False
            for _ in batch:
                self.queue.popleft()
        return True

    async def tell(self, moment: list[dict[str, Any]]) -> None:
        """What the meters show now; nobody needs it later."""
        try:
            await asyncio.to_thread(self._post, "live", {"meters": moment})
        except (OSError, ValueError) as error:
            log.info("gateway is not heard", error=str(error))

    def _post(self, what: str, body: dict[str, Any]) -> Any:
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        content = json.dumps(body).encode()
        if what == "readings":
            headers["content-encoding"], content = "gzip", gzip.compress(content)
        request = urllib.request.Request(f"{self.url}/{what}", content, headers)  # noqa: S310 - ours
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)


async def _houses(settings: Settings) -> list[DemoHouse]:
    """The demo houses, as soon as the database answers."""
    while True:
        try:
            await open_database(settings.database_url)
            try:
                return [house for plan in PLANS if (house := await prepared(settings, plan, utc_now())) is not None]
            finally:
                await close_database()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("gateway waits for the database", error=str(error))
            await asyncio.sleep(5)


async def live(settings: Settings) -> None:
    """Both demo houses until cancelled."""
    url = f"http://{'127.0.0.1' if settings.host in ('0.0.0.0', '::') else settings.host}:{settings.http_port}"  # noqa: S104 - compared
    while not (settings.data / "ready.json").exists():  # noqa: ASYNC110 - another process writes it; the first ready waits for no past
        await asyncio.sleep(0.5)
    houses = await _houses(settings)
    senders = [Sender(url, house.token) for house in houses]
    began = local_midnight(local_date(utc_now(), ZONE) - timedelta(days=1), ZONE)  # from a midnight on: half a day would stand for a whole
    quarters = int((utc_now() - began).total_seconds()) // QUARTER_S
    while True:
        for house, sender in zip(houses, senders, strict=True):
            sender.queue.extend(house.readings(utc_now(), quarters))
            await sender.send()
            await sender.tell(house.moment(utc_now()))
        quarters = 1
        await asyncio.sleep(EVERY_S)
