"""Roles that are given, and taken back from a day on; personal tokens."""

from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import execute, fetch, fetchrow, fetchval, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id, new_token, token_hash

LISTED = """
SELECT g.id, g.login_id, l.email, l.name, g.role, g.site_id, s.name AS site_name, g.person_id,
    nullif(trim(coalesce(p.given_name || ' ' || p.family_name, '')), '') AS person_name, g.valid_from, g.valid_to
FROM role_grant g JOIN login_name l ON l.id = g.login_id LEFT JOIN site s ON s.account_id = g.account_id AND s.id = g.site_id
LEFT JOIN person p ON p.account_id = g.account_id AND p.id = g.person_id
"""
MOST_TOKENS = 20


class GrantRow(msgspec.Struct, frozen=True, kw_only=True):
    """A role of a login, both days included; `valid_to` None: until further notice."""

    id: UUID
    login_id: UUID
    email: str
    name: str
    role: str
    site_id: UUID | None
    site_name: str | None
    person_id: UUID | None
    person_name: str | None
    valid_from: date
    valid_to: date | None


class NewToken(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A token's name says what it is for; after its last day it no longer works."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    expires_on: date | None = None


class TokenMade(msgspec.Struct, frozen=True, kw_only=True):
    """The token itself: told this once."""

    id: UUID
    token: str


class TokenRow(msgspec.Struct, frozen=True, kw_only=True):
    """A personal token in its owner's list."""

    id: UUID
    name: str
    created_at: datetime
    expires_on: date | None
    last_used_at: datetime | None


async def grants() -> list[GrantRow]:
    """All roles of the account, those that have ended too (inside the caller's transaction)."""
    return [GrantRow(**row) for row in await fetch(f"{LISTED} ORDER BY l.email, g.valid_from, g.id")]


async def grant(grant_id: UUID) -> GrantRow:
    """One role (inside the caller's transaction). Raises Refused not_found."""
    row = await fetchrow(f"{LISTED} WHERE g.id = $1", grant_id)
    if row is None:
        raise not_found("role")
    return GrantRow(**row)


async def end_grant(actor: Actor, grant_id: UUID, last: date | None, reason: str, now: datetime) -> None:
    """Let a role end with a day; None: it no longer ends. Raises Refused not_found, exit_before_entry, last_superadmin."""
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT role, valid_from, valid_to FROM role_grant WHERE id = $1 FOR UPDATE", grant_id)
        if row is None:
            raise not_found("role")
        if last is not None and last < row["valid_from"] - timedelta(days=1):  # the day before: it never held
            raise Refused("exit_before_entry", 422, "The last day lies before the first one. Correct one of the two.", fields=["last"])
        if row["valid_to"] == last:
            return
        others = await fetchval(
            "SELECT count(*) FROM role_grant WHERE role = 'superadmin' AND id <> $1 AND valid_from <= $2::date"
            " AND (valid_to IS NULL OR valid_to > $2::date)", grant_id, now.date(),
        )  # fmt: skip
        if row["role"] == "superadmin" and last is not None and not others:
            raise Refused("last_superadmin", 409, "This is the account's last superadmin. Name another one first.")
        await execute("UPDATE role_grant SET valid_to = $2 WHERE id = $1", grant_id, last)
        before, after = {"valid_to": row["valid_to"]}, {"valid_to": last}
        await note(actor, "role_grant", grant_id, "ended", now, before=before, after=after, reason=reason)


async def make_token(actor: Actor, login_id: UUID, form: NewToken, now: datetime) -> TokenMade:
    """A token with the rights of its person; only its hash is kept. Raises Refused day_passed, too_many_tokens."""
    if form.expires_on is not None and form.expires_on < now.date():
        raise Refused("day_passed", 422, "This day has passed. Choose a later one.", fields=["expires_on"])
    token, token_id = new_token(), new_id()
    async with in_account(actor.account_id):
        if len(await tokens(login_id)) >= MOST_TOKENS:
            raise Refused("too_many_tokens", 409, f"You have {MOST_TOKENS} tokens. Revoke one that you no longer use.", most=MOST_TOKENS)
        await execute(
            "INSERT INTO api_token (account_id, id, login_id, name, token_hash, created_at, expires_on)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            actor.account_id, token_id, login_id, form.name.strip(), token_hash(token), now, form.expires_on,
        )  # fmt: skip
        await note(actor, "api_token", token_id, "made", now, after={"expires_on": form.expires_on})
    return TokenMade(id=token_id, token=token)


async def tokens(login_id: UUID) -> list[TokenRow]:
    """A person's own tokens that are not revoked (inside the caller's transaction)."""
    rows = await fetch("SELECT id, name, created_at, expires_on, last_used_at FROM api_token WHERE login_id = $1 AND revoked_at IS NULL"
                       " ORDER BY created_at, id", login_id)  # fmt: skip
    return [TokenRow(**row) for row in rows]


async def revoke_token(actor: Actor, login_id: UUID, token_id: UUID, now: datetime) -> None:
    """A token no longer works from now on. Safe to repeat. Raises Refused not_found for a token that is not one's own."""
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT revoked_at FROM api_token WHERE id = $1 AND login_id = $2 FOR UPDATE", token_id, login_id)
        if row is None:
            raise not_found("token")
        if row["revoked_at"] is None:
            await execute("UPDATE api_token SET revoked_at = $2 WHERE id = $1", token_id, now)
            await note(actor, "api_token", token_id, "revoked", now)
