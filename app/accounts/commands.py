"""Sign in, sign out, links, passwords. A token is made anew at each sign-in and only its hash is stored."""

from datetime import date, datetime, timedelta
from uuid import UUID

from app.accounts.passwords import SHORTEST, hashed, matches
from app.accounts.queries import first_account
from app.audit.commands import changed_meanwhile
from app.database.transaction import as_machine, execute, fetchrow, fetchval
from app.kernel.errors import Refused
from app.kernel.identifiers import new_id, new_token, token_hash
from app.outbox.commands import record

SESSION_DAYS = 90
LINK_MINUTES = 15
WRONG = Refused("wrong_credentials", 401, "E-mail or password is wrong. Try again, or ask for a sign-in link.")
LINK_INVALID = Refused("link_invalid", 401, "This link has been used or is too old. Ask for a new one.")


async def sign_in(email: str, password: str, now: datetime) -> str:
    """A new session's token. Raises Refused wrong_credentials."""
    async with as_machine():
        row = await fetchrow("SELECT id, password_hash FROM login WHERE lower(email) = lower($1)", email.strip())
    if not await matches(None if row is None else row["password_hash"], password) or row is None:
        raise WRONG
    return await open_session(row["id"], now)


async def open_session(login_id: UUID, now: datetime, account_id: UUID | None = None) -> str:
    """A session in an account; without one, in that of the oldest role. Raises Refused wrong_credentials."""
    token = new_token()
    async with as_machine():
        account_id = account_id or await first_account(login_id, now.date())
        if account_id is None:
            raise WRONG
        await execute(
            "INSERT INTO login_session (token_hash, login_id, account_id, created_at, last_seen_at, expires_at)"
            " VALUES ($1, $2, $3, $4, $4, $5)",
            token_hash(token), login_id, account_id, now, now + timedelta(days=SESSION_DAYS),
        )  # fmt: skip
    return token


async def sign_out(token: str) -> None:
    """End a session. Safe to repeat."""
    async with as_machine():
        await execute("DELETE FROM login_session WHERE token_hash = $1", token_hash(token))


async def request_link(email: str, locale: str, now: datetime) -> None:
    """Ask for a one-time link. Says nothing about whether the e-mail is known."""
    async with as_machine():
        login_id = await fetchval("SELECT id FROM login WHERE lower(email) = lower($1)", email.strip())
        if login_id is None:
            return
        token = new_token()
        await execute(
            "INSERT INTO login_link (token_hash, login_id, created_at, expires_at) VALUES ($1, $2, $3, $4)",
            token_hash(token), login_id, now, now + timedelta(minutes=LINK_MINUTES),
        )  # fmt: skip
        args = {"login_id": login_id, "token": token, "locale": locale}
        await record("LoginLinkRequested", args, account_id=None)


async def redeem_link(token: str, now: datetime) -> str:
    """Turn a one-time link into a session's token, once. Raises Refused link_invalid."""
    async with as_machine():
        login_id = await fetchval(
            "UPDATE login_link SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2"
            " RETURNING login_id", token_hash(token), now,
        )  # fmt: skip
    if login_id is None:
        raise LINK_INVALID
    return await open_session(login_id, now)


def check_password(new: str) -> None:
    """Raises Refused weak_password."""
    if len(new) < SHORTEST:
        raise Refused("weak_password", 400, f"Choose a password of at least {SHORTEST} characters.", least=SHORTEST)


async def change_password(login_id: UUID, current: str, new: str, keep_token: str, now: datetime) -> None:
    """Set a new password and end the person's other sessions. Raises Refused weak_password, wrong_credentials."""
    check_password(new)
    async with as_machine():
        stored = await fetchval("SELECT password_hash FROM login WHERE id = $1", login_id)
    if not await matches(stored, current):
        raise Refused("wrong_credentials", 400, "The current password is wrong.")
    fresh = await hashed(new)
    async with as_machine():
        await execute("UPDATE login SET password_hash = $2, password_changed_at = $3 WHERE id = $1", login_id, fresh, now)
        await execute("DELETE FROM login_session WHERE login_id = $1 AND token_hash <> $2", login_id, token_hash(keep_token))


async def set_locale(login_id: UUID, version: int, locale: str) -> int:
    """Choose a language. Returns the version; the same language again changes nothing.

    Raises Refused invalid_input, changed_meanwhile where another one was chosen on another device.
    """
    if locale not in ("de", "fr", "it", "en", "nl"):
        raise Refused("invalid_input", 422, "Choose one of de, fr, it, en, nl.", fields=["locale"])
    async with as_machine():
        row = await fetchrow("SELECT version, locale FROM login WHERE id = $1 FOR UPDATE", login_id)
        if row is None:
            raise WRONG
        if row["locale"] == locale:
            return int(row["version"])
        if row["version"] != version:
            raise changed_meanwhile(row, {"locale": locale})
        await execute("UPDATE login SET locale = $2, version = version + 1 WHERE id = $1", login_id, locale)
    return version + 1


async def create_login(email: str, name: str, password_hash: str, locale: str, now: datetime) -> UUID:
    """Make a login, or find the one with this e-mail (inside the caller's owner transaction)."""
    await execute(
        "INSERT INTO login (id, email, password_hash, name, locale, created_at) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (lower(email)) DO NOTHING", new_id(), email, password_hash, name, locale, now,
    )  # fmt: skip
    return UUID(str(await fetchval("SELECT id FROM login WHERE lower(email) = lower($1)", email)))


async def grant_role(account_id: UUID, login_id: UUID, role: str, person_id: UUID | None, valid_from: date) -> None:
    """Give a role from a day on (inside the caller's owner transaction)."""
    await execute(
        "INSERT INTO role_grant (account_id, id, login_id, role, person_id, valid_from) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT DO NOTHING", account_id, new_id(), login_id, role, person_id, valid_from,
    )  # fmt: skip


async def create_token(account_id: UUID, login_id: UUID, name: str, token: str, now: datetime) -> None:
    """Keep the hash of a personal token (inside the caller's owner transaction)."""
    await execute(
        "INSERT INTO api_token (account_id, id, login_id, name, token_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (token_hash) DO NOTHING", account_id, new_id(), login_id, name, token_hash(token), now,
    )  # fmt: skip
