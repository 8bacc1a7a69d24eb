"""Refunds of what was paid too much as files for the bank: rules of the Swiss Payment Standards, each refund once."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.billing import credit
from app.database.transaction import as_owner, execute, in_account
from app.kernel.errors import Refused
from app.payouts import refunds
from tests.billing.test_collection import NOW, Desk, demo
from tests.payouts.test_pain001 import held

IBAN, QR_IBAN = "CH9300762011623852957", "CH4431999123000889012"


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> Desk:
    return await demo(database, tmp_path)


async def overpaid(desk: Desk, name: str, by_minor: int, iban: str = IBAN) -> UUID:
    """Somebody whose bill of September is paid with so much too much, and who gets it back."""
    bill = (
        await desk.rows("SELECT i.* FROM invoice i JOIN person p ON p.id = i.person_id WHERE p.given_name = $1 ORDER BY i.number", name)
    )[0]
    await desk.pay(f"B-{name}", bill["gross_minor"] + by_minor, bill["reference"])
    async with as_owner():
        await execute("UPDATE person SET iban = $2 WHERE id = $1", bill["person_id"], iban)
    return await credit.refund(desk.actor, bill["person_id"], by_minor, f"refund-of-{name}", NOW)


async def billed(desk: Desk) -> list[str]:
    rows = await desk.rows("SELECT DISTINCT p.given_name FROM invoice i JOIN person p ON p.id = i.person_id ORDER BY 1")
    return [row["given_name"] for row in rows]


async def content(desk: Desk, file_id: UUID) -> bytes:
    async with in_account(desk.account_id):
        return (await refunds.content_of(file_id))[1]


def texts(root: Any, name: str) -> list[str]:
    return [node.text for node in root.iter(name)]


async def test_refunds_that_wait_go_into_one_file_once_however_often_it_is_asked(desk: Desk) -> None:
    await desk.run()
    first, second = (await billed(desk))[:2]
    given = [await overpaid(desk, first, 700), await overpaid(desk, second, 1_250)]
    reports = await asyncio.gather(*(refunds.make_files(desk.actor, NOW) for _ in range(3)))
    (file_id,) = [one for report in reports for one in report.files]
    assert all(report.failed == [] for report in reports)
    later = await refunds.make_files(desk.actor, NOW + timedelta(days=1))
    assert later == refunds.Made(files=[], failed=[])
    async with in_account(desk.account_id):
        (listed,) = await refunds.files()
    assert (listed.id, listed.refunds, listed.amount_minor, listed.currency, listed.created_by) == (file_id, 2, 1_950, "CHF", "Otto")
    root = held(await content(desk, file_id))
    assert texts(root, "InstdAmt") == ["7.00", "12.50"] and texts(root, "CtrlSum") == ["19.50", "19.50"]
    assert texts(root, "EndToEndId") == [refund_id.hex for refund_id in given]
    assert texts(root, "MsgId") == [listed.number] == [refunds.number_of(NOW.date(), file_id)]
    assert texts(root, "CreDtTm") == ["2026-11-24T10:00:00Z"] and texts(root, "Dt") == ["2026-11-24"]
    bank = await desk.rows("SELECT sum(amount_minor)::bigint AS minor FROM ledger_posting p JOIN ledger_entry e ON e.id = p.entry_id"
                           " WHERE e.source_kind = 'refund' AND p.ledger_account = 'bank'")  # fmt: skip
    assert bank[0]["minor"] == -1_950
    with pytest.raises(Exception, match="permission denied"):
        await desk.rows("UPDATE refund_file SET amount_minor = 1")


async def test_an_account_that_the_bank_would_refuse_waits_and_the_others_are_paid(desk: Desk) -> None:
    await desk.run()
    first, second = (await billed(desk))[:2]
    bad = await overpaid(desk, first, 700, QR_IBAN)
    good = await overpaid(desk, second, 500)
    made = await refunds.make_files(desk.actor, NOW)
    assert [(one.refund_id, one.code) for one in made.failed] == [(bad, "qr_iban")]
    root = held(await content(desk, made.files[0]))
    assert texts(root, "EndToEndId") == [good.hex]
    assert (await refunds.make_files(desk.actor, NOW)).files == []
    with pytest.raises(Refused):
        await content(desk, bad)
