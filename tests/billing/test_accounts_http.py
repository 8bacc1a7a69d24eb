"""A resident's account over HTTP: bills that others may see, another address from the next bill on, badges, moving out."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import msgspec
import pytest

from app.billing.commands import run_month
from app.billing.documents.bill import BillDocument
from app.database.engine import close_database, open_database
from app.database.transaction import as_owner, execute, fetch
from app.kernel.settings import settings_from
from app.main import create_app
from app.residents.moves import end_stay, retire_residents
from infra.demo.seed import Shape, seed
from tests.residents.test_moves import Actor

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
OCTOBER = date(2026, 10, 1)


class House(msgspec.Struct):
    """The application in this process, with the demo's logins. Anna Keller is the resident."""

    client: httpx.AsyncClient
    account: dict[str, Any]
    clock: list[datetime]

    def login(self, role: str) -> dict[str, Any]:
        found: dict[str, Any] = next(one for one in self.account["logins"] if one["role"] == role)
        return found

    async def ask(self, method: str, path: str, role: str, body: Any = None) -> httpx.Response:
        return await self.client.request(method, path, headers={"authorization": f"Bearer {self.login(role)['token']}"}, json=body)

    async def rows(self, sql: str, *args: Any) -> list[Any]:
        async with as_owner():
            return await fetch(sql, *args)

    @property
    def resident(self) -> UUID:
        return UUID(self.login("resident")["person_id"])

    @property
    def site(self) -> UUID:
        return UUID(self.account["sites"][0]["id"])


@pytest.fixture
async def house(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[House]:
    settings = settings_from({"HOFSTROM_DATA": str(tmp_path), "DATABASE_URL": dsn, "REDIS_URL": redis_url, "HOFSTROM_SECRET_KEY": "s" * 40})
    await open_database(dsn)
    described = await seed(settings, NOW, Shape(months=3))
    clock = [NOW]
    app = create_app(settings, lambda: clock[0])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://haus.example") as client:
        yield House(client, described["accounts"][0], clock)
    await app.state.redis.aclose()
    await close_database()


async def document_of(house: House, period: date) -> tuple[BillDocument, bytes]:
    (row,) = await house.rows("SELECT document, pdf FROM invoice WHERE person_id = $1 AND period_start = $2", house.resident, period)
    return msgspec.json.decode(row["document"], type=BillDocument), row["pdf"]


@pytest.mark.row("A34")
async def test_the_operator_and_the_owner_see_and_download_an_accounts_bills_of_their_houses(house: House) -> None:
    account = UUID(house.account["id"])
    await run_month(account, house.site, OCTOBER, NOW)
    path = f"/api/people/{house.resident}/bills"
    kept = {row["number"]: row["pdf"] for row in await house.rows("SELECT number, pdf FROM invoice WHERE person_id = $1", house.resident)}
    for role in ("operator", "owner", "support"):
        answer = await house.ask("GET", path, role)
        assert {bill["number"] for bill in answer.json()} == set(kept) and len(kept) == 3, role
        bill = answer.json()[0]
        assert (bill["period_start"], bill["open_minor"], bill["status"]) == ("2026-10-01", bill["gross_minor"], "issued")
        document = await house.ask("GET", f"{path}/{bill['id']}/pdf", role)
        assert document.content == kept[bill["number"]] and document.headers["content-type"] == "application/pdf"
    # The same person's bills of another owner's house are not this owner's to see.
    async with as_owner():
        await execute("UPDATE owner_terms SET owner_id = (SELECT id FROM person WHERE account_id = $1 AND id <> owner_id LIMIT 1)"
                      " WHERE account_id = $1 AND site_id = $2", account, house.site)  # fmt: skip
        await execute("UPDATE role_grant SET site_id = NULL WHERE account_id = $1 AND role = 'owner'", account)
    assert (await house.ask("GET", path, "owner")).status_code == 404
    assert (await house.ask("GET", f"/api/people/{house.resident}/bills/{bill['id']}/pdf", "owner")).status_code == 404


@pytest.mark.row("A36")
@pytest.mark.row("R42")
async def test_another_address_serves_from_the_next_bill_on_and_issued_bills_keep_theirs(house: House) -> None:
    account = UUID(house.account["id"])
    before, pdf = await document_of(house, date(2026, 9, 1))
    mine = (await house.ask("GET", "/api/me/address", "resident")).json()
    assert mine["street"] == before.resident.street
    wanted = {**mine, "street": "Seeweg 3", "postcode": "6300", "city": "Zug"}
    assert (await house.ask("PUT", "/api/me/address", "resident", wanted)).json() == {"version": mine["version"] + 1}
    stale = await house.ask("PUT", "/api/me/address", "resident", {**wanted, "street": "Lost"})
    assert (stale.status_code, stale.json()["code"]) == (409, "changed_meanwhile")
    assert (await house.ask("PUT", "/api/me/address", "resident", {**wanted, "street": ""})).status_code == 422
    # The operator corrects it once more.
    change = {"version": mine["version"] + 1, "street": "Seeweg 33"}
    assert (await house.ask("PATCH", f"/api/people/{house.resident}", "operator", change)).status_code == 200
    await run_month(account, house.site, OCTOBER, NOW)
    after, _ = await document_of(house, OCTOBER)
    assert (after.resident.street, after.resident.postcode, after.resident.city) == ("Seeweg 33", "6300", "Zug")
    assert await document_of(house, date(2026, 9, 1)) == (before, pdf)


@pytest.mark.row("R28")
async def test_a_resident_sees_badges_with_label_last_digits_state_and_last_use(house: House) -> None:
    async with as_owner():
        await execute("UPDATE badge SET label = 'Velo', last_used_at = $2 WHERE person_id = $1 AND state = 'active'", house.resident, NOW)
    badges = (await house.ask("GET", "/api/badges", "resident")).json()
    told = {(badge["label"], len(badge["tail"]), badge["state"], badge["last_used_at"] is not None) for badge in badges}
    assert ("Velo", 4, "active", True) in told
    assert set(badges[0]) == {"id", "label", "tail", "state", "last_used_at"}
    lost = next(badge["id"] for badge in badges if badge["state"] == "active")
    assert (await house.ask("POST", f"/api/badges/{lost}/lost", "resident")).json()["state"] == "lost"
    assert next(badge["state"] for badge in (await house.ask("GET", "/api/badges", "resident")).json() if badge["id"] == lost) == "lost"


@pytest.mark.row("R41")
async def test_who_moves_out_pays_to_the_exit_day_and_then_reads_their_own_bills_only(house: House) -> None:
    account, actor = UUID(house.account["id"]), Actor(account_id=UUID(house.account["id"]), name="Olga")
    (stay,) = await house.rows("SELECT o.id FROM occupancy o WHERE o.person_id = $1 AND NOT o.vacancy", house.resident)
    await run_month(account, house.site, OCTOBER, NOW)
    await end_stay(actor, stay["id"], 1, date(2026, 11, 20), NOW)
    await retire_residents(account, house.resident)
    assert (await house.ask("POST", "/api/badge-requests", "resident", {"kind": "new", "place": "P 1"})).status_code == 201
    house.clock[0] = datetime(2026, 11, 21, 9, tzinfo=UTC)
    bills = (await house.ask("GET", "/api/bills", "resident")).json()
    assert [bill["period_start"] for bill in bills] == ["2026-10-01", "2026-09-01", "2026-08-01"]
    assert (await house.ask("GET", f"/api/bills/{bills[0]['id']}/pdf", "resident")).status_code == 200
    (others,) = await house.rows("SELECT id FROM invoice WHERE account_id = $1 AND person_id <> $2 LIMIT 1", account, house.resident)
    assert (await house.ask("GET", f"/api/bills/{others['id']}/pdf", "resident")).status_code == 404
    badge = (await house.rows("SELECT id FROM badge WHERE person_id = $1 LIMIT 1", house.resident))[0]["id"]
    code = house.account["sites"][0]["stations"][0]["qr_url"].rsplit("/", 1)[1]
    for method, path, body in (
        ("POST", "/api/badge-requests", {"kind": "new", "place": "P 1"}), ("POST", f"/api/badges/{badge}/lost", None),
        ("PUT", "/api/me/address", {"version": 1, "street": "S", "postcode": "1", "city": "C"}),
        ("POST", f"/api/c/{code}/start", {"idempotency_key": "00000000-0000-0000-0000-000000000001"}),
    ):  # fmt: skip
        assert (await house.ask(method, path, "resident", body)).status_code == 403, path
