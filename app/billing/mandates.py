"""SEPA mandates: who may be collected from, by whom, from which account; and the creditor's identifier in the scheme."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import msgspec
from stdnum.eu import at_02

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import execute, fetch, fetchrow, fetchval, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.iban import plain_iban
from app.kernel.identifiers import new_id


class NewMandate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form of a signed mandate; without a reference one is made."""

    person_id: UUID
    creditor_id: UUID
    iban: str
    signed_on: date
    holder: Annotated[str, msgspec.Meta(max_length=70)] = ""
    reference: Annotated[str, msgspec.Meta(max_length=35, pattern="^[A-Z0-9-]*$")] = ""


class Mandate(msgspec.Struct, frozen=True, kw_only=True):
    """A mandate as the desk sees it: of the account only its end."""

    id: UUID
    person_id: UUID
    resident_name: str
    creditor_id: UUID
    creditor_name: str
    reference: str
    holder: str
    iban_tail: str
    signed_on: date
    used_on: date | None


class SepaCreditor(msgspec.Struct, frozen=True, kw_only=True):
    """Who collects, and under which identifier; empty where it has none yet."""

    id: UUID
    name: str
    scheme_id: str


async def add_mandate(actor: Actor, form: NewMandate, now: datetime) -> UUID:
    """Enter a signed mandate. It stands in place of the one before, which debits under way keep.

    Raises Refused not_found, bad_iban, mandate_later, reference_taken.
    """
    iban = plain_iban(form.iban)
    if form.signed_on > now.date():
        raise Refused("mandate_later", 422, "The mandate is signed in the future. Correct the day.", fields=["signed_on"])
    async with in_account(actor.account_id):
        person = await fetchrow("SELECT trim(given_name || ' ' || family_name) AS name FROM person WHERE id = $1 AND erased_at IS NULL"
                                " FOR NO KEY UPDATE", form.person_id)  # fmt: skip
        if person is None or not await fetchval("SELECT 1 FROM creditor WHERE id = $1", form.creditor_id):
            raise not_found("person or creditor")
        mandate_id = new_id()
        reference = form.reference or f"M-{mandate_id.hex[-12:].upper()}"
        if await fetchval("SELECT 1 FROM debit_mandate WHERE creditor_id = $1 AND reference = $2", form.creditor_id, reference):
            raise Refused("reference_taken", 409, "Another mandate has this reference. Choose another one.", fields=["reference"])
        await execute("UPDATE debit_mandate SET ended_at = $3, ended_by = $4 WHERE person_id = $1 AND creditor_id = $2"
                      " AND ended_at IS NULL", form.person_id, form.creditor_id, now, actor.name)  # fmt: skip
        await execute(
            "INSERT INTO debit_mandate (account_id, id, person_id, creditor_id, reference, holder, iban, signed_on, created_at, created_by)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", actor.account_id, mandate_id, form.person_id, form.creditor_id, reference,
            form.holder.strip() or person["name"], iban, form.signed_on, now, actor.name,
        )  # fmt: skip
        await note(actor, "person", form.person_id, "mandate", now, after={"reference": reference, "iban_tail": iban[-4:]})
    return mandate_id


async def end_mandate(actor: Actor, mandate_id: UUID, now: datetime) -> None:
    """Nothing more is collected under a mandate. Again: nothing. Raises Refused not_found."""
    async with in_account(actor.account_id):
        person_id = await fetchval("SELECT person_id FROM debit_mandate WHERE id = $1", mandate_id)
        if person_id is None:
            raise not_found("mandate")
        if await fetchval("UPDATE debit_mandate SET ended_at = $2, ended_by = $3 WHERE id = $1 AND ended_at IS NULL RETURNING id",
                          mandate_id, now, actor.name):  # fmt: skip
            await note(actor, "person", person_id, "mandate_ended", now)


MANDATES = """
SELECT m.id, m.person_id, trim(p.given_name || ' ' || p.family_name) AS resident_name, m.creditor_id, c.name AS creditor_name,
       m.reference, m.holder, right(m.iban, 4) AS iban_tail, m.signed_on,
       (SELECT max(d.collect_on) FROM debit d WHERE d.account_id = m.account_id AND d.mandate_id = m.id) AS used_on
FROM debit_mandate m JOIN person p ON p.account_id = m.account_id AND p.id = m.person_id
JOIN creditor c ON c.account_id = m.account_id AND c.id = m.creditor_id
WHERE m.ended_at IS NULL ORDER BY resident_name, m.reference
"""


async def mandates() -> list[Mandate]:
    """The mandates in force (inside the caller's transaction)."""
    return [Mandate(**row) for row in await fetch(MANDATES)]


async def set_scheme_id(actor: Actor, creditor_id: UUID, scheme_id: str, now: datetime) -> None:
    """Who collects under which identifier; empty: no longer. Raises Refused not_found, bad_scheme_id."""
    plain = "".join(scheme_id.split()).upper()
    if plain and not at_02.is_valid(plain):
        raise Refused("bad_scheme_id", 422, "This creditor identifier is not right: check its digits.", fields=["scheme_id"])
    async with in_account(actor.account_id):
        if not await fetchval("UPDATE creditor SET scheme_id = $2 WHERE id = $1 RETURNING id", creditor_id, plain):
            raise not_found("creditor")
        await note(actor, "creditor", creditor_id, "scheme_id", now, after={"scheme_id": plain})


async def creditors() -> list[SepaCreditor]:
    """Who bills in this account (inside the caller's transaction)."""
    return [SepaCreditor(**row) for row in await fetch("SELECT id, name, scheme_id FROM creditor ORDER BY name, id")]
