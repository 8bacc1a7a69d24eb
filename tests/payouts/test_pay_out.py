"""Who is paid from which account: what a bank would refuse is refused here, in a sentence, and nothing is booked."""

from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

import asyncpg
import pytest

from app.database.transaction import as_owner, execute, fetchval, in_account
from app.kernel.errors import Refused
from app.kernel.settings import settings_from
from app.payouts.commands import pay_out
from app.payouts.queries import payout_files
from infra.demo.houses import PLANS
from infra.demo.seed import Shape, seed
from tests.payouts.test_pain001 import held

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
OCTOBER = date(2026, 10, 1)
QR_IBAN = PLANS[0].qr_iban


@pytest.fixture
async def house(database: str, tmp_path: Path) -> tuple[UUID, UUID]:
    settings = settings_from({"HOFSTROM_DATA": str(tmp_path), "DATABASE_URL": database, "HOFSTROM_SECRET_KEY": "s" * 40})
    made = (await seed(settings, NOW, Shape(months=1)))["accounts"][0]
    return UUID(made["id"]), UUID(made["sites"][0]["id"])


async def test_the_owner_is_paid_from_the_payout_iban_not_from_the_qr_iban(house: tuple[UUID, UUID]) -> None:
    payout_id = await pay_out(*house, OCTOBER, NOW)
    assert payout_id is not None
    async with in_account(house[0]):
        _, _, bank_file = await payout_files(payout_id)
    root = held(bank_file)
    accounts = {kind: root.find(f".//{kind}/Id/IBAN").text for kind in ("DbtrAcct", "CdtrAcct")}
    assert accounts == {"DbtrAcct": PLANS[0].payout_iban, "CdtrAcct": PLANS[0].owner_iban}
    assert root.find(".//DbtrAgt//MmbId").text == "4835"
    assert ElementTree.fromstring(bank_file).tag.endswith("Document")


@pytest.mark.parametrize(
    ("change", "code", "sentence"),
    [
        ("UPDATE person SET iban = NULL WHERE kind = 'legal'", "no_iban", "has no IBAN"),
        ("UPDATE person SET iban = 'CH9300762011623852958' WHERE kind = 'legal'", "bad_iban", "wrong check digits"),
        (f"UPDATE person SET iban = '{QR_IBAN}' WHERE kind = 'legal'", "qr_iban", "Enter the account's ordinary IBAN"),
        ("UPDATE creditor SET payout_iban = NULL", "no_payout_iban", "Enter its payout IBAN"),
    ],
)
async def test_what_a_bank_would_refuse_is_said_in_a_sentence_and_books_nothing(
    house: tuple[UUID, UUID], change: str, code: str, sentence: str
) -> None:
    async with as_owner():
        await execute(change)
    with pytest.raises(Refused, match=sentence) as refusal:
        await pay_out(*house, OCTOBER, NOW)
    assert (refusal.value.code, refusal.value.status) == (code, 409)
    async with in_account(house[0]):
        assert await fetchval("SELECT count(*) FROM payout") == 0
        assert await fetchval("SELECT count(*) FROM ledger_entry WHERE source_kind = 'payout'") == 0


async def test_an_ordinary_iban_that_takes_payments_also_pays(house: tuple[UUID, UUID]) -> None:
    async with as_owner():
        await execute("UPDATE creditor SET payout_iban = NULL, iban = $1", PLANS[0].payout_iban)
    assert await pay_out(*house, OCTOBER, NOW) is not None


async def test_the_database_takes_no_qr_iban_to_pay_from(house: tuple[UUID, UUID]) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        async with as_owner():
            await execute("UPDATE creditor SET payout_iban = $1", QR_IBAN)
