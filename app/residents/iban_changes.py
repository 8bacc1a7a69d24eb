"""Where money is paid out to: a change is entered by one person and confirmed by another, and leaves its lines in the trail."""

from datetime import datetime
from uuid import UUID

import msgspec

from app.audit.commands import note
from app.audit.model import Actor
from app.database.transaction import execute, fetch, fetchrow, in_account
from app.kernel.errors import Refused, not_found
from app.kernel.iban import plain_iban
from app.kernel.identifiers import new_id

OPEN = "confirmed_at IS NULL AND withdrawn_at IS NULL"


class IbanChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change that awaits its confirmation. `mine`: I have entered it, somebody else confirms it."""

    id: UUID
    iban: str
    asked_by_name: str
    asked_at: datetime
    mine: bool


class PayoutAccount(msgspec.Struct, frozen=True, kw_only=True):
    """To where a person is paid, and what is to come."""

    iban: str | None
    change: IbanChange | None


async def ask_for_iban(actor: Actor, person_id: UUID, text: str, now: datetime) -> UUID | None:
    """Enter another IBAN, to be confirmed (inside the caller's transaction); what waited before is withdrawn. None: it is the present one.

    Raises Refused not_found, bad_iban.
    """
    iban = plain_iban(text)
    row = await fetchrow("SELECT iban FROM person WHERE id = $1 AND erased_at IS NULL FOR UPDATE", person_id)
    if row is None:
        raise not_found("person")
    known = await fetchrow(f"SELECT id, iban FROM iban_change WHERE person_id = $1 AND {OPEN}", person_id)
    if known is not None and known["iban"] == iban:
        return UUID(str(known["id"]))
    if known is not None:
        await execute("UPDATE iban_change SET withdrawn_at = $2 WHERE id = $1", known["id"], now)
    if row["iban"] == iban:
        return None
    change_id = new_id()
    await execute("INSERT INTO iban_change (account_id, id, person_id, iban, asked_by, asked_by_name, asked_at)"
                  " VALUES ($1, $2, $3, $4, $5, $6, $7)", actor.account_id, change_id, person_id, iban, actor.login_id, actor.name,
                  now)  # fmt: skip
    await note(actor, "person", person_id, "iban_entered", now, before={"iban": row["iban"]}, after={"iban": iban})
    return change_id


async def confirm_iban(actor: Actor, change_id: UUID, now: datetime) -> None:
    """Confirm what somebody else has entered: it holds from now on. Again changes nothing.

    Raises Refused not_found, second_person_needed, answered_already where it was withdrawn.
    """
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT * FROM iban_change WHERE id = $1 FOR UPDATE", change_id)
        if row is None:
            raise not_found("change")
        if row["confirmed_at"] is not None:
            return
        if row["withdrawn_at"] is not None:
            raise Refused("answered_already", 409, "This has been answered already. Load the page again.")
        if actor.login_id is None or row["asked_by"] == actor.login_id:
            raise Refused("second_person_needed", 409, "You have entered this change. Somebody else must confirm it.")
        before = await fetchrow("SELECT iban FROM person WHERE id = $1 FOR UPDATE", row["person_id"])
        await execute("UPDATE person SET iban = $2, version = version + 1 WHERE id = $1", row["person_id"], row["iban"])
        await execute("UPDATE iban_change SET confirmed_at = $2, confirmed_by = $3 WHERE id = $1", change_id, now, actor.login_id)
        await note(actor, "person", row["person_id"], "iban_confirmed", now, before={"iban": before and before["iban"]},
                   after={"iban": row["iban"]})  # fmt: skip


async def withdraw_iban(actor: Actor, change_id: UUID, now: datetime) -> None:
    """Take a change back before it is confirmed. Again changes nothing. Raises Refused not_found, answered_already."""
    async with in_account(actor.account_id):
        row = await fetchrow("SELECT * FROM iban_change WHERE id = $1 FOR UPDATE", change_id)
        if row is None:
            raise not_found("change")
        if row["confirmed_at"] is not None:
            raise Refused("answered_already", 409, "This has been answered already. Load the page again.")
        if row["withdrawn_at"] is None:
            await execute("UPDATE iban_change SET withdrawn_at = $2 WHERE id = $1", change_id, now)
            await note(actor, "person", row["person_id"], "iban_withdrawn", now)


async def person_of_change(change_id: UUID) -> UUID | None:
    """Whose payouts a change is about (inside the caller's transaction)."""
    row = await fetchrow("SELECT person_id FROM iban_change WHERE id = $1", change_id)
    return None if row is None else row["person_id"]


async def payout_account(person_id: UUID, login_id: UUID) -> PayoutAccount:
    """To where a person is paid, and what is to come (inside the caller's transaction)."""
    row = await fetchrow("SELECT iban FROM person WHERE id = $1", person_id)
    found = await fetch(f"SELECT id, iban, asked_by_name, asked_at, asked_by IS NOT DISTINCT FROM $2 AS mine FROM iban_change"
                        f" WHERE person_id = $1 AND {OPEN}", person_id, login_id)  # fmt: skip
    return PayoutAccount(iban=None if row is None else row["iban"], change=IbanChange(**found[0]) if found else None)
