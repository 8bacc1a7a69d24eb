"""Bills paid by card and guests' charges, over HTTP, with a real database and a double of Stripe; messages come as they like."""

import itertools
import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from app.billing import guests
from app.billing.commands import Credit, book_payment, run_month
from app.billing.stripe_gateway import Unavailable
from app.charging.model import StartReport, Station, StopReport
from app.charging.station_commands import give_up_overdue
from app.charging.transactions import end_session, start_session
from app.database.engine import close_database, open_database
from app.database.transaction import as_owner, execute, fetchrow, fetchval
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
        self.worker = Worker(settings, lambda: NOW, None)
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
        app = create_app(settings, lambda: NOW)
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


async def test_a_bill_is_paid_once_however_often_the_message_comes_and_in_whatever_order(house: House) -> None:
    bill = await house.bill()
    first, second = [await house.call("POST", f"/api/bills/{bill['id']}/card") for _ in range(2)]
    assert first == second  # one page a bill: two taps pay once
    session = house.stripe.objects[first["url"].rpartition("/")[2]]
    assert session["amount_total"] == bill["open_minor"]
    house.stripe.enter_card(session["id"])
    events = [*house.stripe.events, *house.stripe.events]
    random.Random(7).shuffle(events)
    fresh = [(await house.tell(event)).json()["new"] for event in events]
    assert fresh.count(True) == len(house.stripe.events)
    await house.work()
    paid = await house.call("GET", f"/api/bills/{bill['id']}")
    assert (paid["status"], paid["open_minor"]) == ("paid", 0)
    payment = session["success_url"].rpartition("=")[2]
    assert await house.call("POST", f"/api/bills/{bill['id']}/card/{payment}") == {"state": "paid"}
    booked = await house.one("SELECT count(*) AS n, sum(amount_minor) AS sum FROM ledger_posting WHERE ledger_account = 'clearing:cards'")
    assert (booked["n"], booked["sum"]) == (1, bill["open_minor"])
    assert (await house.call("POST", f"/api/bills/{bill['id']}/card"))["code"] == "nothing_open"


async def test_the_way_back_from_stripe_books_without_any_message_and_nobody_elses(house: House) -> None:
    bill = await house.bill()
    page = await house.call("POST", f"/api/bills/{bill['id']}/card")
    session = house.stripe.objects[page["url"].rpartition("/")[2]]
    payment = session["success_url"].rpartition("=")[2]
    assert await house.call("POST", f"/api/bills/{bill['id']}/card/{payment}") == {"state": "open"}
    house.stripe.enter_card(session["id"])
    assert (await house.call("POST", f"/api/bills/{bill['id']}/card/{payment}", account=1))["code"] == "not_found"
    assert await house.call("POST", f"/api/bills/{bill['id']}/card/{payment}") == {"state": "paid"}
    assert (await house.call("POST", f"/api/bills/{bill['id']}/card", account=1))["code"] == "not_found"


async def test_a_page_that_has_expired_gives_way_to_a_new_one_and_a_stripe_that_is_away_is_a_sentence(house: House) -> None:
    bill = await house.bill()
    old = await house.call("POST", f"/api/bills/{bill['id']}/card")
    house.stripe.expire(old["url"].rpartition("/")[2])
    new = await house.call("POST", f"/api/bills/{bill['id']}/card")
    assert new["url"] != old["url"]
    house.stripe.away = True
    assert (await house.call("POST", f"/api/bills/{bill['id']}/card"))["code"] == "cards_unavailable"


async def test_a_message_with_a_wrong_or_old_signature_is_refused_and_one_of_nothing_of_ours_is_left(house: House) -> None:
    event = {"id": "evt_x", "object": "event", "type": "payment_intent.succeeded", "data": {"object": {"id": "pi_x", "metadata": {}}}}
    body, signature = house.stripe.signed(event)
    refused = await house.client.post("/api/stripe", content=body + b" ", headers={"stripe-signature": signature})
    assert (refused.status_code, refused.json()["code"]) == (400, "bad_signature")
    body, old = house.stripe.signed(event, at=1_700_000_000)
    assert (await house.client.post("/api/stripe", content=body, headers={"stripe-signature": old})).json()["code"] == "bad_signature"
    assert (await house.client.post("/api/stripe", content=body)).json()["code"] == "bad_signature"
    assert (await house.tell(event)).json() == {"new": False}
    foreign = {"account": str(uuid4()), "about": "bill", "id": str(uuid4())}
    event["data"] = {"object": {"id": "pi_x", "metadata": foreign}}
    assert (await house.tell(event)).json() == {"new": False}


async def test_a_stored_card_pays_the_next_bill_by_itself_and_a_declined_one_leaves_it_open(house: House) -> None:
    page = await house.call("POST", "/api/cards")
    session = house.stripe.objects[page["url"].rpartition("/")[2]]
    house.stripe.enter_card(session["id"])
    card_id = session["success_url"].rpartition("=")[2]
    (card,) = await house.call("POST", f"/api/cards/{card_id}")
    assert (card["brand"], card["last4"], card["expires"]) == ("visa", "4242", "2031-04")
    bill = await house.bill()
    account = UUID(house.described["accounts"][0]["id"])
    house.stripe.declines = True
    async with as_owner():
        await fetchval("SELECT enqueue_job('BillIssued', $1::jsonb, NULL, NULL, NULL)",
                       json.dumps({"account_id": str(account), "invoice_id": bill["id"]}))  # fmt: skip
    await house.work()
    attempt = await house.one("SELECT state, failure FROM card_payment WHERE invoice_id = $1", UUID(bill["id"]))
    assert (attempt["state"], attempt["failure"]) == ("failed", "card_declined")
    assert (await house.call("GET", f"/api/bills/{bill['id']}"))["open_minor"] == bill["open_minor"]
    house.stripe.declines = False
    async with as_owner():
        await execute("DELETE FROM card_payment")
    for _ in range(2):
        await house.worker.bill_due_by_card(str(account), bill["id"])
    assert (await house.call("GET", f"/api/bills/{bill['id']}"))["status"] == "paid"
    await house.call("DELETE", f"/api/cards/{card['id']}")
    assert await house.call("GET", "/api/cards") == []


async def stored_card(house: House) -> str:
    page = await house.call("POST", "/api/cards")
    session = house.stripe.objects[page["url"].rpartition("/")[2]]
    house.stripe.enter_card(session["id"])
    card_id = session["success_url"].rpartition("=")[2]
    [card] = await house.call("POST", f"/api/cards/{card_id}")
    return str(card["id"])


async def charges(house: House) -> tuple[int, int]:
    """How often Stripe charged a stored card, and what is booked of cards."""
    asked = len([line for line in house.stripe.asked if line == "POST /v1/payment_intents"])
    booked = await house.one("SELECT coalesce(sum(amount_minor), 0) AS sum FROM ledger_posting WHERE ledger_account = 'clearing:cards'")
    return asked, int(booked["sum"])


async def test_a_stored_card_is_charged_once_also_when_stripe_has_forgotten_the_key_and_beside_no_page(house: House) -> None:
    await stored_card(house)
    bill, account = await house.bill(), house.described["accounts"][0]["id"]
    house.stripe.loses = True
    with pytest.raises(Unavailable):
        await house.worker.bill_due_by_card(account, bill["id"])
    house.stripe.loses = False
    house.stripe.answers.clear()  # a day has passed
    assert (await house.call("POST", f"/api/bills/{bill['id']}/card"))["code"] == "payment_running"
    await house.worker.bill_due_by_card(account, bill["id"])
    assert await charges(house) == (1, bill["open_minor"])
    assert (await house.one("SELECT state FROM card_payment"))["state"] == "paid"


async def test_an_attempt_whose_card_is_gone_ends_and_leaves_the_bill_to_be_paid_otherwise(house: House) -> None:
    card = await stored_card(house)
    bill, account = await house.bill(), house.described["accounts"][0]["id"]
    house.stripe.away = True
    with pytest.raises(Unavailable):
        await house.worker.bill_due_by_card(account, bill["id"])
    house.stripe.away = False
    await house.call("DELETE", f"/api/cards/{card}")
    await house.worker.bill_due_by_card(account, bill["id"])
    assert dict(await house.one("SELECT state, failure FROM card_payment")) == {"state": "failed", "failure": "card_removed"}
    assert await charges(house) == (0, 0) and "url" in await house.call("POST", f"/api/bills/{bill['id']}/card")


async def test_money_by_a_page_that_another_one_stands_in_place_of_is_booked_as_well(house: House) -> None:
    bill, account = await house.bill(), UUID(house.described["accounts"][0]["id"])
    old = await house.call("POST", f"/api/bills/{bill['id']}/card")
    part = Credit(bank_reference="b1", received_on=NOW.date(), amount_minor=100, currency="CHF",
                  reference=(await house.one("SELECT reference FROM invoice WHERE id = $1", UUID(bill["id"])))["reference"])  # fmt: skip
    await book_payment(account, part, NOW)
    new = await house.call("POST", f"/api/bills/{bill['id']}/card")
    assert new["url"] != old["url"]
    for page in (old, new):
        house.stripe.enter_card(page["url"].rpartition("/")[2])
    for event in [*house.stripe.events, *house.stripe.events]:
        await house.tell(event)
    await house.work()
    assert await charges(house) == (0, bill["open_minor"] + bill["open_minor"] - 100)
    assert await house.one("SELECT 1 FROM card_payment WHERE state <> 'paid'") is None


class Guest:
    """A guest's charge from the code on the sticker."""

    def __init__(self, house: House) -> None:
        self.house, self.key = house, str(uuid4())
        self.link, self.session = "", {}

    async def ask(self) -> "Guest":
        station = (await self.house.station()).id
        await self.house.call("PUT", f"/api/stations/{station}/guests", "operator", hold_minor=HOLD)
        asked = await self.house.call("POST", "/api/c/DEMO1X/guest", None, idempotency_key=self.key, email="gast@example.org", locale="de")
        self.link = asked["link"].removeprefix("/g/")
        self.session = self.house.stripe.objects.get(asked["url"].rpartition("/")[2], self.session)
        return self

    async def begin(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.house.call("POST", f"/api/guests/{self.link}/begin", None)
        return found

    async def see(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.house.call("GET", f"/api/guests/{self.link}", None)
        return found

    async def charge(self, energy_wh: int) -> None:
        """The station does what it was asked, with the tag that it was given."""
        station, number = await self.plug_in()
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
        number = (await start_session(station, begun, "g1", self.house.settings.secret_key, NOW))[0].transaction_no
        assert number is not None
        return station, number

    @property
    def intent(self) -> dict[str, Any]:
        return self.house.stripe.objects[self.session["payment_intent"]]


async def test_a_guest_sees_the_price_has_the_most_held_and_pays_once_what_the_final_record_says(house: House) -> None:
    assert (await house.call("GET", "/api/c/DEMO1X", None))["guest_hold_minor"] is None
    guest = await Guest(house).ask()
    place = await house.call("GET", "/api/c/DEMO1X", None)
    assert place["guest_hold_minor"] == HOLD and place["price"]["components"]
    assert (guest.session["amount_total"], guest.session["capture"]) == (HOLD, "manual")
    assert (await guest.begin())["state"] == "asked"  # no card, no start
    assert not await house.one("SELECT 1 FROM charge_request WHERE class = 'external'")
    house.stripe.enter_card(guest.session["id"])
    assert [(await guest.begin())["state"] for _ in range(2)] == ["starting", "starting"]
    await guest.charge(12_345)
    await house.work()
    seen = await guest.see()
    assert seen["state"] == "paid" and seen["session"]["cost"]["final"]
    gross = seen["session"]["cost"]["gross_minor"]
    assert 0 < gross < HOLD and guest.intent["amount_received"] == gross
    charge = await house.one("SELECT class, gross_minor, billing_point_id FROM charge ORDER BY created_at DESC LIMIT 1")
    assert (charge["class"], charge["gross_minor"], charge["billing_point_id"]) == ("external", gross, None)
    for event in itertools.chain(list(house.stripe.events), list(house.stripe.events)):
        await house.tell(event)
    await house.work()
    captures = [line for line in house.stripe.asked if line.endswith("/capture")]
    booked = await house.one("SELECT count(*) AS n, sum(amount_minor) AS sum FROM ledger_posting WHERE ledger_account = 'clearing:cards'")
    assert len(captures) == 1 and (booked["n"], booked["sum"]) == (1, gross)
    receipt = await house.call("GET", f"/api/guests/{guest.link}/receipt", None)
    assert receipt.content.startswith(b"%PDF")
    assert (await house.call("GET", f"/api/guests/{'0' * 64}", None))["code"] == "not_found"


async def test_a_start_that_fails_or_never_comes_gives_the_hold_free_and_nothing_is_taken(house: House) -> None:
    guest = await Guest(house).ask()
    house.stripe.enter_card(guest.session["id"])
    await guest.begin()
    async with as_owner():
        await execute("UPDATE charge_request SET state = 'refused', reason = 'refused', changed_at = $1 WHERE class = 'external'", NOW)
    await guests.tend(UUID(house.described["accounts"][0]["id"]), NOW)
    await house.work()
    seen = await guest.see()
    assert (seen["state"], seen["reason"], seen["receipt"]) == ("released", "refused", None)
    assert guest.intent["status"] == "canceled"
    assert not [line for line in house.stripe.asked if line.endswith("/capture")]


async def test_a_place_that_was_taken_meanwhile_gives_the_hold_free_at_once(house: House) -> None:
    guest = await Guest(house).ask()
    house.stripe.enter_card(guest.session["id"])
    async with as_owner():
        await execute("UPDATE station SET online = false")
    assert (await guest.begin())["state"] == "release_due"
    await house.work()
    assert ((await guest.see())["state"], guest.intent["status"]) == ("released", "canceled")
    refused = await house.call("POST", "/api/c/DEMO1X/guest", None, idempotency_key=str(uuid4()))
    assert refused["code"] == "station_offline"


async def test_a_charge_costs_a_guest_never_more_than_was_held_and_the_rest_is_a_line_that_takes_it_off(house: House) -> None:
    guest = await Guest(house).ask()
    station = (await house.station()).id
    house.stripe.enter_card(guest.session["id"])
    await guest.begin()
    async with as_owner():
        await execute("UPDATE guest_charge SET hold_minor = 300")
    await guest.charge(20_000)
    await house.work()
    seen = await guest.see()
    assert (seen["session"]["cost"]["gross_minor"], guest.intent["amount_received"]) == (300, 300)
    assert min(line["amount_minor"] for line in seen["session"]["lines"]) < 0
    assert await house.call("GET", f"/api/stations/{station}/guests", "operator") == {"hold_minor": HOLD, "currency": "CHF"}
    await house.call("PUT", f"/api/stations/{station}/guests", "operator", hold_minor=None)
    assert (await house.call("GET", f"/api/stations/{station}/guests", "operator"))["hold_minor"] is None
    refused = await house.call("POST", "/api/c/DEMO1X/guest", None, idempotency_key=str(uuid4()))
    assert refused["code"] == "guests_not_allowed"


async def test_less_than_a_card_pays_is_written_off_and_the_hold_given_free(house: House) -> None:
    guest = await Guest(house).ask()
    house.stripe.enter_card(guest.session["id"])
    await guest.begin()
    async with as_owner():
        await execute("UPDATE guest_charge SET hold_minor = 49")  # the most that it costs
    await guest.charge(12_345)
    await house.work()
    account = UUID(house.described["accounts"][0]["id"])
    async with as_owner():
        session = await fetchval("SELECT x.id FROM charging_session x JOIN guest_charge g ON g.request_id = x.request_id")
    await guests.finish(account, session, NOW)
    seen = await guest.see()
    assert (seen["state"], seen["reason"], seen["receipt"]) == ("released", "below_minimum", None)
    assert guest.intent["status"] == "canceled"
    assert not [line for line in house.stripe.asked if line.endswith("/capture")]
    lost = await house.one("SELECT count(*) AS n, sum(p.amount_minor) FILTER (WHERE p.amount_minor > 0) AS sum, sum(p.amount_minor) FILTER"
                           " (WHERE p.ledger_account = 'loss:below_card_minimum') AS loss FROM ledger_posting p JOIN ledger_entry e"
                           " ON e.id = p.entry_id WHERE e.source_key LIKE 'write_off:%'")  # fmt: skip
    owed = await house.one("SELECT sum(p.amount_minor) AS sum FROM ledger_posting p JOIN guest_person g"
                           " ON p.ledger_account = 'receivable:' || g.person_id")  # fmt: skip
    assert (lost["n"], lost["sum"], lost["loss"], owed["sum"]) == (3, 49, 45, 0)
    await guest.ask()
    assert len([line for line in house.stripe.asked if line == "POST /v1/checkout/sessions"]) == 1


async def test_a_charge_near_what_is_held_is_stopped_and_a_station_that_is_away_keeps_no_other_from_it(house: House) -> None:
    guest = await Guest(house).ask()
    house.stripe.enter_card(guest.session["id"])
    await guest.begin()
    station, account = (await guest.plug_in())[0], UUID(house.described["accounts"][0]["id"])
    assert await guests.tend(account, NOW) == []
    async with as_owner():
        await execute("UPDATE guest_charge SET hold_minor = 1")
        await execute("UPDATE station SET online = false")
    assert await guests.tend(account, NOW) == []
    async with as_owner():
        await execute("UPDATE station SET online = true")
    assert await guests.tend(account, NOW) == [station.id]
    assert await guests.tend(account, NOW) == []


async def test_a_page_that_nobody_filled_in_ends_the_wish(house: House) -> None:
    guest = await Guest(house).ask()
    house.stripe.expire(guest.session["id"])
    await house.tell(house.stripe.events[-1])
    await guests.tend(UUID(house.described["accounts"][0]["id"]), NOW + timedelta(hours=1))
    await house.work()
    assert ((await guest.see())["state"], (await guest.see())["reason"]) == ("released", "no_card")
    assert await give_up_overdue(NOW) == []
