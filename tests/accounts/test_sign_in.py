"""Sign-in over HTTP: sessions of our own, one-time links, throttling, CSRF, and strangers who see nothing."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.accounts.web.access import COOKIE
from app.database.engine import close_database, open_database
from app.database.transaction import as_machine, fetchval
from app.kernel.settings import Settings, settings_from
from app.main import create_app
from infra.demo.seed import PASSWORD, Shape, seed
from notifications.commands import mail_link

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
RESIDENT = "resident@musterhof.example"


@pytest.fixture
def settings(dsn: str, redis_url: str, tmp_path: Path) -> Settings:
    return settings_from({
        "DATABASE_URL": dsn, "REDIS_URL": redis_url, "HOFSTROM_DATA": str(tmp_path), "HOFSTROM_SECRET_KEY": "s" * 40,
        "HOFSTROM_PUBLIC_URL": "https://haus.example",
    })  # fmt: skip


@pytest.fixture
async def described(settings: Settings) -> dict[str, Any]:
    await open_database(settings.database_url)
    made = await seed(settings, NOW, Shape(months=2))
    await close_database()
    return made


@pytest.fixture
async def client(settings: Settings, described: dict[str, Any]) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings, lambda: NOW)
    # The application's own start-up, by hand: it has to happen in this test's task.
    await open_database(settings.database_url)
    await app.state.redis.flushall()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://haus.example") as made:
        await made.get("/api/me")
        yield made
    await app.state.redis.aclose()
    await close_database()


async def enter(client: httpx.AsyncClient, email: str = RESIDENT, password: str = PASSWORD):
    headers = {"x-csrftoken": client.cookies.get("csrftoken") or ""}
    return await client.post("/api/sign-in", json={"email": email, "password": password}, headers=headers)


def bearer(described: dict[str, Any], account: int, role: str) -> dict[str, str]:
    login = next(login for login in described["accounts"][account]["logins"] if login["role"] == role)
    return {"authorization": f"Bearer {login['token']}"}


async def test_a_session_id_that_the_client_brings_is_never_adopted_and_each_sign_in_makes_a_new_one(client):
    client.cookies.set(COOKIE, "chosen-by-me", domain="haus.example")
    assert (await client.get("/api/me")).status_code == 401
    first = (await enter(client)).headers.get_list("set-cookie")
    second = (await enter(client)).headers.get_list("set-cookie")
    cookies = [next(text for text in texts if text.startswith(COOKIE)) for texts in (first, second)]
    assert cookies[0] != cookies[1] and "chosen-by-me" not in "".join(cookies)
    assert all(word in cookies[0] for word in ("HttpOnly", "Secure", "SameSite=lax"))


async def test_nothing_is_stored_for_anonymous_visitors(client):
    await client.get("/api/c/DEMO1X")
    async with as_machine():
        assert await fetchval("SELECT count(*) FROM login_session") == 0


async def test_a_wrong_password_is_a_problem_document_and_guessing_is_slowed(client):
    answers = [await enter(client, password="wrong") for _ in range(11)]
    assert (answers[0].status_code, answers[0].json()["code"]) == (401, "wrong_credentials")
    assert answers[0].headers["content-type"].startswith("application/problem+json")
    assert (answers[-1].status_code, answers[-1].json()["code"]) == (429, "too_many_attempts")
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_a_one_time_link_is_mailed_and_works_once(client, settings):
    async with as_machine():
        login_id = await fetchval("SELECT id FROM login WHERE email = $1", RESIDENT)
    headers = {"x-csrftoken": client.cookies.get("csrftoken") or ""}
    asked = await client.post("/api/sign-in-link", json={"email": RESIDENT, "locale": "fr"}, headers=headers)
    assert asked.status_code == 204
    # The token is only in the job, as the worker gets it.
    import asyncpg

    connection = await asyncpg.connect(settings.database_url)
    token = await connection.fetchval("SELECT args->>'token' FROM procrastinate.procrastinate_jobs WHERE task_name = 'LoginLinkRequested'")
    await connection.close()
    for _ in range(2):
        await mail_link(settings, login_id, token, "fr", NOW)
    mails = list((settings.data / "mail").glob("*.eml"))
    assert len(mails) == 1
    first, second = [await client.post("/api/sign-in-link/redeem", json={"token": token}, headers=headers) for _ in range(2)]
    assert (first.status_code, first.json()["email"]) == (200, RESIDENT)
    assert (second.status_code, second.json()["code"]) == (401, "link_invalid")


async def test_a_cookie_needs_the_csrf_header_and_a_bearer_never_falls_back_to_the_cookie(client, described):
    await enter(client)
    assert (await client.post("/api/sign-out")).json()["code"] == "csrf"
    assert (await client.patch("/api/me", json={"version": 1, "locale": "it"}, headers=bearer(described, 0, "resident"))).status_code == 200
    assert (await client.get("/api/me", headers={"authorization": "Bearer nonsense"})).status_code == 401


async def test_a_new_password_ends_the_other_sessions(client):
    await enter(client)
    old = client.cookies.get(COOKIE)
    await enter(client)
    headers = {"x-csrftoken": client.cookies.get("csrftoken") or ""}
    changed = await client.post("/api/me/password", json={"current": PASSWORD, "new": "a longer one 2026"}, headers=headers)
    assert changed.status_code == 204
    assert (await client.get("/api/me")).status_code == 200
    client.cookies.set(COOKIE, old, domain="haus.example")
    client.cookies.delete(COOKIE)
    client.cookies.set(COOKIE, old, domain="haus.example")
    assert (await client.get("/api/me")).status_code == 401


async def test_every_answer_carries_the_security_headers(client):
    for path in ("/health", "/api/bills", "/no/such.file"):
        headers = (await client.get(path)).headers
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert headers["strict-transport-security"].startswith("max-age=")
        assert headers["x-content-type-options"] == "nosniff"


async def test_roles_and_strangers_are_kept_out(client, described):
    mine, stranger = bearer(described, 0, "resident"), bearer(described, 1, "resident")
    assert (await client.get("/api/owner/payouts", headers=mine)).status_code == 403
    bill = (await client.get("/api/bills", headers=mine)).json()[0]["id"]
    session = (await client.get("/api/sessions", headers=mine)).json()["items"][0]["id"]
    for path in (f"/api/bills/{bill}", f"/api/bills/{bill}/pdf", f"/api/sessions/{session}"):
        assert (await client.get(path, headers=mine)).status_code == 200
        assert (await client.get(path, headers=stranger)).status_code == 404
        assert (await client.get(path)).status_code == 401
    assert (await client.get(f"/api/operator/bills/{bill}/pdf", headers=bearer(described, 1, "operator"))).status_code == 404
    place = (await client.get("/api/c/DEMO1X", headers=stranger)).json()
    assert (place["refusal"], place["session_id"]) == ("not_allowed", None)


async def test_the_documents_and_figures_answer(client):
    assert (await client.get("/health")).status_code == 200
    assert "/api/c/{code}/start" in (await client.get("/schema/openapi.json")).json()["paths"]
    assert "litestar" in (await client.get("/metrics")).text
