"""People and companies, their contacts, how they are written to. One person, one row: search before you create."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from app.audit.commands import note, save
from app.audit.model import Actor
from app.database.transaction import execute, fetchrow, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.identifiers import new_id

Kind = Literal["natural", "legal"]
Locale = Literal["de", "fr", "it", "en", "nl"]
Correspondence = Literal["post", "email", "ebill"]
Text = Annotated[str, msgspec.Meta(max_length=120)]
Needed = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Country = Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")]


class NewPerson(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A consumer account: a person or company with its billing address. `family_name` of a company: its name."""

    kind: Kind = "natural"
    given_name: Text = ""
    family_name: Needed
    email: Text | None = None
    phone: Text = ""
    locale: Locale = "de"
    correspondence: Correspondence = "email"
    street: Needed
    postcode: Needed
    city: Needed
    country: Country = "CH"


class PersonChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another value of some fields; `version` is the one that the editor saw."""

    version: int
    given_name: Text | msgspec.UnsetType = msgspec.UNSET
    family_name: Needed | msgspec.UnsetType = msgspec.UNSET
    email: Text | msgspec.UnsetType | None = msgspec.UNSET
    phone: Text | msgspec.UnsetType = msgspec.UNSET
    locale: Locale | msgspec.UnsetType = msgspec.UNSET
    correspondence: Correspondence | msgspec.UnsetType = msgspec.UNSET
    street: Needed | msgspec.UnsetType = msgspec.UNSET
    postcode: Needed | msgspec.UnsetType = msgspec.UNSET
    city: Needed | msgspec.UnsetType = msgspec.UNSET
    country: Country | msgspec.UnsetType = msgspec.UNSET


class NewContact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody to write or speak to about an account."""

    name: Needed
    email: Text | None = None
    phone: Text = ""
    role: Text = ""


async def create_person(actor: Actor, form: NewPerson, now: datetime) -> UUID:
    """A new account of a person or company. Raises Refused person_exists (with its id) where name and e-mail are known."""
    check_person(form)
    async with in_account(actor.account_id):
        known = await fetchrow(
            "SELECT id FROM person WHERE lower(given_name || ' ' || family_name) = lower($1) AND lower(coalesce(email, '')) = lower($2)"
            " AND erased_at IS NULL", f"{form.given_name} {form.family_name}", form.email or "",
        )  # fmt: skip
        if known is not None and form.email:
            raise Refused("person_exists", 409, "This person is known already. Use the account that exists.", id=str(known["id"]))
        person_id = new_id()
        await execute(
            "INSERT INTO person (account_id, id, kind, given_name, family_name, email, phone, locale, correspondence, street,"
            " postcode, city, country, created_at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)",
            actor.account_id, person_id, form.kind, form.given_name.strip(), form.family_name.strip(), form.email or None, form.phone,
            form.locale, form.correspondence, form.street, form.postcode, form.city, form.country, now,
        )  # fmt: skip
        await note(actor, "person", person_id, "created", now, after=msgspec.structs.asdict(form))
    return person_id


async def change_person(actor: Actor, person_id: UUID, change: PersonChange, now: datetime) -> int:
    """Change an account; a new address or way of writing serves from the next bill on. Returns the version.

    Raises Refused not_found, changed_meanwhile, email_needed, name_needed.
    """
    values: dict[str, Any] = {
        name: value for name, value in msgspec.structs.asdict(change).items() if value is not msgspec.UNSET and name != "version"
    }  # fmt: skip
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT kind, given_name, email, correspondence FROM person WHERE id = $1 AND erased_at IS NULL", person_id)
        if row is None:
            raise not_found("person")
        after = {**row, **values}
        if "email" in values:
            values["email"] = values["email"] or None
        _check(after["kind"], after["given_name"], after["email"], after["correspondence"])
        saved = await save(actor, "person", person_id, change.version, values, now)
    return int(saved["version"])


def check_person(form: NewPerson) -> None:
    """Raises Refused name_needed, bad_email, email_needed."""
    _check(form.kind, form.given_name, form.email, form.correspondence)


def _check(kind: str, given_name: str, email: str | None, correspondence: str) -> None:
    if kind == "natural" and not given_name.strip():
        raise Refused("name_needed", 422, "A person needs a given name and a family name.", fields=["given_name"])
    if email and ("@" not in email[1:-1] or " " in email):
        raise Refused("bad_email", 422, "This is not an e-mail address. Write it as name@example.org.", fields=["email"])
    if correspondence == "email" and not email:
        raise Refused("email_needed", 422, "Bills by e-mail need an e-mail address. Enter one, or choose post.", fields=["email"])


async def add_contact(actor: Actor, person_id: UUID, form: NewContact, now: datetime) -> UUID:
    """A contact of an account; an account may have several. Raises Refused not_found, bad_email."""
    _check("legal", "", form.email, "post")
    async with in_account(actor.account_id):
        if await fetchrow("SELECT 1 FROM person WHERE id = $1 AND erased_at IS NULL", person_id) is None:
            raise not_found("person")
        contact_id = new_id()
        await execute(
            "INSERT INTO contact (account_id, id, person_id, name, email, phone, role) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            actor.account_id, contact_id, person_id, form.name, form.email or None, form.phone, form.role,
        )  # fmt: skip
        await note(actor, "person", person_id, "contact_added", now, after={"contact": form.name})
    return contact_id


async def end_contact(actor: Actor, contact_id: UUID, now: datetime) -> None:
    """A contact is no longer one; the trail keeps it. Safe to repeat. Raises Refused not_found."""
    async with in_account(actor.account_id):
        row = await fetchrow(
            "UPDATE contact SET ended_at = coalesce(ended_at, $2), version = version + 1 WHERE id = $1 RETURNING person_id, name",
            contact_id, now,
        )  # fmt: skip
        if row is None:
            raise not_found("contact")
        await note(actor, "person", row["person_id"], "contact_ended", now, before={"contact": row["name"]}, after={"contact": None})
