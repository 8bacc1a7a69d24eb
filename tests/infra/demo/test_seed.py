"""What `hofstrom demo --json` prints: two accounts, every role in each, all of it working, and the same again."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.charging.authorisation import holder_of
from app.charging.model import Station
from app.database.engine import close_database, open_database
from app.database.transaction import as_machine, as_owner, fetch, fetchrow, in_account
from app.kernel.settings import Settings, settings_from
from app.main import create_app
from app.sites.administration import setup_steps
from infra.demo.houses import ROLES
from infra.demo.seed import Shape, seed

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    return settings_from({"DATABASE_URL": database, "HOFSTROM_DATA": str(tmp_path), "HOFSTROM_SECRET_KEY": "s" * 40})


async def rows_counted() -> dict[str, int]:
    async with as_owner():
        tables = await fetch("SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                             " WHERE n.nspname = 'public' AND c.relkind = 'r' AND NOT c.relispartition"
                             " AND c.relname NOT LIKE 'migration%'")  # fmt: skip
        return {row["relname"]: (await fetchrow(f"SELECT count(*) AS n FROM {row['relname']}"))["n"] for row in tables}


def ids_in(account: dict[str, Any]) -> set[str]:
    found = {account["id"], *(login["person_id"] for login in account["logins"])}
    for site in account["sites"]:
        found |= {site["id"], *(x["id"] for kind in ("buildings", "billing_points", "stations") for x in site[kind])}
    return found


async def test_it_has_the_shape_that_scripts_rely_on_and_shares_nothing_between_accounts(settings: Settings) -> None:
    made = json.loads(json.dumps(await seed(settings, NOW, Shape(months=1))))
    first, second = made["accounts"]
    for account in (first, second):
        assert {"id", "name", "sites", "logins"} <= account.keys()
        assert tuple(login["role"] for login in account["logins"]) == ROLES
        assert all(login.keys() == {"role", "email", "password", "token", "person_id"} for login in account["logins"])
        assert all(login["person_id"] and login["token"] for login in account["logins"])
        for site in account["sites"]:
            assert {"id", "buildings", "billing_points", "stations", "badges"} <= site.keys()
            assert all({"id", "password", "version", "connectors", "qr_url"} <= station.keys() for station in site["stations"])
            assert {badge["resident_id"] for badge in site["badges"]} >= {
                login["person_id"] for login in account["logins"] if login["role"] in ("resident", "former_resident")
            }
    assert not ids_in(first) & ids_in(second)
    assert not {b["uid"] for s in first["sites"] for b in s["badges"]} & {b["uid"] for s in second["sites"] for b in s["badges"]}


async def test_again_it_changes_nothing_and_prints_the_same_and_a_larger_one_only_adds(settings: Settings) -> None:
    first = await seed(settings, NOW, Shape(months=1))
    before = await rows_counted()
    assert await seed(settings, NOW, Shape(months=1)) == first
    assert await rows_counted() == before
    large = await seed(settings, NOW, Shape(houses=2, residents=5, stations=3, months=2))
    for was, now in zip(first["accounts"], large["accounts"], strict=True):
        assert ids_in(was) < ids_in(now)
        assert [(len(site["billing_points"]), len(site["stations"])) for site in now["sites"]] == [(5, 3), (5, 3)]
        assert was["logins"] == now["logins"]
    async with as_owner():
        of_new_house = await fetch(
            "SELECT c.period, count(DISTINCT c.person_id) AS people FROM charge c WHERE c.site_id = $1 GROUP BY c.period ORDER BY c.period",
            large["accounts"][0]["sites"][1]["id"],
        )
        held = await fetchrow("SELECT count(*) AS n FROM charging_session WHERE state <> 'ended'")
    assert [row["people"] for row in of_new_house] == [4, 4]
    assert held["n"] == 0
    assert await seed(settings, NOW, Shape(houses=2, residents=5, stations=3, months=2)) == large


async def test_every_login_enters_by_password_and_by_token_in_its_role(settings: Settings) -> None:
    made = await seed(settings, NOW, Shape(months=1))
    await close_database()
    app = create_app(settings, lambda: NOW)
    await open_database(settings.database_url)
    transport = httpx.ASGITransport(app=app)
    for account in made["accounts"]:
        for login in account["logins"]:
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                await client.get("/api/me")
                csrf = {"x-csrftoken": client.cookies["csrftoken"]}
                body = {"email": login["email"], "password": login["password"]}
                by_password = await client.post("/api/sign-in", json=body, headers=csrf)
                by_token = await client.get("/api/me", headers={"authorization": f"Bearer {login['token']}"})
            assert by_password.status_code == by_token.status_code == 200
            assert by_password.json() == by_token.json()
            told = by_token.json()
            assert (told["roles"], told["person_id"], told["account"]["id"]) == ([login["role"]], login["person_id"], account["id"])


async def test_every_badge_printed_is_known_to_the_stations_of_its_account_alone(settings: Settings) -> None:
    made = await seed(settings, NOW, Shape(months=1))
    async with as_machine():
        rows = {row["identity"]: row for row in await fetch("SELECT * FROM station")}
    answers = set()
    for at, account in enumerate(made["accounts"]):
        row = rows[account["sites"][0]["stations"][0]["id"]]
        station = Station(**{name: row[name] for name in Station.__struct_fields__})
        for of, other in enumerate(made["accounts"]):
            for badge in other["sites"][0]["badges"]:
                async with as_machine():
                    holder = await holder_of(station, 1, badge["uid"], settings.secret_key, NOW)
                answers.add((at == of, holder.status))
    assert {status for own, status in answers if own} == {"Accepted", "Blocked", "Invalid"}
    assert {status for own, status in answers if not own} == {"Invalid"}


async def test_its_houses_are_in_operation_with_every_step_of_their_setting_up_done(settings: Settings) -> None:
    made = await seed(settings, NOW, Shape(months=1))
    for account in made["accounts"]:
        for site in account["sites"]:
            async with in_account(UUID(account["id"])):
                steps = await setup_steps(UUID(site["id"]), NOW.date())
                assert (await fetchrow("SELECT status FROM site WHERE id = $1", UUID(site["id"])))["status"] == "in_operation"
            assert [step.name for step in steps if not step.done] == []
