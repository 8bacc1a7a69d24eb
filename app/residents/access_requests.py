"""Residents and installers ask for access in public; nothing is given before somebody matches the request to an account."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec

from app.accounts.invitations import Locale, NewInvitation, invite
from app.accounts.model import Identity
from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import as_machine, execute, fetch, fetchrow, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id

Kind = Literal["resident", "installer"]
Text = Annotated[str, msgspec.Meta(max_length=120)]
Needed = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
LISTED = """
SELECT r.id, r.kind, r.name, r.email, r.phone, r.street, r.postcode, r.city, r.place, r.comment, r.locale, r.asked_at,
    r.account_id IS NOT NULL AS matched FROM access_request r WHERE r.state = 'pending'
"""
CANDIDATES = """
SELECT p.id, trim(p.given_name || ' ' || p.family_name) AS name, p.email, coalesce(array_agg(b.name ORDER BY b.name)
    FILTER (WHERE b.id IS NOT NULL), '{}') AS places
FROM person p LEFT JOIN occupancy o ON o.account_id = p.account_id AND o.person_id = p.id AND o.period @> $3::date
LEFT JOIN billing_point b ON b.account_id = o.account_id AND b.id = o.billing_point_id
WHERE p.erased_at IS NULL AND (lower(p.email) = lower($1) OR lower(trim(p.given_name || ' ' || p.family_name)) = lower($2))
GROUP BY p.account_id, p.id ORDER BY lower(p.email) = lower($1) DESC NULLS LAST, name LIMIT 5
"""
# Whose house stands at this address; where nobody's does and the installation has one account only, it is that one's.
ACCOUNTS = """
SELECT DISTINCT account_id AS id FROM site WHERE $1 <> '' AND lower(replace(postcode, ' ', '')) = lower(replace($1, ' ', ''))
    AND lower(street) = lower($2)
"""


class AccessForm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the public form asks; `place` is the flat or parking space, of an installer it is nothing."""

    kind: Kind = "resident"
    name: Needed
    email: Annotated[str, msgspec.Meta(min_length=3, max_length=200)]
    phone: Text = ""
    street: Text = ""
    postcode: Text = ""
    city: Text = ""
    place: Text = ""
    comment: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    locale: Locale = "de"


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """An account that a request may belong to."""

    id: UUID
    name: str
    email: str | None
    places: list[str]


class AccessRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that awaits an answer. `matched`: the house was found by its address."""

    id: UUID
    kind: Kind
    name: str
    email: str
    phone: str
    street: str
    postcode: str
    city: str
    place: str
    comment: str
    locale: str
    asked_at: datetime
    matched: bool
    candidates: list[Candidate]


class AccessAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Approve: a resident as a known person, an installer as such; or refuse with the reason."""

    approve: bool
    person_id: UUID | None = None
    answer: Annotated[str, msgspec.Meta(max_length=1000)] = ""


async def ask_for_access(form: AccessForm, now: datetime) -> None:
    """Keep a request until it is answered; asked again while it is open it is the same one. Says nothing of who is known.

    Raises Refused bad_email.
    """
    email = form.email.strip()
    if "@" not in email[1:-1] or " " in email:
        raise Refused("bad_email", 422, "This is not an e-mail address. Write it as name@example.org.", fields=["email"])
    async with as_machine():
        accounts = await fetch(ACCOUNTS, form.postcode.strip(), form.street.strip())
        if not accounts:
            accounts = await fetch("SELECT id FROM account LIMIT 2")
        account_id = accounts[0]["id"] if len(accounts) == 1 else None
        await execute(
            "INSERT INTO access_request (id, account_id, kind, name, email, phone, street, postcode, city, place, comment, locale,"
            " asked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING",
            new_id(), account_id, form.kind, form.name.strip(), email, form.phone.strip(), form.street.strip(), form.postcode.strip(),
            form.city.strip(), form.place.strip(), form.comment.strip(), form.locale, now,
        )  # fmt: skip


async def open_requests(identity: Identity, now: datetime) -> list[AccessRequest]:
    """What awaits an answer in an account, oldest first; superadmins also see what matched none."""
    async with in_account(identity.account_id):
        rows = await fetch(f"{LISTED} ORDER BY r.asked_at, r.id")
    if "superadmin" in identity.roles:
        async with as_machine():
            rows += await fetch(f"{LISTED} AND r.account_id IS NULL ORDER BY r.asked_at, r.id")
    found = []
    async with in_account(identity.account_id):
        for row in rows:
            people = await fetch(CANDIDATES, row["email"], row["name"], now.date()) if row["kind"] == "resident" else []
            found.append(AccessRequest(**row, candidates=[Candidate(**one) for one in people]))
    return found


async def answer_request(identity: Identity, actor: Actor, request_id: UUID, given: AccessAnswer, now: datetime) -> None:
    """Approve: an invitation goes to the address; refuse: nothing comes of it. The same answer again changes nothing.

    Raises Refused not_found, answered_already, reason_needed, person_needed, granted_already.
    """
    if not given.approve and not given.answer.strip():
        raise Refused("reason_needed", 422, "Say why, so that the applicant knows what to do.", fields=["answer"])
    row, wanted = await _request(identity, request_id), "approved" if given.approve else "refused"
    if row["state"] == wanted:
        return
    if row["state"] != "pending":
        raise Refused("answered_already", 409, "This has been answered already. Load the page again.")
    if given.approve:
        if row["kind"] == "resident" and given.person_id is None:
            raise Refused("person_needed", 422, "This role is held in somebody's name: choose the account of a person or company.",
                          fields=["person_id"])  # fmt: skip
        person_id = given.person_id if row["kind"] == "resident" else None
        form = NewInvitation(email=row["email"], name=row["name"], locale=row["locale"], role=row["kind"], person_id=person_id)
        await invite(actor, form, now)
    else:
        person_id = None
    async with as_machine():
        await execute(
            "UPDATE access_request SET state = $2, account_id = $3, person_id = $4, answered_at = $5, answered_by = $6, answer = $7,"
            " name = '', email = '', phone = '', street = '', postcode = '', city = '', place = '', comment = ''"
            " WHERE id = $1 AND state = 'pending'",
            request_id, wanted, actor.account_id, person_id, now, actor.login_id, given.answer.strip(),
        )  # fmt: skip
    async with in_account(actor.account_id):
        await note(actor, "access_request", request_id, wanted, now, after={"role": row["kind"], "person_id": person_id})


async def _request(identity: Identity, request_id: UUID) -> asyncpg.Record:
    async with in_account(identity.account_id):
        row = await fetchrow("SELECT * FROM access_request WHERE id = $1", request_id)
    if row is None and "superadmin" in identity.roles:
        async with as_machine():
            row = await fetchrow("SELECT * FROM access_request WHERE id = $1 AND account_id IS NULL", request_id)
    if row is None:
        raise not_found("request")
    return row
