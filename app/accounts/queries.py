"""Identities by token. These reads run as the machine role, before any account is known."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.accounts.model import Identity
from app.database.transaction import as_machine, execute, fetch, fetchrow
from app.kernel.identifiers import token_hash

SESSION = """
SELECT s.login_id, s.account_id, s.last_seen_at, l.email, l.name, l.locale FROM login_session s
JOIN login l ON l.id = s.login_id WHERE s.token_hash = $1 AND s.expires_at > $2
"""
TOKEN = """
SELECT t.login_id, t.account_id, l.email, l.name, l.locale FROM api_token t
JOIN login l ON l.id = t.login_id WHERE t.token_hash = $1 AND t.revoked_at IS NULL
"""
GRANTS = """
SELECT role, person_id FROM role_grant WHERE account_id = $1 AND login_id = $2
    AND valid_from <= $3::date AND (valid_to IS NULL OR valid_to >= $3::date)
"""
SEEN_EVERY_SECONDS = 60


async def identity_of_token(token: str, now: datetime) -> Identity | None:
    """The person behind a session cookie, or None."""
    async with as_machine():
        row = await fetchrow(SESSION, token_hash(token), now)
        if row is None:
            return None
        if (now - row["last_seen_at"]).total_seconds() > SEEN_EVERY_SECONDS:
            await execute("UPDATE login_session SET last_seen_at = $2 WHERE token_hash = $1", token_hash(token), now)
        return await _identity(row, now.date(), bearer=False)


async def identity_of_bearer(token: str, now: datetime) -> Identity | None:
    """The person behind a personal token, or None."""
    async with as_machine():
        row = await fetchrow(TOKEN, token_hash(token))
        return None if row is None else await _identity(row, now.date(), bearer=True)


async def _identity(row: Any, today: date, *, bearer: bool) -> Identity | None:
    grants = await fetch(GRANTS, row["account_id"], row["login_id"], today)
    account = await fetchrow("SELECT name, currency, hotline FROM account WHERE id = $1", row["account_id"])
    if account is None or not grants:
        return None
    persons = [grant["person_id"] for grant in grants if grant["person_id"] is not None]
    return Identity(
        login_id=row["login_id"], account_id=row["account_id"], account_name=account["name"], currency=account["currency"],
        hotline=account["hotline"], email=row["email"], name=row["name"], locale=row["locale"],
        roles=frozenset(grant["role"] for grant in grants), person_id=persons[0] if persons else None, bearer=bearer,
    )  # fmt: skip


async def first_account(login_id: UUID, today: date) -> UUID | None:
    """The account that a login enters: its oldest valid grant (inside the caller's machine transaction)."""
    row = await fetchrow(
        "SELECT account_id FROM role_grant WHERE login_id = $1 AND valid_from <= $2::date"
        " AND (valid_to IS NULL OR valid_to >= $2::date) ORDER BY valid_from, id LIMIT 1", login_id, today,
    )  # fmt: skip
    return None if row is None else row["account_id"]
