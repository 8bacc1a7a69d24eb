"""Reminders by the channel that each resident has chosen: a mail with the letter in it, the post list, eBill."""

import io
import re
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any
from uuid import UUID

import pdfplumber
import pytest

from app.billing import mailings, queries, reminders
from app.database.transaction import as_owner, execute, in_account
from app.kernel.errors import Refused
from app.worker import Worker
from tests.billing.test_collection import NOW, Desk, demo
from tests.billing.test_mailings import choose


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> Desk:
    return await demo(database, tmp_path)


def letters(desk: Desk, number: str) -> list[tuple[str, str, str]]:
    """(to, subject, text of the letter) of the mails about a bill, in order."""
    found = []
    for path in Path(desk.settings.data).rglob("*.eml"):
        mail = message_from_bytes(path.read_bytes(), policy=default)
        body = mail.get_body()
        assert body is not None
        if number in body.get_content() or number in str(mail["subject"]):
            inside = "".join(text_of(part.get_content()) for part in mail.iter_attachments())
            found.append((str(mail["to"]), str(mail["subject"]), inside))
    return sorted(found)


def text_of(pdf: bytes) -> str:
    with pdfplumber.open(io.BytesIO(pdf)) as file:
        return "\n".join(page.extract_text() for page in file.pages)


async def remind(desk: Desk, bill: Any, days: int) -> None:
    """The timetable so many days after a bill was due, and the jobs that follow, each twice."""
    today = bill["due_on"] + timedelta(days=days)
    for _ in range(2):
        await reminders.remind_overdue(desk.account_id, today, NOW)
    worker = Worker(desk.settings, lambda: NOW, None)
    for row in await desk.rows("SELECT invoice_id, level FROM reminder WHERE sent_on = $1", today):
        for _ in range(2):
            await worker.bill_reminded(str(desk.account_id), str(row["invoice_id"]), row["level"])


async def listed(desk: Desk, channel: mailings.Channel) -> list[tuple[str, int]]:
    async with in_account(desk.account_id):
        return [(one.number, one.level) for one in await mailings.waiting(channel) if one.kind == "reminder"]


async def state(desk: Desk, bill_id: UUID) -> tuple[str, int, int]:
    async with in_account(desk.account_id):
        bill = await queries.bill(bill_id, NOW.date() + timedelta(days=365))
    assert bill is not None
    return bill.status, bill.reminders, bill.open_minor


@pytest.mark.row("R16")
async def test_each_reminder_goes_by_the_chosen_channel_and_the_state_of_the_bill_says_which_it_was(desk: Desk) -> None:
    people = {row["given_name"]: row["id"] for row in await desk.rows("SELECT id, given_name FROM person")}
    await desk.run()
    mailed, posted = await desk.bill("Anna"), await desk.bill("Claire")
    await choose(desk, people["Anna"], "email")
    await choose(desk, people["Claire"], "post")
    owner = (await desk.one("SELECT p.email FROM person p JOIN owner_terms t ON t.owner_id = p.id WHERE t.site_id = $1", desk.site_id))[
        "email"
    ]
    address = (await desk.one("SELECT email FROM person WHERE id = $1", people["Anna"]))["email"]
    await desk.pay("B-1", 100, mailed["reference"])
    open_minor = mailed["gross_minor"] - 100
    for level, days in ((1, 10), (2, 25), (3, 40)):
        await remind(desk, mailed, days)
        assert await state(desk, mailed["id"]) == ("partly_paid", level, open_minor)
        assert await state(desk, posted["id"]) == ("overdue", level, posted["gross_minor"])
    found = letters(desk, mailed["number"])
    assert [subject for to, subject, inside in found if to == address and "Mahnung" in subject] == [
        f"{level}. Mahnung zur Rechnung {mailed['number']}" for level in (1, 2, 3)
    ]
    for level, inside in enumerate([inside for to, subject, inside in found if to == address and "Mahnung" in subject], start=1):
        assert f"{level}. Mahnung" in inside and f"{open_minor / 100:.2f}" in inside and "Empfangsschein" in inside
        assert ("Eigentümerschaft" in inside) is (level > 1)
    told = [subject for to, subject, _ in [*found, *letters(desk, posted["number"])] if to == owner]
    assert sorted(told) == sorted(f"{level}. Mahnung an {name}" for level in (2, 3) for name in ("Anna Keller", "Claire Dubois"))
    assert [subject for to, subject, _ in letters(desk, posted["number"]) if to != owner and "ahnung" in subject] == []
    mine = [(posted["number"], level) for level in (1, 2, 3)]
    assert [one for one in await listed(desk, "post") if one[0] == posted["number"]] == mine
    assert await listed(desk, "ebill") == [] and mailed["number"] not in [number for number, _ in await listed(desk, "post")]
    async with in_account(desk.account_id):
        printed = text_of(await mailings.to_print())
        ids = [one.id for one in await mailings.waiting("post") if one.kind == "reminder" and one.number == posted["number"]]
    places = [re.search(rf"{level}(e rappel|\. Mahnung) · [^·]*{posted['number']}", printed) for level in (1, 2, 3)]
    assert [place.start() for place in places if place] == sorted(place.start() for place in places if place) and all(places)
    assert [await mailings.hand_over(desk.actor, [], NOW, ids) for _ in range(2)] == [3, 0]
    assert [one for one in await listed(desk, "post") if one[0] == posted["number"]] == []
    await desk.pay("B-2", posted["gross_minor"], posted["reference"])
    assert (await state(desk, posted["id"]))[:2] == ("paid", 3)


async def test_a_dispute_between_the_reminder_and_its_mail_keeps_the_mail_back(desk: Desk) -> None:
    await desk.run()
    bill = await desk.bill("Anna")
    await reminders.remind_overdue(desk.account_id, bill["due_on"] + timedelta(days=10), NOW)
    await reminders.open_dispute(desk.actor, bill["id"], "That was not me", NOW)
    await Worker(desk.settings, lambda: NOW, None).bill_reminded(str(desk.account_id), str(bill["id"]), 1)
    assert [subject for _, subject, _ in letters(desk, bill["number"]) if "Mahnung" in subject] == []


async def test_who_chose_mail_and_has_no_address_is_reminded_by_post_and_one_letter_that_fails_stops_no_other(desk: Desk) -> None:
    await desk.run()
    bill, broken = await desk.bill("Anna"), await desk.bill("Claire")
    async with as_owner():
        await execute("UPDATE person SET email = NULL, correspondence = 'email' WHERE id = $1", bill["person_id"])
        await execute("ALTER TABLE person ALTER COLUMN street DROP NOT NULL")
        await execute("UPDATE person SET street = NULL WHERE id = $1", broken["person_id"])
    day = bill["due_on"] + timedelta(days=10)
    await reminders.remind_overdue(desk.account_id, day, NOW)
    assert (bill["number"], 1) in await listed(desk, "post")
    assert (await state(desk, broken["id"]))[1] == 0
    async with as_owner():
        await execute("UPDATE person SET street = '' WHERE id = $1", broken["person_id"])
    await reminders.remind_overdue(desk.account_id, day, NOW)
    assert (await state(desk, broken["id"]))[1] == 1
    with pytest.raises(Refused):
        await mailings.hand_over(desk.actor, [], NOW, [bill["id"]])
