"""Guests' charges over HTTP, with a real database and a double of Stripe: held, taken once, given free, or paid on a page later."""

import itertools
from datetime import timedelta
from uuid import UUID, uuid4

from app.billing import credit, guest_payments, guest_watch
from app.charging.station_commands import give_up_overdue
from app.database.transaction import as_owner, execute, fetchval, in_account
from tests.billing.card_house import HOLD, NOW, Guest, House, house

__all__ = ["house"]


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
    await guest_watch.tend(UUID(house.described["accounts"][0]["id"]), NOW)
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
    await guest.begin()
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
    await guest_payments.finish(account, session, NOW)
    seen = await guest.see()
    assert (seen["state"], seen["reason"], seen["receipt"]) == ("released", "below_minimum", None)
    async with in_account(account):
        guests = await fetchval("SELECT person_id FROM guest_person")
        assert await credit.credit_minor(guests) == 0  # what is written off is nobody's money
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
    assert await guest_watch.tend(account, NOW) == []
    async with as_owner():
        await execute("UPDATE guest_charge SET hold_minor = 1")
        await execute("UPDATE station SET online = false")
    assert await guest_watch.tend(account, NOW) == []
    async with as_owner():
        await execute("UPDATE station SET online = true")
    assert await guest_watch.tend(account, NOW) == [station.id]
    assert await guest_watch.tend(account, NOW) == []


async def test_a_page_that_nobody_filled_in_ends_the_wish(house: House) -> None:
    guest = await Guest(house).ask()
    house.stripe.expire(guest.session["id"])
    await house.tell(house.stripe.events[-1])
    await guest_watch.tend(UUID(house.described["accounts"][0]["id"]), NOW + timedelta(hours=1))
    await house.work()
    assert ((await guest.see())["state"], (await guest.see())["reason"]) == ("released", "no_card")
    assert await give_up_overdue(NOW) == []


async def given_up(house: House) -> Guest:
    """A guest whose start the station did not answer, and whose hold was given free."""
    guest = await Guest(house).ask()
    house.stripe.enter_card(guest.session["id"])
    await guest.begin()
    async with as_owner():
        await execute("UPDATE charge_request SET state = 'no_answer', changed_at = $1 WHERE class = 'external'", NOW)
    house.now = NOW + timedelta(minutes=5)
    await house.worker.tend_guests()
    await house.work()
    assert guest.intent["status"] == "canceled"
    return guest


async def paid_later(house: House, guest: Guest) -> None:
    """A charge without a hold is paid once on a page of its own."""
    seen = await guest.see()
    gross = seen["session"]["cost"]["gross_minor"]
    assert (seen["state"], seen["receipt"]) == ("unpaid", None) and 0 < gross < HOLD
    pages = [await house.call("POST", f"/api/guests/{guest.link}/pay", None) for _ in range(2)]
    assert pages[0] == pages[1]
    house.stripe.expire(pages[0]["url"].rpartition("/")[2])
    page = await house.call("POST", f"/api/guests/{guest.link}/pay", None)
    session = house.stripe.objects[page["url"].rpartition("/")[2]]
    assert (session["amount_total"], session["capture"]) == (gross, "automatic") and page != pages[0]
    house.stripe.enter_card(session["id"])
    for event in [*house.stripe.events, *house.stripe.events]:
        await house.tell(event)
    await house.work()
    assert (await guest.see())["state"] == "paid"
    booked = await house.one("SELECT count(*) AS n, sum(amount_minor) AS sum FROM ledger_posting WHERE ledger_account = 'clearing:cards'")
    assert (booked["n"], booked["sum"]) == (1, gross)
    assert (await house.call("POST", f"/api/guests/{guest.link}/pay", None))["code"] == "nothing_open"


async def test_a_charge_that_begins_after_its_hold_was_given_free_is_refused_stopped_and_paid_on_a_page(house: House) -> None:
    guest = await given_up(house)
    station, number = await guest.plug_in()
    assert guest.answer is not None and guest.answer.tag_status == "Invalid"
    assert (await guest.see())["state"] == "charging"
    account = UUID(house.described["accounts"][0]["id"])
    assert await guest_watch.tend(account, house.now) == [station.id]  # it charges all the same: stopped from here
    await guest.stop(station, number, 12_345)
    await house.work()
    await paid_later(house, guest)


async def test_what_is_charged_is_taken_before_the_bank_gives_the_hold_free_and_after_that_paid_on_a_page(house: House) -> None:
    guest = await Guest(house).ask()
    house.stripe.enter_card(guest.session["id"])
    await guest.begin()
    station, number = await guest.plug_in()
    account = UUID(house.described["accounts"][0]["id"])
    async with as_owner():  # a car that takes hardly anything: no amount stops it
        await execute("UPDATE charging_session SET last_value_at = $1 WHERE state = 'open'", NOW + timedelta(days=6))
    assert await guest_watch.tend(account, NOW + timedelta(days=5, hours=23)) == []
    assert await guest_watch.tend(account, NOW + timedelta(days=6)) == [station.id]
    guest.intent["status"] = "canceled"  # the station was away: the stop comes when the bank has given the hold free
    await guest.stop(station, number, 12_345)
    await house.work()
    await paid_later(house, guest)


async def test_a_page_that_looks_every_second_asks_stripe_by_one_job_now_and_then(house: House) -> None:
    guest = await Guest(house).ask()
    house.stripe.enter_card(guest.session["id"])
    before = len(house.stripe.asked)
    await house.work()
    house.stripe.away = True  # no request of the page may need it
    for _ in range(10):
        assert (await house.call("POST", f"/api/guests/{guest.link}/begin", None))["state"] == "asked"
        assert (await guest.see())["state"] == "asked"
    assert [job["task_name"] for job in await house.jobs()] == ["CardNews"]
    house.now = NOW + guest_payments.LOOK_AGAIN
    await house.call("POST", f"/api/guests/{guest.link}/begin", None)
    house.stripe.away = False
    assert len(house.stripe.asked) == before
    await house.work()
    assert (await guest.see())["state"] == "starting"


async def test_a_guests_address_goes_to_stripe_and_is_kept_nowhere(house: House) -> None:
    guest = await Guest(house).ask()
    assert guest.session["customer_email"] == "gast@example.org"
    house.stripe.enter_card(guest.session["id"])
    await guest.begin()
    await guest.charge(12_345)
    await house.work()
    assert (await guest.see())["state"] == "paid"
    row = await house.one("SELECT g::text AS charge, i.document FROM guest_charge g JOIN invoice i ON i.id = g.invoice_id")
    assert "gast@" not in row["charge"] and "gast@" not in row["document"]
