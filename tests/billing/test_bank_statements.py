"""A bank's file is booked once, by reference, through the operator's page and the command; what fits nowhere is kept."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.billing import queries
from app.billing.bank_statements import book_statement, read_files
from app.billing.commands import Credit, book_payment, run_month
from app.database.engine import close_database, open_database
from app.database.transaction import as_owner, fetch, fetchrow, fetchval, in_account
from app.kernel.errors import Refused
from app.kernel.settings import Settings, settings_from
from app.main import create_app
from infra.demo.seed import seed
from tests.billing.bank_files import QRR, camt, entry, payment

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
OCTOBER = date(2026, 10, 1)
V8, V4 = "camt.054.001.08", "camt.053.001.04"
ANNAS = "SELECT i.* FROM invoice i JOIN person p ON p.id = i.person_id WHERE p.given_name = 'Anna' AND i.period_start = $1"


def francs(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


class House:
    """The application in this process; October is billed in the first account."""

    def __init__(self, client: httpx.AsyncClient, described: dict[str, Any], settings: Settings) -> None:
        self.client, self.described, self.settings = client, described, settings
        self.account = UUID(described["accounts"][0]["id"])
        self.other = UUID(described["accounts"][1]["id"])
        self.bill: Any = None

    async def send(self, content: bytes, role: str = "operator", account: int = 0) -> httpx.Response:
        login = next(one for one in self.described["accounts"][account]["logins"] if one["role"] == role)
        headers = {"authorization": f"Bearer {login['token']}"}
        return await self.client.post("/api/operator/bank-files", headers=headers, files={"file": ("camt.xml", content)})

    def file(self, *more: str, version: str = V8) -> bytes:
        """Anna's whole bill in one transfer, and what else is given."""
        amount = francs(self.bill["gross_minor"])
        return camt(version, entry(version, amount, payment(version, amount, self.bill["reference"])), *more)

    async def settled(self) -> int:
        async with in_account(self.account):
            return int(await fetchval("SELECT coalesce(sum(amount_minor), 0) FROM settlement WHERE invoice_id = $1", self.bill["id"]))

    async def balances(self) -> dict[str, int]:
        async with as_owner():
            rows = await fetch("SELECT account, sum(amount_minor)::bigint AS s FROM accept_ledger WHERE tenant = $1 GROUP BY account",
                               str(self.account))  # fmt: skip
        return {row["account"]: row["s"] for row in rows}

    async def rows(self) -> tuple[int, int]:
        async with as_owner():
            return int(await fetchval("SELECT count(*) FROM payment")), int(await fetchval("SELECT count(*) FROM accept_ledger"))


@pytest.fixture
async def house(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[House]:
    settings = settings_from({"DATABASE_URL": dsn, "REDIS_URL": redis_url, "HOFSTROM_DATA": str(tmp_path), "HOFSTROM_SECRET_KEY": "s" * 40})
    app = create_app(settings, lambda: NOW)
    await open_database(dsn)
    described = await seed(settings, NOW)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://haus.example") as client:
        made = House(client, described, settings)
        await run_month(made.account, UUID(described["accounts"][0]["sites"][0]["id"]), OCTOBER, NOW)
        async with in_account(made.account):
            made.bill = await fetchrow(ANNAS, OCTOBER)
        yield made
    await app.state.redis.aclose()
    await close_database()


async def test_a_file_settles_the_bill_keeps_what_fits_nowhere_and_changes_nothing_the_second_time(house: House) -> None:
    before = await house.balances()
    stranger = entry(V8, "12.50", payment(V8, "12.50", QRR, payer="Wer Anders"), bank_reference="ZB-2")
    waiting = entry(V8, "1.00", status="PDNG", bank_reference="ZB-3")
    answer = await house.send(house.file(stranger, waiting))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert [(one["bank_reference"], one["bill_number"], one["new"], one["differs"]) for one in told["credits"]] == [
        ("ZB-1/1", house.bill["number"], True, False), ("ZB-2/1", None, True, False),
    ]  # fmt: skip
    assert [(one["entry"], one["code"]) for one in told["left_out"]] == [(3, "not_booked")]
    gross, owes = house.bill["gross_minor"], f"receivable:{house.bill['person_id']}"
    assert await house.settled() == gross
    after, rows = await house.balances(), await house.rows()
    changed = {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}
    assert changed == {"bank": gross + 1250, owes: -gross, "payments:unmatched": -1250}
    headers = {"authorization": f"Bearer {house.described['accounts'][0]['logins'][1]['token']}"}
    month = (await house.client.get("/api/operator/month?period=2026-10", headers=headers)).json()
    assert [(one["amount_minor"], one["payer"]) for one in month["sites"][0]["payments_unmatched"]] == [(1250, "Wer Anders")]
    again = (await house.send(house.file(stranger, waiting))).json()
    assert [one["new"] for one in again["credits"]] == [False, False]
    assert (await house.balances(), await house.rows()) == (after, rows)


async def test_the_statement_after_the_notice_books_nothing_twice(house: House) -> None:
    await house.send(house.file())
    rows = await house.rows()
    statement = camt(V4, entry(V4, francs(house.bill["gross_minor"])))
    assert [one["new"] for one in (await house.send(statement)).json()["credits"]] == [False]
    assert await house.rows() == rows


async def test_a_known_bank_reference_with_another_amount_is_said_and_not_booked(house: House) -> None:
    await house.send(house.file())
    rows = await house.rows()
    changed = camt(V8, entry(V8, "1.00", payment(V8, "1.00", house.bill["reference"])))
    told = (await house.send(changed)).json()
    assert [(one["new"], one["differs"]) for one in told["credits"]] == [(False, True)]
    assert await house.rows() == rows


async def test_two_transfers_for_one_bill_at_once_settle_it_once_and_the_rest_is_the_residents(house: House) -> None:
    def credit(number: int) -> Credit:
        return Credit(bank_reference=f"B-{number}", received_on=OCTOBER, amount_minor=house.bill["gross_minor"], currency="CHF",
                      reference=house.bill["reference"])  # fmt: skip

    before = await house.balances()
    await asyncio.gather(*(book_payment(house.account, credit(number), NOW) for number in range(4)))
    assert await house.settled() == house.bill["gross_minor"]
    owes = f"receivable:{house.bill['person_id']}"
    assert (await house.balances())[owes] == before[owes] - 4 * house.bill["gross_minor"]


@pytest.mark.row("B33")
async def test_a_part_is_kept_the_rest_settles_and_what_is_too_much_is_the_residents_credit(house: House) -> None:
    gross, reference = house.bill["gross_minor"], house.bill["reference"]
    owes = f"receivable:{house.bill['person_id']}"
    before = (await house.balances())[owes]
    states = []
    for number, amount_minor in enumerate((1000, gross - 1000, 500)):
        amount = francs(amount_minor)
        content = camt(V8, entry(V8, amount, payment(V8, amount, reference), bank_reference=f"ZB-{number}"))
        assert (await house.send(content)).status_code == 200
        async with in_account(house.account):
            bill = await queries.bill(house.bill["id"], NOW.date())
        states.append((bill.status, bill.open_minor, (await house.balances())[owes] - before))
    assert states == [("partly_paid", gross - 1000, -1000), ("paid", 0, -gross), ("paid", 0, -gross - 500)]


async def test_a_file_of_an_account_that_is_not_ours_is_refused_and_books_nothing(house: House) -> None:
    rows = await house.rows()
    answer = await house.send(house.file(), account=1)
    assert (answer.status_code, answer.json()["code"], answer.json()["params"]["iban"]) == (
        422, "bank_file_foreign", "CH4431999123000889012",
    )  # fmt: skip
    assert await house.rows() == rows


@pytest.mark.parametrize("role", ["resident", "former_resident", "owner", "proxy", "installer", "support", "developer"])
async def test_only_operators_book_a_file(house: House, role: str) -> None:
    rows = await house.rows()
    assert (await house.send(house.file(), role)).status_code == 403
    assert await house.rows() == rows


def packed(*files: bytes, names: str = "camt") -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        for number, content in enumerate(files):
            made.writestr(f"{names}-{number}.xml", content)
    return held.getvalue()


async def test_a_zip_of_files_is_booked_as_the_files_in_it(house: House) -> None:
    second = camt(V8, entry(V8, "2.00", payment(V8, "2.00"), bank_reference="ZB-9"))
    told = (await house.send(packed(house.file(), second))).json()
    assert [one["bank_reference"] for one in told["credits"]] == ["ZB-1/1", "ZB-9/1"]
    assert await house.settled() == house.bill["gross_minor"]


BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"no file of a bank", 422, "bank_file_unreadable"),
        (camt(V8, entry(V8, "1.00"), head=BOMB), 422, "bank_file_unreadable"),
        (packed(b"0" * 20_000_001), 413, "bank_file_too_large"),
        (packed(*[b"<a/>"] * 51), 413, "bank_file_too_large"),
        (packed(packed(b"<a/>")), 422, "bank_file_unreadable"),
        (packed(), 422, "bank_file_unreadable"),
        (b"PK\x03\x04 and nothing more", 422, "bank_file_unreadable"),
    ],
)
async def test_bombs_and_what_is_no_bank_file_are_refused_and_book_nothing(house: House, content: bytes, status: int, code: str) -> None:
    rows = await house.rows()
    answer = await house.send(content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await house.rows() == rows


def test_an_entry_that_is_larger_than_it_declares_is_not_unpacked() -> None:
    lying = bytearray(packed(b"<a>" + b" " * 100_000 + b"</a>"))
    size = (100_007).to_bytes(4, "little")
    for _ in range(2):
        at = lying.index(size)
        lying[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises(Refused, match=r"cannot be unpacked|well-formed"):
        read_files(bytes(lying))


async def test_the_command_finds_the_account_and_says_what_it_booked(house: House, tmp_path: Path) -> None:
    from app.cli import main

    path = tmp_path / "camt.xml"
    path.write_bytes(house.file())
    await book_statement(house.account, path.read_bytes(), NOW)
    await close_database()
    environment = {"DATABASE_URL": house.settings.database_url, "HOFSTROM_DATA": str(tmp_path), "HOFSTROM_SECRET_KEY": "s" * 40}
    with pytest.MonkeyPatch.context() as patched:
        for name, value in environment.items():
            patched.setenv(name, value)
        assert await asyncio.to_thread(main, ["bank-statement", str(path)]) == 0
        assert await asyncio.to_thread(main, ["bank-statement", str(tmp_path / "missing.xml")]) == 2
        path.write_bytes(camt(V8).replace(b"CH4431999123000889012", b"DE00"))
        assert await asyncio.to_thread(main, ["bank-statement", str(path)]) == 1
    await open_database(house.settings.database_url)
