"""Bills paid by card, over HTTP, with a real database and a double of Stripe; messages come as they like."""

import json
import random
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.billing.commands import Credit, book_payment
from app.billing.stripe_gateway import Unavailable
from app.database.transaction import as_owner, execute, fetchval
from tests.billing.card_house import NOW, House, house

__all__ = ["house"]


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


async def part_paid(house: House, bill: dict[str, Any], bank_reference: str = "b1") -> None:
    reference = (await house.one("SELECT reference FROM invoice WHERE id = $1", UUID(bill["id"])))["reference"]
    part = Credit(bank_reference=bank_reference, received_on=NOW.date(), amount_minor=100, currency="CHF", reference=reference)
    await book_payment(UUID(house.described["accounts"][0]["id"]), part, NOW)


async def test_a_page_over_another_amount_ends_where_a_new_one_is_made(house: House) -> None:
    bill = await house.bill()
    old = await house.call("POST", f"/api/bills/{bill['id']}/card")
    await part_paid(house, bill)
    new = await house.call("POST", f"/api/bills/{bill['id']}/card")
    assert new["url"] != old["url"]
    before, after = (house.stripe.objects[page["url"].rpartition("/")[2]] for page in (old, new))
    assert (before["status"], after["status"], after["amount_total"]) == ("expired", "open", bill["open_minor"] - 100)
    for page in (old, new):
        house.stripe.enter_card(page["url"].rpartition("/")[2])
    for event in [*house.stripe.events, *house.stripe.events]:
        await house.tell(event)
    await house.work()
    assert await charges(house) == (0, bill["open_minor"] - 100)


async def test_money_by_a_page_before_another_amount_is_asked_for_is_booked_first(house: House) -> None:
    bill = await house.bill()
    old = await house.call("POST", f"/api/bills/{bill['id']}/card")
    await part_paid(house, bill)
    house.stripe.enter_card(old["url"].rpartition("/")[2])  # and Stripe's message is late
    assert (await house.call("POST", f"/api/bills/{bill['id']}/card"))["code"] == "nothing_open"
    for event in house.stripe.events:
        await house.tell(event)
    await house.work()
    assert await charges(house) == (0, bill["open_minor"])
    assert await house.one("SELECT 1 FROM card_payment WHERE state <> 'paid'") is None


async def test_of_two_pages_for_a_card_the_newer_one_stays(house: House) -> None:
    old, new = [(await house.call("POST", "/api/cards"))["url"].rpartition("/")[2] for _ in range(2)]
    assert (house.stripe.objects[old]["status"], house.stripe.objects[new]["status"]) == ("expired", "open")
    house.stripe.enter_card(new)
    third = (await house.call("POST", "/api/cards"))["url"].rpartition("/")[2]
    [card] = await house.call("GET", "/api/cards")  # what was entered is kept, also before its message comes
    assert card["last4"] == "4242" and house.stripe.objects[third]["status"] == "open"


async def test_of_an_erased_person_no_card_stays_at_stripe(house: House) -> None:
    await stored_card(house)
    page = (await house.call("POST", "/api/cards"))["url"].rpartition("/")[2]
    account, (row,) = house.described["accounts"][0]["id"], [await house.one("SELECT * FROM stored_card WHERE state = 'in_use'")]
    house.stripe.away = True
    with pytest.raises(Unavailable):
        await house.worker.person_erased(account, str(row["person_id"]))
    house.stripe.away = False
    for _ in range(2):
        await house.worker.person_erased(account, str(row["person_id"]))
    assert house.stripe.objects[row["customer_ref"]]["deleted"] and house.stripe.objects[page]["status"] == "expired"
    left = await house.one("SELECT count(*) AS n FROM stored_card WHERE (customer_ref, checkout_ref, method_ref) IS DISTINCT FROM"
                           " (NULL, NULL, NULL) OR state <> 'removed' OR last4 <> ''")  # fmt: skip
    assert left["n"] == 0
    assert len([line for line in house.stripe.asked if line.startswith("DELETE /v1/customers/")]) == 1
