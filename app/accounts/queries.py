"""Identities by token. These reads run as the machine role, before any account is known."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from app.accounts.model import Identity
from app.accounts.rules import EVERYBODY, Grant, person_as
from app.database.transaction import as_machine, execute, fetch, fetchrow
from app.kernel.identifiers import token_hash

SESSION = """
SELECT s.login_id, s.account_id, s.last_seen_at, l.email, l.name, l.locale, l.version FROM login_session s
JOIN login l ON l.id = s.login_id WHERE s.token_hash = $1 AND s.expires_at > $2
"""
TOKEN = """
SELECT t.account_id, t.id, t.login_id, t.last_used_at, l.email, l.name, l.locale, l.version FROM api_token t
JOIN login l ON l.id = t.login_id WHERE t.token_hash = $1 AND t.revoked_at IS NULL AND (t.expires_on IS NULL OR t.expires_on >= $2::date)
"""
GRANTS = """
SELECT role, site_id, person_id FROM role_grant WHERE account_id = $1 AND login_id = $2
    AND valid_from <= $3::date AND (valid_to IS NULL OR valid_to >= $3::date)
    ORDER BY valid_from, id
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
        return await identity_of_row(row, now.date(), bearer=False)


async def identity_of_bearer(token: str, now: datetime) -> Identity | None:
    """The person behind a personal token, or None."""
    async with as_machine():
        row = await fetchrow(TOKEN, token_hash(token), now.date())
        if row is None:
            return None
        if row["last_used_at"] is None or (now - row["last_used_at"]).total_seconds() > SEEN_EVERY_SECONDS:
            await execute("UPDATE api_token SET last_used_at = $3 WHERE account_id = $1 AND id = $2", row["account_id"], row["id"], now)
        return await identity_of_row(row, now.date(), bearer=True)


async def identity_of_row(row: Any, today: date, *, bearer: bool) -> Identity | None:
    """The person of a session, token or credential with the roles of today (inside the caller's machine transaction)."""
    grants = await fetch(GRANTS, row["account_id"], row["login_id"], today)
    account = await fetchrow("SELECT name, currency, hotline FROM account WHERE id = $1", row["account_id"])
    if account is None or not grants:
        return None
    given = tuple(Grant(**grant) for grant in grants)
    return Identity(
        login_id=row["login_id"], account_id=row["account_id"], account_name=account["name"], currency=account["currency"],
        hotline=account["hotline"], email=row["email"], name=row["name"], locale=row["locale"], version=row["version"],
        roles=frozenset(grant.role for grant in given), person_id=person_as(given, EVERYBODY), grants=given, bearer=bearer,
    )  # fmt: skip


async def first_account(login_id: UUID, today: date) -> UUID | None:
    """The account that a login enters: its oldest valid grant (inside the caller's machine transaction)."""
    row = await fetchrow(
        "SELECT account_id FROM role_grant WHERE login_id = $1 AND valid_from <= $2::date"
        " AND (valid_to IS NULL OR valid_to >= $2::date) ORDER BY valid_from, id LIMIT 1", login_id, today,
    )  # fmt: skip
    return None if row is None else row["account_id"]
