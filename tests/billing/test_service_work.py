"""Work at a house: free under warranty and by the package, else billed to the owner once, in the books and on a document."""

import io
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pdfplumber
import pytest

from app.billing import accounting, credit_notes, queries, service_work
from app.billing.documents import words
from app.billing.documents.bill import BillDocument, render_bill
from app.billing.service_rules import ServiceTerms, visit_lines
from app.database.transaction import in_account
from app.kernel.money import vat_of_net
from app.worker import Worker
from tests.billing.test_collection import NOW, Desk, demo, refusal
from tests.billing.test_reminders import letters

TODAY, RATE = NOW.date(), Decimal("0.081")
FORM: dict[str, Any] = {"valid_from": date(2026, 1, 1), "package": "basic", "warranty_until": date(2026, 6, 30), "call_out_minor": 9_000,
                        "hour_minor": 14_000, "maintenance_minor": 35_000, "vat_rate": RATE}  # fmt: skip
TERMS = ServiceTerms(**FORM)


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> Desk:
    return await demo(database, tmp_path)


def visit(kind: str, day: date, minutes: int = 0, key: UUID | None = None) -> service_work.NewVisit:
    return msgspec.convert({"idempotency_key": key or uuid4(), "kind": kind, "day": day, "minutes": minutes, "text": "Connector replaced"},
                           service_work.NewVisit)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "day", "minutes", "changed", "free_by", "amounts"),
    [
        ("support", date(2026, 6, 30), 90, {}, "warranty", []),
        ("support", date(2026, 7, 1), 90, {}, None, [9_000, 21_000]),
        ("support", date(2026, 7, 1), 0, {}, None, [9_000]),
        ("support", date(2026, 7, 1), 50, {}, None, [9_000, 11_662]),
        ("support", date(2026, 7, 1), 60, {"warranty_until": None}, None, [9_000, 14_000]),
        ("support", date(2026, 7, 1), 60, {"package": "full"}, None, [9_000, 14_000]),
        ("support", date(2026, 7, 1), 60, {"call_out_minor": 0, "hour_minor": 0}, "price", []),
        ("maintenance", date(2026, 6, 30), 90, {}, None, [35_000]),
        ("maintenance", date(2026, 7, 1), 90, {"package": "full"}, "package", []),
        ("maintenance", date(2026, 7, 1), 90, {"maintenance_minor": 0}, "price", []),
    ],
)
def test_what_a_visit_costs(kind: Any, day: date, minutes: int, changed: Any, free_by: str | None, amounts: list[int]) -> None:
    lines, free = visit_lines(kind, day, minutes, msgspec.structs.replace(TERMS, **changed), "CHF", words.texts("de"))
    assert (free, [line.amount_minor for line in lines]) == (free_by, amounts)


async def owner(desk: Desk) -> UUID:
    return UUID(str((await desk.one("SELECT owner_id FROM owner_terms WHERE site_id = $1", desk.site_id))["owner_id"]))


async def bills(desk: Desk) -> list[Any]:
    return await desk.rows("SELECT * FROM invoice WHERE kind = 'service' ORDER BY number")


async def receivable(desk: Desk, person_id: UUID) -> int:
    rows = await desk.rows("SELECT coalesce(sum(amount_minor), 0)::bigint AS minor FROM ledger_posting WHERE ledger_account = $1",
                           f"receivable:{person_id}")  # fmt: skip
    return int(rows[0]["minor"])


@pytest.mark.row("B40")
async def test_support_outside_warranty_is_billed_to_the_owner_once_and_under_warranty_it_is_free(desk: Desk) -> None:
    who = await owner(desk)
    assert await refusal(service_work.visit(desk.actor, desk.site_id, visit("support", TODAY), NOW)) == "no_service_terms"
    await service_work.agree(desk.actor, desk.site_id, service_work.NewTerms(**FORM), NOW)
    covered, billed = visit("support", date(2026, 6, 30), 60), visit("support", date(2026, 7, 1), 90, uuid4())
    await service_work.visit(desk.actor, desk.site_id, covered, NOW)
    assert await bills(desk) == [] and await receivable(desk, who) == 0
    assert len({await service_work.visit(desk.actor, desk.site_id, billed, NOW) for _ in range(3)}) == 1
    await service_work.visit(desk.actor, desk.site_id, visit("support", date(2026, 7, 1), 60), NOW)  # another one on the same day
    first, second = await bills(desk)
    net = 9_000 + 21_000
    assert (first["person_id"], first["net_minor"], first["gross_minor"]) == (who, net, net + vat_of_net(net, RATE))
    assert await receivable(desk, who) == first["gross_minor"] + second["gross_minor"]
    with pdfplumber.open(io.BytesIO(first["pdf"])) as pdf:
        text = pdf.pages[0].extract_text()
    assert "Rechnung für Arbeiten vor Ort" in text and "Anfahrt 1 × 90.00 90.00" in text and "1.5 × 140.00 210.00" in text
    assert render_bill(msgspec.json.decode(first["document"], type=BillDocument)) == first["pdf"]
    async with in_account(desk.account_id):
        page = await service_work.page(desk.site_id)
        books = await accounting.journal(date(2020, 1, 1), date(2028, 1, 1))
        vat = [(line.rate, line.net_minor) for line in await accounting.vat_report(TODAY, TODAY)]
    assert [(one.free_by, one.bill_number) for one in page.visits][-1] == ("warranty", None)
    assert sum(line.amount_minor for line in books if line.source_id == first["id"]) == 0
    assert vat == [(RATE, first["net_minor"] + second["net_minor"])]
    address = (await desk.one("SELECT email FROM person WHERE id = $1", who))["email"]
    for _ in range(2):
        await Worker(desk.settings, lambda: NOW, None).bill_issued(str(desk.account_id), str(first["id"]))
    assert [(to, "Rechnung für Arbeiten" in inside) for to, _, inside in letters(desk, first["number"])] == [(address, True)]
    await credit_notes.credit_bill(desk.actor, first["id"], "It was our fault", NOW)
    assert await receivable(desk, who) == second["gross_minor"]
    assert await refusal(service_work.agree(desk.actor, desk.site_id, service_work.NewTerms(**FORM), NOW)) == "visits_later"


@pytest.mark.row("B41")
async def test_the_yearly_maintenance_is_free_or_billed_by_the_package_of_its_day(desk: Desk) -> None:
    who = await owner(desk)
    await service_work.agree(desk.actor, desk.site_id, service_work.NewTerms(**FORM), NOW)
    full = {**FORM, "valid_from": date(2026, 10, 1), "package": "full"}
    await service_work.agree(desk.actor, desk.site_id, service_work.NewTerms(**full), NOW)
    assert await refusal(service_work.agree(desk.actor, desk.site_id, service_work.NewTerms(**full), NOW)) == "agreed_already"
    await service_work.visit(desk.actor, desk.site_id, visit("maintenance", date(2026, 9, 30), 120), NOW)
    await service_work.visit(desk.actor, desk.site_id, visit("maintenance", date(2026, 10, 1), 120), NOW)
    (bill,) = await bills(desk)
    assert (bill["net_minor"], bill["period_start"], bill["person_id"]) == (35_000, date(2026, 9, 30), who)
    async with in_account(desk.account_id):
        page = await service_work.page(desk.site_id)
        known = await queries.bill(bill["id"], TODAY)
    assert [one.free_by for one in page.visits] == ["package", None] and [one.package for one in page.terms] == ["full", "basic"]
    assert known is not None and known.open_minor == bill["gross_minor"]
    assert await refusal(service_work.visit(desk.actor, desk.site_id, visit("maintenance", date(2026, 12, 1)), NOW)) == "visit_later"
    assert await refusal(service_work.visit(desk.actor, uuid4(), visit("maintenance", TODAY), NOW)) == "not_found"
