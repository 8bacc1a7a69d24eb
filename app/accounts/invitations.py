"""Invitations: a role is offered by mail under a one-time link; whoever takes it has a login of their own and that role."""

from datetime import date, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec

from app.accounts.commands import LINK_INVALID, WRONG, check_password
from app.accounts.passwords import hashed, matches
from app.accounts.rules import Role, check_days
from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import as_machine, execute, fetch, fetchrow, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id, new_token, token_hash
from app.outbox.commands import record

DAYS_VALID = 14
Locale = Literal["de", "fr", "it", "en", "nl"]
State = Literal["open", "expired", "accepted", "withdrawn"]
STATE = (
    "CASE WHEN i.accepted_at IS NOT NULL THEN 'accepted' WHEN i.withdrawn_at IS NOT NULL THEN 'withdrawn'"
    " WHEN i.expires_at <= $1 THEN 'expired' ELSE 'open' END"
)
LISTED = f"""
SELECT i.id, i.email, i.name, i.role, i.site_id, s.name AS site_name, i.person_id, {STATE} AS state,
    nullif(trim(coalesce(p.given_name || ' ' || p.family_name, '')), '') AS person_name, i.valid_from, i.valid_to, i.sent_at, i.expires_at,
    i.accepted_at, coalesce(nullif(l.name, ''), l.email, '') AS invited_by, i.invited_by AS invited_by_id
FROM invitation i LEFT JOIN site s ON s.account_id = i.account_id AND s.id = i.site_id
LEFT JOIN person p ON p.account_id = i.account_id AND p.id = i.person_id LEFT JOIN login_name l ON l.id = i.invited_by
"""


class NewInvitation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is asked in, as what. Owners, proxies and residents act in the name of `person_id`; without `site_id` the role holds
    for the whole account, or for all that is the person's."""

    email: Annotated[str, msgspec.Meta(max_length=200)]
    name: Annotated[str, msgspec.Meta(max_length=120)] = ""
    locale: Locale = "de"
    role: Role
    site_id: UUID | None = None
    person_id: UUID | None = None
    valid_from: date | None = None
    valid_to: date | None = None


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation in the list."""

    id: UUID
    email: str
    name: str
    role: str
    site_id: UUID | None
    site_name: str | None
    person_id: UUID | None
    person_name: str | None
    state: State
    valid_from: date
    valid_to: date | None
    sent_at: datetime
    expires_at: datetime
    accepted_at: datetime | None
    invited_by: str
    invited_by_id: UUID


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What the holder of a link is told. `known`: the address has a login already, whose password is asked for."""

    email: str
    name: str
    role: str
    account_name: str
    site_name: str | None
    locale: str
    known: bool
    expires_at: datetime


async def invitations(now: datetime) -> list[Invitation]:
    """The account's invitations, newest first (inside the caller's transaction)."""
    return [Invitation(**row) for row in await fetch(f"{LISTED} ORDER BY i.sent_at DESC, i.id", now)]


async def invitation(invitation_id: UUID, now: datetime) -> Invitation:
    """One invitation (inside the caller's transaction). Raises Refused not_found."""
    row = await fetchrow(f"{LISTED} WHERE i.id = $2", now, invitation_id)
    if row is None:
        raise not_found("invitation")
    return Invitation(**row)


async def invite(actor: Actor, form: NewInvitation, now: datetime) -> UUID:
    """Offer a role by mail. The same offer while it is open is the same invitation, and is not mailed again.

    Whether the actor may give the role is asked before. Raises Refused bad_email, exit_before_entry, granted_already, not_found.
    """
    email, first = form.email.strip(), form.valid_from or now.date()
    if "@" not in email[1:-1] or " " in email:
        raise Refused("bad_email", 422, "This is not an e-mail address. Write it as name@example.org.", fields=["email"])
    check_days(first, form.valid_to)
    async with in_account(actor.account_id):
        await _check_places(form, email, now.date())
        known = await fetchrow(
            "SELECT id, expires_at FROM invitation WHERE lower(email) = lower($1) AND role = $2 AND site_id IS NOT DISTINCT FROM $3"
            " AND person_id IS NOT DISTINCT FROM $4 AND accepted_at IS NULL AND withdrawn_at IS NULL FOR UPDATE",
            email, form.role, form.site_id, form.person_id,
        )  # fmt: skip
        if known is not None:
            if known["expires_at"] <= now:
                await _send(actor.account_id, known["id"], now)
            return UUID(str(known["id"]))
        invitation_id = new_id()
        await execute(
            "INSERT INTO invitation (account_id, id, token_hash, email, name, locale, role, site_id, person_id, valid_from, valid_to,"
            " invited_by, invited_at, sent_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $13)",
            actor.account_id, invitation_id, token_hash(new_token()), email, form.name.strip(), form.locale, form.role, form.site_id,
            form.person_id, first, form.valid_to, actor.login_id, now,
        )  # fmt: skip
        await _send(actor.account_id, invitation_id, now)
        await note(actor, "invitation", invitation_id, "invited", now, after={"role": form.role, "site_id": form.site_id,
                   "person_id": form.person_id, "valid_from": first, "valid_to": form.valid_to})  # fmt: skip
    return invitation_id


async def _check_places(form: NewInvitation, email: str, today: date) -> None:
    if form.site_id is not None and await fetchrow("SELECT 1 FROM site WHERE id = $1", form.site_id) is None:
        raise not_found("site")
    if form.person_id is not None and await fetchrow("SELECT 1 FROM person WHERE id = $1 AND erased_at IS NULL", form.person_id) is None:
        raise not_found("person")
    row = await fetchrow(
        "SELECT 1 FROM role_grant g JOIN login_name l ON l.id = g.login_id WHERE lower(l.email) = lower($1) AND g.role = $2"
        " AND g.site_id IS NOT DISTINCT FROM $3 AND g.person_id IS NOT DISTINCT FROM $4 AND (g.valid_to IS NULL OR g.valid_to >= $5)",
        email, form.role, form.site_id, form.person_id, today,
    )  # fmt: skip
    if row is not None:
        raise Refused("granted_already", 409, "This person has this role already. They can sign in, or ask for a link by mail.")


async def _send(account_id: UUID, invitation_id: UUID, now: datetime) -> None:
    token = new_token()
    await execute("UPDATE invitation SET token_hash = $2, sent_at = $3, expires_at = $4 WHERE id = $1",
                  invitation_id, token_hash(token), now, now + timedelta(days=DAYS_VALID))  # fmt: skip
    await record("InvitationSent", {"invitation_id": invitation_id, "token": token}, account_id=account_id)


async def send_again(actor: Actor, invitation_id: UUID, now: datetime) -> None:
    """Mail another link, valid for another two weeks; the older link is dead. Raises Refused not_found, answered_already."""
    async with in_account(actor.account_id):
        await _open_row(invitation_id)
        await _send(actor.account_id, invitation_id, now)
        await note(actor, "invitation", invitation_id, "sent_again", now)


async def withdraw(actor: Actor, invitation_id: UUID, now: datetime) -> None:
    """Take an invitation back; its link is dead. Again changes nothing. Raises Refused not_found, answered_already."""
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT withdrawn_at FROM invitation WHERE id = $1", invitation_id)
        if row is not None and row["withdrawn_at"] is not None:
            return
        await _open_row(invitation_id)
        await execute("UPDATE invitation SET withdrawn_at = $2 WHERE id = $1", invitation_id, now)
        await note(actor, "invitation", invitation_id, "withdrawn", now)


async def _open_row(invitation_id: UUID) -> asyncpg.Record:
    row = await fetchrow("SELECT accepted_at, withdrawn_at FROM invitation WHERE id = $1 FOR UPDATE", invitation_id)
    if row is None:
        raise not_found("invitation")
    if row["accepted_at"] is not None or row["withdrawn_at"] is not None:
        raise Refused("answered_already", 409, "This has been answered already. Load the page again.")
    return row


async def offer(token: str, now: datetime) -> Offer:
    """What a link offers. Raises Refused link_invalid."""
    async with as_machine():
        row = await _valid(token, now)
        account = await fetchrow("SELECT name FROM account WHERE id = $1", row["account_id"])
        known = await fetchrow("SELECT 1 FROM login WHERE lower(email) = lower($1) AND password_hash IS NOT NULL", row["email"])
        site = None if row["site_id"] is None else await fetchrow("SELECT name FROM site WHERE account_id = $1 AND id = $2",
                                                                  row["account_id"], row["site_id"])  # fmt: skip
    return Offer(
        email=row["email"], name=row["name"], role=row["role"], account_name="" if account is None else account["name"],
        site_name=None if site is None else site["name"], locale=row["locale"], known=known is not None, expires_at=row["expires_at"],
    )  # fmt: skip


async def _valid(token: str, now: datetime, lock: str = "") -> asyncpg.Record:
    row = await fetchrow("SELECT * FROM invitation WHERE token_hash = $1 AND accepted_at IS NULL AND withdrawn_at IS NULL"
                         f" AND expires_at > $2 {lock}", token_hash(token), now)  # fmt: skip
    if row is None:
        raise LINK_INVALID
    return row


async def accept(token: str, name: str, password: str, now: datetime) -> tuple[UUID, UUID]:
    """Take an invitation: the login is made with this password, or its password is asked for; the role is given, once.

    Returns (login, account). Raises Refused link_invalid, weak_password, wrong_credentials.
    """
    async with as_machine():
        row = await _valid(token, now)
        login = await fetchrow("SELECT id, password_hash FROM login WHERE lower(email) = lower($1)", row["email"])
    fresh = None
    if login is not None and login["password_hash"] is not None:
        if not await matches(login["password_hash"], password):
            raise WRONG
    else:
        check_password(password)
        fresh = await hashed(password)
    async with as_machine():
        row = await _valid(token, now, "FOR UPDATE")
        login_id = await _login(row, name.strip() or row["name"], fresh, now)
        given = await fetchrow(
            "INSERT INTO role_grant (account_id, id, login_id, role, site_id, person_id, valid_from, valid_to)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id",
            row["account_id"], new_id(), login_id, row["role"], row["site_id"], row["person_id"], row["valid_from"], row["valid_to"],
        )  # fmt: skip
        await execute("UPDATE invitation SET accepted_at = $3, accepted_by = $4 WHERE account_id = $1 AND id = $2",
                      row["account_id"], row["id"], now, login_id)  # fmt: skip
        if given is not None:
            actor = Actor(account_id=row["account_id"], login_id=login_id, name="invitation")
            await note(actor, "role_grant", given["id"], "accepted", now, after={"role": row["role"], "site_id": row["site_id"]})
    return login_id, UUID(str(row["account_id"]))


async def _login(row: asyncpg.Record, name: str, fresh: str | None, now: datetime) -> UUID:
    """The login of the invited address, made where there is none; a password is set only where there was none."""
    await execute("INSERT INTO login (id, email, password_hash, name, locale, created_at) VALUES ($1, $2, $3, $4, $5, $6)"
                  " ON CONFLICT (lower(email)) DO NOTHING", new_id(), row["email"], fresh, name, row["locale"], now)  # fmt: skip
    found = await fetchrow("SELECT id, password_hash FROM login WHERE lower(email) = lower($1) FOR UPDATE", row["email"])
    if found is None:
        raise LINK_INVALID
    if found["password_hash"] is None:
        await execute("UPDATE login SET password_hash = $2, password_changed_at = $3 WHERE id = $1", found["id"], fresh, now)
    return UUID(str(found["id"]))
