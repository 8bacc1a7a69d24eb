"""Who gets in: invitations by one-time link, roles per site and from day to day, personal tokens."""

import asyncio
import base64
import contextlib
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from app.database.engine import close_database, open_database
from app.database.transaction import as_owner, execute, fetch, fetchval
from app.kernel.settings import Settings, settings_from
from app.main import create_app
from app.worker import Worker
from infra.demo.seed import PASSWORD, Shape, seed

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
PASSWORD_OF_MY_OWN = "a password of my own"


async def jobs(settings: Settings, sql: str) -> list[asyncpg.Record]:
    """The worker's queue, which no role of the application may read."""
    connection = await asyncpg.connect(settings.database_url)
    try:
        return await connection.fetch(sql)
    finally:
        await connection.close()


class Desk:
    """The application with a clock that can be moved, its mails, and everybody of two accounts."""

    def __init__(self, settings: Settings, described: dict[str, Any]) -> None:
        self.settings, self.described, self.now = settings, described, NOW
        self.app = create_app(settings, lambda: self.now)
        self.worker = Worker(settings, lambda: self.now, None)
        self.done: set[int] = set()

    @contextlib.asynccontextmanager
    async def browser(self) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="https://haus.example") as made:
            await made.get("/api/me")
            made.headers["x-csrftoken"] = made.cookies["csrftoken"]
            yield made

    def login(self, role: str, account: int = 0) -> dict[str, str]:
        return next(login for login in self.described["accounts"][account]["logins"] if login["role"] == role)

    def site(self, number: int = 0, account: int = 0) -> str:
        return str(self.described["accounts"][account]["sites"][number]["id"])

    async def ask(self, role: str, method: str, path: str, body: Any = None, account: int = 0) -> httpx.Response:
        return await self.by_token(self.login(role, account)["token"], method, path, body)

    async def by_token(self, token: str, method: str, path: str, body: Any = None) -> httpx.Response:
        async with self.browser() as client:
            return await client.request(method, path, json=body, headers={"authorization": f"Bearer {token}"})

    async def enter(self, client: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
        return await client.post("/api/sign-in", json={"email": email, "password": password})

    async def links(self, email: str) -> list[str]:
        """The secrets of the links in the mails to an address, oldest first."""
        for job in await jobs(self.settings, "SELECT id, task_name, args FROM procrastinate.procrastinate_jobs ORDER BY id"):
            if job["id"] not in self.done:
                self.done.add(job["id"])
                await self.worker.table()[job["task_name"]](**json.loads(job["args"]))
        async with as_owner():
            sent = await fetch("SELECT id FROM delivery WHERE recipient = $1 ORDER BY id", email)
        texts = [(self.settings.data / "mail" / f"{row['id']}.eml").read_text() for row in sent]
        return [found[1] for text in texts if (found := re.search(r"/welcome#([\w-]+)", text.replace("=\n", "")))]


@pytest.fixture
async def desk(dsn: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    settings = settings_from({
        "DATABASE_URL": dsn, "REDIS_URL": redis_url, "HOFSTROM_DATA": str(tmp_path), "HOFSTROM_SECRET_KEY": "s" * 40,
        "HOFSTROM_PUBLIC_URL": "https://haus.example",
    })  # fmt: skip
    await open_database(dsn)
    made = Desk(settings, await seed(settings, NOW, Shape(houses=2, months=1)))
    await made.app.state.redis.flushall()
    made.done = {job["id"] for job in await jobs(settings, "SELECT id FROM procrastinate.procrastinate_jobs")}
    yield made
    await made.app.state.redis.aclose()
    await close_database()


async def accepted(desk: Desk, token: str, password: str = PASSWORD_OF_MY_OWN) -> httpx.Response:
    async with desk.browser() as client:
        return await client.post("/api/invitation/accept", json={"token": token, "password": password, "name": "Nele Neu"})


@pytest.mark.row("A01")
async def test_every_role_signs_in_as_itself_and_nobody_without_one(desk):
    for role in ("operator", "installer", "owner", "proxy", "resident", "support", "developer", "superadmin", "former_resident"):
        async with desk.browser() as client:
            entered = await desk.enter(client, desk.login(role)["email"])
            assert (entered.status_code, entered.json()["roles"]) == (200, [role])
            me = (await client.get("/api/me")).json()
            assert (me["roles"], me["person_id"]) == ([role], desk.login(role)["person_id"])
    async with as_owner():
        await execute("UPDATE role_grant SET valid_to = '2026-11-19' WHERE role = 'installer'")
    async with desk.browser() as client:
        assert (await desk.enter(client, desk.login("installer")["email"])).status_code == 401


@pytest.mark.row("A35")
async def test_a_contact_gets_a_link_by_mail_that_works_once_ends_and_can_be_sent_again(desk):
    person = desk.login("resident")["person_id"]
    made = await desk.ask("operator", "POST", f"/api/people/{person}/contacts", {"name": "Nele Neu"})
    path = f"/api/contacts/{made.json()['id']}/access"
    assert (await desk.ask("operator", "POST", path, {})).json()["code"] == "access_email_needed"
    made = await desk.ask("operator", "POST", f"/api/people/{person}/contacts", {"name": "Nele Neu", "email": "nele@example.org"})
    path = f"/api/contacts/{made.json()['id']}/access"
    assert (await desk.ask("operator", "POST", path, {})).status_code == 201
    (first,) = await desk.links("nele@example.org")
    desk.now = NOW + timedelta(days=14)
    assert (await accepted(desk, first)).json()["code"] == "link_invalid"
    assert (await desk.ask("operator", "GET", "/api/invitations")).json()[0]["state"] == "expired"
    again = await desk.ask("operator", "POST", path, {})
    first, second = await desk.links("nele@example.org")
    assert first != second and again.status_code == 201
    assert (await accepted(desk, first)).json()["code"] == "link_invalid"
    assert (await accepted(desk, second, "short")).json()["code"] == "weak_password"
    taken = await accepted(desk, second)
    assert (taken.status_code, taken.json()["roles"], taken.json()["person_id"]) == (200, ["resident"], person)
    assert (await accepted(desk, second)).json()["code"] == "link_invalid"
    async with desk.browser() as client:
        assert (await desk.enter(client, "nele@example.org", PASSWORD_OF_MY_OWN)).status_code == 200
        assert (await client.get("/api/bills")).json() == (await desk.ask("resident", "GET", "/api/bills")).json()


@pytest.mark.row("O19")
async def test_access_is_a_name_and_a_password_that_only_its_person_changes(desk):
    owner = desk.login("owner")
    body = {"email": "eva@example.org", "role": "owner", "person_id": owner["person_id"]}
    assert (await desk.ask("operator", "POST", "/api/invitations", body)).status_code == 201
    (link,) = await desk.links("eva@example.org")
    assert (await accepted(desk, link)).json()["roles"] == ["owner"]
    async with desk.browser() as client:
        await desk.enter(client, "eva@example.org", PASSWORD_OF_MY_OWN)
        wrong = await client.post("/api/me/password", json={"current": "wrong", "new": "another password"})
        assert wrong.json()["code"] == "wrong_credentials"
        right = await client.post("/api/me/password", json={"current": PASSWORD_OF_MY_OWN, "new": "another password"})
        assert right.status_code == 204
    async with desk.browser() as client:
        assert (await desk.enter(client, "eva@example.org", PASSWORD_OF_MY_OWN)).status_code == 401
        assert (await desk.enter(client, "eva@example.org", "another password")).status_code == 200
    # Nobody else has a way to set it: a later invitation to the same address asks for the password instead.
    body = {"email": "EVA@example.org", "role": "operator"}
    assert (await desk.ask("superadmin", "POST", "/api/invitations", body)).status_code == 201
    (link,) = await desk.links("EVA@example.org")
    async with desk.browser() as client:
        assert (await client.post("/api/invitation/open", json={"token": link})).json()["known"] is True
    assert (await accepted(desk, link, "a password of the thief")).status_code == 401
    assert sorted((await accepted(desk, link, "another password")).json()["roles"]) == ["operator", "owner"]


@pytest.mark.row("R03")
async def test_two_people_of_a_household_have_a_login_each_and_their_acts_are_told_apart(desk):
    person = desk.login("resident")["person_id"]
    body = {"email": "zwei@example.org", "role": "resident", "person_id": person, "name": "Zwei"}
    assert (await desk.ask("operator", "POST", "/api/invitations", body)).status_code == 201
    (link,) = await desk.links("zwei@example.org")
    assert (await accepted(desk, link)).json()["person_id"] == person
    async with desk.browser() as client:
        await desk.enter(client, "zwei@example.org", PASSWORD_OF_MY_OWN)
        assert (await client.post("/api/badge-requests", json={"kind": "new"})).status_code == 201
    assert (await desk.ask("resident", "POST", "/api/badge-requests", {"kind": "extra"})).status_code == 201
    async with as_owner():
        logins = await fetch("SELECT login_id FROM audit_entry WHERE object_kind = 'badge_request' ORDER BY id")
        names = [await fetchval("SELECT email FROM login WHERE id = $1", row["login_id"]) for row in logins]
    assert names == ["zwei@example.org", desk.login("resident")["email"]]


@pytest.mark.row("O20")
async def test_a_property_manager_gives_each_of_their_staff_a_login_of_their_own(desk):
    proxy = desk.login("proxy")
    for name in ("eins", "zwei"):
        body = {"email": f"{name}@verwaltung.example", "name": name, "role": "proxy", "person_id": proxy["person_id"]}
        assert (await desk.ask("proxy", "POST", "/api/invitations", body)).status_code == 201
        (link,) = await desk.links(body["email"])
        assert (await accepted(desk, link)).status_code == 200
    found = [row for row in (await desk.ask("proxy", "GET", "/api/grants")).json() if row["role"] == "proxy"]
    assert len({row["login_id"] for row in found}) == 3
    leaver = next(row for row in found if row["email"] == "eins@verwaltung.example")
    ended = await desk.ask("proxy", "POST", f"/api/grants/{leaver['id']}/end", {"last": str(NOW.date() - timedelta(days=1))})
    assert ended.status_code == 204
    async with desk.browser() as client:
        assert (await desk.enter(client, "eins@verwaltung.example", PASSWORD_OF_MY_OWN)).status_code == 401
        assert (await desk.enter(client, "zwei@verwaltung.example", PASSWORD_OF_MY_OWN)).status_code == 200


async def test_what_a_role_may_give_is_what_the_rules_say_and_not_more(desk):
    person, foreign = desk.login("owner")["person_id"], desk.login("owner", 1)["person_id"]
    tries = [
        ("operator", {"role": "superadmin"}, 403), ("superadmin", {"role": "superadmin"}, 201), ("operator", {"role": "support"}, 201),
        ("owner", {"role": "operator"}, 403), ("owner", {"role": "owner", "person_id": person}, 403),
        ("owner", {"role": "proxy", "person_id": person}, 201), ("owner", {"role": "proxy", "person_id": foreign}, 404),
        ("owner", {"role": "proxy"}, 422), ("installer", {"role": "installer"}, 403), ("support", {"role": "resident"}, 403),
        ("operator", {"role": "owner", "person_id": foreign}, 404), ("operator", {"role": "installer", "site_id": desk.site(0, 1)}, 404),
        ("operator", {"role": "installer", "site_id": desk.site(1)}, 201), ("operator", {"role": "developer", "site_id": desk.site(1)}, 422),
        ("owner", {"role": "resident", "person_id": desk.login("operator")["person_id"]}, 404),
    ]  # fmt: skip
    for number, (role, wanted, status) in enumerate(tries):
        answer = await desk.ask(role, "POST", "/api/invitations", {"email": f"n{number}@example.org", **wanted})
        assert answer.status_code == status, (role, wanted, answer.text)
    again = await desk.ask("operator", "POST", "/api/invitations", {"email": "n2@example.org", "role": "support"})
    assert again.status_code == 201 and len(await desk.links("n2@example.org")) == 1
    last = next(g for g in (await desk.ask("superadmin", "GET", "/api/grants")).json() if g["role"] == "superadmin")
    refused = await desk.ask("superadmin", "POST", f"/api/grants/{last['id']}/end", {"last": "2026-11-20"})
    assert refused.json()["code"] == "last_superadmin"


async def test_a_role_for_one_site_from_day_to_day_opens_that_site_then_and_nothing_else(desk):
    body = {"email": "temp@example.org", "role": "operator", "site_id": desk.site(1), "valid_from": "2026-12-01", "valid_to": "2026-12-31"}
    assert (await desk.ask("operator", "POST", "/api/invitations", body)).status_code == 201
    (link,) = await desk.links("temp@example.org")
    assert (await accepted(desk, link)).status_code == 401  # the role has not begun
    for day, status in ((date(2026, 11, 30), 401), (date(2026, 12, 1), 200), (date(2026, 12, 31), 200), (date(2027, 1, 1), 401)):
        desk.now = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
        async with desk.browser() as client:
            assert (await desk.enter(client, "temp@example.org", PASSWORD_OF_MY_OWN)).status_code == status, day
    desk.now = datetime(2026, 12, 2, 9, tzinfo=UTC)
    async with desk.browser() as client:
        await desk.enter(client, "temp@example.org", PASSWORD_OF_MY_OWN)
        assert [row["id"] for row in (await client.get("/api/sites")).json()] == [desk.site(1)]
        assert (await client.get(f"/api/sites/{desk.site(0)}")).status_code == 404
        for whole in ("/api/operator/stations", "/api/operator/badges", "/api/operator/month?period=2026-10", "/api/operator/review"):
            assert (await client.get(whole)).status_code == 403, whole
        version = (await client.get(f"/api/sites/{desk.site(1)}")).json()["site"]["version"]
        rename = {"version": version, "name": "Umbenannt"}
        assert (await client.patch(f"/api/sites/{desk.site(0)}", json=rename)).status_code == 404
        assert (await client.patch(f"/api/sites/{desk.site(1)}", json=rename)).status_code == 200
        for wide in ({"role": "operator"}, {"role": "installer"}):
            given = await client.post("/api/invitations", json={"email": "x@example.org", **wide})
            assert given.status_code == 403, given.text


async def test_a_personal_token_has_the_rights_of_its_person_says_when_it_was_used_and_is_revoked_at_once(desk):
    async with desk.browser() as client:
        await desk.enter(client, desk.login("owner")["email"])
        made = (await client.post("/api/me/tokens", json={"name": "export", "expires_on": "2026-11-30"})).json()
        before = {row["name"]: row for row in (await client.get("/api/me/tokens")).json()}
        assert before["export"]["last_used_at"] is None and made["token"] not in str(before)
        assert (await desk.by_token(made["token"], "GET", "/api/sites")).json() == (await client.get("/api/sites")).json()
        assert (await desk.by_token(made["token"], "GET", "/api/operator/badges")).status_code == 403
        assert (await desk.by_token(made["token"], "POST", "/api/me/tokens", {"name": "more"})).json()["code"] == "sign_in_needed"
        used = {row["name"]: row for row in (await client.get("/api/me/tokens")).json()}
        assert used["export"]["last_used_at"] is not None
        async with as_owner():
            assert await fetchval("SELECT count(*) FROM api_token WHERE token_hash = sha256($1::bytea)", made["token"].encode()) == 1
            assert made["token"] not in str(await fetch("SELECT * FROM api_token"))
        stranger = await desk.ask("operator", "DELETE", f"/api/me/tokens/{made['id']}")
        assert stranger.status_code == 404
        desk.now = datetime(2026, 12, 1, 0, tzinfo=UTC)
        assert (await desk.by_token(made["token"], "GET", "/api/me")).status_code == 401
        desk.now = NOW
        for _ in range(2):
            assert (await client.delete(f"/api/me/tokens/{made['id']}")).status_code == 204
        assert (await desk.by_token(made["token"], "GET", "/api/me")).status_code == 401


async def credentials(desk: Desk) -> dict[str, str]:
    """The developer's own, made in the portal."""
    async with desk.browser() as client:
        await desk.enter(client, desk.login("developer")["email"])
        return (await client.post("/api/me/api-credential")).json()


async def in_time(desk: Desk, token: str, path: str) -> httpx.Response:
    """A call that comes when it may: the limit is one a second."""
    while True:
        answer = await desk.by_token(token, "GET", path)
        if answer.status_code != 429:
            return answer
        await asyncio.sleep(float(answer.headers["retry-after"]) / 10)


@pytest.mark.row("A55")
async def test_the_apis_login_gives_a_signed_token_of_fifteen_minutes_and_each_call_comes_once_a_second(desk):
    body = await credentials(desk)
    async with desk.browser() as client:
        portal = {"username": desk.login("developer")["email"], "password": PASSWORD}
        assert (await client.post("/api/v1/login", json=portal)).status_code == 401
        ticket = (await client.post("/api/v1/login", json=body)).json()
        again = await client.post("/api/v1/login", json=body)
        assert (again.status_code, again.json()["code"], again.headers["retry-after"]) == (429, "too_fast", "1")
    assert ticket["expires_at"] == "2026-11-20T09:15:00Z"
    head, claims, _ = ticket["token"].split(".")
    assert json.loads(base64.urlsafe_b64decode(head + "==")) == {"alg": "HS256", "typ": "JWT"}
    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["exp"] == int(datetime(2026, 11, 20, 9, 15, tzinfo=UTC).timestamp())
    first, second = [await desk.by_token(ticket["token"], "GET", "/api/v1/sites") for _ in range(2)]
    assert (first.status_code, second.status_code, second.json()["code"]) == (200, 429, "too_fast")
    other = await desk.by_token(ticket["token"], "GET", f"/api/v1/sites/{desk.site()}")
    assert other.status_code == 404  # another call has its own second; nobody has consented yet
    assert (await in_time(desk, ticket["token"], "/api/v1/sites")).status_code == 200
    assert (await desk.by_token(ticket["token"], "GET", "/api/me")).status_code == 403  # it opens nothing of the portal
    unsigned = ".".join([base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("="), claims, ""])
    for forged in (ticket["token"][:-4] + "AAAA", unsigned, "a.b.c"):
        assert (await desk.by_token(forged, "GET", "/api/v1/sites")).status_code == 401
    desk.now = NOW + timedelta(minutes=14, seconds=59)
    assert (await in_time(desk, ticket["token"], "/api/v1/sites")).status_code == 200
    desk.now = NOW + timedelta(minutes=15)
    assert (await in_time(desk, ticket["token"], "/api/v1/sites")).status_code == 401
    desk.now = NOW
    await credentials(desk)
    assert (await in_time(desk, ticket["token"], "/api/v1/sites")).status_code == 401  # made anew, so the old ones are void


@pytest.mark.row("A53")
@pytest.mark.row("A54")
async def test_a_developer_reads_a_site_once_owner_and_operator_have_both_consented_and_until_one_takes_it_back(desk):
    body, path = await credentials(desk), f"/api/sites/{desk.site()}/api-rights"
    assert body["username"] not in {desk.login(role)["email"] for role in ("developer", "operator")} and body["password"] != PASSWORD
    async with desk.browser() as client:
        token = (await client.post("/api/v1/login", json=body)).json()["token"]
    developer = {"email": desk.login("developer")["email"]}

    async def seen() -> list[str]:
        return [site["id"] for site in (await in_time(desk, token, "/api/v1/sites")).json()]

    assert await seen() == []
    assert (await desk.ask("operator", "POST", path, {"email": desk.login("resident")["email"]})).json()["code"] == "no_developer"
    assert (await desk.ask("installer", "POST", path, developer)).status_code == 403
    for first, second in (("operator", "owner"), ("owner", "operator")):
        made = await desk.ask(first, "POST", path, developer)
        assert made.status_code == 201 and (await desk.ask(first, "POST", path, developer)).json() == made.json()
        assert await seen() == []
        assert (await desk.ask(second, "POST", path, developer)).json() == made.json()
        assert await seen() == [desk.site()]
        assert (await in_time(desk, token, f"/api/v1/sites/{desk.site()}/meters")).json()[0]["kind"] == "charge_point"
        assert (await in_time(desk, token, f"/api/v1/sites/{desk.site(1)}/meters")).status_code == 404
        for _ in range(2):
            assert (await desk.ask(first, "DELETE", f"{path}/{made.json()['id']}")).status_code == 204
        assert await seen() == []
    assert (await desk.ask("operator", "GET", path)).json() == []
    async with as_owner():
        await execute("UPDATE role_grant SET valid_to = '2026-11-19' WHERE role = 'developer'")
    assert (await in_time(desk, token, "/api/v1/sites")).status_code == 401
