"""The month's report for an employer who pays a company car's charges back: PDF and CSV with the same figures as the bill."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pdfplumber
import pytest

from app.billing.commands import charge_session
from app.billing.documents.report import report_csv, report_pdf
from app.billing.report import report_of
from app.database.transaction import as_owner, execute, in_account
from app.kernel.errors import Refused
from tests.billing.test_session_solar import charged, house_with_roof, read

NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)
MARCH = date(2026, 3, 1)


@pytest.mark.row("R27")
async def test_a_month_of_charges_is_reported_as_pdf_and_csv_with_registers_solar_and_amounts(database: str) -> None:
    house, anna, roof = await house_with_roof()
    sessions = [await charged(house), await charged(house, "CP-1", 3001)]
    await read(house, anna, roof)
    late = await charged(house, "CP-3", 9999)
    async with as_owner():  # it ends with the last second of March in UTC: in April at the place
        end = datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)
        await execute("UPDATE charging_session SET started_at = $2, stopped_at = $3 WHERE id = $1", late, end - timedelta(hours=1), end)
        await execute("UPDATE person SET family_name = '=Muster', locale = 'de' WHERE id = $1", house.anna)
        await execute("UPDATE station SET name = '=1+1' WHERE id = $1", house.stations["CP-1"])
    await charge_session(house.account_id, late, NOW, at_last=True)
    async with in_account(house.account_id):
        report = await report_of(house.anna, MARCH, lambda: NOW)
    rows = list(csv.reader(io.StringIO(report_csv(report).decode()), delimiter=";"))
    assert len(rows) == 1 + len(sessions) + 1
    first = dict(zip(rows[0], next(row for row in rows[1:] if row[5] == "Place 2"), strict=True))
    assert first["start (UTC)"] == "2026-03-10T11:00:00+00:00" and first["end"] == "2026-03-10T13:00:00+01:00"
    assert [Decimal(first[name]) for name in ("first kWh", "last kWh", "kWh", "solar kWh", "total")] == [
        0,
        6,
        6,
        Decimal("1.5"),
        Decimal("3.10"),
    ]
    assert (
        sum(Decimal(row[12]) for row in rows[1:-1])
        == Decimal(rows[-1][12])
        == Decimal(sum(line.gross_minor for line in report.lines)) / 100
    )
    assert sum(Decimal(row[8]) for row in rows[1:-1]) == Decimal(rows[-1][8]) == Decimal("9.001")
    assert all(Decimal(row[10]) + Decimal(row[11]) == Decimal(row[12]) for row in rows[1:])
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    pdf = report_pdf(report)
    assert report_pdf(report) == pdf
    with pdfplumber.open(io.BytesIO(pdf)) as opened:
        text = "\n".join(page.extract_text() for page in opened.pages)
    assert "Ladebericht 03/2026" in text and "9.001 kWh" in text and "10.03.2026 12:00–13:00" in text and "keine Rechnung" in text
    with pytest.raises(Refused) as refused:
        async with in_account(house.account_id):
            await report_of(house.anna, date(2026, 1, 1), lambda: NOW)
    assert refused.value.code == "nothing_to_report"
