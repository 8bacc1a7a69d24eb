"""Access by programs: a developer's own credentials, a signed token of fifteen minutes, and the consent of owner and operator."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import msgspec

from app.accounts.commands import WRONG
from app.accounts.model import Identity
from app.accounts.passwords import hashed, matches
from app.accounts.queries import identity_of_row
from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import as_machine, execute, fetch, fetchrow, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import keyed_hash, new_id, new_token

MINUTES = 15
ALGORITHM = "HS256"
CREDENTIAL = """
SELECT c.account_id, c.id, c.login_id, c.password_hash, l.email, l.name, l.locale, l.version
FROM api_credential c JOIN login l ON l.id = c.login_id
WHERE c.revoked_at IS NULL
"""
RIGHTS = """
SELECT r.id, r.login_id, l.email, l.name, r.owner_consent_at, r.operator_consent_at FROM api_right r JOIN login_name l ON l.id = r.login_id
WHERE r.site_id = $1 AND r.ended_at IS NULL ORDER BY l.email
"""


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """A name and a password for the API; the password is told this once."""

    username: str
    password: str


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """The signed token for `Authorization: Bearer`, and until when it serves."""

    token: str
    expires_at: datetime


class ApiRight(msgspec.Struct, frozen=True, kw_only=True):
    """A developer's right to a site; it holds once both have consented."""

    id: UUID
    login_id: UUID
    email: str
    name: str
    owner_consent_at: datetime | None
    operator_consent_at: datetime | None


async def make_credential(actor: Actor, login_id: UUID, now: datetime) -> Credential:
    """Other credentials for a developer; those before no longer work, nor do tokens made with them."""
    credential_id, password = new_id(), new_token()
    username, fresh = f"api-{credential_id.hex[-12:]}", await hashed(password)
    async with in_account(actor.account_id):
        await execute("UPDATE api_credential SET revoked_at = $2 WHERE login_id = $1 AND revoked_at IS NULL", login_id, now)
        await execute(
            "INSERT INTO api_credential (account_id, id, login_id, username, password_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
            actor.account_id, credential_id, login_id, username, fresh, now,
        )  # fmt: skip
        await note(actor, "api_credential", credential_id, "made", now)
    return Credential(username=username, password=password)


async def log_in(username: str, password: str, secret: bytes, now: datetime) -> Ticket:
    """A token of fifteen minutes. Raises Refused wrong_credentials, also where the person is no developer today."""
    async with as_machine():
        row = await fetchrow(f"{CREDENTIAL} AND c.username = $1", username.strip())
    if not await matches(None if row is None else row["password_hash"], password) or row is None:
        raise WRONG
    expires_at = now.replace(microsecond=0) + timedelta(minutes=MINUTES)
    claims = {"sub": str(row["id"]), "acc": str(row["account_id"]), "iat": int(now.timestamp()), "exp": int(expires_at.timestamp())}
    token = jwt.encode(claims, _key(secret), algorithm=ALGORITHM)
    if await identity_of_ticket(token, secret, now) is None:
        raise WRONG
    return Ticket(token=token, expires_at=expires_at)


async def identity_of_ticket(token: str, secret: bytes, now: datetime) -> Identity | None:
    """The developer behind a signed token, or None: it is forged, too old, or their credentials were made anew."""
    try:
        options: Any = {"verify_exp": False, "verify_iat": False, "require": ["exp", "sub", "acc"]}  # the clock is ours, below
        claims = jwt.decode(token, _key(secret), algorithms=[ALGORITHM], options=options)
        credential, account, until = UUID(claims["sub"]), UUID(claims["acc"]), datetime.fromtimestamp(int(claims["exp"]), UTC)
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError):
        return None
    if until <= now:
        return None
    async with as_machine():
        row = await fetchrow(f"{CREDENTIAL} AND c.account_id = $1 AND c.id = $2", account, credential)
        found = None if row is None else await identity_of_row(row, now.date(), bearer=True)
    return None if found is None or "developer" not in found.roles else msgspec.structs.replace(found, api=True)


def _key(secret: bytes) -> bytes:
    return keyed_hash(secret, "signs tokens of the API")


async def rights(site_id: UUID) -> list[ApiRight]:
    """Who may read a site through the API, or waits for a consent (inside the caller's transaction)."""
    return [ApiRight(**row) for row in await fetch(RIGHTS, site_id)]


async def consent(actor: Actor, site_id: UUID, email: str, *, owner: bool, operator: bool, now: datetime) -> UUID:
    """Consent for one side, or both where somebody is both; again changes nothing. Raises Refused no_developer."""
    async with in_account(actor.account_id):
        developer = await fetchrow(
            "SELECT l.id FROM login_name l JOIN role_grant g ON g.login_id = l.id WHERE lower(l.email) = lower($1)"
            " AND g.role = 'developer' AND g.valid_from <= $2::date AND (g.valid_to IS NULL OR g.valid_to >= $2::date)",
            email.strip(), now.date(),
        )  # fmt: skip
        if developer is None:
            raise Refused("no_developer", 422, "Nobody of this address is a developer here. Invite them as a developer first.",
                          fields=["email"])  # fmt: skip
        await execute("INSERT INTO api_right (account_id, id, site_id, login_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                      actor.account_id, new_id(), site_id, developer["id"])  # fmt: skip
        row = await fetchrow("SELECT id FROM api_right WHERE site_id = $1 AND login_id = $2 AND ended_at IS NULL FOR UPDATE",
                             site_id, developer["id"])  # fmt: skip
        if row is None:
            raise not_found("right")
        for side, gives in (("owner", owner), ("operator", operator)):
            if gives and await fetchrow(f"UPDATE api_right SET {side}_consent_at = $2, {side}_consent_by = $3 WHERE id = $1"
                                        f" AND {side}_consent_at IS NULL RETURNING id", row["id"], now, actor.login_id):  # fmt: skip
                await note(actor, "api_right", row["id"], f"{side}_consent", now)
    return UUID(str(row["id"]))


async def end_right(actor: Actor, site_id: UUID, right_id: UUID, now: datetime) -> None:
    """Take a consent back: the right ends at once. Safe to repeat. Raises Refused not_found."""
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT ended_at FROM api_right WHERE id = $1 AND site_id = $2 FOR UPDATE", right_id, site_id)
        if row is None:
            raise not_found("right")
        if row["ended_at"] is None:
            await execute("UPDATE api_right SET ended_at = $2 WHERE id = $1", right_id, now)
            await note(actor, "api_right", right_id, "ended", now)


async def sites_for_developer(login_id: UUID) -> set[UUID]:
    """The sites to which both have consented (inside the caller's transaction)."""
    rows = await fetch("SELECT site_id FROM api_right WHERE login_id = $1 AND ended_at IS NULL AND owner_consent_at IS NOT NULL"
                       " AND operator_consent_at IS NOT NULL", login_id)  # fmt: skip
    return {row["site_id"] for row in rows}
