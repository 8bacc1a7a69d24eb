"""Markers in every personal column: all of them in the export, none left after the erasure but on issued bills."""

import io
import json
import zipfile
from datetime import UTC, date, datetime

import pytest

from app.audit.model import Actor
from app.database.transaction import as_owner, execute, fetch, fetchval, in_account
from app.kernel.errors import Refused
from app.kernel.identifiers import new_id
from app.privacy import commands
from app.privacy.rules import table
from app.residents import badges, moves, people
from tests.charging.house import SECRET, House, make_house

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
MARK = "MARKER"
LAST = date(2026, 10, 31)


@pytest.fixture
async def house(database: str) -> House:
    """Anna's data bear a marker in every column that can name her; she left at the end of October."""
    house = await make_house()
    actor = Actor(account_id=house.account_id, name="Olga")
    change = people.PersonChange(version=1, given_name=f"{MARK}-given", family_name=f"{MARK}-family", email=f"{MARK}@example.org",
                                 phone=f"{MARK}-phone", street=f"{MARK}-street", postcode=f"{MARK}-post", city=f"{MARK}-city")  # fmt: skip
    await people.change_person(actor, house.anna, change, NOW)
    contact = people.NewContact(name=f"{MARK}-contact", email=f"{MARK}2@example.org", phone=f"{MARK}-c-phone", role=f"{MARK}-role")
    await people.add_contact(actor, house.anna, contact, NOW)
    await badges.create_badge(actor, badges.NewBadge(uid="04AABBCCDDEEFF", person_id=house.anna, label=f"{MARK}-label"), SECRET, NOW)
    asked = await badges.request_badge(actor, house.anna, badges.BadgeRequest(kind="new", place=f"{MARK}-place"), NOW)
    await badges.answer_request(actor, asked, badges.RequestAnswer(approve=False, answer=f"{MARK}-answer"), SECRET, NOW)
    async with as_owner():
        await execute("UPDATE person SET iban = 'CH93MARKER', postal_address = 'MARKER-postal' WHERE id = $1", house.anna)
        await execute("INSERT INTO iban_change (account_id, person_id, iban, asked_by_name, asked_at) VALUES ($1, $2, 'CH94MARKER', 'Olga', $3)",
                      house.account_id, house.anna, NOW)  # fmt: skip
        await execute("INSERT INTO login (id, email, name, password_hash, created_at) VALUES ($1, 'marker@login.example', $2, 'x', $3)",
                      house.login, f"{MARK}-login", NOW)  # fmt: skip
        await execute("INSERT INTO role_grant (account_id, login_id, role, person_id, valid_from) VALUES ($1, $2, 'resident', $3, $4)",
                      house.account_id, house.login, house.anna, date(2026, 1, 1))  # fmt: skip
        await execute("INSERT INTO login_session (token_hash, login_id, account_id, created_at, last_seen_at, expires_at)"
                      " VALUES ('t', $1, $2, $3, $3, $3)", house.login, house.account_id, NOW)  # fmt: skip
        await execute("INSERT INTO delivery (account_id, event_key, channel, recipient, created_at) VALUES ($1, 'k', 'email',"
                      " 'marker@login.example', $2)", house.account_id, NOW)  # fmt: skip
        stay = await fetchval("SELECT id FROM occupancy WHERE billing_point_id = $1", house.flat_anna)
    await moves.end_stay(actor, stay, 1, LAST, NOW)
    return house


async def places_of_markers() -> dict[str, set[str]]:
    """table -> columns that hold a marker anywhere in the database, in any case, tables of the queue left out."""
    found: dict[str, set[str]] = {}
    async with as_owner():
        columns = await fetch("SELECT c.table_name, c.column_name FROM information_schema.columns c JOIN information_schema.tables t"
                              " USING (table_schema, table_name) WHERE table_schema = 'public' AND t.table_type = 'BASE TABLE'")  # fmt: skip
        for name, column in [tuple(row) for row in columns]:
            if await fetchval(f"SELECT count(*) FROM {name} WHERE {column}::text ILIKE '%{MARK}%'"):
                found.setdefault(name, set()).add(column)
    return found


async def refusal(work) -> str:
    with pytest.raises(Refused) as refused:
        await work
    return refused.value.code


@pytest.mark.row("R58")
async def test_an_erased_person_leaves_no_marker_anywhere_and_is_still_a_party_of_the_past(house):
    before = await places_of_markers()
    assert before["person"] >= {"given_name", "family_name", "email", "phone", "street", "postcode", "city", "iban", "postal_address"}
    assert set(before) == {"person", "contact", "badge", "badge_request", "login", "delivery", "iban_change"}
    actor = Actor(account_id=house.account_id, name="Olga")
    assert await refusal(commands.erase_person(actor, house.anna, " ", NOW)) == "reason_needed"
    assert await refusal(commands.erase_person(actor, house.ben, "letter of 1 November", NOW)) == "still_here"
    for _ in range(2):
        await commands.erase_person(actor, house.anna, "letter of 1 November", NOW)
        await commands.erase_logins(house.account_id, house.anna, NOW)
    assert await places_of_markers() == {}
    async with in_account(house.account_id):
        assert await fetchval("SELECT count(*) FROM occupancy WHERE person_id = $1", house.anna) == 1
        assert await fetchval("SELECT family_name FROM person WHERE id = $1", house.anna) == f"#{house.anna.hex[-8:]}"
        assert await fetchval("SELECT count(*) FROM role_grant WHERE person_id = $1 AND (valid_to IS NULL OR valid_to >= $2)",
                              house.anna, NOW.date()) == 0  # fmt: skip
    assert await refusal(commands.export_person(actor, house.anna, NOW)) == "not_found"


async def test_everything_about_a_person_is_in_the_export_as_json_and_csv(house):
    actor = Actor(account_id=house.account_id, name="Olga")
    archive = zipfile.ZipFile(io.BytesIO(await commands.export_person(actor, house.anna, NOW)))
    texts = {name: archive.read(name).decode("utf-8-sig") for name in archive.namelist()}
    data = json.loads(texts["data.json"])
    for mark in ("given", "family", "phone", "street", "post", "city"):
        assert f"{MARK}-{mark}" in texts["data.json"]
    assert (data["iban"], data["postal_address"]) == ("CH93MARKER", "MARKER-postal") and data["stays"][0]["last"] == "2026-10-31"
    for mark, name in (
        ("contact", "contacts"),
        ("label", "badges"),
        ("place", "badge_requests"),
        ("answer", "badge_requests"),
        ("login", "logins"),
    ):
        assert f"{MARK}-{mark}" in texts[f"{name}.csv"] and f"{MARK}-{mark}" in texts["data.json"]
    assert "DDEEFF" not in "".join(texts.values()), "never more of a UID than its last four letters"
    assert "ben" not in "".join(texts.values()).lower().replace("number", "")


async def test_open_bills_keep_a_person_from_being_erased(house):
    async with as_owner():
        creditor = await fetchval("SELECT creditor_id FROM site")
        await execute(
            "INSERT INTO invoice (account_id, id, creditor_id, site_id, person_id, number, period_start, period_end, issued_on, due_on,"
            " currency, net_minor, vat_minor, gross_minor, energy_wh, reference, document, pdf, pdf_sha256, created_at) VALUES"
            " ($1, $2, $3, $4, $5, '2026-1', '2026-10-01', '2026-10-31', '2026-11-01', '2026-12-01', 'CHF', 100, 8, 108, 1, 'r', '{}', 'p', 's', $6)",
            house.account_id, new_id(), creditor, house.site_id, house.anna, NOW,
        )  # fmt: skip
    assert await refusal(commands.erase_person(Actor(account_id=house.account_id, name="Olga"), house.anna, "letter", NOW)) == "bills_open"


def test_no_cell_of_a_csv_begins_a_formula():
    assert table([{"name": "=1+1", "more": 3}]).decode("utf-8-sig").splitlines() == ["name,more", "'=1+1,3"]
