"""An owner's online account: all that is theirs, and nothing of another owner's."""

from uuid import UUID

import httpx
import pytest

from app.billing.commands import run_month
from app.database.transaction import as_owner, execute, fetchval
from tests.accounts.test_access import NOW, Desk, desk

__all__ = ["desk"]
DAYS = "first=2026-10-05&last=2026-10-05"


async def owned(desk: Desk) -> tuple[str, str]:
    """The first house is the owner's, the second somebody else's; both have readings and a bill. Returns both."""
    account = UUID(desk.described["accounts"][0]["id"])
    async with as_owner():
        await execute("UPDATE role_grant SET site_id = NULL WHERE account_id = $1 AND role = 'owner'", account)
        await execute("UPDATE owner_terms SET owner_id = (SELECT person_id FROM role_grant WHERE account_id = $1 AND role = 'operator'"
                      " LIMIT 1) WHERE account_id = $1 AND site_id = $2", account, UUID(desk.site(1)))  # fmt: skip
    for number in (0, 1):
        async with as_owner():
            point = str(await fetchval("SELECT id FROM billing_point WHERE site_id = $1 ORDER BY name LIMIT 1", desk.site(number)))
        for serial, values in {"USE": {"kind": "use", "billing_point_id": point}, "SUN": {"kind": "production"}}.items():
            body = {"serial": f"{serial}-{number}", "installed_on": "2026-01-01", **values}
            meter = (await desk.ask("installer", "POST", f"/api/sites/{desk.site(number)}/meters", body)).json()["id"]
            assert (await desk.ask("operator", "PUT", f"/api/meters/{meter}/days/2026-10-05", {"wh": [100] * 96})).status_code == 200
        await run_month(account, UUID(desk.site(number)), NOW.date().replace(month=10, day=1), NOW)
    return desk.site(0), desk.site(1)


@pytest.mark.row("O11")
async def test_an_owner_sees_all_own_sites_consumption_and_production_residents_bills_and_documents_and_nothing_of_others(desk: Desk):
    mine, others = await owned(desk)

    async def see(path: str, role: str = "owner") -> httpx.Response:
        return await desk.ask(role, "GET", path)

    assert [site["id"] for site in (await see("/api/sites")).json()] == [mine]
    # Consumption and production, of the house and of each billing point.
    (piece,) = (await see(f"/api/sites/{mine}/series?{DAYS}")).json()["pieces"]
    assert piece["total"] is not None and piece["production"] is not None and piece["production"] >= 9600
    assert (await see(f"/api/sites/{mine}/series?{DAYS}&form=csv")).headers["content-type"].startswith("text/csv")
    points = (await see(f"/api/sites/{mine}/billing-points")).json()
    assert {(await see(f"/api/billing-points/{point['id']}/series?{DAYS}")).status_code for point in points} == {200}
    # Residents and their bills.
    residents = (await see("/api/people")).json()
    assert {point["occupant_id"] for point in points if not point["vacant"]} <= {row["id"] for row in residents}
    bills = [(row["id"], bill) for row in residents for bill in (await see(f"/api/people/{row['id']}/bills")).json()]
    assert bills and {bill["site_id"] for _, bill in bills} == {mine}
    person, bill = bills[0]
    assert (await see(f"/api/people/{person}/bills/{bill['id']}/pdf")).content.startswith(b"%PDF")
    # Documents: contract, power of attorney, the residents' sheet; what was paid out, with its statement.
    for paper in ("papers/contract", "papers/power-of-attorney"):
        assert (await see(f"/api/sites/{mine}/{paper}")).content.startswith(b"%PDF")
    assert (await see(f"/api/sites/{mine}/residents-sheet")).status_code == 200
    assert (await see("/api/owner/payouts")).status_code == (await see("/api/owner/revenue")).status_code == 200
    # Nothing of the other owner's, whatever is asked for.
    theirs = (await see(f"/api/sites/{others}/billing-points", "operator")).json()
    neighbours = [point["occupant_id"] for point in theirs if not point["vacant"]]
    assert not {row["id"] for row in residents} & set(neighbours) and neighbours
    for path in (f"/api/sites/{others}", f"/api/sites/{others}/series?{DAYS}", f"/api/sites/{others}/billing-points",
                 f"/api/billing-points/{theirs[0]['id']}", f"/api/billing-points/{theirs[0]['id']}/series?{DAYS}",
                 f"/api/people/{neighbours[0]}", f"/api/people/{neighbours[0]}/bills", f"/api/sites/{others}/papers/contract",
                 f"/api/sites/{others}/residents-sheet", f"/api/sites/{others}/meters"):  # fmt: skip
        assert (await see(path)).status_code == 404, path
    told = str((await see("/api/owner/revenue")).json()) + str((await see("/api/owner/payouts")).json())
    assert others not in told
