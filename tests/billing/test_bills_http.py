"""Bills over HTTP, as the resident and whoever looks after the account see them."""

import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pdfplumber
import pytest

from app.audit.model import Actor
from app.metering.quarters import create_meter, store_day
from app.tariffs.commands import change_rate
from app.tariffs.energy_rules import quarter_count
from app.tariffs.model import Component, Rate
from tests.billing.test_cards import NOW, House, house  # noqa: F401 - the fixture

FIRST, LAST = date(2026, 10, 1), date(2026, 10, 31)
RATE = Rate(solution="electricity", vat_included=False, components=(Component(dimension="kwh", unit_price=Decimal("0.25")),))


async def electricity(house: House) -> str:  # noqa: F811
    """Bills of October's electricity, made by the operator; returns the site."""
    account, site = UUID(house.described["accounts"][0]["id"]), house.described["accounts"][0]["sites"][0]["id"]
    actor = Actor(account_id=account, name="Olga")
    await change_rate(actor, UUID(site), date(2026, 9, 1), RATE, datetime(2026, 8, 1, tzinfo=UTC))
    resident = next(one for one in house.described["accounts"][0]["logins"] if one["role"] == "resident")["person_id"]
    point = await house.one("SELECT billing_point_id FROM occupancy WHERE person_id = $1", UUID(resident))
    meter = await create_meter(actor, UUID(site), "use", "OCT-1", NOW, billing_point_id=point["billing_point_id"])
    for n in range(31):
        day = FIRST + timedelta(days=n)
        await store_day(account, meter, day, [100] * quarter_count(day, "Europe/Zurich"), NOW)
    run = await house.call("POST", f"/api/sites/{site}/energy-runs", "operator", first=f"{FIRST}", last=f"{LAST}")
    await house.call("POST", f"/api/energy-runs/{run['id']}/issue", "operator")
    return str(site)


@pytest.mark.row("R10")
async def test_a_resident_lists_electricity_bills_by_period_with_number_dates_amount_state_and_pdf(house: House) -> None:  # noqa: F811
    await electricity(house)
    listed = await house.call("GET", "/api/bills")
    assert [bill["period_start"] for bill in listed] == sorted((bill["period_start"] for bill in listed), reverse=True)
    (bill,) = [one for one in listed if one["kind"] == "electricity"]
    assert (bill["period_start"], bill["period_end"], bill["issued_on"]) == ("2026-10-01", "2026-10-31", "2026-11-20")
    assert bill["due_on"] > bill["issued_on"] and bill["number"].startswith("2026-")
    net = round(2980 * 100 * Decimal("0.25") / 1000 * 100)
    assert (bill["net_minor"], bill["status"], bill["open_minor"]) == (net, "issued", bill["gross_minor"])
    pdf = await house.call("GET", f"/api/bills/{bill['id']}/pdf")
    with pdfplumber.open(io.BytesIO(pdf.content)) as opened:
        assert bill["number"] in opened.pages[0].extract_text()
    assert (await house.call("GET", f"/api/bills/{bill['id']}/pdf", account=1))["code"] == "not_found"


@pytest.mark.row("B38")
async def test_the_bills_of_an_account_are_viewed_with_their_state_and_downloaded_also_once_paid(house: House) -> None:  # noqa: F811
    resident = next(one for one in house.described["accounts"][0]["logins"] if one["role"] == "resident")["person_id"]
    listed = await house.call("GET", f"/api/people/{resident}/bills", "operator")
    before = next(one for one in listed if one["open_minor"] > 0)
    credit = {"bank_reference": "b38", "received_on": "2026-11-20", "amount_minor": before["gross_minor"] - 100, "currency": "CHF"}
    await house.call("POST", "/api/operator/payments", "operator", **credit, reference=before["reference"])
    states = []
    for reference, amount in (("b38", 0), ("b38-rest", 100)):
        if amount:
            more = {**credit, "bank_reference": reference, "amount_minor": amount, "reference": before["reference"]}
            await house.call("POST", "/api/operator/payments", "operator", **more)
        now = next(one for one in await house.call("GET", f"/api/people/{resident}/bills", "operator") if one["id"] == before["id"])
        states.append((now["status"], now["open_minor"]))
    assert (before["status"], states) == ("issued", [("partly_paid", 100), ("paid", 0)])
    pdf = await house.call("GET", f"/api/people/{resident}/bills/{before['id']}/pdf", "operator")
    with pdfplumber.open(io.BytesIO(pdf.content)) as opened:
        assert before["number"] in opened.pages[0].extract_text()
    assert (await house.call("GET", f"/api/people/{resident}/bills", "operator", account=1))["code"] == "not_found"
