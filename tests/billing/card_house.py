"""The demo house with a double of Stripe, over HTTP, and a guest who charges there."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from app.billing.commands import run_month
from app.charging.model import StartAnswer, StartReport, Station, StopReport
from app.charging.transactions import end_session, start_session
from app.database.engine import close_database, open_database
from app.database.transaction import as_owner, execute, fetchrow
from app.kernel.sealing import unseal
from app.kernel.settings import Settings, settings_from
from app.main import create_app
from app.worker import Worker
from infra.demo.seed import Shape, seed
from tests.stripe_double import SECRET, StripeDouble, stripe_double

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
HOLD = 5000


class House:
    """The application, its worker's commands, and Stripe."""

    def __init__(self, client: httpx.AsyncClient, described: dict[str, Any], settings: Settings, stripe: StripeDouble) -> None:
        self.client, self.described, self.settings, self.stripe = client, described, settings, stripe
        self.now = NOW
        self.worker = Worker(settings, lambda: self.now, None)
        self.seen = 0

    async def call(self, method: str, path: str, role: str | None = "resident", account: int = 0, **body: Any) -> Any:
        headers = {"authorization": "Bearer none"}
        if role is not None:
            login = next(one for one in self.described["accounts"][account]["logins"] if one["role"] == role)
            headers = {"authorization": f"Bearer {login['token']}"}
        else:
            page = await self.client.get("/health")
            token = page.cookies.get("csrftoken") or self.client.cookies.get("csrftoken") or ""
            headers = {"x-csrftoken": token}
        found = await self.client.request(method, path, headers=headers, json=body or None)
        return found.json() if "json" in found.headers.get("content-type", "") else found

    async def tell(self, event: dict[str, Any]) -> httpx.Response:
        body, signature = self.stripe.signed(event)
        return await self.client.post("/api/stripe", content=body, headers={"stripe-signature": signature})

    async def work(self) -> None:
        """Do what the queue holds, until it holds nothing that is due."""
        for _ in range(20):
            jobs = await self.jobs()
            for job in jobs:
                args = json.loads(job["args"]) if isinstance(job["args"], str) else job["args"]
                await self.worker.table()[job["task_name"]](**args)
            if not jobs:
                return

    async def jobs(self) -> list[Any]:
        """What is due in the queue and was not looked at before."""
        queue = await asyncpg.connect(self.settings.database_url)
        due = "SELECT task_name, args, id FROM procrastinate.procrastinate_jobs WHERE scheduled_at IS NULL AND id > $1 ORDER BY id"
        try:
            found = list(await queue.fetch(due, self.seen))
            self.seen = max([self.seen, *[job["id"] for job in found]])
            return found
        finally:
            await queue.close()

    async def one(self, sql: str, *args: Any) -> Any:
        async with as_owner():
            return await fetchrow(sql, *args)

    async def bill(self) -> dict[str, Any]:
        return next(bill for bill in await self.call("GET", "/api/bills") if bill["open_minor"] > 0)

    async def station(self) -> Station:
        row = await self.one("SELECT * FROM station WHERE identity = 'DEMO-1'")
        return Station(**{name: row[name] for name in Station.__struct_fields__ if name in row})


@pytest.fixture
async def house(dsn: str, tmp_path: Path) -> AsyncIterator[House]:
    with stripe_double() as stripe:
        settings = settings_from({
            "DATABASE_URL": dsn, "HOFSTROM_DATA": str(tmp_path), "HOFSTROM_SECRET_KEY": "s" * 40, "STRIPE_SECRET_KEY": f"sk_{uuid4().hex}",
            "STRIPE_WEBHOOK_SECRET": SECRET, "STRIPE_API_BASE": stripe.url,
        })  # fmt: skip
        await open_database(dsn)
        described = await seed(settings, NOW, Shape(months=2))
        app = create_app(settings, lambda: made.now)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://haus.example") as client:
            made = House(client, described, settings, stripe)
            site = UUID(described["accounts"][0]["sites"][0]["id"])
            await run_month(UUID(described["accounts"][0]["id"]), site, date(2026, 10, 1), NOW)
            async with as_owner():
                await execute("UPDATE station SET online = true, registered = true")
                await execute("UPDATE connector SET status = 'Preparing'")
            await made.jobs()
            yield made
        await close_database()


class Guest:
    """A guest's charge from the code on the sticker."""

    def __init__(self, house: House) -> None:
        self.house, self.key = house, str(uuid4())
        self.link, self.session = "", {}
        self.answer: StartAnswer | None = None

    async def ask(self) -> "Guest":
        station = (await self.house.station()).id
        await self.house.call("PUT", f"/api/stations/{station}/guests", "operator", hold_minor=HOLD)
        asked = await self.house.call("POST", "/api/c/DEMO1X/guest", None, idempotency_key=self.key, email="gast@example.org", locale="de")
        self.link = asked["link"].removeprefix("/g/")
        self.session = self.house.stripe.objects.get(asked["url"].rpartition("/")[2], self.session)
        return self

    async def begin(self) -> dict[str, Any]:
        """Back from Stripe, long enough after the last time for it to be asked."""
        async with as_owner():
            await execute("UPDATE guest_charge SET looked_at = NULL")
        await self.house.call("POST", f"/api/guests/{self.link}/begin", None)
        await self.house.work()
        return await self.see()

    async def see(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.house.call("GET", f"/api/guests/{self.link}", None)
        return found

    async def charge(self, energy_wh: int) -> None:
        """The station does what it was asked, with the tag that it was given."""
        station, number = await self.plug_in()
        await self.stop(station, number, energy_wh)

    async def stop(self, station: Station, number: int, energy_wh: int) -> None:
        """The charge ends."""
        over = StopReport(transaction_no=number, id_tag=None, meter_stop_wh=9_000_000 + energy_wh, stopped_at=NOW + timedelta(hours=2),
                          reason=None, body="{}")  # fmt: skip
        await end_session(station, over, "g2", [], NOW + timedelta(hours=2))

    async def plug_in(self) -> tuple[Station, int]:
        """The charge begins."""
        station = await self.house.station()
        sealed = await self.house.one(
            "SELECT id, sealed FROM station_command WHERE action = 'RemoteStart' ORDER BY created_at DESC LIMIT 1"
        )
        opened = json.loads(unseal(self.house.settings.secret_key, "station command", sealed["sealed"], sealed["id"].bytes))
        begun = StartReport(
            connector_no=1, id_tag=opened["tag"], meter_start_wh=9_000_000, started_at=NOW, started_raw=NOW.isoformat(), body="{}"
        )
        self.answer = (await start_session(station, begun, "g1", self.house.settings.secret_key, NOW))[0]
        return station, self.answer.transaction_no

    @property
    def intent(self) -> dict[str, Any]:
        return self.house.stripe.objects[self.session["payment_intent"]]
