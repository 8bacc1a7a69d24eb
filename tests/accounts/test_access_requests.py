"""Access that is asked for in public: nothing is given before an operator matches it, and nobody else hears of it."""

import pytest

from app.database.transaction import as_owner, execute, fetchrow, fetchval
from tests.accounts.test_access import Desk, accepted, desk

__all__ = ["desk"]
PATH = "/api/access-requests"
FORM = {"name": "Nele Neu", "email": "nele@example.org", "place": "2.1", "locale": "en"}


async def ask(desk: Desk, **more: str) -> int:
    async with desk.browser() as client:
        return (await client.post(PATH, json={**FORM, **more})).status_code


async def address_of(desk: Desk, account: int = 0) -> dict[str, str]:
    async with as_owner():
        row = await fetchrow("SELECT street, postcode FROM site WHERE id = $1::uuid", desk.site(0, account))
    assert row is not None
    return {"street": row["street"].upper(), "postcode": row["postcode"]}


@pytest.mark.row("R02")
async def test_a_resident_asks_in_public_and_is_let_in_once_matched_to_an_account(desk: Desk):
    for _ in range(2):
        assert await ask(desk, **await address_of(desk)) == 204
    assert await ask(desk, email="other@example.org", street="Nowhere 1", postcode="9999") == 204
    assert await ask(desk, email="no address") == 422 and await desk.links("nele@example.org") == []
    (mine,) = (await desk.ask("operator", "GET", PATH)).json()
    assert (mine["name"], mine["matched"], mine["candidates"]) == ("Nele Neu", True, [])
    assert (await desk.ask("operator", "GET", PATH, account=1)).json() == []
    unmatched = [one for one in (await desk.ask("superadmin", "GET", PATH)).json() if not one["matched"]]
    assert [one["email"] for one in unmatched] == ["other@example.org"]
    for role in ("owner", "installer", "resident"):
        assert (await desk.ask(role, "GET", PATH)).status_code == 403
    answer, person = f"{PATH}/{mine['id']}/answer", desk.login("resident")["person_id"]
    assert (await desk.ask("operator", "POST", answer, {"approve": True})).json()["code"] == "person_needed"
    stranger = desk.login("resident", 1)["person_id"]
    assert (await desk.ask("operator", "POST", answer, {"approve": True, "person_id": stranger})).status_code == 404
    assert (await desk.ask("operator", "POST", answer, {"approve": True, "person_id": person}, account=1)).status_code == 404
    assert (
        await desk.ask("operator", "POST", f"{PATH}/{unmatched[0]['id']}/answer", {"approve": True, "person_id": person})
    ).status_code == 404
    for _ in range(2):
        assert (await desk.ask("operator", "POST", answer, {"approve": True, "person_id": person})).status_code == 204
    assert (await desk.ask("operator", "POST", answer, {"approve": False, "answer": "no"})).json()["code"] == "answered_already"
    (link,) = await desk.links("nele@example.org")
    entered = await accepted(desk, link)
    assert (entered.status_code, entered.json()["roles"], entered.json()["person_id"]) == (200, ["resident"], person)
    assert (await desk.ask("operator", "GET", PATH)).json() == []
    async with as_owner():
        assert await fetchval("SELECT count(*) FROM access_request WHERE state = 'pending'") == 1
        assert await fetchval("SELECT count(*) FROM access_request WHERE email = 'nele@example.org'") == 0
        assert await fetchval("SELECT count(*) FROM login WHERE email = 'other@example.org'") == 0


async def test_who_is_known_is_proposed_and_a_refusal_gives_nothing_and_says_why(desk: Desk):
    async with as_owner():
        await execute("UPDATE person SET email = 'nele@example.org' WHERE id = $1::uuid", desk.login("resident")["person_id"])
    await ask(desk, **await address_of(desk))
    (mine,) = (await desk.ask("operator", "GET", PATH)).json()
    assert [one["id"] for one in mine["candidates"]] == [desk.login("resident")["person_id"]] and mine["candidates"][0]["places"]
    answer = f"{PATH}/{mine['id']}/answer"
    assert (await desk.ask("operator", "POST", answer, {"approve": False})).json()["code"] == "reason_needed"
    assert (await desk.ask("operator", "POST", answer, {"approve": False, "answer": "You have access already."})).status_code == 204
    assert await desk.links("nele@example.org") == [] and (await desk.ask("operator", "GET", PATH)).json() == []


@pytest.mark.row("I16")
async def test_an_installer_asks_for_an_account_and_creates_sites_once_the_operator_has_approved(desk: Desk):
    await ask(desk, kind="installer", **await address_of(desk))
    (mine,) = (await desk.ask("operator", "GET", PATH)).json()
    assert (mine["kind"], mine["candidates"]) == ("installer", [])
    async with as_owner():
        assert await fetchval("SELECT count(*) FROM login WHERE email = 'nele@example.org'") == 0
    assert (await desk.ask("operator", "POST", f"{PATH}/{mine['id']}/answer", {"approve": True})).status_code == 204
    (link,) = await desk.links("nele@example.org")
    async with desk.browser() as client:
        body = {"token": link, "password": "a password of my own", "name": "Nele Neu"}
        assert (await client.post("/api/invitation/accept", json=body)).json()["roles"] == ["installer"]
        async with as_owner():
            creditor = str(await fetchval("SELECT creditor_id FROM site WHERE id = $1::uuid", desk.site()))
        form = {"name": "Neubau", "street": "N 1", "postcode": "3000", "city": "Bern", "creditor_id": creditor}
        made = await client.post("/api/sites", json=form)
        assert made.status_code == 201
        assert (await client.get(f"/api/sites/{made.json()['id']}")).json()["site"]["status"] == "planned"
